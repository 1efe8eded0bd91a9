/*
 * url_core.c
 *		The parts of a URL and its parameters.
 *
 * Follows the WHATWG URL standard where text is a full URL, and reads on where that standard gives
 * up: event tables hold hosts without a scheme, bare paths, names of screens.
 */
#include "url_core.h"

#include "lists_core.h"

#define NOT_FOUND (-1)

/* Where the first of two bytes is, else the length. */
static inline int
FindEither(JStr s, char a, char b)
{
	int			i = 0;

	while (i < s.len && s.data[i] != a && s.data[i] != b)
		i++;
	return i;
}

static int
FindByte(JStr s, char c)
{
	const char *at = s.len > 0 ? memchr(s.data, c, s.len) : NULL;

	return at == NULL ? NOT_FOUND : (int) (at - s.data);
}

/* Without blanks and control characters at both ends, as browsers read an address. */
static JStr
TrimUrl(JStr s)
{
	while (s.len > 0 && (unsigned char) s.data[0] <= ' ')
		s = JStrFrom(s, 1);
	while (s.len > 0 && (unsigned char) s.data[s.len - 1] <= ' ')
		s.len--;
	return s;
}

/* Cuts query and fragment off; returns what stands before them. */
static JStr
CutParameters(JStr url, JStr *query, JStr *fragment)
{
	int			at;

	*query = *fragment = JSTR_NULL;
	at = FindByte(url, '#');
	if (at != NOT_FOUND)
	{
		*fragment = JStrFrom(url, at + 1);
		url.len = at;
	}
	at = FindByte(url, '?');
	if (at != NOT_FOUND)
	{
		*query = JStrFrom(url, at + 1);
		url.len = at;
	}
	return url;
}

void
JUrlParameters(JStr url, JStr *query, JStr *fragment)
{
	if (JStrIsNull(url))
		*query = *fragment = JSTR_NULL;
	else
		CutParameters(TrimUrl(url), query, fragment);
}

static bool
IsAlpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
IsSlash(char c)
{
	return c == '/' || c == '\\';
}

/* The length of a scheme at the beginning, without its colon, or NOT_FOUND. */
static int
SchemeLength(JStr s)
{
	int			i = 0;

	if (s.len == 0 || !IsAlpha(s.data[0]))
		return NOT_FOUND;
	while (i < s.len && (IsAlpha(s.data[i]) || IsDigit(s.data[i]) || s.data[i] == '+' ||
						 s.data[i] == '-' || s.data[i] == '.'))
		i++;
	return i < s.len && s.data[i] == ':' ? i : NOT_FOUND;
}

/* Schemes whose host may stand behind any number of slashes of either kind. */
static bool
IsWebScheme(JStr scheme)
{
	return JStrIs(scheme, "https") || JStrIs(scheme, "http") || JStrIs(scheme, "wss") ||
		JStrIs(scheme, "ws") || JStrIs(scheme, "ftp");
}

/* Whether s is a port and nothing more: what follows a host's colon. */
static bool
IsPort(JStr s)
{
	int			end = FindEither(s, '/', '/');

	if (end < 1 || end > 5)
		return false;
	for (int i = 0; i < end; i++)
	{
		if (!IsDigit(s.data[i]))
			return false;
	}
	return true;
}

/* Splits `user:password@host:port`. */
static JStr
HostOfAuthority(JStr authority)
{
	int			end;

	while ((end = FindByte(authority, '@')) != NOT_FOUND)
		authority = JStrFrom(authority, end + 1);
	if (authority.len > 0 && authority.data[0] == '[')
	{
		end = FindByte(authority, ']');
		authority.len = end == NOT_FOUND ? authority.len : end + 1;
	}
	else
		authority.len = FindEither(authority, ':', ':');
	return authority.len > 0 ? authority : JSTR_NULL;
}

/*
 * Whether text without a scheme begins with a host, `www.example.com/page`, and not with a file or
 * a screen: its last label is a top-level domain, or it is an IPv4 address, or a port follows.
 */
static bool
IsBareHost(JStr name, bool port)
{
	int			labels = 1;
	int			start = 0;

	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	for (int i = 0; i < name.len; i++)
	{
		char		c = name.data[i];

		if (c == '.')
		{
			if (i == start)
				return false;
			labels++;
			start = i + 1;
		}
		else if (!IsAlpha(c) && !IsDigit(c) && c != '-' && c != '_' && !IS_HIGHBIT_SET(c))
			return false;
	}
	if (name.len == start)
		return false;
	if (port || JStrIs(name, "localhost"))
		return true;
	if (IsDigit(name.data[start]))
		return labels == 4;
	return labels > 1 && JIsTopLevel(JStrFrom(name, start));
}

/* Reads host and path of what follows the slashes; a slash or `also` ends the host. */
static void
ParseAuthority(JStr rest, char also, JUrl *parsed)
{
	int			end = FindEither(rest, '/', also);

	parsed->host = HostOfAuthority((JStr) {rest.data, end});
	parsed->path = JStrFrom(rest, end);
}

