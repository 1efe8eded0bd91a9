/*
 * payload_core.c
 *		One event out of its JSON: the rules of time, ids, names, traits, campaign, page, revenue.
 *
 * What a payload is as a whole (a batch, an array, lines) is payload_form_core.c's to find out.
 */
#include "payload_core.h"

#include "common/jsonapi.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"

#include "identity_core.h"
#include "payload_read_core.h"
#include "time_core.h"

/* --------------------------------------------------------------------------------------------
 * tokens
 * --------------------------------------------------------------------------------------------
 */

void
JReaderInit(JReader *reader, JStr text, int32 base, int encoding, JPayloadError *error)
{
	memset(reader, 0, sizeof(*reader));
	reader->text = text;
	reader->base = base;
	reader->error = error;
	reader->lex = makeJsonLexContextCstringLen(NULL, unconstify(char *, text.data), text.len, encoding,
											   true);
	reader->unescaped = reader->lex->strval;
	JLexSetUnescapes(reader->lex, false, reader->unescaped);
}

void
JReaderFree(JReader *reader)
{
	pfree(reader->unescaped->data);
	pfree(reader->unescaped);
	pfree(reader->lex);
}

static inline JStr
TokenText(const JReader *reader)
{
	const JsonLexContext *lex = reader->lex;

	return (JStr) {lex->token_start, (int32) (lex->token_terminator - lex->token_start)};
}

static bool
FailAtToken(JReader *reader, const char *code)
{
	const char *at = reader->lex->token_start;

	if (at == NULL)
		at = reader->text.data + reader->text.len;
	return JPayloadFail(reader->error, code, reader->base + (int32) (at - reader->text.data));
}

/* Whether all digits of a number can be written out. */
static bool
IsShortNumber(JStr number)
{
	const char *exponent = memchr(number.data, 'e', number.len);
	int			value = 0;

	if (number.len > J_PAYLOAD_DIGITS)
		return false;
	if (exponent == NULL)
		exponent = memchr(number.data, 'E', number.len);
	if (exponent == NULL)
		return true;
	for (exponent++; exponent < number.data + number.len && value <= J_PAYLOAD_DIGITS; exponent++)
	{
		if (*exponent != '+' && *exponent != '-')
			value = value * 10 + (*exponent - '0');
	}
	return value <= J_PAYLOAD_DIGITS;
}

/* Lexes the current token, a string with escapes, once more: what they stand for, and whether they stand for anything. */
static JsonParseErrorType
Unescape(JReader *reader)
{
	JsonParseErrorType result;

	JLexSetUnescapes(reader->lex, true, reader->unescaped);
	reader->lex->token_terminator = reader->lex->token_start;
	result = json_lex(reader->lex);
	JLexSetUnescapes(reader->lex, false, reader->unescaped);
	reader->string = (JStr) {reader->unescaped->data, reader->unescaped->len};
	return result;
}

/* The next token; false with the error where there is none. At the end it is JSON_TOKEN_END. */
bool
JReaderNext(JReader *reader)
{
	JsonParseErrorType result;
	const char *at;

	if (reader->error->code != NULL)
		return false;
	if (++reader->tokens > J_PAYLOAD_TOKENS)
		return FailAtToken(reader, "too_many_values");
	result = json_lex(reader->lex);
	if (result == JSON_SUCCESS && reader->lex->token_type == JSON_TOKEN_STRING)
	{
		JStr		token = TokenText(reader);

		reader->string = (JStr) {token.data + 1, token.len - 2};
		if (memchr(reader->string.data, '\\', reader->string.len) != NULL)
			result = Unescape(reader);
	}
	if (result == JSON_SUCCESS)
	{
		if (reader->lex->token_type == JSON_TOKEN_NUMBER && !IsShortNumber(TokenText(reader)))
			return FailAtToken(reader, "number");
		return true;
	}
	at = Min(Max(reader->lex->token_terminator, reader->text.data),
			 reader->text.data + reader->text.len);
	switch (result)
	{
		case JSON_UNICODE_CODE_POINT_ZERO:
		case JSON_UNICODE_ESCAPE_FORMAT:
		case JSON_UNICODE_HIGH_ESCAPE:
		case JSON_UNICODE_HIGH_SURROGATE:
		case JSON_UNICODE_LOW_SURROGATE:
			return JPayloadFail(reader->error, "unicode", reader->base + (int32) (at - reader->text.data));
		default:
			return JPayloadFail(reader->error, "syntax", reader->base + (int32) (at - reader->text.data));
	}
}

