/*
 * payload_target.c
 *		The reader of payloads under any bytes; jansson says what is JSON.
 *
 * Where the two need not agree, by design: numbers of many digits, an escaped NUL in a key, depth; and
 * jansson takes no notice of a zero byte behind a number.
 */
#include "payload_core.h"

#include <jansson.h>

#include "arena.h"
#include "mb/pg_wchar.h"
#include "payload_scan_core.h"

typedef struct Seen
{
	int			count;
	const char *code;			/* of the first */
	JStr		payload;
} Seen;

static json_t *
Load(JStr text, json_error_t *error)
{
	return json_loadb(text.data, text.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, error);
}

/* Raw JSON of an event must be JSON to another reader, too. */
static void
CheckRaw(JStr raw)
{
	json_error_t error;
	json_t	   *value;

	if (JStrIsNull(raw))
		return;
	value = Load(raw, &error);
	Check(value != NULL || json_error_code(&error) == json_error_numeric_overflow ||
		  json_error_code(&error) == json_error_null_byte_in_key, "raw JSON is none");
	Check(value == NULL || json_is_object(value), "raw JSON is no object");
	json_decref(value);
}

static void
Look(const JPayloadEvent *event, void *arg)
{
	Seen	   *seen = arg;

	if (seen->count++ == 0)
		seen->code = event->error.code;
	Check(event->offset >= 0 && event->offset <= seen->payload.len, "an offset of an event");
	if (event->error.code != NULL)
	{
		Check(event->error.offset >= 0, "an offset of an error");
		Check(event->error.what[0] != '\0', "a reason is not in the list");
		return;
	}
	Check(!JStrIsNull(event->field[JF_VISITOR_ID]) && event->field[JF_VISITOR_ID].len > 0, "no visitor");
	Check(!JStrIsNull(event->field[JF_EVENT_ID]), "no id");
	Check(!JStrIsNull(event->field[JF_KIND]), "no kind");
	for (int i = 0; i < JF_COUNT; i++)
	{
		JStr		s = event->field[i];

		Check(JStrIsNull(s) || pg_encoding_verifymbstr(PG_UTF8, s.data, s.len) == s.len, "a field is no UTF-8");
	}
	CheckRaw(event->field[JF_PROPERTIES]);
	for (int i = 0; i < JTRAITS_COUNT; i++)
		CheckRaw(event->traits[i]);
}

static bool
IsOneOf(const char *code, const char *const *codes)
{
	for (; code != NULL && *codes != NULL; codes++)
	{
		if (strcmp(code, *codes) == 0)
			return true;
	}
	return false;
}

/* Whether jansson agrees on what is JSON, for a payload that is to be one event. */
static void
Compare(JStr payload, const Seen *seen)
{
	static const char *const unreadable[] = {
		"syntax", "truncated", "trailing_text", "unicode", "encoding", "empty", NULL
	};
	static const char *const ours_alone[] = {
		"number", "too_deep", "too_many_values", "nul_in_key", "too_large", "gzip", NULL
	};
	json_error_t error;
	json_t	   *value;
	bool		readable = !IsOneOf(seen->code, unreadable);

	if (IsOneOf(seen->code, ours_alone))
		return;
	if (memchr(payload.data, 0, payload.len) != NULL)
	{
		Check(!readable, "a zero byte is read");
		return;
	}
	value = Load(payload, &error);
	if (value == NULL && (json_error_code(&error) == json_error_numeric_overflow ||
						  json_error_code(&error) == json_error_null_byte_in_key))
		return;
	if (value == NULL && readable)
		fprintf(stderr, "jansson: %s\n", error.text);
	Check(readable == (value != NULL), "jansson reads what we do not, or the other way round");
	json_decref(value);
}

static void
Run(const uint8_t *data, size_t size)
{
	JPayloadOptions options = {
		.encoding = PG_UTF8, .verify = true, .received_at = J_NO_TIME, .default_revenue = true
	};
	JStr		payload = ArenaCopy(data, size);
	Seen		seen = {.payload = payload};
	JScan		scan;
	JPayloadError error = {0};
	JPayloadForm form = JPayloadRead(payload, &options, Look, &seen);
	bool		is_object = JScanSpace(payload, 0) < payload.len && payload.data[JScanSpace(payload, 0)] == '{';

	if (form == JFORM_EVENT)
	{
		Check(seen.count == 1, "one event is not one");
		/* an envelope that cannot be read is an event, too: there is nothing to compare then */
		if (is_object && JScanValue(payload, JScanSpace(payload, 0), &scan, &error))
			Compare(payload, &seen);
	}
	options.wire = true;
	options.received_at = 0;
	(void) JPayloadRead(payload, &options, Look, &seen);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ArenaBegin();
	Run(data, size);
	ArenaEnd();
	return 0;
}
