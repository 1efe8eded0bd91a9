/*
 * redact_text_core.c
 *		Finds personal values in texts and URLs.
 *
 * Every pattern has a check that keeps other numbers out: a card has an issuer's prefix, its length
 * and Luhn's digit, an IBAN its country's length and checksum, a social security number a range. A
 * phone number is known by its + alone, and only as the whole of a value.
 */
#include "redact_core.h"

#include "lists_core.h"
#include "url_core.h"

static inline bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
IsLetter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
IsWord(char c)
{
	return IsDigit(c) || IsLetter(c) || c == '_' || IS_HIGHBIT_SET(c);
}

/* --------------------------------------------------------------------------------------------
 * the patterns
 * --------------------------------------------------------------------------------------------
 */

static inline bool
IsHex(char c)
{
	return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Characters of the part before the @, without quotes; % for those that are encoded. */
static inline bool
IsLocal(char c)
{
	return IsWord(c) || (c != '\0' && strchr("!#$&'*+-/=?^`{|}~.%", c) != NULL);
}

/* Characters that may stand in an address and yet separate what is around it in URLs and lists. */
static inline bool
SeparatesLocal(char c)
{
	return c == '/' || c == '=' || c == '?' || c == '&' || c == '\'' || c == '#' || c == '|' || c == '{' ||
		c == '}' || c == '`';
}

/* No address has more before its @ (64 characters, all of them encoded). */
#define MAX_LOCAL 192

/*
 * An e-mail address around an @, or a %40, at `at`: anything before it that can be of an address,
 * and a domain with a dot. What separates in a URL is no part of it.
 */
static bool
IsEmailAt(JStr text, int at, int at_len, int floor, int *start, int *end)
{
	int			i = at;
	int			dots = 0;
	int			label = at + at_len;

	while (i > floor && at - i < MAX_LOCAL && IsLocal(text.data[i - 1]) && !SeparatesLocal(text.data[i - 1]))
		i--;
	/* an encoded separator is one, too */
	for (int n = i; n + 2 < at; n++)
	{
		if (text.data[n] == '%' &&
			(memcmp(text.data + n + 1, "3D", 2) == 0 || memcmp(text.data + n + 1, "3d", 2) == 0 ||
			 memcmp(text.data + n + 1, "26", 2) == 0 || memcmp(text.data + n + 1, "2F", 2) == 0 ||
			 memcmp(text.data + n + 1, "2f", 2) == 0 || memcmp(text.data + n + 1, "3F", 2) == 0 ||
			 memcmp(text.data + n + 1, "3f", 2) == 0 || memcmp(text.data + n + 1, "20", 2) == 0))
			i = n + 3;
	}
	*start = i;
	if (i == at)
		return false;
	for (i = label; i < text.len; i++)
	{
		char		c = text.data[i];

		if (c == '.' && i > label && i + 1 < text.len && IsWord(text.data[i + 1]) && text.data[i + 1] != '_')
		{
			dots++;
			label = i + 1;
		}
		else if (!IsLetter(c) && !IsDigit(c) && !IS_HIGHBIT_SET(c) && (c != '-' || i == label))
			break;
	}
	while (i > label && text.data[i - 1] == '-')
		i--;
	*end = i;
	/* the last label is no number: 1@2.3 is no address */
	return dots > 0 && i - label >= 2 && !IsDigit(text.data[label]);
}

static bool
HasLuhnDigit(const char *digits, int n)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
	{
		int			d = digits[n - 1 - i] - '0';

		if (i % 2 == 1)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return sum % 10 == 0;
}

static int
Prefix(const char *digits, int n)
{
	int			value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (digits[i] - '0');
	return value;
}

/* Whether an issuer gives out numbers that begin so and have this length. */
static bool
HasIssuer(const char *digits, int n)
{
	int			two = Prefix(digits, 2);
	int			three = Prefix(digits, 3);
	int			four = Prefix(digits, 4);

	if (digits[0] == '4')
		return n == 13 || n == 16 || n == 19;	/* Visa */
	if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720))
		return n == 16;			/* Mastercard */
	if (two == 34 || two == 37)
		return n == 15;			/* American Express */
	if ((three >= 300 && three <= 305) || four == 3095 || two == 36 || two == 38 || two == 39)
		return n >= 14;			/* Diners Club */
	if (four == 6011 || two == 65 || (three >= 644 && three <= 649) || two == 62 ||
		(four >= 3528 && four <= 3589))
		return n >= 16;			/* Discover, UnionPay, JCB */
	return four == 5018 || four == 5020 || four == 5038 || four == 5893 || four == 6304 ||
		four == 6759 || four == 6761 || four == 6762 || four == 6763;	/* Maestro */
}

