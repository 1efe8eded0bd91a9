/*
 * hash_core.c
 *		The forms in which ad platforms want e-mail addresses and phone numbers before they are hashed.
 */
#include "hash_core.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

#include "identity_core.h"

/* E.164: the digits of a number with its calling code; shorter ones are of no person. */
#define MIN_PHONE_DIGITS 7
#define MAX_PHONE_DIGITS 15

static const struct Country
{
	char		code[3];
	char		calling[4];
	char		trunk[3];		/* before numbers within the country */
	uint8		digits;			/* at most, without both */
}			countries[] = {
#include "hash_countries.h"
};

bool
JPlatformFromName(JStr name, JPlatform *platform)
{
	static const JStr names[] = {
		JSTR_LIT("google"), JSTR_LIT("microsoft"), JSTR_LIT("meta"), JSTR_LIT("linkedin"),
		JSTR_LIT("tiktok")
	};

	for (int i = 0; i < lengthof(names); i++)
		if (JStrEqual(name, names[i]))
		{
			*platform = i;
			return true;
		}
	return false;
}

/* The bytes of the white space that a string begins with: ASCII's, no-break and typographic spaces, BOM. */
static int
SpaceLength(const char *s, int len)
{
	const unsigned char *c = (const unsigned char *) s;

	if (len >= 1 && (c[0] == ' ' || (c[0] >= '\t' && c[0] <= '\r')))
		return 1;
	if (len >= 2 && c[0] == 0xC2 && (c[1] == 0xA0 || c[1] == 0x85))
		return 2;
	if (len >= 3 && ((c[0] == 0xE2 && c[1] == 0x80 && (c[2] <= 0x8F || c[2] == 0xAF || c[2] == 0xA8)) ||
					 (c[0] == 0xE2 && c[1] == 0x81 && (c[2] == 0x9F || c[2] == 0xA0)) ||
					 (c[0] == 0xE3 && c[1] == 0x80 && c[2] == 0x80) ||
					 (c[0] == 0xEF && c[1] == 0xBB && c[2] == 0xBF)))
		return 3;
	return 0;
}

static JStr
TrimSpace(JStr s)
{
	int			len;

	while ((len = SpaceLength(s.data, s.len)) > 0)
		s.data += len, s.len -= len;
	for (int i = 0; i < s.len;)
	{
		int			end = i;

		while (end < s.len && (len = SpaceLength(s.data + end, s.len - end)) > 0)
			end += len;
		if (end == s.len)
			s.len = i;
		else
			i = Max(end, i + 1);
	}
	return s;
}

