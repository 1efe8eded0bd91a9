/*
 * timeline_json.c
 *		The text form of a timeline: a JSON array with one object per event.
 *
 * Dumps hold this form, so it must give back exactly what it was made of: numbers keep all of
 * their digits. So it is read with the server's own lexer, token by token, and nested objects by
 * jsonb's input function, rather than by a JSON library that turns numbers into machine ones.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "timeline.h"

/*
 * The keys of an event's object: the columns of journey.event, then the first and last time of its
 * copies.
 */
static const char *const keys[] = {
	"event_id", "visitor_id", "user_id", "event_time", "received_at", "kind", "name", "url",
	"referrer", "revenue", "currency", "order_id", "source", "medium", "campaign", "term",
	"content", "session_key", "previous_id", "platform", "properties", "traits", "copies"
};
#define J_KEY_COPIES J_EVENT_COLUMNS

StaticAssertDecl(lengthof(keys) == J_KEY_COPIES + 1, "keys must match journey.event");

/* -----------------------------------------------------------------------------------------------
 * writing
 * -----------------------------------------------------------------------------------------------
 */

/* Appends a time in UTC, always with microseconds, whatever the session's settings. */
static void
WriteTime(StringInfo out, int64 time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range in a timeline");
	appendStringInfo(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ%s\"",
					 tm.tm_year > 0 ? tm.tm_year : 1 - tm.tm_year, tm.tm_mon, tm.tm_mday,
					 tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec, tm.tm_year > 0 ? "" : " BC");
}

/* Appends a field's value. `scratch` saves an allocation per string. */
static void
WriteField(StringInfo out, StringInfo scratch, JField field, JStr value)
{
	if (field == JF_PROPERTIES || field == JF_TRAITS ||
		(field == JF_REVENUE && IsValidJsonNumber(value.data, value.len)))
	{
		appendBinaryStringInfo(out, value.data, value.len);
		return;
	}
	resetStringInfo(scratch);
	appendBinaryStringInfo(scratch, value.data, value.len);
	escape_json(out, scratch->data);
}

/* Appends a key, after a comma unless it is the object's first. */
static void
WriteKey(StringInfo out, int key)
{
	if (out->data[out->len - 1] != '{')
		appendStringInfoString(out, ", ");
	appendStringInfo(out, "\"%s\": ", keys[key]);
}

static void
WriteEvent(StringInfo out, StringInfo scratch, const JEvent *event)
{
	appendStringInfoChar(out, '{');
	for (int i = 0; i < JF_COUNT; i++)
	{
		if (JFieldColumn(i) == J_COLUMN_RECEIVED_AT + 1)
		{
			WriteKey(out, J_COLUMN_EVENT_TIME);
			WriteTime(out, event->time);
			if (event->received_at != J_NO_TIME)
			{
				WriteKey(out, J_COLUMN_RECEIVED_AT);
				WriteTime(out, event->received_at);
			}
		}
		if (JStrIsNull(event->field[i]))
			continue;
		WriteKey(out, JFieldColumn(i));
		WriteField(out, scratch, i, event->field[i]);
	}
	if (event->first_copy != event->time || event->last_copy != event->time)
	{
		WriteKey(out, J_KEY_COPIES);
		appendStringInfoChar(out, '[');
		WriteTime(out, event->first_copy);
		appendStringInfoString(out, ", ");
		WriteTime(out, event->last_copy);
		appendStringInfoChar(out, ']');
	}
	appendStringInfoChar(out, '}');
}

void
JTimelineWriteJson(StringInfo out, JTimelineReader *reader)
{
	StringInfoData scratch;
	JEvent		event;
	bool		first = true;

	initStringInfo(&scratch);
	appendStringInfoChar(out, '[');
	while (JTimelineNext(reader, &event))
	{
		CHECK_FOR_INTERRUPTS();
		if (!first)
			appendStringInfoString(out, ", ");
		first = false;
		WriteEvent(out, &scratch, &event);
	}
	appendStringInfoChar(out, ']');
	pfree(scratch.data);
}

/* -----------------------------------------------------------------------------------------------
 * reading
 * -----------------------------------------------------------------------------------------------
 */

pg_noreturn static void
InvalidInput(const char *detail, const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s", "timeline"),
			 errdetail_internal(detail, argument)));
}

/* Goes on to the next token. */
static void
Advance(JsonLexContext *lex)
{
	JsonParseErrorType error = json_lex(lex);

	if (error != JSON_SUCCESS)
		InvalidInput("%s", json_errdetail(error, lex));
}

/* The current token must be this one. */
static void
Expect(JsonLexContext *lex, JsonTokenType token, const char *what)
{
	if (lex->token_type != token)
		InvalidInput(lex->token_type == JSON_TOKEN_END ? "Expected %s, but the input ended." :
					 "Expected %s.", what);
}