/* Whether the hexadecimal word around a place, with its dashes, is a UUID. */
static bool
InUuid(JStr text, int at)
{
	static const int lengths[] = {8, 4, 4, 4, 12};
	int			i = at;

	while (i > 0 && at - i < 36 && (IsHex(text.data[i - 1]) || text.data[i - 1] == '-'))
		i--;
	for (int part = 0; part < 5; part++)
	{
		for (int n = 0; n < lengths[part]; n++, i++)
		{
			if (i >= text.len || !IsHex(text.data[i]))
				return false;
		}
		if (part < 4 && (i >= text.len || text.data[i++] != '-'))
			return false;
	}
	return i >= text.len || !IsWord(text.data[i]);
}

/*
 * A card's number from a digit on, that is no part of a longer word or number: 13 to 19 digits, all
 * together or in groups with one kind of separator, blank or dash.
 */
static bool
IsCardAt(JStr text, int at, int *end)
{
	char		digits[20];
	char		separator = '\0';
	int			n = 0;
	int			i = at;

	while (i < text.len && n < (int) sizeof(digits))
	{
		char		c = text.data[i];

		if (IsDigit(c))
			digits[n++] = c;
		else if ((c == ' ' || c == '-') && (separator == '\0' || separator == c) &&
				 i + 1 < text.len && IsDigit(text.data[i + 1]))
			separator = c;
		else
			break;
		i++;
	}
	if (n < 13 || n > 19 || (i < text.len && IsWord(text.data[i])))
		return false;
	*end = i;
	return HasIssuer(digits, n) && HasLuhnDigit(digits, n) && !InUuid(text, at);
}

/* 123-45-6789 with one kind of separator, of a range that was given out. */
static bool
IsSsnAt(JStr text, int at, int *end)
{
	const char *s = text.data + at;

	if (text.len - at < 11 || strchr("-. ", s[3]) == NULL || s[3] == '\0' || s[6] != s[3])
		return false;
	for (int i = 0; i < 11; i++)
	{
		if (i != 3 && i != 6 && !IsDigit(s[i]))
			return false;
	}
	*end = at + 11;
	if (*end < text.len &&
		(IsWord(text.data[*end]) || (text.data[*end] == s[3] && *end + 1 < text.len && IsDigit(text.data[*end + 1]))))
		return false;
	return Prefix(s, 3) != 0 && Prefix(s, 3) != 666 && s[0] != '9' && Prefix(s + 4, 2) != 0 &&
		Prefix(s + 7, 4) != 0;
}

/* The length of a country's IBAN, 0 where it has none. */
static int
IbanLength(const char *country)
{
	static const char lengths[] =
		"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24"
		"FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32"
		"LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24"
		"RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

	for (int i = 0; i + 4 < (int) sizeof(lengths); i += 4)
	{
		if (JLower(country[0]) == JLower(lengths[i]) && JLower(country[1]) == JLower(lengths[i + 1]))
			return Prefix(lengths + i + 2, 2);
	}
	return 0;
}

/* An IBAN from a letter on: its country's length, blanks or dashes between groups of 4, its checksum. */
static bool
IsIbanAt(JStr text, int at, int *end)
{
	char		chars[34];
	int			length = text.len - at >= 15 ? IbanLength(text.data + at) : 0;
	int			n = 0;
	int			i = at;
	int			rest = 0;

	if (length == 0 || !IsDigit(text.data[at + 2]))
		return false;
	for (; i < text.len && n < length; i++)
	{
		char		c = text.data[i];

		if (IsDigit(c) || IsLetter(c))
			chars[n++] = JLower((unsigned char) c);
		else if ((c != ' ' && c != '-') || n == 0 || n % 4 != 0 || text.data[i - 1] == c)
			return false;
	}
	*end = i;
	if (n < length || (i < text.len && IsWord(text.data[i])) || !IsDigit(chars[3]))
		return false;
	for (int k = 0; k < length; k++)
	{
		char		c = chars[(k + 4) % length];

		rest = IsDigit(c) ? (rest * 10 + c - '0') % 97 : (rest * 100 + c - 'a' + 10) % 97;
	}
	return rest == 1 && !InUuid(text, at);
}