JStr
JReaderString(const JReader *reader)
{
	JStr		string = reader->string;

	if (string.data == reader->unescaped->data)
		string.data = pnstrdup(string.data, string.len);
	return string;
}

static bool
Expect(JReader *reader, JsonTokenType type)
{
	if (reader->error->code != NULL)
		return false;
	return reader->lex->token_type == type || FailAtToken(reader, "syntax");
}

static bool
NextIs(JReader *reader, JsonTokenType type)
{
	return JReaderNext(reader) && Expect(reader, type);
}

/* Reads a key and its colon, from the key on; then the first token of the value is the current one. */
static bool
KeyAndColon(JReader *reader)
{
	return Expect(reader, JSON_TOKEN_STRING) && NextIs(reader, JSON_TOKEN_COLON) && JReaderNext(reader);
}

bool
JReaderSkip(JReader *reader)
{
	uint64		object[J_PAYLOAD_DEPTH / 64] = {0};
	int			depth = 0;

	for (;;)
	{
		JsonTokenType type = reader->lex->token_type;
		bool		opened = type == JSON_TOKEN_OBJECT_START || type == JSON_TOKEN_ARRAY_START;

		if (opened)
		{
			if (depth == J_PAYLOAD_DEPTH)
				return FailAtToken(reader, "too_deep");
			object[depth / 64] &= ~(UINT64CONST(1) << (depth % 64));
			if (type == JSON_TOKEN_OBJECT_START)
				object[depth / 64] |= UINT64CONST(1) << (depth % 64);
			depth++;
		}
		else if (type != JSON_TOKEN_STRING && type != JSON_TOKEN_NUMBER && type != JSON_TOKEN_TRUE &&
				 type != JSON_TOKEN_FALSE && type != JSON_TOKEN_NULL)
			return FailAtToken(reader, "syntax");

		/* what follows: an end, or the next value */
		for (;;)
		{
			bool		in_object;

			if (depth == 0)
				return true;
			in_object = (object[(depth - 1) / 64] >> ((depth - 1) % 64)) & 1;
			if (!JReaderNext(reader))
				return false;
			type = reader->lex->token_type;
			if (type == (in_object ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END))
			{
				depth--;
				opened = false;
				continue;
			}
			if (!opened)
			{
				if (!Expect(reader, JSON_TOKEN_COMMA) || !JReaderNext(reader))
					return false;
			}
			if (in_object && !KeyAndColon(reader))
				return false;
			break;
		}
	}
}

/*
 * The next member of an object whose brace or last value is the current token: its key's place in
 * the table, or -1; the first token of its value is the current one then. False at the end.
 */
static bool
NextMember(JReader *reader, const JStr *keys, int n, bool *first, int *key)
{
	if (!JReaderNext(reader))
		return false;
	if (reader->lex->token_type == JSON_TOKEN_OBJECT_END)
		return false;
	if (!*first && (!Expect(reader, JSON_TOKEN_COMMA) || !JReaderNext(reader)))
		return false;
	*first = false;
	if (!Expect(reader, JSON_TOKEN_STRING))
		return false;
	*key = -1;
	for (int i = 0; i < n && *key < 0; i++)
	{
		if (JStrEqual(keys[i], reader->string))
			*key = i;
	}
	return KeyAndColon(reader);
}

/* The value as text: a string that is not empty, a number or a word as written; else NULL. */
static JStr
ScalarText(JReader *reader)
{
	switch (reader->lex->token_type)
	{
		case JSON_TOKEN_STRING:
			return reader->string.len == 0 ? JSTR_NULL : JReaderString(reader);
		case JSON_TOKEN_NUMBER:
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			return TokenText(reader);
		default:
			return JSTR_NULL;
	}
}

