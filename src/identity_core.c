/*
 * identity_core.c
 *		Which values are ids at all.
 */
#include "identity_core.h"

/* The values of src/lists/blocked_ids.tsv: both tables in order of bytes. */
static const char *const blocked_as_written[] = {
	"-1", "0", "NaN", "None", "[object Object]", "none", "null",
};
static const char *const blocked_in_any_case[] = {
	"anonymous", "distinct_id", "distinctid", "email", "false", "guest", "id", "invalid", "n/a", "nil",
	"not_authenticated", "test@test.com", "true", "undefined", "unknown",
};

/* Mail to this domain reaches nobody (RFC 2606). */
#define BLOCKED_DOMAIN "example.com"

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

/* Without white space, and one pair of quotes with what white space is in them. */
static JStr
TrimQuoted(JStr s)
{
	s = Trim(s);
	if (s.len >= 2 && (s.data[0] == '\'' || s.data[0] == '"') && s.data[s.len - 1] == s.data[0])
	{
		s.data++;
		s.len -= 2;
		s = Trim(s);
	}
	return s;
}

static bool
TableHas(const char *const *table, int n, JStr value)
{
	int			low = 0;

	while (low < n)
	{
		int			middle = (low + n) / 2;
		JStr		entry = {table[middle], (int32) strlen(table[middle])};
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
	int			i = 0;

	id = TrimQuoted(id);
	while (i < id.len && (id.data[i] == '0' || id.data[i] == '-'))
		i++;
	if (i == id.len)
		return true;
	if (id.len > MAX_BLOCKED_BYTES)
		return false;
	if (TableHas(blocked_as_written, lengthof(blocked_as_written), id))
		return true;
	for (i = 0; i < id.len; i++)
		folded[i] = FoldAscii(id.data[i]);
	return TableHas(blocked_in_any_case, lengthof(blocked_in_any_case), (JStr) {folded, id.len});
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
	if (!JIsAddress(email) || JIdIsBlocked(email))
		return JSTR_NULL;
	if (email.len > domain.len &&
		memcmp(buffer + email.len - domain.len, domain.data, domain.len) == 0)
		return JSTR_NULL;
	return email;
}