/* A telephone number with its country: the whole of a value. */
static bool
IsPhone(JStr s)
{
	int			n = 0;

	while (s.len > 0 && s.data[0] == ' ')
		s.data++, s.len--;
	while (s.len > 0 && s.data[s.len - 1] == ' ')
		s.len--;
	if (s.len < 8 || s.data[0] != '+' || s.data[1] < '1' || s.data[1] > '9')
		return false;
	for (int i = 1; i < s.len; i++)
	{
		if (IsDigit(s.data[i]))
			n++;
		else if (strchr(" -().", s.data[i]) == NULL || s.data[i] == '\0')
			return false;
	}
	return n >= 7 && n <= 15;
}

/* --------------------------------------------------------------------------------------------
 * a text
 * --------------------------------------------------------------------------------------------
 */

static inline bool
Wants(const JRedactRules *rules, JRedactValue kind)
{
	JRedactAction action = JRedactValueAction(rules, kind);

	return action != JREDACT_NONE && action != JREDACT_KEEP;
}

/* Whether a number may begin here: not within a word, nor behind a + or the point or dash of a number. */
static bool
BeginsNumber(JStr text, int i)
{
	if (i == 0)
		return true;
	if (IsWord(text.data[i - 1]) || text.data[i - 1] == '+')
		return false;
	return (text.data[i - 1] != '.' && text.data[i - 1] != '-') || i < 2 || !IsDigit(text.data[i - 2]);
}

static int
AddressEnd(JStr text, int at)
{
	int			i = at;

	while (i < text.len && i - at < J_ADDRESS_LENGTH && (IsHex(text.data[i]) || text.data[i] == '.' || text.data[i] == ':'))
		i++;
	return i;
}

bool
JFindValue(const JRedactRules *rules, JStr text, int from, int *start, int *end, JRedactValue *kind)
{
	char		masked[J_ADDRESS_LENGTH];

	for (int i = from; i < text.len; i++)
	{
		char		c = text.data[i];

		*start = i;
		if ((c == '@' || (c == '%' && text.len - i > 2 && text.data[i + 1] == '4' && text.data[i + 2] == '0')) &&
			Wants(rules, JVALUE_EMAIL) && IsEmailAt(text, i, c == '@' ? 1 : 3, from, start, end))
		{
			*kind = JVALUE_EMAIL;
			return true;
		}
		if (!IsDigit(c) && !IsLetter(c) && c != ':')
			continue;
		if (i > 0 && IsWord(text.data[i - 1]))
			continue;
		*start = i;
		if (IsDigit(c) && BeginsNumber(text, i))
		{
			if (Wants(rules, JVALUE_CARD) && IsCardAt(text, i, end))
			{
				*kind = JVALUE_CARD;
				return true;
			}
			if (Wants(rules, JVALUE_SSN) && IsSsnAt(text, i, end))
			{
				*kind = JVALUE_SSN;
				return true;
			}
		}
		if (IsLetter(c) && Wants(rules, JVALUE_IBAN) && IsIbanAt(text, i, end))
		{
			*kind = JVALUE_IBAN;
			return true;
		}
		if (c != ':' && !IsHex(c))
			continue;
		if (Wants(rules, JVALUE_IP))
		{
			*end = AddressEnd(text, i);
			if (*end - i > 2 && JMaskIp((JStr) {text.data + i, *end - i}, masked))
			{
				*kind = JVALUE_IP;
				return true;
			}
		}
	}
	return false;
}

static const char *const kinds[] = {"email", "card", "iban", "ssn", "phone", "ip"};

int
JRedactWhole(const JRedactRules *rules, JStr value)
{
	int			start,
				end;
	JRedactValue kind;

	if (Wants(rules, JVALUE_PHONE) && IsPhone(value))
		return JVALUE_PHONE;
	return JFindValue(rules, value, 0, &start, &end, &kind) ? (int) kind : -1;
}

