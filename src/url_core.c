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
IsHostCharacter(char c)
{
	return IsAlpha(c) || IsDigit(c) || c == '-' || c == '.' || c == '_' || IS_HIGHBIT_SET(c);
}

/*
 * decoding
 */

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
 * Decodes %XX, and + to a blank if asked to. Never writes more than it has read: a %XX makes at most
 * three bytes, a longer character fewer each.
 */
static int
Decode(JStr s, bool plus, char *dest)
{
	int			len = 0;

	for (int i = 0; i < s.len;)
	{
		int			byte = EncodedByte(s, i);

		if (byte != NOT_FOUND)
			len += DecodeCharacter(s, byte, &i, dest + len);
		else
		{
			dest[len++] = plus && s.data[i] == '+' ? ' ' : s.data[i];
			i++;
		}
	}
	return len;
}

int
JFormDecode(JStr s, char *dest)
{
	return Decode(s, true, dest);
}

/*
 * parts
 */

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
		else if (!IsHostCharacter(c))
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

/*
 * The host that a written one means: percent-encoding is decoded. NULL where a character stands that
 * no host has, or no address in brackets.
 */
static JStr
CleanHost(JStr host)
{
	if (host.len == 0)
		return JSTR_NULL;
	if (host.data[0] == '[')
	{
		if (host.len < 4 || host.data[host.len - 1] != ']')
			return JSTR_NULL;
		for (int i = 1; i < host.len - 1; i++)
		{
			if (HexDigit(host.data[i]) == NOT_FOUND && host.data[i] != ':' && host.data[i] != '.')
				return JSTR_NULL;
		}
		return host;
	}
	if (FindByte(host, '%') != NOT_FOUND)
	{
		char	   *decoded = palloc(host.len);

		host = (JStr) {decoded, Decode(host, false, decoded)};
		for (int i = 0; i + 2 < host.len; i++)
		{
			/* U+FFFD: it was no text */
			if (memcmp(host.data + i, "\xEF\xBF\xBD", 3) == 0)
				return JSTR_NULL;
		}
	}
	for (int i = 0; i < host.len; i++)
	{
		if (!IsHostCharacter(host.data[i]))
			return JSTR_NULL;
	}
	return host;
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

static bool
IsTabOrNewline(char c)
{
	return c == '\t' || c == '\n' || c == '\r';
}

/* Without tabs and newlines, which browsers take out of an address; a copy only if it has any. */
static JStr
WithoutNewlines(JStr s)
{
	char	   *copy;
	int			len = 0;
	int			i = 0;

	while (i < s.len && !IsTabOrNewline(s.data[i]))
		i++;
	if (i == s.len)
		return s;
	copy = palloc(s.len);
	for (i = 0; i < s.len; i++)
	{
		if (!IsTabOrNewline(s.data[i]))
			copy[len++] = s.data[i];
	}
	return (JStr) {copy, len};
}

/* The end of a string that has `len` bytes without tabs and newlines. */
static JStr
EndAsWritten(JStr s, int len)
{
	int			from = s.len;

	while (len > 0)
		len -= !IsTabOrNewline(s.data[--from]);
	return JStrFrom(s, from);
}

void
JUrlParse(JStr url, JUrl *parsed)
{
	JStr		written,
				rest;
	int			scheme;

	memset(parsed, 0, sizeof(JUrl));
	if (JStrIsNull(url))
		return;
	written = CutParameters(TrimUrl(url), &parsed->query, &parsed->fragment);
	rest = WithoutNewlines(written);

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

	parsed->host = CleanHost(parsed->host);
	if (parsed->path.len == 0)
		parsed->path = JSTR_NULL;
	else if (rest.data != written.data)
		parsed->path = EndAsWritten(written, parsed->path.len);
}

bool
JUrlPlainPath(JStr url, JStr *path)
{
	int			from;
	int			to;

	if (url.len > 8 && memcmp(url.data, "https://", 8) == 0)
		from = 8;
	else if (url.len > 7 && memcmp(url.data, "http://", 7) == 0)
		from = 7;
	else
		return false;
	/* more slashes before the host belong to none, blanks at the end are no part */
	if (IsSlash(url.data[from]) || (unsigned char) url.data[url.len - 1] <= ' ')
		return false;
	while (url.data[from] != '/')
	{
		if (url.data[from] == '?' || url.data[from] == '#' || url.data[from] == '\\' ||
			IsTabOrNewline(url.data[from]) || ++from == url.len)
			return false;
	}
	for (to = from; to < url.len && url.data[to] != '?' && url.data[to] != '#'; to++)
	{
		if (IsTabOrNewline(url.data[to]))
			return false;
	}
	*path = (JStr) {url.data + from, to - from};
	return true;
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

bool
JHostOption(JStr given, bool any_path, JStr *host)
{
	JStr		rest = WithoutNewlines(TrimUrl(given));
	int			scheme = SchemeLength(rest);
	int			end;

	if (scheme != NOT_FOUND && !IsPort(JStrFrom(rest, scheme + 1)))
	{
		any_path |= scheme > 4 && JStrIs((JStr) {rest.data + scheme - 4, 4}, "-app");
		rest = JStrFrom(rest, scheme + 1);
	}
	while (rest.len > 0 && IsSlash(rest.data[0]))
		rest = JStrFrom(rest, 1);
	end = FindEither(rest, '/', '?');
	if (!any_path && rest.len - end > 1 && !JStrIs(JStrFrom(rest, end), "/*"))
		return false;
	*host = HostOfAuthority((JStr) {rest.data, end});
	if (host->len > 1 && host->data[0] == '*' && host->data[1] == '.')
		*host = JStrFrom(*host, 2);
	else if (host->len > 1 && host->data[0] == '.')
		*host = JStrFrom(*host, 1);
	*host = JHostTrim(CleanHost(*host));
	if (host->len == 0 || host->data[0] == '.' || host->data[host->len - 1] == '.')
		return false;
	for (int i = 1; i < host->len; i++)
	{
		if (host->data[i] == '.' && host->data[i - 1] == '.')
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

/*
 * parameters of broken links
 *
 * A link may have gone through HTML once too often, or had parameters hung on with a second ?. What
 * tells of a campaign is read from such links too; what a page means by its parameters is not touched.
 */

/* Whether s begins with the word, in lower case, in any ASCII case. */
static bool
Begins(JStr s, const char *word)
{
	int			len = strlen(word);

	return s.len >= len && JStrIs((JStr) {s.data, len}, word);
}

/*
 * The length of what stands behind the & of HTML's &amp; &#38; &#038; &#x26;, whose signs may be
 * encoded; 0 where nothing of it does.
 */
static int
AmpersandRest(JStr s)
{
	int			i = 0;

	if (Begins(s, "amp"))
		i = 3;
	else if (Begins(s, "#") || Begins(s, "%23"))
	{
		bool		hex;

		i = s.data[0] == '#' ? 1 : 3;
		hex = Begins(JStrFrom(s, i), "x");
		i += hex;
		while (i < s.len && s.data[i] == '0')
			i++;
		if (!Begins(JStrFrom(s, i), hex ? "26" : "38"))
			return 0;
		i += 2;
	}
	else
		return 0;
	if (Begins(JStrFrom(s, i), ";"))
		return i + 1;
	return Begins(JStrFrom(s, i), "%3b") ? i + 3 : 0;
}

/* The length of an & at the beginning with all that HTML made of it. */
static int
AmpersandLength(JStr s)
{
	int			len = 1;
	int			rest;

	while ((rest = AmpersandRest(JStrFrom(s, len))) > 0)
		len += rest;
	return len;
}

/* As CutParameters(), but the # of &#38; begins no fragment. */
static JStr
CutLink(JStr url, JStr *query, JStr *fragment)
{
	JStr		before = CutParameters(url, query, fragment);
	const char *end = url.data + url.len;

	if (JStrIsNull(*query) || JStrIsNull(*fragment))
		return before;
	query->len = end - query->data;
	*fragment = JSTR_NULL;
	for (int i = 0; i < query->len;)
	{
		JStr		rest = JStrFrom(*query, i);

		if (rest.data[0] == '#')
		{
			*fragment = JStrFrom(rest, 1);
			query->len = i;
		}
		i += rest.data[0] == '&' ? AmpersandLength(rest) : 1;
	}
	return before;
}

void
JUrlLinkParameters(JStr url, JStr *query, JStr *fragment)
{
	if (JStrIsNull(url))
		*query = *fragment = JSTR_NULL;
	else
		CutLink(TrimUrl(url), query, fragment);
}

/* What a parameter's name as written is known as. No name that tells of a campaign is longer. */
static JParam
LookupWritten(JStr name)
{
	char		decoded[80];

	if (name.len > (int) sizeof(decoded))
		return (JParam) {JPARAM_OTHER, 0};
	if (JIsEncoded(name))
		name = (JStr) {decoded, JFormDecode(name, decoded)};
	return JParamLookup(name);
}

static bool
TellsOfCampaign(JStr name)
{
	JParamKind	kind = LookupWritten(name).kind;

	return kind == JPARAM_UTM || kind == JPARAM_MATOMO || kind == JPARAM_CLICK_ID;
}

/* Whether a parameter that tells of a campaign, with its =, is at the beginning. */
static bool
BeginsCampaign(JStr s)
{
	JStr		name = s;

	name.len = FindEither((JStr) {s.data, Min(s.len, 81)}, '=', '?');
	return name.len > 0 && name.len < s.len && s.data[name.len] == '=' && TellsOfCampaign(name);
}

/*
 * Whether what stands before a ? is, from its = on, an address itself: a path or a host. The source of
 * a campaign may well be a host.
 */
static bool
EndsInUrl(JStr parameter)
{
	int			equals = FindByte(parameter, '=');
	JStr		value = JStrFrom(parameter, equals + 1);
	char		once[320];
	char		twice[320];
	JStr		address = {once, 0};
	JUrl		parsed = {0};
	int			scheme;

	value.len = Min(value.len, (int) sizeof(once));
	value = (JStr) {twice, Decode(value, false, twice)};
	address.len = Decode(value, false, once);
	address = TrimUrl(address);
	scheme = SchemeLength(address);
	if (scheme != NOT_FOUND)
		address = JStrFrom(address, scheme + 1);
	if (address.len > 0 && IsSlash(address.data[0]))
		return true;
	if (scheme != NOT_FOUND)
		address = (JStr) {address.data - scheme - 1, address.len + scheme + 1};
	ParseBare(address, &parsed);
	return !JStrIsNull(parsed.host) &&
		(parsed.path.len > 0 || !TellsOfCampaign((JStr) {parameter.data, Max(equals, 0)}));
}

/* Where a ? ends the parameter because one of a campaign follows; else its length. */
static int
ParameterEnd(JStr parameter)
{
	int			at = 0;
	int			found;

	while ((found = FindByte(JStrFrom(parameter, at), '?')) != NOT_FOUND)
	{
		at += found + 1;
		if (BeginsCampaign(JStrFrom(parameter, at)))
			return EndsInUrl((JStr) {parameter.data, at - 1}) ? parameter.len : at - 1;
	}
	return parameter.len;
}

/*
 * Takes the next parameter off a list, whose first it is or not, with the length of the separator
 * before it. It may be empty. False at the end of the list, which is then NULL.
 */
static bool
NextPiece(JStr *list, bool first, JStr *piece, int *separator)
{
	int			end;

	if (JStrIsNull(*list) || (!first && list->len == 0))
		return false;
	*separator = first ? 0 : list->data[0] == '&' ? AmpersandLength(*list) : 1;
	*piece = JStrFrom(*list, *separator);
	end = FindByte(*piece, '&');
	if (end != NOT_FOUND)
		piece->len = end;
	piece->len = ParameterEnd(*piece);
	*list = JStrFrom(*list, *separator + piece->len);
	return true;
}

bool
JNextLinkParameter(JStr *list, bool first, JStr *name, JStr *value)
{
	JStr		piece;
	int			separator;
	int			equals;

	if (!NextPiece(list, first, &piece, &separator))
		return false;
	equals = FindEither(piece, '=', '=');
	*name = (JStr) {piece.data, equals};
	*value = JStrFrom(piece, Min(equals + 1, piece.len));
	return true;
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
 * parameter. A separator stays with the parameter behind it, unless nothing is left before.
 */
static int
StripList(JStr list, bool fragment, char *dest, bool *changed)
{
	JStr		rest = list;
	JStr		piece;
	int			separator;
	bool		removed = false;
	bool		begun = false;
	bool		kept = false;
	int			len = 0;

	for (bool first = true; NextPiece(&rest, first, &piece, &separator); first = false)
	{
		int			equals = FindByte(piece, '=');

		if (equals == NOT_FOUND && !fragment)
			equals = piece.len;
		if (equals > 0 && Tracks((JStr) {piece.data, equals}))
		{
			removed = true;
			continue;
		}
		if (begun)
		{
			memcpy(dest + len, piece.data - separator, separator);
			len += separator;
		}
		memcpy(dest + len, piece.data, piece.len);
		len += piece.len;
		kept |= piece.len > 0;
		begun = true;
	}
	if (!removed)
	{
		memcpy(dest, list.data, list.len);
		return list.len;
	}
	*changed = true;
	return kept ? len : NOT_FOUND;
}

/* One pass over a URL; dest has room for one byte more than it has. Returns the length. */
static int
StripOnce(JStr url, char *dest, bool *changed)
{
	JStr		query,
				fragment,
				list;
	int			len = CutLink(url, &query, &fragment).len;
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