/* Text without a scheme that does not begin with two slashes. */
static void
ParseBare(JStr rest, JUrl *parsed)
{
	JStr		authority = {rest.data, FindEither(rest, '/', '/')};
	JStr		host = HostOfAuthority(authority);
	bool		ipv6 = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
	bool		port = authority.len > host.len && IsPort(JStrFrom(rest, host.len + 1));

	if (!JStrIsNull(host) && host.data == rest.data && (ipv6 || IsBareHost(host, port)))
	{
		parsed->host = host;
		parsed->path = JStrFrom(rest, authority.len);
	}
	else
		parsed->path = rest;
}

void
JUrlParse(JStr url, JUrl *parsed)
{
	JStr		rest;
	int			scheme;

	memset(parsed, 0, sizeof(JUrl));
	if (JStrIsNull(url))
		return;
	rest = CutParameters(TrimUrl(url), &parsed->query, &parsed->fragment);

	scheme = SchemeLength(rest);
	if (scheme != NOT_FOUND && IsPort(JStrFrom(rest, scheme + 1)))
		scheme = NOT_FOUND;
	if (scheme != NOT_FOUND)
	{
		parsed->scheme = (JStr) {rest.data, scheme};
		rest = JStrFrom(rest, scheme + 1);
		if (IsWebScheme(parsed->scheme))
		{
			while (rest.len > 0 && IsSlash(rest.data[0]))
				rest = JStrFrom(rest, 1);
			ParseAuthority(rest, '\\', parsed);
		}
		else if (rest.len >= 2 && rest.data[0] == '/' && rest.data[1] == '/')
			ParseAuthority(JStrFrom(rest, 2), '/', parsed);
		else
			parsed->path = rest;
	}
	else if (rest.len >= 2 && rest.data[0] == '/' && rest.data[1] == '/')
		ParseAuthority(JStrFrom(rest, 2), '/', parsed);
	else
		ParseBare(rest, parsed);

	if (parsed->path.len == 0)
		parsed->path = JSTR_NULL;
}

/*
 * hosts
 */

JStr
JHostLower(JStr host)
{
	char	   *copy;
	int			i = 0;

	while (i < host.len && !(host.data[i] >= 'A' && host.data[i] <= 'Z'))
		i++;
	if (i == host.len)
		return host;
	copy = palloc(host.len);
	for (i = 0; i < host.len; i++)
		copy[i] = JLower((unsigned char) host.data[i]);
	return (JStr) {copy, host.len};
}

bool
JHostIn(JStr host, JStr domain)
{
	int			before;

	host = JHostTrim(host);
	domain = JHostTrim(domain);
	if (domain.len > 1 && domain.data[0] == '*' && domain.data[1] == '.')
		domain = JStrFrom(domain, 1);
	if (domain.len > 0 && domain.data[0] == '.')
		domain = JStrFrom(domain, 1);
	before = host.len - domain.len;
	if (domain.len == 0 || before < 0 || (before > 0 && host.data[before - 1] != '.'))
		return false;
	for (int i = domain.len; i-- > 0;)
	{
		if (JLower((unsigned char) host.data[before + i]) != JLower((unsigned char) domain.data[i]))
			return false;
	}
	return true;
}

JStr
JRegistrableDomain(JStr host)
{
	int			start;

	host = JHostTrim(host);
	start = host.len - JPublicSuffix(host);
	if (start == host.len || start < 2)
		return JSTR_NULL;
	for (start--; start > 0 && host.data[start - 1] != '.';)
		start--;
	return host.data[start] == '.' ? JSTR_NULL : JStrFrom(host, start);
}

/*
 * parameters
 */

JStr
JFragmentParameters(JStr fragment)
{
	int			question = FindByte(fragment, '?');
	bool		route;

	if (JStrIsNull(fragment))
		return JSTR_NULL;
	route = fragment.len > 0 && (fragment.data[0] == '/' || fragment.data[0] == '!');
	if (question != NOT_FOUND && !route)
		route = FindByte((JStr) {fragment.data, question}, '=') == NOT_FOUND;
	if (!route)
		return fragment;
	return question == NOT_FOUND ? JSTR_NULL : JStrFrom(fragment, question + 1);
}

bool
JNextParameter(JStr *list, JStr *name, JStr *value)
{
	while (list->len > 0)
	{
		int			end = FindByte(*list, '&');
		JStr		parameter = *list;
		int			equals;

		if (end == NOT_FOUND)
			list->len = 0;
		else
		{
			parameter.len = end;
			*list = JStrFrom(*list, end + 1);
		}
		if (parameter.len == 0)
			continue;
		equals = FindByte(parameter, '=');
		if (equals == NOT_FOUND)
			equals = parameter.len;
		*name = (JStr) {parameter.data, equals};
		*value = JStrFrom(parameter, Min(equals + 1, parameter.len));
		return true;
	}
	return false;
}