/* Reads a value into a field. */
static void
ReadField(JReader *reader, JStr *field)
{
	*field = ScalarText(reader);
	(void) JReaderSkip(reader);
}

/* Reads a time, which only a string is. */
void
JReaderTime(JReader *reader, int64 *time)
{
	*time = J_NO_TIME;
	if (reader->lex->token_type == JSON_TOKEN_STRING && !JTimeFromIso(reader->string, time))
		*time = J_NO_TIME;
	(void) JReaderSkip(reader);
}

/* --------------------------------------------------------------------------------------------
 * objects of an event
 * --------------------------------------------------------------------------------------------
 */

/*
 * Reads an object of traits and keeps it as it stands. One like {"0": "a", "1": "b"} is a string
 * that an SDK took apart, and no traits.
 */
static void
ReadTraits(JReader *reader, JStr *traits)
{
	const char *start = reader->lex->token_start;
	bool		first = true;
	bool		spread = true;
	int			key;

	*traits = JSTR_NULL;
	if (reader->lex->token_type != JSON_TOKEN_OBJECT_START)
	{
		(void) JReaderSkip(reader);
		return;
	}
	for (int i = 0;; i++)
	{
		char		digits[16];
		JStr		place = {digits, spread ? snprintf(digits, sizeof(digits), "%d", i) : 0};

		if (!NextMember(reader, &place, spread, &first, &key))
			break;
		if (key < 0 || reader->lex->token_type != JSON_TOKEN_STRING || reader->string.len > 4)
			spread = false;
		if (!JReaderSkip(reader))
			return;
	}
	if (reader->error->code == NULL && !(spread && !first))
		*traits = (JStr) {start, (int32) (reader->lex->token_terminator - start)};
}

static void
ReadPage(JReader *reader, JPayloadContext *context)
{
	static const JStr keys[] = {JSTR_LIT("url"), JSTR_LIT("referrer")};
	bool		first = true;
	int			key;

	context->page_url = context->page_referrer = JSTR_NULL;
	if (reader->lex->token_type != JSON_TOKEN_OBJECT_START)
	{
		(void) JReaderSkip(reader);
		return;
	}
	while (NextMember(reader, keys, lengthof(keys), &first, &key))
	{
		if (key < 0)
			(void) JReaderSkip(reader);
		else
			ReadField(reader, key == 0 ? &context->page_url : &context->page_referrer);
	}
}

static void
ReadCampaign(JReader *reader, JPayloadContext *context)
{
	static const JStr keys[J_CAMPAIGN_FIELDS + 1] = {
		JSTR_LIT("source"), JSTR_LIT("medium"), JSTR_LIT("name"), JSTR_LIT("term"), JSTR_LIT("content"),
		JSTR_LIT("id")
	};
	bool		first = true;
	int			key;

	memset(context->campaign, 0, sizeof(context->campaign));
	context->campaign_id = JSTR_NULL;
	if (reader->lex->token_type != JSON_TOKEN_OBJECT_START)
	{
		(void) JReaderSkip(reader);
		return;
	}
	while (NextMember(reader, keys, lengthof(keys), &first, &key))
	{
		if (key < 0)
			(void) JReaderSkip(reader);
		else
			ReadField(reader, key == J_CAMPAIGN_FIELDS ? &context->campaign_id : &context->campaign[key]);
	}
}

