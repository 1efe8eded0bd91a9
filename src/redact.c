/*
 * redact.c
 *		SQL functions that take personal data out.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "definition.h"
#include "redact.h"

/* Rules as they were given last, and what they mean. */
typedef struct RulesCache
{
	MemoryContext context;		/* of all below */
	Jsonb	   *jsonb;
	bytea	   *secret;			/* or NULL */
	JRedactRules *rules;
} RulesCache;

static JStr
Bytes(const bytea *b)
{
	return b == NULL ? JSTR_NULL : (JStr) {VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b)};
}

/* Bytes of no known encoding stay what they are. */
static JStr
ToUtf8(JStr value)
{
	char	   *utf8;

	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return value;
	utf8 = pg_server_to_any(value.data, value.len, PG_UTF8);
	return utf8 == value.data ? value : JStrFromCString(utf8);
}

JRedactRules *
JRedactRulesFrom(Jsonb *rules, JStr secret)
{
	JDefError	error = {0};
	JRedactRules *compiled;

	if (!JStrIsNull(secret) && secret.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of pseudonyms must not be empty")));
	compiled = JRedactCompile(JDefFromJsonb(rules, "", "redaction rules"), secret, &error);
	JDefCheck(&error, "redaction rules");
	JRedactSetToUtf8(compiled, ToUtf8);
	return compiled;
}

JRedactRules *
JRedactGetRules(FunctionCallInfo fcinfo, void **kept)
{
	RulesCache *cache = *kept;
	Jsonb	   *jsonb;
	bytea	   *secret;
	MemoryContext old;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("rules of redaction must not be null"),
				 errhint("The sets are '\"gdpr\"' and '\"hipaa\"'.")));
	jsonb = PG_GETARG_JSONB_P(1);
	secret = PG_ARGISNULL(2) ? NULL : PG_GETARG_BYTEA_PP(2);
	if (cache != NULL && VARSIZE(cache->jsonb) == VARSIZE(jsonb) &&
		memcmp(cache->jsonb, jsonb, VARSIZE(jsonb)) == 0 &&
		JStrEqual(Bytes(cache->secret), Bytes(secret)))
		return cache->rules;
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RulesCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_journey redaction rules",
											   ALLOCSET_SMALL_SIZES);
	}
	*kept = NULL;				/* in case of an error below */
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	cache->jsonb = (Jsonb *) pg_detoast_datum_copy((struct varlena *) jsonb);
	cache->secret = secret == NULL ? NULL : (bytea *) pg_detoast_datum_copy((struct varlena *) secret);
	cache->rules = JRedactRulesFrom(cache->jsonb, Bytes(cache->secret));
	MemoryContextSwitchTo(old);
	*kept = cache;
	return cache->rules;
}

/* --------------------------------------------------------------------------------------------
 * an event
 * --------------------------------------------------------------------------------------------
 */

/* A walk through an event. */
typedef struct Walk
{
	JRedactRules *rules;
	JsonbParseState *state;
	StringInfoData path;		/* of where the walk is; unused where no rule asks for it */
	bool		has_paths;
	StringInfoData looked;		/* what a look makes of a text, until it is copied */
	JsonbValue *out;			/* what the container that ended last became */
} Walk;

static void RedactContainer(Walk *walk, JsonbContainer *container, bool in_traits, bool truncate,
							int level);

/* A copy of a text as a value. */
static JsonbValue
StringValue(const StringInfo s)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = pnstrdup(s->data, s->len);
	value.val.string.len = s->len;
	return value;
}

/* Whether patterns find something in a text; the value is then what is left of it. */
static bool
LookInto(Walk *walk, JStr text, JsonbValue *value)
{
	resetStringInfo(&walk->looked);
	if (!JRedactText(walk->rules, text, &walk->looked))
		return false;
	*value = StringValue(&walk->looked);
	return true;
}

