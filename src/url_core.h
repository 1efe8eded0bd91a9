/*
 * url_core.h
 *		The parts of a URL and its parameters.
 *
 * Any bytes are a URL here: what cannot be read as a part is no part, and nothing is an error. All
 * strings given back are slices of the input unless said otherwise.
 */
#ifndef URL_CORE_H
#define URL_CORE_H

#include "journey_core.h"

typedef struct JUrl
{
	JStr		scheme;			/* without the colon; as written */
	JStr		host;			/* without user and port; IPv6 with brackets; a copy if it was encoded */
	JStr		path;			/* as written; NULL if empty */
	JStr		query;			/* behind the ?; NULL without one */
	JStr		fragment;		/* behind the #; NULL without one */
} JUrl;

extern void JUrlParse(JStr url, JUrl *parsed);

/*
 * The path alone of a URL that is plainly https://host/path or http://host/path, as JUrlParse() has it, in
 * one pass. False where the URL is not, or has no path: then JUrlParse() knows.
 */
extern bool JUrlPlainPath(JStr url, JStr *path);

/* The query and the fragment alone, as JUrlParse() has them, at less cost. */
extern void JUrlParameters(JStr url, JStr *query, JStr *fragment);

/*
 * The same, and the next parameter of a list, for what tells of a campaign: read as a link was meant
 * before it broke. &amp; and &#38; separate, and so does a second ? before a campaign parameter or
 * click id. `first` tells that the list is still whole; an empty parameter is given too.
 */
extern void JUrlLinkParameters(JStr url, JStr *query, JStr *fragment);
extern bool JNextLinkParameter(JStr *list, bool first, JStr *name, JStr *value);

/*
 * The part of a fragment that may hold parameters: `a=1&b=2`, or what follows the ? of
 * `/route?a=1`.
 */
extern JStr JFragmentParameters(JStr fragment);

/*
 * Takes the next parameter, name and value as written, off a list `a=1&b=2`; false at its end. A
 * value is empty where there is no =, empty parameters are left out.
 */
extern bool JNextParameter(JStr *list, JStr *name, JStr *value);

/* Whether a name or value is not what it says: it has a + or a %. */
static inline bool
JIsEncoded(JStr s)
{
	return memchr(s.data, '%', s.len) != NULL || memchr(s.data, '+', s.len) != NULL;
}

/*
 * Decodes application/x-www-form-urlencoded into dest, which has room for s.len bytes, and returns
 * the length. Bytes that are no UTF-8, and the byte zero, become U+FFFD.
 */
extern int	JFormDecode(JStr s, char *dest);

/*
 * Writes one character given in UTF-8 in the encoding of the database, at most 4 bytes, and
 * returns their number. Cores know no encodings: url.c has it, and so has a test program.
 */
extern int	JFromUtf8(const char *utf8, int len, char *dest);

/* A host in ASCII lower case; a copy only if there is something to change. */
extern JStr JHostLower(JStr host);

/*
 * Whether the host is the domain or lies in it. "*." or "." before the domain and a dot behind
 * change nothing.
 */
extern bool JHostIn(JStr host, JStr domain);

/*
 * The host in an option, as people have it: with a scheme, a port, a slash behind it, "*." before it.
 * False where it could match nothing: without a host, or, unless any_path, with a path.
 */
extern bool JHostOption(JStr given, bool any_path, JStr *host);

/*
 * The domain one label below the public suffix; NULL for an address, a suffix, a name of one
 * label.
 */
extern JStr JRegistrableDomain(JStr host);

/* The URL without campaign parameters and click ids; a copy only if it had any. */
extern JStr JStripTracking(JStr url);

#endif							/* URL_CORE_H */