void
JReaderContext(JReader *reader, JPayloadContext *context)
{
	static const JStr keys[] = {
		JSTR_LIT("page"), JSTR_LIT("campaign"), JSTR_LIT("traits"), JSTR_LIT("sessionId"),
		JSTR_LIT("ip"), JSTR_LIT("userAgent")
	};
	bool		first = true;
	int			key;

	if (reader->lex->token_type != JSON_TOKEN_OBJECT_START)
	{
		context->bad = reader->lex->token_type != JSON_TOKEN_NULL;
		(void) JReaderSkip(reader);
		return;
	}
	context->bad = false;
	while (NextMember(reader, keys, lengthof(keys), &first, &key))
	{
		switch (key)
		{
			case 0:
				ReadPage(reader, context);
				break;
			case 1:
				ReadCampaign(reader, context);
				break;
			case 2:
				ReadTraits(reader, &context->traits);
				break;
			case 3:
				ReadField(reader, &context->session_id);
				break;
			case 4:
				ReadField(reader, &context->ip);
				break;
			case 5:
				ReadField(reader, &context->user_agent);
				break;
			default:
				(void) JReaderSkip(reader);
		}
	}
}

/* Properties that are fields, too. */
typedef enum PropertyKey
{
	PROPERTY_URL,
	PROPERTY_REFERRER,
	PROPERTY_NAME,
	PROPERTY_CURRENCY,
	PROPERTY_ORDER_ID,
	PROPERTY_ORDER_ID_CAMEL,
	PROPERTY_REVENUE,
	PROPERTY_TOTAL,
	PROPERTY_COUNT				/* behind it, those that the options name as amounts */
} PropertyKey;

#define MAX_AMOUNTS 32

/* An event while it is read. */
typedef struct Draft
{
	JPayloadEvent *event;
	JPayloadContext context;
	JStr		type;
	JStr		anonymous_id;
	JStr		user_id;
	JStr		event_name;		/* "event" */
	JStr		name;			/* "name" */
	JStr		request_ip;
	JStr		properties;		/* raw */
	JStr		traits;
	JStr		user_properties;
	JStr		keys[PROPERTY_COUNT + MAX_AMOUNTS];
	JStr		property[PROPERTY_COUNT + MAX_AMOUNTS];
	int			n_keys;
	int64		timestamp;
	int64		original;
	int64		sent_at;
	int64		received_at;
} Draft;

static void
ReadProperties(JReader *reader, Draft *draft)
{
	const char *start = reader->lex->token_start;
	bool		first = true;
	int			key;

	memset(draft->property, 0, sizeof(draft->property));
	draft->properties = JSTR_NULL;
	if (reader->lex->token_type != JSON_TOKEN_OBJECT_START)
	{
		(void) JReaderSkip(reader);
		return;
	}
	while (NextMember(reader, draft->keys, draft->n_keys, &first, &key))
	{
		if (key < 0)
			(void) JReaderSkip(reader);
		else
			ReadField(reader, &draft->property[key]);
	}
	if (reader->error->code == NULL)
		draft->properties = (JStr) {start, (int32) (reader->lex->token_terminator - start)};
}

/* What to look for in properties. */
static void
SetKeys(Draft *draft, const JPayloadOptions *options)
{
	static const JStr keys[PROPERTY_COUNT] = {
		[PROPERTY_URL] = JSTR_LIT("url"), [PROPERTY_REFERRER] = JSTR_LIT("referrer"),
		[PROPERTY_NAME] = JSTR_LIT("name"), [PROPERTY_CURRENCY] = JSTR_LIT("currency"),
		[PROPERTY_ORDER_ID] = JSTR_LIT("order_id"), [PROPERTY_ORDER_ID_CAMEL] = JSTR_LIT("orderId"),
		[PROPERTY_REVENUE] = JSTR_LIT("revenue"), [PROPERTY_TOTAL] = JSTR_LIT("total")
	};

	memcpy(draft->keys, keys, sizeof(keys));
	draft->n_keys = PROPERTY_COUNT;
	for (int i = 0; i < options->n_revenue; i++)
	{
		for (int n = 0; n < options->revenue[i].n; n++)
		{
			int			k = 0;

			while (k < draft->n_keys && !JStrEqual(draft->keys[k], options->revenue[i].properties[n]))
				k++;
			if (k == draft->n_keys && k < (int) lengthof(draft->keys))
				draft->keys[draft->n_keys++] = options->revenue[i].properties[n];
		}
	}
}

