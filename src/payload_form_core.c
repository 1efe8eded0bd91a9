/*
 * payload_form_core.c
 *		What a payload is as a whole: one event, a batch, an array, JSON lines, a line of an archive.
 */
#include "payload_core.h"

#include "mb/pg_wchar.h"

#include "payload_read_core.h"

/* A payload while its events are given out. */
typedef struct Splitter
{
	const JPayloadOptions *options;
	JPayloadSink sink;
	void	   *arg;
} Splitter;

static const JPayloadEnvelope no_envelope = {.sent_at = J_NO_TIME, .received_at = J_NO_TIME};

const char *
JPayloadFormName(JPayloadForm form)
{
	static const char *const names[] = {"event", "batch", "array", "lines", "archive"};

	return names[form];
}

/* Gives out something that is no event, the text or the payload as a whole. */
static void
Reject(Splitter *splitter, JStr text, const JPayloadError *error)
{
	JPayloadEvent event = {.error = *error, .text = text, .offset = error->offset, .received_at = J_NO_TIME};

	splitter->sink(&event, splitter->arg);
}

/* The offset in a text of one in its copy without \u0000. */
static int32
OffsetBeforeCleaning(JStr text, int32 cleaned)
{
	int32		i = 0;

	for (int32 kept = 0; i < text.len && kept < cleaned; i++)
	{
		if (text.len - i >= 6 && memcmp(text.data + i, "\\u0000", 6) == 0)
			i += 5;
		else if (text.data[i] == '\\')
			kept += 2, i++;
		else
			kept++;
	}
	return Min(i, text.len);
}