/* A number of exactly `digits` digits at *p, or -1. */
static int
ReadDigits(const char **p, int digits)
{
	int			value = 0;

	while (digits-- > 0)
	{
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + *(*p)++ - '0';
	}
	return value;
}

/*
 * Parses yyyy-mm-ddThh:mm:ss.ffffffZ, with " BC" at the end perhaps: the server's own input would
 * look at DateStyle and TimeZone.
 */
static bool
ParseTime(const char *s, int64 *time)
{
	struct pg_tm tm = {0};
	fsec_t		fsec = 0;
	int			utc = 0;
	int			year_digits = strspn(s, "0123456789");
	int			digits = 0;

	if (year_digits < 4 || year_digits > 6)
		return false;
	tm.tm_year = ReadDigits(&s, year_digits);
	if (*s++ != '-' || (tm.tm_mon = ReadDigits(&s, 2)) < 1 || tm.tm_mon > MONTHS_PER_YEAR ||
		*s++ != '-' || (tm.tm_mday = ReadDigits(&s, 2)) < 1 ||
		*s++ != 'T' || (tm.tm_hour = ReadDigits(&s, 2)) < 0 || tm.tm_hour >= HOURS_PER_DAY ||
		*s++ != ':' || (tm.tm_min = ReadDigits(&s, 2)) < 0 || tm.tm_min >= MINS_PER_HOUR ||
		*s++ != ':' || (tm.tm_sec = ReadDigits(&s, 2)) < 0 || tm.tm_sec >= SECS_PER_MINUTE)
		return false;
	if (*s == '.')
	{
		for (s++; digits < 6 && *s >= '0' && *s <= '9'; digits++)
			fsec = fsec * 10 + *s++ - '0';
		if (digits == 0)
			return false;
		for (; digits < 6; digits++)
			fsec *= 10;
	}
	if (*s++ != 'Z' || tm.tm_year == 0)
		return false;
	if (strcmp(s, " BC") == 0)
		tm.tm_year = 1 - tm.tm_year;
	else if (*s != '\0')
		return false;
	return tm.tm_mday <= day_tab[isleap(tm.tm_year)][tm.tm_mon - 1] &&
		tm2timestamp(&tm, fsec, &utc, time) == 0;
}

static int64
ReadTime(JsonLexContext *lex, const char *key)
{
	int64		time;

	if (lex->token_type != JSON_TOKEN_STRING || !ParseTime(lex->strval->data, &time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "timeline"),
				 errdetail("\"%s\" is not a time.", key),
				 errhint("Times are in UTC, such as \"2026-01-31T12:00:00.000000Z\".")));
	return time;
}

static void
ReadCopies(JsonLexContext *lex, JEvent *event)
{
	Expect(lex, JSON_TOKEN_ARRAY_START, "an array of two times");
	Advance(lex);
	event->first_copy = ReadTime(lex, keys[J_KEY_COPIES]);
	Advance(lex);
	Expect(lex, JSON_TOKEN_COMMA, "a second time");
	Advance(lex);
	event->last_copy = ReadTime(lex, keys[J_KEY_COPIES]);
	Advance(lex);
	Expect(lex, JSON_TOKEN_ARRAY_END, "the end of the array of two times");
}

/* A number, in the form that the server writes. */
static JStr
ReadNumeric(JsonLexContext *lex)
{
	char	   *text;
	Datum		number;

	if (lex->token_type == JSON_TOKEN_STRING)
		text = lex->strval->data;
	else if (lex->token_type == JSON_TOKEN_NUMBER)
		text = pnstrdup(lex->token_start, lex->token_terminator - lex->token_start);
	else
		InvalidInput("\"%s\" must be a number.", keys[JFieldColumn(JF_REVENUE)]);
	number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	text = DatumGetCString(DirectFunctionCall1(numeric_out, number));
	return (JStr) {text, (int32) strlen(text)};
}

/* Any JSON value, in the form that jsonb writes; ends at its last token. */
static JStr
ReadJson(JsonLexContext *lex)
{
	const char *start = lex->token_start;
	int			depth = 0;
	char	   *text;

	if (lex->token_type == JSON_TOKEN_END)
		Expect(lex, JSON_TOKEN_OBJECT_START, "a JSON value");
	for (;;)
	{
		JsonTokenType token = lex->token_type;

		if (token == JSON_TOKEN_OBJECT_START || token == JSON_TOKEN_ARRAY_START)
			depth++;
		else if (token == JSON_TOKEN_OBJECT_END || token == JSON_TOKEN_ARRAY_END)
			depth--;
		if (depth <= 0 || token == JSON_TOKEN_END)
			break;
		Advance(lex);
	}
	text = pnstrdup(start, lex->token_terminator - start);
	text = DatumGetCString(DirectFunctionCall1(jsonb_out,
											   DirectFunctionCall1(jsonb_in,
																   CStringGetDatum(text))));
	return (JStr) {text, (int32) strlen(text)};
}