/* Keys of an event, in the order of the cases in ReadMembers(). */
static const JStr event_keys[] = {
	JSTR_LIT("type"), JSTR_LIT("anonymousId"), JSTR_LIT("userId"), JSTR_LIT("messageId"),
	JSTR_LIT("event"), JSTR_LIT("name"), JSTR_LIT("channel"), JSTR_LIT("timestamp"),
	JSTR_LIT("originalTimestamp"), JSTR_LIT("sentAt"), JSTR_LIT("receivedAt"), JSTR_LIT("context"),
	JSTR_LIT("properties"), JSTR_LIT("traits"), JSTR_LIT("userProperties"), JSTR_LIT("previousId"),
	JSTR_LIT("groupId"), JSTR_LIT("request_ip")
};

static void
ReadMembers(JReader *reader, Draft *draft)
{
	JPayloadEvent *event = draft->event;
	JStr	   *texts[] = {
		&draft->type, &draft->anonymous_id, &draft->user_id, &event->field[JF_EVENT_ID],
		&draft->event_name, &draft->name, &event->field[JF_PLATFORM]
	};
	int64	   *times[] = {&draft->timestamp, &draft->original, &draft->sent_at, &draft->received_at};
	bool		first = true;
	int			key;

	while (NextMember(reader, event_keys, lengthof(event_keys), &first, &key))
	{
		if (key >= 0 && key < (int) lengthof(texts))
			ReadField(reader, texts[key]);
		else if (key >= 7 && key < 7 + (int) lengthof(times))
			JReaderTime(reader, times[key - 7]);
		else if (key == 11)
			JReaderContext(reader, &draft->context);
		else if (key == 12)
			ReadProperties(reader, draft);
		else if (key == 13)
			ReadTraits(reader, &draft->traits);
		else if (key == 14)
			ReadTraits(reader, &draft->user_properties);
		else if (key == 15)
			ReadField(reader, &event->field[JF_PREVIOUS_ID]);
		else if (key == 16)
			ReadField(reader, &event->group_id);
		else if (key == 17)
			ReadField(reader, &draft->request_ip);
		else
			(void) JReaderSkip(reader);
	}
	if (Expect(reader, JSON_TOKEN_OBJECT_END) && JReaderNext(reader) &&
		reader->lex->token_type != JSON_TOKEN_END)
		FailAtToken(reader, "trailing_text");
}

/* --------------------------------------------------------------------------------------------
 * what an event is
 * --------------------------------------------------------------------------------------------
 */

static bool
FoldsTo(JStr s, const char *lower)
{
	if (s.len != (int) strlen(lower))
		return false;
	for (int i = 0; i < s.len; i++)
	{
		char		c = s.data[i];

		if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != lower[i])
			return false;
	}
	return true;
}

/* Bytes at the beginning that are white space or an invisible character in UTF-8; 0 where none are. */
static int
InvisibleBytes(JStr s)
{
	const unsigned char *p = (const unsigned char *) s.data;

	if (p[0] <= ' ' || p[0] == 0x7F)
		return 1;
	if (s.len >= 2 && p[0] == 0xC2 && (p[1] <= 0xA0 || p[1] == 0xAD))
		return 2;
	if (s.len >= 3 && p[0] == 0xE2 && p[1] == 0x80 &&
		(p[2] <= 0x8F || (p[2] >= 0xA8 && p[2] <= 0xAF)))
		return 3;				/* U+2000 to 200F, 2028 to 202F */
	if (s.len >= 3 && p[0] == 0xE2 && p[1] == 0x81 && (p[2] == 0x9F || (p[2] >= 0xA0 && p[2] <= 0xAF)))
		return 3;				/* U+205F to 206F */
	if (s.len >= 3 && ((p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF) ||
					   (p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80)))
		return 3;				/* U+FEFF, U+3000 */
	return 0;
}