/* Four hexadecimal digits, 0 where they are none. */
static uint32
EscapedUnit(JStr text, int32 at)
{
	uint32		unit = 0;

	for (int32 i = at; i < at + 4; i++)
	{
		char		c = i < text.len ? text.data[i] : '\0';

		if (c >= '0' && c <= '9')
			unit = unit * 16 + (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			unit = unit * 16 + (c & 0x5F) - 'A' + 10;
		else
			return 0;
	}
	return unit;
}

/*
 * Whether the encoding has all characters that are written as escapes: the lexer would raise an
 * error of the server for one that it has not. Half pairs are left to the lexer.
 */
static bool
HasEscapes(JStr text, int32 base, const JPayloadOptions *options, JPayloadError *error)
{
	for (int32 i = 0; i + 1 < text.len; i++)
	{
		uint32		c;
		int32		at = i;

		if (text.data[i] != '\\')
			continue;
		i++;
		if (text.data[i] != 'u')
			continue;
		c = EscapedUnit(text, i + 1);
		if (c >= 0xD800 && c <= 0xDBFF && i + 6 < text.len && text.data[i + 5] == '\\' && text.data[i + 6] == 'u')
		{
			c = 0x10000 + ((c & 0x3FF) << 10) + (EscapedUnit(text, i + 7) & 0x3FF);
			i += 6;
		}
		if (c >= 0x80 && !(c >= 0xD800 && c <= 0xDFFF) && !options->has_character(c))
			return JPayloadFail(error, "unicode", base + at);
	}
	return true;
}

/* Reads and gives out one event, whose text stands at `base`. */
static void
GiveEvent(Splitter *splitter, JStr text, int32 base, bool has_nul, const JPayloadEnvelope *envelope)
{
	JPayloadEvent event = {.text = text, .offset = base, .received_at = J_NO_TIME};
	JStr		given = text;
	int			valid;

	CHECK_FOR_INTERRUPTS();
	if (splitter->options->verify)
	{
		valid = pg_encoding_verifymbstr(splitter->options->encoding, text.data, text.len);
		if (valid < text.len)
			JPayloadFail(&event.error, "encoding", base + valid);
	}
	if (event.error.code == NULL && splitter->options->has_character != NULL)
		(void) HasEscapes(text, base, splitter->options, &event.error);
	if (event.error.code == NULL && has_nul)
		text = JScanWithoutNuls(text, base, &event.nuls, &event.error);
	if (event.error.code == NULL)
	{
		JReadEvent(text, base, envelope, splitter->options, &event);
		if (event.nuls > 0 && event.error.code != NULL)
			event.error.offset = base + OffsetBeforeCleaning(given, event.error.offset - base);
	}
	splitter->sink(&event, splitter->arg);
}

/* Whether a text is one value to the lexer, too. */
static bool
IsValue(JStr text, int32 base, const JPayloadOptions *options, JPayloadError *error)
{
	JReader		reader;

	JReaderInit(&reader, text, base, options->encoding, error);
	if (JReaderNext(&reader) && JReaderSkip(&reader) && JReaderNext(&reader) &&
		reader.lex->token_type != JSON_TOKEN_END)
		JPayloadFail(error, "syntax", base);
	JReaderFree(&reader);
	return error->code == NULL;
}

/*
 * The next member of an object or element of an array: *at is behind its opening bracket or its
 * last item and moves behind the item. False at the end, and where there is an error.
 */
static bool
NextItem(JStr text, int32 *at, bool *first, JStr *key, JScan *scan, int32 *start, JPayloadError *error)
{
	int32		i = JScanSpace(text, *at);

	if (i < text.len && (text.data[i] == ']' || text.data[i] == '}'))
		return false;
	if (!*first)
	{
		if (i >= text.len || text.data[i] != ',')
			return JPayloadFail(error, "syntax", i);
		i = JScanSpace(text, i + 1);
	}
	*first = false;
	if (key != NULL)
	{
		if (i >= text.len || text.data[i] != '"' || !JScanValue(text, i, scan, error))
			return JPayloadFail(error, "syntax", i);
		*key = (JStr) {text.data + i + 1, scan->end - i - 2};
		i = JScanSpace(text, scan->end);
		if (i >= text.len || text.data[i] != ':')
			return JPayloadFail(error, "syntax", i);
		i = JScanSpace(text, i + 1);
	}
	*start = i;
	if (!JScanValue(text, i, scan, error))
		return false;
	*at = scan->end;
	return true;
}

/* Gives out the elements of the array that begins at `from`, or one error where it is no array. */
static void
GiveArray(Splitter *splitter, JStr text, int32 from, const JPayloadEnvelope *envelope)
{
	JPayloadError error = {0};
	JScan		scan;
	int32		at = from + 1;
	int32		start;
	bool		first = true;

	while (NextItem(text, &at, &first, NULL, &scan, &start, &error))
		;
	if (error.code != NULL)
	{
		Reject(splitter, JSTR_NULL, &error);
		return;
	}
	at = from + 1;
	first = true;
	while (NextItem(text, &at, &first, NULL, &scan, &start, &error))
		GiveEvent(splitter, (JStr) {text.data + start, scan.end - start}, start, scan.has_nul, envelope);
}

/* Reads a member of an envelope into it. */
static void
ReadMember(JStr text, int32 base, JStr key, JPayloadEnvelope *envelope, const JPayloadOptions *options,
		   JPayloadError *error)
{
	JReader		reader;

	if (!IsValue(text, base, options, error))
		return;
	JReaderInit(&reader, text, base, options->encoding, error);
	(void) JReaderNext(&reader);
	if (JStrEqual(key, JSTR_LIT("context")))
		JReaderContext(&reader, &envelope->context);
	else if (JStrEqual(key, JSTR_LIT("sentAt")))
		JReaderTime(&reader, &envelope->sent_at);
	else if (JStrEqual(key, JSTR_LIT("receivedAt")) || JStrEqual(key, JSTR_LIT("createdAt")) ||
			 JStrEqual(key, JSTR_LIT("created_at")))
		JReaderTime(&reader, &envelope->received_at);
	JReaderFree(&reader);
}

/*
 * Reads what is around the events of a batch or an archive, all members but the one that holds
 * them, which begins at `inner`. What Segment's envelope has as context its events have, too;
 * RudderStack's has none.
 */
static bool
ReadEnvelope(JStr text, int32 from, int32 inner, JPayloadEnvelope *envelope,
			 const JPayloadOptions *options, JPayloadError *error)
{
	JScan		scan;
	JStr		key;
	int32		at = from + 1;
	int32		start;
	bool		first = true;

	*envelope = no_envelope;
	while (NextItem(text, &at, &first, &key, &scan, &start, error))
	{
		JStr		value = {text.data + start, scan.end - start};

		if (start == inner)
			continue;
		if (scan.has_nul)
			value = JScanWithoutNuls(value, start, &(int32) {0}, error);
		if (error->code == NULL)
			ReadMember(value, start, key, envelope, options, error);
		if (error->code != NULL)
			break;
	}
	envelope->context.bad = false;
	return error->code == NULL;
}

/* Gives out the event in a line of an archive: an object, or its text in a string. */
static void
GiveArchive(Splitter *splitter, JStr text, int32 from, const JScan *outer)
{
	JPayloadError error = {0};
	JPayloadEnvelope envelope;
	JScan		scan;
	JReader		reader;
	JStr		inner;

	if (!ReadEnvelope(text, from, outer->payload, &envelope, splitter->options, &error) ||
		!JScanValue(text, outer->payload, &scan, &error))
	{
		Reject(splitter, JSTR_NULL, &error);
		return;
	}
	inner = (JStr) {text.data + outer->payload, scan.end - outer->payload};
	if (inner.data[0] != '"')
	{
		GiveEvent(splitter, inner, outer->payload, scan.has_nul, &envelope);
		return;
	}
	/* offsets within such a string are those of the string */
	if (scan.has_nul)
		inner = JScanWithoutNuls(inner, outer->payload, &(int32) {0}, &error);
	JReaderInit(&reader, inner, outer->payload, splitter->options->encoding, &error);
	if (JReaderNext(&reader))
	{
		JStr		decoded = JReaderString(&reader);
		int32		start = JScanSpace(decoded, 0);

		if (JScanValue(decoded, start, &scan, &error))
			GiveEvent(splitter, decoded, outer->payload, scan.has_nul, &envelope);
	}
	JReaderFree(&reader);
	if (error.code != NULL)
	{
		error.offset = outer->payload;
		Reject(splitter, JSTR_NULL, &error);
	}
}

/* Gives out what is in one value, which the look has been over. */
static JPayloadForm
GiveValue(Splitter *splitter, JStr text, int32 from, const JScan *scan)
{
	JPayloadError error = {0};
	JPayloadEnvelope envelope;

	if (text.data[from] == '[')
	{
		GiveArray(splitter, text, from, &no_envelope);
		return JFORM_ARRAY;
	}
	if (text.data[from] == '{' && !scan->has_type && scan->batch > 0 && scan->batch < text.len &&
		text.data[scan->batch] == '[')
	{
		if (ReadEnvelope(text, from, scan->batch, &envelope, splitter->options, &error))
			GiveArray(splitter, text, scan->batch, &envelope);
		else
			Reject(splitter, JSTR_NULL, &error);
		return JFORM_BATCH;
	}
	if (text.data[from] == '{' && !scan->has_type && scan->payload > 0 && scan->payload < text.len &&
		(text.data[scan->payload] == '{' || text.data[scan->payload] == '"'))
	{
		GiveArchive(splitter, text, from, scan);
		return JFORM_ARCHIVE;
	}
	GiveEvent(splitter, (JStr) {text.data + from, scan->end - from}, from, scan->has_nul, &no_envelope);
	return JFORM_EVENT;
}

/* The next line that is not blank; false at the end. */
static bool
NextLine(JStr text, int32 *at, int32 *start, int32 *end)
{
	while (*at < text.len)
	{
		const char *newline = memchr(text.data + *at, '\n', text.len - *at);

		*end = newline == NULL ? text.len : (int32) (newline - text.data);
		*start = JScanSpace((JStr) {text.data, *end}, *at);
		*at = *end + 1;
		if (*start < *end)
			return true;
	}
	return false;
}

/* Whether a line is one value and nothing else. */
static bool
LineIsValue(JStr text, int32 start, int32 end, JScan *scan, JPayloadError *error)
{
	JStr		line = {text.data, end};

	if (!JScanValue(line, start, scan, error))
		return false;
	start = JScanSpace(line, scan->end);
	return start >= end || JPayloadFail(error, "trailing_text", start);
}

/* Whether a text is JSON lines: more than one, and one of them is an object or array by itself. */
static bool
HasLines(JStr text)
{
	int32		at = 0;
	int32		start,
				end;
	int			lines = 0;
	bool		found = false;
	JScan		scan;

	while (lines < 2 || !found)
	{
		JPayloadError error = {0};

		if (!NextLine(text, &at, &start, &end))
			return false;
		lines++;
		if (!found && (text.data[start] == '{' || text.data[start] == '['))
			found = LineIsValue(text, start, end, &scan, &error);
	}
	return true;
}

static void
GiveLines(Splitter *splitter, JStr text)
{
	int32		at = 0;
	int32		start,
				end;
	JScan		scan;

	while (NextLine(text, &at, &start, &end))
	{
		JPayloadError error = {0};

		if (LineIsValue(text, start, end, &scan, &error))
			(void) GiveValue(splitter, (JStr) {text.data, end}, start, &scan);
		else
			Reject(splitter, (JStr) {text.data + start, end - start}, &error);
	}
}

JPayloadForm
JPayloadRead(JStr payload, const JPayloadOptions *options, JPayloadSink sink, void *arg)
{
	Splitter	splitter = {.options = options, .sink = sink, .arg = arg};
	JPayloadError error = {0};
	JScan		scan;
	int32		from = 0;

	if (payload.len > J_PAYLOAD_BYTES)
		JPayloadFail(&error, "too_large", 0);
	if (payload.len >= 2 && memcmp(payload.data, "\x1f\x8b", 2) == 0)
		JPayloadFail(&error, "gzip", 0);
	/* files may begin with a byte order mark */
	if (payload.len >= 3 && memcmp(payload.data, "\xEF\xBB\xBF", 3) == 0)
		from = 3;
	from = JScanSpace(payload, from);
	if (from == payload.len)
		JPayloadFail(&error, "empty", 0);
	if (error.code == NULL && LineIsValue(payload, from, payload.len, &scan, &error))
		return GiveValue(&splitter, payload, from, &scan);
	if (payload.len <= J_PAYLOAD_BYTES && from < payload.len && HasLines(payload))
	{
		GiveLines(&splitter, payload);
		return JFORM_LINES;
	}
	Reject(&splitter, JSTR_NULL, &error);
	return JFORM_EVENT;
}