bool
JIsHash(JStr value, JStr *hash)
{
	*hash = TrimSpace(value);
	if (hash->len != 64)
		return false;
	for (int i = 0; i < hash->len; i++)
	{
		char		c = hash->data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * e-mail
 * ------------------------------------------------------------------------------------------------ */

/* The small letter of a capital one of Latin, Greek and Cyrillic, by the blocks of Unicode. */
static pg_wchar
LowerCase(pg_wchar c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
		(c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40F)
		return c + 0x50;
	if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
		return c + (c & 1);
	return c;
}

/* The characters of a string in UTF-8, ended by 0. Bytes that are cut off end it. */
static pg_wchar *
Characters(JStr s)
{
	pg_wchar   *wide = palloc(sizeof(pg_wchar) * (s.len + 1));
	int			n = 0;

	for (int i = 0; i < s.len;)
	{
		int			len = pg_utf_mblen((const unsigned char *) s.data + i);

		if (len > s.len - i || s.data[i] == '\0')
			break;
		wide[n++] = utf8_to_unicode((const unsigned char *) s.data + i);
		i += len;
	}
	wide[n] = 0;
	return wide;
}

static JStr
FromCharacters(const pg_wchar *wide)
{
	int			n = 0;
	JStr		s = {NULL, 0};
	char	   *data;

	while (wide[n] != 0)
		n++;
	s.data = data = palloc(4 * n + 1);
	for (int i = 0; i < n; i++)
	{
		unicode_to_utf8(wide[i], (unsigned char *) data + s.len);
		s.len += pg_utf_mblen((const unsigned char *) data + s.len);
	}
	return s;
}

/* In small letters, without white space within where that goes, without accents where these go. */
static JStr
FoldEmail(JStr email, bool spaces, bool accents)
{
	pg_wchar   *wide;
	char	   *data = palloc(email.len + 1);
	JStr		folded = {data, 0};
	int			n = 0;

	for (int i = 0; i < email.len;)
	{
		int			space = spaces ? SpaceLength(email.data + i, email.len - i) : 0;

		if (space == 0)
			data[folded.len++] = email.data[i];
		i += Max(space, 1);
	}
	wide = Characters(folded);
	if (accents)
		wide = unicode_normalize(UNICODE_NFD, wide);
	for (int i = 0; wide[i] != 0; i++)
		if (!accents || wide[i] < 0x300 || wide[i] > 0x36F)
			wide[n++] = LowerCase(wide[i]);
	wide[n] = 0;
	return FromCharacters(wide);
}

/* Without the dots before the @, and without a + and what follows it there. */
static JStr
BareLocalPart(JStr email, int at)
{
	char	   *data = palloc(email.len + 1);
	JStr		bare = {data, 0};

	for (int i = 0; i < at && email.data[i] != '+'; i++)
		if (email.data[i] != '.')
			data[bare.len++] = email.data[i];
	memcpy(data + bare.len, email.data + at, email.len - at);
	bare.len += email.len - at;
	return bare;
}

JStr
JEmailNormal(JStr email, JPlatform platform)
{
	JStr		domain;
	int			at = 0;

	email = TrimSpace(email);
	if (email.len > J_MAX_ID_BYTES)
		return JSTR_NULL;
	email = FoldEmail(email, platform == JPLATFORM_GOOGLE, platform == JPLATFORM_MICROSOFT);
	if (!JIsAddress(email))
		return JSTR_NULL;
	while (email.data[at] != '@')
		at++;
	domain = (JStr) {email.data + at, email.len - at};
	if (platform == JPLATFORM_MICROSOFT ||
		(platform == JPLATFORM_GOOGLE && (JStrEqual(domain, JSTR_LIT("@gmail.com")) ||
										  JStrEqual(domain, JSTR_LIT("@googlemail.com")))))
		email = BareLocalPart(email, at);
	return JIsAddress(email) ? email : JSTR_NULL;
}

/* ------------------------------------------------------------------------------------------------
 * phone
 * ------------------------------------------------------------------------------------------------ */

/* A number as it is written: its digits, and whether they begin with a calling code. */
typedef struct Phone
{
	char		digits[2 * MAX_PHONE_DIGITS];
	int			n;
	bool		international;
} Phone;

static bool
BeginsWith(const Phone *phone, const char *prefix)
{
	int			len = strlen(prefix);

	return phone->n >= len && memcmp(phone->digits, prefix, len) == 0;
}

static void
DropDigits(Phone *phone, int from, int count)
{
	memmove(phone->digits + from, phone->digits + from + count, phone->n - from - count);
	phone->n -= count;
}

/* What stands between digits: white space, brackets, strokes and dots of several kinds. */
static int
SeparatorLength(const char *s, int len)
{
	const unsigned char *c = (const unsigned char *) s;
	int			space = SpaceLength(s, len);

	if (space > 0)
		return space;
	if (*s == '-' || *s == '.' || *s == '/' || *s == '(' || *s == ')')
		return 1;
	/* U+2010 .. U+2015, U+2212 */
	if (len >= 3 && c[0] == 0xE2 && ((c[1] == 0x80 && c[2] >= 0x90 && c[2] <= 0x95) ||
									 (c[1] == 0x88 && c[2] == 0x92)))
		return 3;
	return 0;
}

/* Whether an extension begins here: 12, x12, ext. 12, #12. */
static bool
IsExtension(const char *s, int len)
{
	if (*s == 'x' || *s == 'X' || *s == '#' || *s == ';' || *s == ',')
		return true;
	return len >= 3 && pg_strncasecmp(s, "ext", 3) == 0;
}

/* False where it is no phone number. */
static bool
ReadPhone(JStr s, Phone *phone)
{
	memset(phone, 0, sizeof(Phone));
	s = TrimSpace(s);
	if (s.len > 4 && pg_strncasecmp(s.data, "tel:", 4) == 0)
		s.data += 4, s.len -= 4;
	for (int i = 0; i < s.len;)
	{
		const char *c = s.data + i;
		int			skip = SeparatorLength(c, s.len - i);

		if (phone->n > 0 && IsExtension(c, s.len - i))
			break;
		/* the prefix within the country, which callers from abroad leave out: +44 (0)20 .. */
		if (phone->international && s.len - i >= 3 && memcmp(c, "(0)", 3) == 0)
			skip = 3;
		else if (*c >= '0' && *c <= '9')
		{
			if (phone->n == sizeof(phone->digits))
				return false;
			phone->digits[phone->n++] = *c;
			skip = 1;
		}
		else if (*c == '+' && phone->n == 0 && !phone->international)
		{
			phone->international = true;
			skip = 1;
		}
		if (skip == 0)
			return false;
		i += skip;
	}
	return phone->n > 0;
}

static const struct Country *
FindCountry(JStr code)
{
	char		upper[2];

	if (JStrIsNull(code))
		return NULL;
	code = TrimSpace(code);
	if (code.len != 2)
		return NULL;
	for (int i = 0; i < 2; i++)
		upper[i] = pg_ascii_toupper((unsigned char) code.data[i]);
	if (memcmp(upper, "UK", 2) == 0)
		memcpy(upper, "GB", 2);
	if (memcmp(upper, "EL", 2) == 0)
		memcpy(upper, "GR", 2);
	for (int i = 0; i < lengthof(countries); i++)
		if (memcmp(countries[i].code, upper, 2) == 0)
			return &countries[i];
	return NULL;
}

/* The first country whose calling code an international number begins with. */
static const struct Country *
CountryOfNumber(const Phone *phone)
{
	for (int i = 0; i < lengthof(countries); i++)
		if (BeginsWith(phone, countries[i].calling))
			return &countries[i];
	return NULL;
}

/* What is dialled before the calling code of another country. */
static const char *
ExitPrefix(const struct Country *country)
{
	if (country == NULL)
		return "00";
	if (strcmp(country->calling, "1") == 0)
		return "011";
	if (strcmp(country->calling, "7") == 0 || strcmp(country->trunk, "8") == 0)
		return "810";
	if (strcmp(country->calling, "61") == 0)
		return "0011";
	if (strcmp(country->calling, "81") == 0)
		return "010";
	return strcmp(country->calling, "852") == 0 ? "001" : "00";
}

/* Puts the calling code before a number as it is dialled within a country. */
static bool
AddCallingCode(Phone *phone, const struct Country *country)
{
	int			calling = strlen(country->calling);
	int			trunk = strlen(country->trunk);

	if (trunk > 0 && BeginsWith(phone, country->trunk) &&
		(country->trunk[0] == '0' || phone->n > country->digits))
		DropDigits(phone, 0, trunk);
	else if (BeginsWith(phone, country->calling) && phone->n > country->digits)
		return true;
	if (phone->n + calling > MAX_PHONE_DIGITS)
		return false;
	memmove(phone->digits + calling, phone->digits, phone->n);
	memcpy(phone->digits, country->calling, calling);
	phone->n += calling;
	return true;
}

/* Whether digits with a calling code can be a number; drops a 0 that does not belong behind the code. */
static bool
CheckNumber(Phone *phone)
{
	const struct Country *country = CountryOfNumber(phone);
	int			calling;
	int			zeros = 0;

	if (country == NULL)
		return false;
	calling = strlen(country->calling);
	if (strcmp(country->trunk, "0") == 0 && phone->n > calling && phone->digits[calling] == '0')
		DropDigits(phone, calling, 1);
	if (phone->n < MIN_PHONE_DIGITS || phone->n > MAX_PHONE_DIGITS)
		return false;
	/* North America: area and exchange begin with 2 to 9 */
	if (calling == 1 && country->calling[0] == '1' &&
		(phone->n != 11 || phone->digits[1] < '2' || phone->digits[4] < '2'))
		return false;
	for (int i = calling; i < phone->n; i++)
		zeros += phone->digits[i] == '0';
	return zeros < phone->n - calling;
}

JStr
JPhoneNormal(JStr phone, JPlatform platform, JStr country)
{
	const struct Country *home = FindCountry(country);
	const char *exit_prefix = ExitPrefix(home);
	Phone		number;
	char	   *result;

	if (!ReadPhone(phone, &number))
		return JSTR_NULL;
	/* 00 is understood everywhere, and nowhere begins a number within the country */
	if (!number.international && !BeginsWith(&number, exit_prefix))
		exit_prefix = "00";
	if (!number.international && BeginsWith(&number, exit_prefix))
	{
		number.international = true;
		DropDigits(&number, 0, strlen(exit_prefix));
	}
	if (!number.international && (home == NULL || !AddCallingCode(&number, home)))
		return JSTR_NULL;
	if (!CheckNumber(&number))
		return JSTR_NULL;

	result = palloc(number.n + 1);
	result[0] = '+';
	memcpy(result + 1, number.digits, number.n);
	/* Meta takes the digits alone */
	return platform == JPLATFORM_META ? (JStr) {result + 1, number.n} : (JStr) {result, number.n + 1};
}