/* An id as it was sent, NULL where nothing can be seen of it. */
static JStr
VisibleId(JStr id, int encoding)
{
	JStr		rest = id;

	if (JStrIsNull(id))
		return id;
	while (rest.len > 0)
	{
		int			n = encoding == PG_UTF8 ? InvisibleBytes(rest) : (unsigned char) rest.data[0] <= ' ';

		if (n == 0)
			break;
		rest.data += n;
		rest.len -= n;
	}
	return rest.len == 0 ? JSTR_NULL : id;
}

/* The same, NULL where its value is blocked, too. */
static JStr
CleanId(JStr id, const JPayloadOptions *options)
{
	id = VisibleId(id, options->encoding);
	return JStrIsNull(id) || (!options->raw_ids && JIdIsBlocked(id)) ? JSTR_NULL : id;
}

static bool
SetKind(Draft *draft)
{
	static const char *const kinds[] = {"track", "page", "screen", "identify", "group", "alias"};
	JPayloadEvent *event = draft->event;

	if (JStrIsNull(draft->type))
		return JPayloadFail(&event->error, "no_type", event->offset);
	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		if (FoldsTo(draft->type, kinds[i]))
		{
			event->field[JF_KIND] = (JStr) {kinds[i], (int32) strlen(kinds[i])};
			return true;
		}
	}
	return JPayloadFail(&event->error, FoldsTo(draft->type, "delete") ? "delete" : "unknown_type",
						event->offset);
}

static bool
SetIds(Draft *draft, const JPayloadOptions *options)
{
	JPayloadEvent *event = draft->event;
	JStr		visitor = CleanId(draft->anonymous_id, options);
	JStr		user = CleanId(draft->user_id, options);

	event->field[JF_USER_ID] = user;
	event->field[JF_VISITOR_ID] = visitor;
	if (!JStrIsNull(visitor) || options->raw_ids)
		return true;
	if (JStrIsNull(user))
		return JPayloadFail(&event->error, "no_id", event->offset);
	event->visitor_is_user = true;
	event->field[JF_VISITOR_ID] = (JStr) {
		psprintf("user:%.*s", user.len, user.data), user.len + 5
	};
	return true;
}

/*
 * The vendors' formula: the client's own time, corrected by what its clock was wrong when it sent.
 * What was received never, as in a capture before any gateway, is as old as it says itself.
 */
static bool
SetTimes(Draft *draft, const JPayloadOptions *options)
{
	JPayloadEvent *event = draft->event;
	int64		original = draft->original;
	int64		received = draft->received_at;
	int64		time;

	if (options->received_at != J_NO_TIME && (options->wire || received == J_NO_TIME))
		received = options->received_at;
	if (options->wire && original == J_NO_TIME)
	{
		original = draft->timestamp;
		draft->timestamp = J_NO_TIME;
	}
	event->received_at = received;
	if (draft->timestamp != J_NO_TIME)
		time = draft->timestamp;
	else if (received != J_NO_TIME)
		time = received - ((draft->sent_at != J_NO_TIME ? draft->sent_at : received) -
						   (original != J_NO_TIME ? original : received));
	else if (original != J_NO_TIME)
		time = original;
	else if (draft->sent_at != J_NO_TIME)
		time = draft->sent_at;
	else
		return JPayloadFail(&event->error, "no_time", event->offset);
	if (!IS_VALID_TIMESTAMP(time))
		return JPayloadFail(&event->error, "time_range", event->offset);
	event->time = time;
	return true;
}

bool
JAmount(JStr text, JStr *amount)
{
	JStr		s = text;
	char	   *copy;

	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '$'))
		s.data++, s.len--;
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '$'))
		s.len--;
	if (s.len > 2 && s.data[0] == '-' && s.data[1] == '$')
	{
		copy = pnstrdup(s.data + 1, s.len - 1);
		copy[0] = '-';
		s = (JStr) {copy, s.len - 1};
	}
	if (s.len > 100 || !IsValidJsonNumber(s.data, s.len))
		return false;
	/* as in tables: what a sum might not hold is no amount */
	for (int i = 0; i < s.len; i++)
	{
		if (s.data[i] != 'e' && s.data[i] != 'E')
			continue;
		i += i + 1 < s.len && (s.data[i + 1] == '-' || s.data[i + 1] == '+');
		if (s.len - i > 3)
			return false;
	}
	*amount = s;
	return true;
}

