/*
 * lists_core.h
 *		The lists that are compiled in: public suffixes, tracking parameters, click ids, referrers,
 *		source categories, sign-in and payment pages. Their text is in src/lists.
 */
#ifndef LISTS_CORE_H
#define LISTS_CORE_H

#include "journey_core.h"

static inline unsigned char
JLower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* What is left of a string without its first `from` bytes. */
static inline JStr
JStrFrom(JStr s, int from)
{
	return (JStr) {s.data + from, s.len - from};
}

/* Equality with a C string in lower case, in any ASCII case. Cheap if the length differs. */
static inline bool
JStrIs(JStr s, const char *lower)
{
	if (s.len != (int32) strlen(lower))
		return false;
	for (int i = 0; i < s.len; i++)
	{
		if (JLower((unsigned char) s.data[i]) != (unsigned char) lower[i])
			return false;
	}
	return !JStrIsNull(s);
}

/* Equality in any case of ASCII letters; NULL equals NULL. */
static inline bool
JStrEqualNoCase(JStr a, JStr b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	if (a.len != b.len)
		return false;
	for (int i = 0; i < a.len; i++)
	{
		if (JLower((unsigned char) a.data[i]) != JLower((unsigned char) b.data[i]))
			return false;
	}
	return true;
}

/* A host without the dot of the root. */
static inline JStr
JHostTrim(JStr host)
{
	if (host.len > 1 && host.data[host.len - 1] == '.')
		host.len--;
	return host;
}

/* What a name of a URL's parameter is known as. */
typedef enum JParamKind
{
	JPARAM_OTHER,				/* nothing that we know */
	JPARAM_TRACKING,			/* tracks, and says nothing of a visit's origin */
	JPARAM_UTM,					/* index is a JCampaignField */
	JPARAM_MATOMO,				/* index is a JCampaignField */
	JPARAM_CLICK_ID,			/* index is a rank in the list of click ids */
	JPARAM_GOOGLE_ADS			/* comes with a click on a Google ad; no id */
} JParamKind;

typedef struct JParam
{
	JParamKind	kind;
	int			index;
} JParam;

/* The fields of a campaign, in the order of the list's meanings and of journey.campaign. */
typedef enum JCampaignField
{
	JC_SOURCE,
	JC_MEDIUM,
	JC_CAMPAIGN,
	JC_TERM,
	JC_CONTENT,
	JC_ID,
	JC_SOURCE_PLATFORM,
	JC_CREATIVE_FORMAT,
	JC_MARKETING_TACTIC,
	JC_COUNT
} JCampaignField;

/*
 * A decoded name, in any ASCII case. JParamMaybe() is a cheap test that a name of a touch passes.
 */
extern bool JParamMaybe(JStr name);
extern JParam JParamLookup(JStr name);

/* Whether strip_tracking() takes the parameter away. */
extern bool JParamTracks(JStr name);

/* Click ids by rank; the first of several is the most telling. */
typedef struct JClickIdInfo
{
	char		name[24];		/* canonical */
	char		source[16];		/* empty where the id does not tell */
	char		medium[16];
	char		agrees_with[64];	/* other names of the source, separated by blanks */
	bool		names_person;	/* evidence of a visit, its value is never kept */
} JClickIdInfo;

#define JCLICK_ID_MAX 64		/* ranks are below it */

extern const JClickIdInfo *JClickIdAt(int rank);

/* Hosts may be in any ASCII case, and do not end in the dot of the root. */

/* The length of a host's public suffix, or 0: an address, a name of one label that is no suffix. */
extern int	JPublicSuffix(JStr host);

/* Whether a name is a top-level domain of the list or one that is reserved for own use. */
extern bool JIsTopLevel(JStr label);

typedef enum JReferrerKind
{
	JREFERRER_OTHER,
	JREFERRER_AI_ASSISTANT,
	JREFERRER_SEARCH,
	JREFERRER_SOCIAL,
	JREFERRER_VIDEO,
	JREFERRER_PORTAL			/* a search engine only with a search word */
} JReferrerKind;

/*
 * What a referrer is known as; *source is then its name. The path may be NULL. *words are the names
 * of the parameters that hold a portal's search word, separated by blanks.
 */
extern JReferrerKind JReferrerLookup(JStr host, JStr path, JStr *source, JStr *words);

/* Whether a source's name, and not its host, is that of an AI assistant and of nothing else. */
extern bool JIsAssistantName(JStr source);

/* What a host is besides, by itself or by a domain that it lies in. */
#define JHOST_PASSAGE 1			/* a payment or sign-in page: no origin of a visit */
#define JHOST_OAUTH 2			/* has such pages; their paths tell */
#define JHOST_GOOGLE_ADS 4		/* shows Google's ads */
#define JHOST_CACHE 8			/* shows the page of a site that its first label names */

extern int	JHostTraits(JStr host);

typedef enum JSourceCategory
{
	JCATEGORY_NONE,
	JCATEGORY_SEARCH,
	JCATEGORY_SHOPPING,
	JCATEGORY_SOCIAL,
	JCATEGORY_VIDEO
} JSourceCategory;

/* GA4's category of a source, in any ASCII case. */
extern JSourceCategory JSourceCategoryOf(JStr source);

/* A rule for personal data of the default sets, as src/lists/redact.tsv has it. */
typedef struct JRedactionRow
{
	int			sets;			/* bits: 1 gdpr, 2 hipaa */
	const char *kind;			/* key, value, path, param */
	const char *match;
	const char *below;			/* empty, or the object below which it counts */
	const char *action;
} JRedactionRow;

extern const JRedactionRow *JRedactionRows(int *n);

#endif							/* LISTS_CORE_H */