static JStr
ScalarText(const JsonbValue *value)
{
	if (value->type == jbvString)
		return (JStr) {value->val.string.val, value->val.string.len};
	return JStrFromCString(DatumGetCString(DirectFunctionCall1(numeric_out,
															   NumericGetDatum(value->val.numeric))));
}

/* A scalar after an action; what is left of a number is a number where it can be. */
static void
PushActed(Walk *walk, JRedactAction action, const JsonbValue *value, JsonbIteratorToken token)
{
	StringInfoData text;
	JsonbValue	made;

	initStringInfo(&text);
	JRedactScalar(walk->rules, action, ScalarText(value), "", &text);
	made = StringValue(&text);
	if (action == JREDACT_TRUNCATE && value->type == jbvNumeric && text.len > 0)
	{
		made.type = jbvNumeric;
		made.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text.data),
															   ObjectIdGetDatum(InvalidOid),
															   Int32GetDatum(-1)));
	}
	pushJsonbValue(&walk->state, token, &made);
}

/* A numeric of as many digits as a card has takes no less: four digits are two bytes. */
#define MIN_CARD_BYTES (VARHDRSZ + sizeof(uint16) + 4 * sizeof(int16))

/* A scalar that no rule names: values of a pattern are taken out of it. */
static void
PushLooked(Walk *walk, JsonbValue *value, JsonbIteratorToken token)
{
	JsonbValue	made;

	/* a number is a card or nothing */
	if ((value->type == jbvString || (value->type == jbvNumeric && VARSIZE_ANY(value->val.numeric) >= MIN_CARD_BYTES)) &&
		LookInto(walk, ScalarText(value), &made))
		value = &made;
	pushJsonbValue(&walk->state, token, value);
}

/* The ids of an event: an address for one stays an id of its own, or there is none. */
static bool
IsId(JStr key)
{
	return JStrEqual(key, JSTR_LIT("userId")) || JStrEqual(key, JSTR_LIT("anonymousId")) ||
		JStrEqual(key, JSTR_LIT("previousId")) || JStrEqual(key, JSTR_LIT("groupId"));
}

static void
PushKey(Walk *walk, const JsonbValue *key)
{
	JsonbValue	made = *key;

	/* a key may be a value itself */
	(void) LookInto(walk, (JStr) {key->val.string.val, key->val.string.len}, &made);
	pushJsonbValue(&walk->state, WJB_KEY, &made);
}

/* An id, if it is one and a value of a pattern. */
static bool
PushId(Walk *walk, const JsonbValue *key, const JsonbValue *value)
{
	StringInfoData text;
	JsonbValue	made;
	JStr		given = {value->val.string.val, value->val.string.len};
	int			kind;

	if (value->type != jbvString)
		return false;
	kind = JRedactWhole(walk->rules, given);
	if (kind < 0)
		return false;
	if (!JRedactHasSecret(walk->rules))
		return true;			/* dropped: a mask would make one of all persons */
	initStringInfo(&text);
	JRedactScalar(walk->rules, JREDACT_PSEUDONYM, given, kind == JVALUE_EMAIL ? "email" : "", &text);
	made = StringValue(&text);
	PushKey(walk, key);
	pushJsonbValue(&walk->state, WJB_VALUE, &made);
	return true;
}

/* One value below a key whose action is known. */
static void
PushValue(Walk *walk, JRedactAction action, JsonbValue *value, JsonbIteratorToken token,
		  bool in_traits, int level)
{
	JsonbValue	masked = {.type = jbvString};

	if (value->type == jbvBinary)
	{
		if (action == JREDACT_NONE || action == JREDACT_TRUNCATE)
		{
			RedactContainer(walk, value->val.binary.data, in_traits, action == JREDACT_TRUNCATE, level);
			return;
		}
		if (action != JREDACT_KEEP)
		{
			masked.val.string.val = "[masked]";
			masked.val.string.len = strlen("[masked]");
			value = &masked;
		}
		pushJsonbValue(&walk->state, token, value);
	}
	else if (value->type == jbvNull || value->type == jbvBool || action == JREDACT_KEEP)
		pushJsonbValue(&walk->state, token, value);
	else if (action == JREDACT_NONE)
		PushLooked(walk, value, token);
	else
		PushActed(walk, action, value, token);
}