/* The amount of a property, if it has one. */
static bool
TakeAmount(Draft *draft, JStr name, bool negative)
{
	JStr		amount;

	for (int i = 0; i < draft->n_keys; i++)
	{
		if (!JStrEqual(draft->keys[i], name))
			continue;
		if (JStrIsNull(draft->property[i]) || !JAmount(draft->property[i], &amount))
			return false;
		if (negative && amount.data[0] == '-')
			amount.data++, amount.len--;
		else if (negative)
			amount = (JStr) {psprintf("-%.*s", amount.len, amount.data), amount.len + 1};
		draft->event->field[JF_REVENUE] = amount;
		return true;
	}
	return false;
}

int
JEventSlug(JStr name, char *dest)
{
	int			len = 0;
	bool		gap = false;

	for (int i = 0; i < name.len; i++)
	{
		char		c = name.data[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || IS_HIGHBIT_SET(c))
		{
			if (gap && len > 0)
				dest[len++] = '_';
			dest[len++] = c;
			gap = false;
		}
		else
			gap = true;
	}
	return len;
}

static void
SetRevenue(Draft *draft, const JPayloadOptions *options)
{
	JStr		name = draft->event_name;
	JStr		slug;

	if (JStrIsNull(name))
		return;
	slug.data = palloc(name.len + 1);
	slug.len = JEventSlug(name, unconstify(char *, slug.data));
	if (options->default_revenue)
	{
		if (JStrEqual(slug, JSTR_LIT("order_refunded")) || JStrEqual(slug, JSTR_LIT("order_cancelled")))
			(void) TakeAmount(draft, JSTR_LIT("total"), true);
		else if (!TakeAmount(draft, JSTR_LIT("revenue"), false) &&
				 (JStrEqual(slug, JSTR_LIT("order_completed")) ||
				  JStrEqual(slug, JSTR_LIT("ordercompleted")) ||
				  JStrEqual(slug, JSTR_LIT("completed_order")) ||
				  JStrEqual(slug, JSTR_LIT("completedorder"))))
			(void) TakeAmount(draft, JSTR_LIT("total"), false);
		return;
	}
	for (int i = 0; i < options->n_revenue; i++)
	{
		const JPayloadRevenue *revenue = &options->revenue[i];

		for (int n = 0; n < revenue->n && JStrEqual(revenue->event, slug); n++)
		{
			if (TakeAmount(draft, revenue->properties[n], revenue->negative[n]))
				return;
		}
	}
}

static JStr
Either(JStr a, JStr b)
{
	return JStrIsNull(a) ? b : a;
}

/* An address without what request_ip has around it: [::1]:53708, 192.0.2.1:443. */
static JStr
PlainAddress(JStr ip)
{
	const char *end;

	if (JStrIsNull(ip))
		return ip;
	if (ip.data[0] == '[')
	{
		end = memchr(ip.data, ']', ip.len);
		return end == NULL ? ip : (JStr) {ip.data + 1, (int32) (end - ip.data - 1)};
	}
	end = memchr(ip.data, ':', ip.len);
	if (end != NULL && memchr(end + 1, ':', ip.data + ip.len - end - 1) == NULL)
		ip.len = end - ip.data;
	return ip;
}