/* Replaces the values that are found in a text without URLs; false where there are none. */
static bool
RedactPlain(const JRedactRules *rules, JStr text, bool in_url, StringInfo out)
{
	int			done = 0;
	int			start,
				end;
	JRedactValue kind;

	while (JFindValue(rules, text, done, &start, &end, &kind))
	{
		JRedactAction action = JRedactValueAction(rules, kind);

		appendBinaryStringInfo(out, text.data + done, start - done);
		if (in_url && action == JREDACT_MASK)
			appendStringInfoString(out, "redacted");
		else if (action != JREDACT_DROP)
			JRedactScalar(rules, action, (JStr) {text.data + start, end - start}, kinds[kind], out);
		done = end;
	}
	if (done == 0)
		return false;
	appendBinaryStringInfo(out, text.data + done, text.len - done);
	return true;
}

/* The next URL in a text: a scheme, ://, and what follows up to a blank or a quote. */
static bool
FindUrl(JStr text, int from, int *start, int *end)
{
	for (int i = from; i + 2 < text.len; i++)
	{
		if (text.data[i] != ':' || text.data[i + 1] != '/' || text.data[i + 2] != '/')
			continue;
		*start = i;
		while (*start > from && (IsLetter(text.data[*start - 1]) || IsDigit(text.data[*start - 1]) ||
								 text.data[*start - 1] == '+' || text.data[*start - 1] == '-'))
			(*start)--;
		if (*start == i)
			continue;
		for (*end = i + 3; *end < text.len; (*end)++)
		{
			char		c = text.data[*end];

			if ((unsigned char) c <= ' ' || c == '"' || c == '<' || c == '>')
				break;
		}
		/* what ends a sentence is no part of it */
		while (*end > i + 3 && text.data[*end - 1] != '\0' && strchr(".,;:!)'", text.data[*end - 1]) != NULL)
			(*end)--;
		return true;
	}
	return false;
}

/* A text that is the query or fragment of a URL, or a path with one. */
static bool
IsRelativeUrl(JStr text)
{
	if (text.len < 2 || memchr(text.data, ' ', text.len) != NULL)
		return false;
	if (text.data[0] == '?' || text.data[0] == '#')
		return memchr(text.data, '=', text.len) != NULL;
	return text.data[0] == '/' &&
		(memchr(text.data, '?', text.len) != NULL || memchr(text.data, '#', text.len) != NULL ||
		 memchr(text.data, '@', text.len) != NULL);
}

/* Digits that every number of a pattern has, at least. */
#define MIN_DIGITS 6

/* Whether a closer look can find anything: most texts of an event have nothing of it. */
static bool
MayHoldValue(const JRedactRules *rules, JStr text)
{
	int			digits = 0;

	if (text.len == 0)
		return false;
	if (Wants(rules, JVALUE_IP) || strchr("/?#", text.data[0]) != NULL)
		return true;
	for (int i = 0; i < text.len; i++)
	{
		char		c = text.data[i];

		if (IsDigit(c))
		{
			if (++digits >= MIN_DIGITS)
				return true;
		}
		else if (c == '@' || (c == '%' && text.len - i > 2 && text.data[i + 1] == '4') ||
				 (c == ':' && text.len - i > 2 && text.data[i + 1] == '/'))
			return true;
	}
	return false;
}

bool
JRedactText(const JRedactRules *rules, JStr text, StringInfo out)
{
	int			begin = out->len;
	int			done = 0;
	int			start,
				end;
	bool		changed = false;

	if (!MayHoldValue(rules, text))
		return false;
	if (Wants(rules, JVALUE_PHONE) && IsPhone(text))
	{
		JRedactAction action = JRedactValueAction(rules, JVALUE_PHONE);

		if (action != JREDACT_DROP)
			JRedactScalar(rules, action, text, kinds[JVALUE_PHONE], out);
		return true;
	}
	if (IsRelativeUrl(text))
		return JRedactUrl(rules, text, out);
	while (done < text.len)
	{
		JStr		part = {text.data + done, text.len - done};
		bool		has_url = FindUrl(text, done, &start, &end);

		if (has_url)
			part.len = start - done;
		if (RedactPlain(rules, part, false, out))
			changed = true;
		else
			appendBinaryStringInfo(out, part.data, part.len);
		if (!has_url)
			break;
		part = (JStr) {text.data + start, end - start};
		if (JRedactUrl(rules, part, out))
			changed = true;
		else
			appendBinaryStringInfo(out, part.data, part.len);
		done = end;
	}
	if (!changed)
	{
		out->len = begin;
		out->data[begin] = '\0';
	}
	return changed;
}

