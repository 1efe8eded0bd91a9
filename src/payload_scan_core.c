/*
 * payload_scan_core.c
 *		Where the values of a JSON text end: the look that comes before any reading.
 */
#include "payload_scan_core.h"

/* All reasons why something is no event, and what the user is told of them. */
static const struct
{
	const char *code;
	const char *what;
}			reasons[] = {
	{"empty", "there is nothing"},
	{"too_large", "it is longer than 64 MB"},
	{"too_deep", "arrays and objects are nested deeper than 256 levels"},
	{"too_many_values", "one event has too many values"},
	{"encoding", "the bytes are not of the encoding"},
	{"syntax", "this is no JSON"},
	{"truncated", "it ends within a value"},
	{"trailing_text", "something follows the end"},
	{"unicode", "an escape is no character, or none of the database's encoding"},
	{"nul_in_key", "a key has the escape \\u0000"},
	{"number", "a number has too many digits or too great an exponent"},
	{"not_an_object", "an event must be an object"},
	{"batch", "it is a batch, not one event"},
	{"gzip", "it is compressed by gzip"},
	{"no_type", "there is no type"},
	{"unknown_type", "the type is none of track, page, screen, identify, group, alias"},
	{"delete", "a request to delete is no event"},
	{"bad_context", "the context is not an object"},
	{"no_id", "there is neither an anonymousId nor a userId"},
	{"no_time", "there is no time"},
	{"time_range", "the time is out of range"},
};

bool
JPayloadFail(JPayloadError *error, const char *code, int32 offset)
{
	if (error->code != NULL)
		return false;
	error->code = code;
	error->offset = offset;
	error->what = "";
	for (int i = 0; i < (int) lengthof(reasons); i++)
	{
		if (strcmp(reasons[i].code, code) == 0)
			error->what = reasons[i].what;
	}
	return false;
}

static inline bool
IsSpace(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int32
JScanSpace(JStr text, int32 from)
{
	while (from < text.len && IsSpace(text.data[from]))
		from++;
	return from;
}

/* Behind the string that begins at i, or the end of the text + 1. */
static inline int32
ScanString(JStr text, int32 i, bool *has_nul)
{
	for (i++; i < text.len; i++)
	{
		char		c = text.data[i];

		if (c == '"')
			return i + 1;
		if (c == '\\')
		{
			if (text.len - i >= 6 && memcmp(text.data + i, "\\u0000", 6) == 0)
				*has_nul = true;
			i++;
		}
	}
	return text.len + 1;
}

/* Behind the word or number that begins at i, outside of everything; i where there is none. */
static inline int32
ScanWord(JStr text, int32 i)
{
	while (i < text.len && !IsSpace(text.data[i]) && strchr(",:]}[{\"", text.data[i]) == NULL)
		i++;
	return i;
}

/* Keys of the object itself that tell what it is. `key` is where a string ends that a colon follows. */
static void
NoteKey(JStr text, int32 start, int32 end, int32 colon, JScan *scan)
{
	int32		len = end - start - 2;
	const char *key = text.data + start + 1;

	if (len == 4 && memcmp(key, "type", 4) == 0)
		scan->has_type = true;
	else if (len == 5 && memcmp(key, "batch", 5) == 0)
		scan->batch = JScanSpace(text, colon + 1);
	else if (len == 7 && memcmp(key, "payload", 7) == 0)
		scan->payload = JScanSpace(text, colon + 1);
	else if (len == 7 && memcmp(key, "context", 7) == 0)
		scan->context = JScanSpace(text, colon + 1);
}

bool
JScanValue(JStr text, int32 from, JScan *scan, JPayloadError *error)
{
	uint64		object[J_PAYLOAD_DEPTH / 64] = {0};	/* a bit a level: whether it is an object */
	int			depth = 0;
	int32		start = 0;		/* of the last string on the first level */
	int32		end = 0;
	int32		i = from;

	memset(scan, 0, sizeof(*scan));
	if (from >= text.len)
		return JPayloadFail(error, "truncated", text.len);
	while (i < text.len)
	{
		char		c = text.data[i];

		switch (c)
		{
			case '"':
				start = i;
				i = ScanString(text, i, &scan->has_nul);
				if (i > text.len)
					return JPayloadFail(error, "truncated", text.len);
				end = i;
				break;
			case '{':
			case '[':
				if (depth == J_PAYLOAD_DEPTH)
					return JPayloadFail(error, "too_deep", i);
				if (c == '{')
					object[depth / 64] |= UINT64CONST(1) << (depth % 64);
				else
					object[depth / 64] &= ~(UINT64CONST(1) << (depth % 64));
				depth++;
				i++;
				break;
			case '}':
			case ']':
				depth--;
				if (depth < 0 || ((object[depth / 64] >> (depth % 64)) & 1) != (c == '}'))
					return JPayloadFail(error, "syntax", i);
				i++;
				break;
			case ':':
				if (depth == 1 && (object[0] & 1))
					NoteKey(text, start, end, i, scan);
				i++;
				break;
			default:
				i = depth == 0 ? ScanWord(text, i) : i + 1;
		}
		if (depth == 0)
		{
			scan->end = i;
			return i > from || JPayloadFail(error, "syntax", i);
		}
	}
	return JPayloadFail(error, "truncated", text.len);
}

JStr
JScanWithoutNuls(JStr text, int32 from, int32 *nuls, JPayloadError *error)
{
	char	   *copy = palloc(Max(text.len, 1));
	int			len = 0;
	bool		in_string = false;
	int32		first = -1;		/* the first in this string */

	for (int32 i = 0; i < text.len; i++)
	{
		char		c = text.data[i];

		if (c == '"')
		{
			in_string = !in_string;
			if (!in_string && first >= 0)
			{
				int32		next = JScanSpace(text, i + 1);

				if (next < text.len && text.data[next] == ':')
					JPayloadFail(error, "nul_in_key", from + first);
				first = -1;
			}
		}
		else if (c == '\\' && in_string && i + 1 < text.len)
		{
			if (text.len - i >= 6 && memcmp(text.data + i, "\\u0000", 6) == 0)
			{
				(*nuls)++;
				if (first < 0)
					first = i;
				i += 5;
				continue;
			}
			copy[len++] = text.data[i++];
		}
		copy[len++] = text.data[i];
	}
	return (JStr) {copy, len};
}