static void
RedactMember(Walk *walk, const JsonbValue *key, JsonbValue *value, bool in_traits, bool truncate,
			 int level)
{
	JStr		name = {key->val.string.val, key->val.string.len};
	int			mark = walk->path.len;
	bool		wraps = level == 0 && value->type == jbvBinary &&
		(JStrEqual(name, JSTR_LIT("batch")) || JStrEqual(name, JSTR_LIT("payload")));
	JRedactAction action;

	if (walk->has_paths && !wraps)
	{
		if (mark > 0)
			appendStringInfoChar(&walk->path, '.');
		appendBinaryStringInfo(&walk->path, name.data, name.len);
	}
	action = JRedactMember(walk->rules, walk->has_paths ? (JStr) {walk->path.data, walk->path.len} : JSTR_NULL,
						   name, in_traits);
	if (wraps)
		action = JREDACT_NONE;
	if (action == JREDACT_NONE && truncate)
		action = JREDACT_TRUNCATE;
	if (value->type == jbvBool && action != JREDACT_KEEP)
		action = JREDACT_NONE;	/* "email_opt_in": true says nothing */
	if (action != JREDACT_DROP &&
		!(action == JREDACT_NONE && level == 0 && IsId(name) && PushId(walk, key, value)))
	{
		PushKey(walk, key);
		PushValue(walk, action, value, WJB_VALUE, in_traits || JRedactIsTraits(name), wraps ? 0 : level + 1);
	}
	walk->path.len = mark;
	walk->path.data[mark] = '\0';
}

static void
RedactContainer(Walk *walk, JsonbContainer *container, bool in_traits, bool truncate, int level)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	check_stack_depth();
	(void) JsonbIteratorNext(&it, &value, true);
	pushJsonbValue(&walk->state, JsonContainerIsArray(container) ? WJB_BEGIN_ARRAY : WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY)
		{
			(void) JsonbIteratorNext(&it, &value, true);
			RedactMember(walk, &key, &value, in_traits, truncate, level);
		}
		else if (token == WJB_ELEM)
			PushValue(walk, truncate ? JREDACT_TRUNCATE : JREDACT_NONE, &key, WJB_ELEM, in_traits, level);
	}
	walk->out = pushJsonbValue(&walk->state, JsonContainerIsArray(container) ? WJB_END_ARRAY : WJB_END_OBJECT, NULL);
}

Jsonb *
JRedactJsonb(JRedactRules *rules, Jsonb *jsonb, const char *path, bool in_traits)
{
	Walk		walk = {.rules = rules, .has_paths = JRedactHasPaths(rules)};
	JsonbValue	scalar;

	initStringInfo(&walk.path);
	initStringInfo(&walk.looked);
	if (walk.has_paths)
		appendStringInfoString(&walk.path, path);
	if (!JB_ROOT_IS_SCALAR(jsonb))
	{
		RedactContainer(&walk, &jsonb->root, in_traits, false, path[0] == '\0' ? 0 : 1);
		return JsonbValueToJsonb(walk.out);
	}
	if (!JsonbExtractScalar(&jsonb->root, &scalar) || scalar.type != jbvString ||
		!LookInto(&walk, ScalarText(&scalar), &scalar))
		return jsonb;
	return JsonbValueToJsonb(&scalar);
}

