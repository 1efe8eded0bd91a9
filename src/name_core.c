/*
 * name_core.c
 *		The names that the loaders make of those in payloads: words of ASCII letters and digits, in
 *		lower case, joined by "_". They differ in where a word ends.
 */
#include "name_core.h"

static inline bool
IsUpper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool
IsLower(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Whether a word begins at i, within a run of letters and digits. `has_letter` tells whether the word
 * before has one: digits end a word, unless they begin it (9mega, 2FA).
 */
static bool
BeginsWord(JStr s, int i, bool has_letter, JLoader loader)
{
	char		c = s.data[i];
	char		before = s.data[i - 1];

	if (IsUpper(c) && IsLower(before))
		return true;
	if (loader == JLOADER_SEGMENT)
		return IsUpper(c) && IsDigit(before) && has_letter;
	if (IsUpper(c) && IsUpper(before) && i + 1 < s.len && IsLower(s.data[i + 1]))
		return true;
	if (IsDigit(c) != IsDigit(before) && loader == JLOADER_RUDDERSTACK_DIVIDED)
		return true;
	return !IsDigit(c) && IsDigit(before) && has_letter;
}

int
JWarehouseName(JStr name, JLoader loader, char *dest)
{
	int			len = 0;
	int			words = 0;
	bool		in_run = false;
	bool		has_letter = false;
	int			i = 0;

	/* underscores at the beginning stay with RudderStack */
	for (; loader != JLOADER_SEGMENT && i < name.len && name.data[i] == '_' && len < J_NAME_BYTES; i++)
		dest[len++] = '_';
	for (; i < name.len && len < J_NAME_BYTES; i++)
	{
		char		c = name.data[i];

		if (!IsUpper(c) && !IsLower(c) && !IsDigit(c))
		{
			in_run = false;
			continue;
		}
		if (!in_run || BeginsWord(name, i, has_letter, loader))
		{
			if (words++ > 0)
				dest[len++] = '_';
			has_letter = false;
		}
		/* no column of theirs begins with a digit */
		if (len == 0 && IsDigit(c) && loader != JLOADER_SEGMENT)
			dest[len++] = '_';
		in_run = true;
		has_letter |= !IsDigit(c);
		if (len < J_NAME_BYTES)
			dest[len++] = IsUpper(c) ? c + ('a' - 'A') : c;
	}
	return words == 0 ? 0 : len;
}