/* --------------------------------------------------------------------------------------------
 * a URL
 * --------------------------------------------------------------------------------------------
 */

/* Appends a value as a URL must have it. */
static void
AppendEncoded(StringInfo out, JStr value)
{
	static const char digits[] = "0123456789ABCDEF";

	for (int i = 0; i < value.len; i++)
	{
		unsigned char c = value.data[i];

		if (IsDigit(c) || IsLetter(c) || (c != '\0' && strchr("-._~", c) != NULL))
			appendStringInfoChar(out, c);
		else
		{
			appendStringInfoChar(out, '%');
			appendStringInfoChar(out, digits[c >> 4]);
			appendStringInfoChar(out, digits[c & 15]);
		}
	}
}

/* How deep a URL in a parameter of a URL is looked into. */
#define MAX_NESTED 1

static bool RedactUrl(const JRedactRules *rules, JStr url, int level, StringInfo out);

/* The value of a parameter: a URL in it, or values of a pattern. False where nothing changes. */
static bool
RedactParamValue(const JRedactRules *rules, JStr value, int level, StringInfo out)
{
	char	   *buffer = palloc(value.len + 1);
	JStr		decoded = {buffer, JFormDecode(value, buffer)};
	StringInfoData inner;
	int			start,
				end;
	bool		changed = false;
	bool		is_url;

	initStringInfo(&inner);
	is_url = (FindUrl(decoded, 0, &start, &end) && start == 0) || IsRelativeUrl(decoded);
	if (level < MAX_NESTED && is_url)
		changed = RedactUrl(rules, decoded, level + 1, &inner);
	else if (JRedactWhole(rules, decoded) == JVALUE_PHONE)
	{
		appendStringInfoString(&inner, "redacted");
		changed = true;
	}
	else
		changed = RedactPlain(rules, decoded, true, &inner);
	if (changed)
		AppendEncoded(out, (JStr) {inner.data, inner.len});
	pfree(inner.data);
	pfree(buffer);
	return changed;
}

/* Appends what an action makes of a parameter's value. */
static void
AppendActed(const JRedactRules *rules, JRedactAction action, JStr value, StringInfo out)
{
	StringInfoData made;

	initStringInfo(&made);
	if (action == JREDACT_MASK)
		appendStringInfoString(&made, "redacted");
	else
		JRedactScalar(rules, action, value, "", &made);
	AppendEncoded(out, (JStr) {made.data, made.len});
	pfree(made.data);
}

/*
 * Appends a list of parameters without those that a rule drops, and with the others' values looked
 * into. Returns whether it changed; *kept tells whether anything is left.
 */
static bool
RedactList(const JRedactRules *rules, JStr list, int level, StringInfo out, bool *kept)
{
	bool		changed = false;
	const char *end = list.data + list.len;

	*kept = false;
	for (const char *p = list.data, *stop; p <= end; p = stop + 1)
	{
		JStr		name,
					value = JSTR_NULL;
		const char *equals;
		char	   *buffer;
		JRedactAction action;

		stop = p;
		while (stop < end && *stop != '&' && *stop != ';')
			stop++;
		name = (JStr) {p, stop - p};
		equals = name.len > 0 ? memchr(p, '=', name.len) : NULL;
		if (equals != NULL)
		{
			name.len = equals - p;
			value = (JStr) {equals + 1, stop - equals - 1};
		}
		buffer = palloc(name.len + 1);
		action = JRedactParam(rules, (JStr) {buffer, JFormDecode(name, buffer)});
		pfree(buffer);
		if (action == JREDACT_DROP)
		{
			changed = true;
			continue;
		}
		if (*kept)
			appendStringInfoChar(out, p > list.data ? p[-1] : '&');
		*kept = true;
		if (JStrIsNull(value))
		{
			if (RedactPlain(rules, name, true, out))
				changed = true;
			else
				appendBinaryStringInfo(out, name.data, name.len);
			continue;
		}
		appendBinaryStringInfo(out, name.data, name.len + 1);
		if (action == JREDACT_MASK || action == JREDACT_PSEUDONYM || action == JREDACT_TRUNCATE)
		{
			AppendActed(rules, action, value, out);
			changed = true;
		}
		else if (action != JREDACT_KEEP && RedactParamValue(rules, value, level, out))
			changed = true;
		else
			appendBinaryStringInfo(out, value.data, value.len);
	}
	return changed;
}