void
JRedactField(JRedactRules *rules, const char *path, bool is_id, JStr *field)
{
	const char *dot = strrchr(path, '.');
	JStr		key = JStrFromCString(dot == NULL ? path : dot + 1);
	StringInfoData left;
	JRedactAction action;
	int			kind;

	if (JStrIsNull(*field))
		return;
	action = JRedactMember(rules, JStrFromCString(path), key, false);
	if (action == JREDACT_KEEP)
		return;
	initStringInfo(&left);
	if (action == JREDACT_NONE && is_id && (kind = JRedactWhole(rules, *field)) >= 0)
	{
		if (JRedactHasSecret(rules))
			JRedactScalar(rules, JREDACT_PSEUDONYM, *field, kind == JVALUE_EMAIL ? "email" : "", &left);
	}
	else if (action == JREDACT_NONE)
	{
		if (!JRedactText(rules, *field, &left))
			return;
	}
	else if (action != JREDACT_DROP)
		JRedactScalar(rules, action, *field, "", &left);
	*field = left.len == 0 ? JSTR_NULL : (JStr) {left.data, left.len};
}

PG_FUNCTION_INFO_V1(journey_redact_event);
Datum
journey_redact_event(PG_FUNCTION_ARGS)
{
	JRedactRules *rules;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rules = JRedactGetRules(fcinfo, &fcinfo->flinfo->fn_extra);
	PG_RETURN_JSONB_P(JRedactJsonb(rules, PG_GETARG_JSONB_P(0), "", false));
}

/* --------------------------------------------------------------------------------------------
 * texts, addresses, pseudonyms
 * --------------------------------------------------------------------------------------------
 */

static Datum
RedactString(FunctionCallInfo fcinfo, bool (*redact) (const JRedactRules *, JStr, StringInfo))
{
	JRedactRules *rules;
	text	   *given;
	StringInfoData out;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rules = JRedactGetRules(fcinfo, &fcinfo->flinfo->fn_extra);
	given = PG_GETARG_TEXT_PP(0);
	initStringInfo(&out);
	if (!redact(rules, JStrFromText(given), &out))
		PG_RETURN_TEXT_P(given);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

PG_FUNCTION_INFO_V1(journey_redact_text);
Datum
journey_redact_text(PG_FUNCTION_ARGS)
{
	return RedactString(fcinfo, JRedactText);
}

PG_FUNCTION_INFO_V1(journey_redact_url);
Datum
journey_redact_url(PG_FUNCTION_ARGS)
{
	return RedactString(fcinfo, JRedactUrl);
}

PG_FUNCTION_INFO_V1(journey_mask_ip);
Datum
journey_mask_ip(PG_FUNCTION_ARGS)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
	inet	   *given = PG_GETARG_INET_PP(0);
	inet	   *result = palloc0(sizeof(inet));
	int			kept = 6;

	ip_family(result) = ip_family(given);
	memcpy(ip_addr(result), ip_addr(given), ip_addrsize(given));
	if (ip_family(given) == PGSQL_AF_INET6 && memcmp(ip_addr(given), mapped, sizeof(mapped)) == 0)
	{
		ip_family(result) = PGSQL_AF_INET;
		memcpy(ip_addr(result), ip_addr(given) + sizeof(mapped), 4);
	}
	if (ip_family(result) == PGSQL_AF_INET)
		kept = 3;
	memset(ip_addr(result) + kept, 0, ip_addrsize(result) - kept);
	ip_bits(result) = ip_maxbits(result);
	SET_INET_VARSIZE(result);
	PG_RETURN_INET_P(result);
}

PG_FUNCTION_INFO_V1(journey_pseudonym);
Datum
journey_pseudonym(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	JStr		key = Bytes(PG_GETARG_BYTEA_PP(1));
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char		hex[J_PSEUDONYM_LENGTH];

	if (key.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of pseudonyms must not be empty")));
	/* the same in every database */
	if (!JPseudonym(ToUtf8(JStrFromText(value)), key, kind, hex))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a pseudonym")));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(hex, sizeof(hex)));
}