static void
SetFields(Draft *draft, const JPayloadOptions *options)
{
	static const JField campaign[J_CAMPAIGN_FIELDS] = {
		JF_SOURCE, JF_MEDIUM, JF_CAMPAIGN, JF_TERM, JF_CONTENT
	};
	JPayloadEvent *event = draft->event;
	JStr	   *field = event->field;
	const JPayloadContext *context = &draft->context;
	char		kind = field[JF_KIND].data[0];
	bool		is_page = JStrEqual(field[JF_KIND], JSTR_LIT("page"));
	bool		is_view = is_page || kind == 's';

	field[JF_URL] = context->page_url;
	field[JF_REFERRER] = context->page_referrer;
	if (kind == 't')
	{
		field[JF_NAME] = draft->event_name;
		field[JF_CURRENCY] = draft->property[PROPERTY_CURRENCY];
		field[JF_ORDER_ID] = Either(draft->property[PROPERTY_ORDER_ID],
									draft->property[PROPERTY_ORDER_ID_CAMEL]);
		SetRevenue(draft, options);
	}
	else if (is_view)
	{
		field[JF_NAME] = Either(draft->name, draft->property[PROPERTY_NAME]);
		event->own_name = JStrIsNull(draft->name);
	}
	if (is_page)
	{
		event->own_url = !JStrIsNull(draft->property[PROPERTY_URL]);
		event->own_referrer = !JStrIsNull(draft->property[PROPERTY_REFERRER]);
		field[JF_URL] = Either(draft->property[PROPERTY_URL], field[JF_URL]);
		field[JF_REFERRER] = Either(draft->property[PROPERTY_REFERRER], field[JF_REFERRER]);
	}
	if (JStrEqual(field[JF_REFERRER], JSTR_LIT("$direct")))
		field[JF_REFERRER] = JSTR_NULL;
	for (int i = 0; i < J_CAMPAIGN_FIELDS; i++)
		field[campaign[i]] = context->campaign[i];
	event->campaign_id = context->campaign_id.len > 0 && (is_view || kind == 't') ?
		context->campaign_id : JSTR_NULL;
	field[JF_SESSION_KEY] = context->session_id;
	field[JF_PROPERTIES] = draft->properties;
	if (kind != 'a')
		field[JF_PREVIOUS_ID] = JSTR_NULL;
	if (kind == 'g')
		field[JF_PROPERTIES] = draft->traits;
	else
		event->group_id = JSTR_NULL;
	if (kind == 'i')
	{
		event->traits[JTRAITS_USER_PROPERTIES] = draft->user_properties;
		event->traits[JTRAITS_CONTEXT] = context->traits;
		event->traits[JTRAITS_OWN] = draft->traits;
	}
	event->ip = PlainAddress(Either(context->ip, draft->request_ip));
	event->user_agent = context->user_agent;
}

/* An event without an id gets the one that every other part of the extension would give it. */
static void
SetId(JPayloadEvent *event)
{
	JEvent		hashed = {.time = event->time};

	if (!JStrIsNull(event->field[JF_EVENT_ID]))
		return;
	memcpy(hashed.field, event->field, sizeof(hashed.field));
	JEventSetId(&hashed);
	event->field[JF_EVENT_ID] = hashed.field[JF_EVENT_ID];
}

void
JReadEvent(JStr text, int32 base, const JPayloadEnvelope *envelope, const JPayloadOptions *options,
		   JPayloadEvent *event)
{
	Draft		draft = {.event = event};
	JReader		reader;

	draft.context = envelope->context;
	draft.timestamp = draft.original = draft.sent_at = draft.received_at = J_NO_TIME;
	SetKeys(&draft, options);
	JReaderInit(&reader, text, base, options->encoding, &event->error);
	if (JReaderNext(&reader))
	{
		if (reader.lex->token_type == JSON_TOKEN_OBJECT_START)
			ReadMembers(&reader, &draft);
		else if (JReaderSkip(&reader) && JReaderNext(&reader))
			JPayloadFail(&event->error, reader.lex->token_type == JSON_TOKEN_END ? "not_an_object" : "syntax", base);
	}
	JReaderFree(&reader);
	if (draft.sent_at == J_NO_TIME)
		draft.sent_at = envelope->sent_at;
	if (draft.received_at == J_NO_TIME)
		draft.received_at = envelope->received_at;
	if (event->error.code != NULL || !SetKind(&draft))
		return;
	if (draft.context.bad)
		JPayloadFail(&event->error, "bad_context", event->offset);
	else if (SetIds(&draft, options) && SetTimes(&draft, options))
	{
		SetFields(&draft, options);
		if (!options->raw_ids)
			SetId(event);
	}
}