static void
ReadField(JsonLexContext *lex, int key, JEvent *event)
{
	JField		field = key < J_COLUMN_EVENT_TIME ? key : key - 2;

	if (lex->token_type == JSON_TOKEN_NULL)
		return;
	if (key == J_COLUMN_EVENT_TIME)
		event->time = ReadTime(lex, keys[key]);
	else if (key == J_COLUMN_RECEIVED_AT)
		event->received_at = ReadTime(lex, keys[key]);
	else if (key == J_KEY_COPIES)
		ReadCopies(lex, event);
	else if (field == JF_REVENUE)
		event->field[field] = ReadNumeric(lex);
	else if (field == JF_PROPERTIES || field == JF_TRAITS)
		event->field[field] = ReadJson(lex);
	else if (lex->token_type == JSON_TOKEN_STRING)
	{
		StringInfo	value = lex->strval;

		event->field[field] = (JStr) {pnstrdup(value->data, value->len), value->len};
	}
	else
		InvalidInput("\"%s\" must be a string.", keys[key]);
}

/* The number of the current key, which must be known and new in this object. */
static int
ReadKey(JsonLexContext *lex, uint32 *seen)
{
	int			key = 0;

	Expect(lex, JSON_TOKEN_STRING, "the name of a field");
	while (key < lengthof(keys) && strcmp(lex->strval->data, keys[key]) != 0)
		key++;
	if (key == lengthof(keys))
	{
		StringInfoData known;

		initStringInfo(&known);
		for (int i = 0; i < lengthof(keys); i++)
			appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", keys[i]);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "timeline"),
				 errdetail("An event has no field \"%s\".", lex->strval->data),
				 errhint("Its fields are %s.", known.data)));
	}
	if (*seen & (1 << key))
		InvalidInput("An event has the field \"%s\" twice.", keys[key]);
	*seen |= 1 << key;
	return key;
}

/* One event; begins and ends at its braces. */
static void
ReadEvent(JsonLexContext *lex, JEvent *event)
{
	uint32		seen = 0;

	memset(event, 0, sizeof(JEvent));
	event->time = event->received_at = event->first_copy = J_NO_TIME;
	Expect(lex, JSON_TOKEN_OBJECT_START, "an event in braces");
	Advance(lex);
	while (lex->token_type != JSON_TOKEN_OBJECT_END)
	{
		int			key = ReadKey(lex, &seen);

		Advance(lex);
		Expect(lex, JSON_TOKEN_COLON, "a colon");
		Advance(lex);
		ReadField(lex, key, event);
		Advance(lex);
		if (lex->token_type != JSON_TOKEN_COMMA)
			break;
		Advance(lex);
		Expect(lex, JSON_TOKEN_STRING, "the name of a field");
	}
	Expect(lex, JSON_TOKEN_OBJECT_END, "a comma or the end of the event");

	if (event->time == J_NO_TIME)
		InvalidInput("An event has no \"%s\".", keys[J_COLUMN_EVENT_TIME]);
	if (event->first_copy == J_NO_TIME)
		event->first_copy = event->last_copy = event->time;
	if (event->first_copy > event->time || event->last_copy < event->time)
		InvalidInput("\"%s\" of an event must enclose its time.", keys[J_KEY_COPIES]);
}

JEvent *
JTimelineReadJson(const char *json, int *n)
{
	JsonLexContext *lex = makeJsonLexContextCstringLen(NULL, unconstify(char *, json), strlen(json),
													   GetDatabaseEncoding(), true);
	int			allocated = 16;
	JEvent	   *events = palloc_array(JEvent, allocated);

	*n = 0;
	Advance(lex);
	Expect(lex, JSON_TOKEN_ARRAY_START, "an array of events");
	Advance(lex);
	while (lex->token_type != JSON_TOKEN_ARRAY_END || *n > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (*n == JTIMELINE_MAX_EVENTS)
			JTimelineTooLarge();
		if (*n == allocated)
		{
			allocated *= 2;
			events = repalloc_huge(events, sizeof(JEvent) * (Size) allocated);
		}
		ReadEvent(lex, &events[(*n)++]);
		Advance(lex);
		if (lex->token_type != JSON_TOKEN_COMMA)
			break;
		Advance(lex);
	}
	Expect(lex, JSON_TOKEN_ARRAY_END, "a comma or the end of the array");
	Advance(lex);
	Expect(lex, JSON_TOKEN_END, "nothing after the array");
	return events;
}