static int
HexDigit(char c)
{
	if (IsDigit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : NOT_FOUND;
}

/* The byte that %XX at position i stands for, or NOT_FOUND. */
static int
EncodedByte(JStr s, int i)
{
	int			high,
				low;

	if (i + 2 >= s.len || s.data[i] != '%')
		return NOT_FOUND;
	high = HexDigit(s.data[i + 1]);
	low = HexDigit(s.data[i + 2]);
	return high == NOT_FOUND || low == NOT_FOUND ? NOT_FOUND : high << 4 | low;
}

/*
 * Decodes one character whose first byte, encoded at *i, is `lead`, and moves *i behind it. What
 * is no UTF-8 is replaced as the WHATWG encoding standard does: one U+FFFD for the longest
 * beginning that a character could have.
 */
static int
DecodeCharacter(JStr s, int lead, int *i, char *dest)
{
	char		utf8[4] = {lead};
	int			more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
	int			low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	int			high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

	*i += 3;
	if (lead == 0 || (lead >= 0x80 && lead < 0xC2) || lead > 0xF4)
		return JFromUtf8("\xEF\xBF\xBD", 3, dest);
	if (lead < 0x80)
	{
		dest[0] = lead;
		return 1;
	}
	for (int n = 1; n <= more; n++)
	{
		int			byte = EncodedByte(s, *i);

		if (byte < low || byte > high)
			return JFromUtf8("\xEF\xBF\xBD", 3, dest);
		utf8[n] = byte;
		*i += 3;
		low = 0x80;
		high = 0xBF;
	}
	return JFromUtf8(utf8, more + 1, dest);
}

/*
 * Never writes more than it has read: a %XX makes at most three bytes, a longer character fewer
 * each.
 */
int
JFormDecode(JStr s, char *dest)
{
	int			len = 0;

	for (int i = 0; i < s.len;)
	{
		int			byte = EncodedByte(s, i);

		if (byte != NOT_FOUND)
			len += DecodeCharacter(s, byte, &i, dest + len);
		else
		{
			dest[len++] = s.data[i] == '+' ? ' ' : s.data[i];
			i++;
		}
	}
	return len;
}

/*
 * tracking
 */

/*
 * Whether a parameter as written tracks. A name that is cut here is longer than any but by its
 * prefix.
 */
static bool
Tracks(JStr name)
{
	char		decoded[128];

	if (!JIsEncoded(name))
		return JParamTracks(name);
	name.len = Min(name.len, (int) sizeof(decoded));
	return JParamTracks((JStr) {decoded, JFormDecode(name, decoded)});
}

/*
 * Copies a list of parameters without those that track and returns the length; NOT_FOUND if there
 * were no others. In a fragment, which may be the name of an anchor, only what has a = is a
 * parameter.
 */
static int
StripList(JStr list, bool fragment, char *dest, bool *changed)
{
	const char *end = list.data + list.len;
	bool		removed = false;
	bool		kept = false;
	int			len = 0;

	for (const char *p = list.data, *stop; p <= end; p = stop + 1)
	{
		JStr		parameter = {p, end - p};
		int			equals;

		stop = p < end ? memchr(p, '&', end - p) : NULL;
		if (stop == NULL)
			stop = end;
		parameter.len = stop - p;
		equals = FindByte(parameter, '=');
		if (equals == NOT_FOUND && !fragment)
			equals = parameter.len;
		if (equals > 0 && Tracks((JStr) {p, equals}))
		{
			removed = true;
			continue;
		}
		memcpy(dest + len, p, parameter.len);
		len += parameter.len;
		kept |= parameter.len > 0;
		dest[len++] = '&';
	}
	if (!removed)
	{
		memcpy(dest, list.data, list.len);
		return list.len;
	}
	*changed = true;
	return kept ? len - 1 : NOT_FOUND;
}

/* One pass over a URL; dest has room for one byte more than it has. Returns the length. */
static int
StripOnce(JStr url, char *dest, bool *changed)
{
	JStr		query,
				fragment,
				list;
	int			len = CutParameters(url, &query, &fragment).len;
	int			stripped;

	memcpy(dest, url.data, len);
	if (!JStrIsNull(query))
	{
		dest[len] = '?';
		stripped = StripList(query, false, dest + len + 1, changed);
		if (stripped != NOT_FOUND)
			len += 1 + stripped;
	}
	if (JStrIsNull(fragment))
		return len;

	/* the fragment up to its list, which a ? may separate */
	list = JFragmentParameters(fragment);
	if (JStrIsNull(list))
		list = JStrFrom(fragment, fragment.len);
	fragment.len = list.data - fragment.data;
	dest[len++] = '#';
	memcpy(dest + len, fragment.data, fragment.len);
	len += fragment.len;
	stripped = StripList(list, true, dest + len, changed);
	if (stripped != NOT_FOUND)
		return len + stripped;
	return len - (fragment.len > 1 ? 1 : fragment.len + 1);
}

/*
 * Again until nothing is left to do: a fragment without its first parameters may read as another
 * one.
 */
JStr
JStripTracking(JStr url)
{
	for (bool changed = true; changed;)
	{
		char	   *dest;
		int			len;

		changed = false;
		if (FindByte(url, '?') == NOT_FOUND && FindByte(url, '#') == NOT_FOUND)
			break;
		dest = palloc(url.len + 2);
		len = StripOnce(url, dest, &changed);
		if (changed)
			url = (JStr) {dest, len};
	}
	return url;
}