/* The path: a part with an @ is gone as a whole, the others are looked into. */
static bool
RedactPath(const JRedactRules *rules, JStr path, StringInfo out)
{
	bool		changed = false;

	for (int i = 0, end; i <= path.len; i = end + 1)
	{
		JStr		part;

		end = i;
		while (end < path.len && path.data[end] != '/')
			end++;
		part = (JStr) {path.data + i, end - i};
		if (i > 0)
			appendStringInfoChar(out, '/');
		if (Wants(rules, JVALUE_EMAIL) && part.len > 0 &&
			(memchr(part.data, '@', part.len) != NULL || strstr(pnstrdup(part.data, part.len), "%40") != NULL))
		{
			appendStringInfoString(out, "redacted");
			changed = true;
		}
		else if (part.len > 0 && RedactPlain(rules, part, true, out))
			changed = true;
		else
			appendBinaryStringInfo(out, part.data, part.len);
	}
	return changed;
}

/* Scheme and host, without the user before it where parameters are personal. Returns their length. */
static int
RedactAuthority(const JRedactRules *rules, JStr url, StringInfo out, bool *changed)
{
	int			start,
				end,
				at = -1,
				i;

	if (!FindUrl(url, 0, &start, &end) || start != 0)
		return 0;
	for (i = 0; url.data[i] != ':'; i++)
		;
	start = i + 3;
	for (i = start; i < url.len && strchr("/?#", url.data[i]) == NULL; i++)
	{
		if (url.data[i] == '@')
			at = i;
	}
	appendBinaryStringInfo(out, url.data, start);
	if (at >= 0 && JRedactHasParams(rules))
	{
		*changed = true;
		start = at + 1;
	}
	appendBinaryStringInfo(out, url.data + start, i - start);
	return i;
}

static bool
RedactUrl(const JRedactRules *rules, JStr url, int level, StringInfo out)
{
	int			begin = out->len;
	bool		changed = false;
	bool		kept;
	JStr		query,
				fragment;
	JStr		path;
	int			done;

	JUrlParameters(url, &query, &fragment);
	done = RedactAuthority(rules, url, out, &changed);
	path = (JStr) {url.data + done, url.len - done};
	if (!JStrIsNull(query))
		path.len = query.data - 1 - path.data;
	else if (!JStrIsNull(fragment))
		path.len = fragment.data - 1 - path.data;
	changed |= RedactPath(rules, path, out);
	if (!JStrIsNull(query))
	{
		int			mark = out->len;

		appendStringInfoChar(out, '?');
		changed |= RedactList(rules, query, level, out, &kept);
		if (!kept)
			out->len = mark;
	}
	if (!JStrIsNull(fragment))
	{
		JStr		parameters = JFragmentParameters(fragment);
		int			mark = out->len;

		appendStringInfoChar(out, '#');
		if (JStrIsNull(parameters) || memchr(parameters.data, '=', parameters.len) == NULL)
			changed |= RedactPath(rules, fragment, out);
		else
		{
			changed |= RedactPath(rules, (JStr) {fragment.data, (int32) (parameters.data - fragment.data)}, out);
			changed |= RedactList(rules, parameters, level, out, &kept);
			if (!kept && parameters.data == fragment.data)
				out->len = mark;
		}
	}
	out->data[out->len] = '\0';
	if (!changed)
	{
		out->len = begin;
		out->data[begin] = '\0';
	}
	return changed;
}

bool
JRedactUrl(const JRedactRules *rules, JStr url, StringInfo out)
{
	return RedactUrl(rules, url, 0, out);
}
