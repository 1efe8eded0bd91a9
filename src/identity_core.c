/*
 * identity_core.c
 *		Which values are ids at all.
 */
#include "identity_core.h"

/* The values of src/lists/blocked_ids.tsv in lower case, in order of bytes. */
static const char *const blocked_words[] = {
	"#n/a", "-1", "0", "\\n", "anonymous", "anonymous_id", "anonymousid", "distinct_id", "distinctid",
	"email", "false", "guest", "id", "invalid", "n.a.", "n/a", "na", "nan", "nil", "none", "not set",
	"not-set", "not_authenticated", "not_set", "null", "object object", "previous_id", "previousid",
	"test@test.com", "true", "undefined", "unknown", "user_id", "userid", "visitor_id", "visitorid", "void",
};

/* Mail to this domain reaches nobody (RFC 2606). */
#define BLOCKED_DOMAIN "example.com"

/* Those of a SHA-256. */
#define PSEUDONYM_DIGITS 64

/* No listed value is longer. */
#define MAX_BLOCKED_BYTES 17

static inline bool
IsSpace(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline char
FoldAscii(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static JStr
Trim(JStr s)
{
	while (s.len > 0 && IsSpace(s.data[0]))
		s.data++, s.len--;
	while (s.len > 0 && IsSpace(s.data[s.len - 1]))
		s.len--;
	return s;
}

/* Takes off a pair of quotes or brackets, or quotes that were escaped in turn; false where there is none. */
static bool
Unwrap(JStr *s)
{
	static const char opening[] = "'\"`([<{";
	static const char closing[] = "'\"`)]>}";
	int			width = s->len >= 4 && s->data[0] == '\\' && s->data[s->len - 2] == '\\' ? 2 : 1;
	const char *pair;

	if (s->len < 2 * width)
		return false;
	pair = memchr(opening, s->data[width - 1], sizeof(opening) - 1);
	if (pair == NULL || s->data[s->len - 1] != closing[pair - opening] || (width == 2 && pair - opening > 2))
		return false;
	s->data += width;
	s->len -= 2 * width;
	return true;
}

static bool
IsBlockedWord(JStr value)
{
	int			low = 0;
	int			n = lengthof(blocked_words);

	while (low < n)
	{
		int			middle = (low + n) / 2;
		JStr		entry = {blocked_words[middle], (int32) strlen(blocked_words[middle])};
		int			c = JStrCompare(entry, value);

		if (c == 0)
			return true;
		if (c < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return false;
}

bool
JIdIsBlocked(JStr id)
{
	char		folded[MAX_BLOCKED_BYTES];
	int			n = 0;
	int			i = 0;

	do
		id = Trim(id);
	while (Unwrap(&id));

	while (i < id.len && (id.data[i] == '0' || id.data[i] == '-'))
		i++;
	if (i == id.len)
		return true;
	for (i = 0; i < id.len; i++)
	{
		char		c = IsSpace(id.data[i]) ? ' ' : FoldAscii(id.data[i]);

		if (c == ' ' && folded[n - 1] == ' ')
			continue;
		if (n == MAX_BLOCKED_BYTES)
			return false;
		folded[n++] = c;
	}
	return IsBlockedWord((JStr) {folded, n});
}

bool
JIdIsAllowed(JStr id, const JStr *allowed, int n)
{
	for (int i = 0; i < n; i++)
		if (JStrEqual(id, allowed[i]))
			return true;
	return false;
}

/* The characters that an address written without quotes may have (RFC 5322), and any beyond ASCII. */
static bool
IsAddressChar(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || IS_HIGHBIT_SET(c))
		return true;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL;
}

bool
JIsAddress(JStr s)
{
	int			at = -1;
	bool		dotted = false;

	for (int i = 0; i < s.len; i++)
	{
		char		c = s.data[i];

		if (c == '@' && at < 0)
			at = i;
		else if (!IsAddressChar(c))
			return false;
		else if (c == '.')
		{
			if (i == 0 || i == s.len - 1 || s.data[i - 1] == '.' || s.data[i - 1] == '@' ||
				s.data[i + 1] == '@')
				return false;
			dotted |= at >= 0;
		}
	}
	return at > 0 && dotted;
}

bool
JIsPseudonym(JStr s)
{
	int			i = 1;

	if (s.len < 3 + PSEUDONYM_DIGITS || s.data[0] != 'p' || s.len > 12 + PSEUDONYM_DIGITS)
		return false;
	while (s.data[i] >= '0' && s.data[i] <= '9')
		i++;
	if (i == 1 || s.data[i++] != '_' || s.len - i != PSEUDONYM_DIGITS)
		return false;
	for (; i < s.len; i++)
		if (!(s.data[i] >= '0' && s.data[i] <= '9') && !(s.data[i] >= 'a' && s.data[i] <= 'f'))
			return false;
	return true;
}

JStr
JEmailClean(JStr email, char *buffer)
{
	JStr		domain = JSTR_LIT("@" BLOCKED_DOMAIN);

	email = Trim(email);
	if (email.len > J_MAX_ID_BYTES)
		return JSTR_NULL;
	for (int i = 0; i < email.len; i++)
		buffer[i] = FoldAscii(email.data[i]);
	email.data = buffer;
	if (JIsPseudonym(email))
		return email;
	if (!JIsAddress(email) || JIdIsBlocked(email))
		return JSTR_NULL;
	if (email.len > domain.len &&
		memcmp(buffer + email.len - domain.len, domain.data, domain.len) == 0)
		return JSTR_NULL;
	return email;
}
