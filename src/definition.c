/*
 * definition.c
 *		Documents that users write, for SQL.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/numeric.h"

#include "definition.h"

void
JDefCheck(const JDefError *error, const char *what)
{
	if (error->code == NULL)
		return;
	ereport(ERROR,
			(errcode(strcmp(error->code, J_DEF_MEMORY) == 0 ? ERRCODE_OUT_OF_MEMORY :
					 ERRCODE_INVALID_PARAMETER_VALUE),
			 error->path[0] == '\0' ? errmsg("invalid %s: %s", what, error->message) :
			 errmsg("invalid %s at %s: %s", what, error->path, error->message),
			 error->offset < 0 ? 0 : errdetail("Reading stopped at byte %d.", error->offset),
			 error->hint == NULL ? 0 : errhint("%s", error->hint)));
}

static JStr
ToServer(JStr s)
{
	char	   *converted;

	if (JStrIsNull(s) || s.len == 0)
		return s;
	converted = pg_any_to_server(s.data, s.len, PG_UTF8);
	return converted == s.data ? s : JStrFromCString(converted);
}

/* The strings of a node and of all below it, in the database's encoding. */
static void
StringsToServer(JDef *def)
{
	def->key = ToServer(def->key);
	if (def->type == JDEF_STRING)
		def->text = ToServer(def->text);
	for (int i = 0; i < def->count; i++)
		StringsToServer(&def->items[i]);
}

JDef *
JDefFromText(JStr text, const char *root, const char *what)
{
	JDefError	error = {0};
	char	   *utf8 = pg_server_to_any(text.data, text.len, PG_UTF8);
	JDef	   *def;

	if (utf8 != text.data)
		text = JStrFromCString(utf8);
	def = JDefRead(text, root, JDefMemory(text), &error);
	JDefCheck(&error, what);
	if (GetDatabaseEncoding() != PG_UTF8)
		StringsToServer(def);
	return def;
}

/* Refuses numbers whose digits would not fit before they are written: 1e131071 has few bytes. */
static void
CheckNumbers(Jsonb *jsonb, const char *root, const char *what)
{
	Datum		limit = DirectFunctionCall3(numeric_in, CStringGetDatum("1e900"),
											ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	Size		bytes = VARSIZE(jsonb);

	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		Datum		number;
		Datum		magnitude;
		int32		scale;

		if ((token != WJB_ELEM && token != WJB_VALUE) || value.type != jbvNumeric)
			continue;
		number = NumericGetDatum(value.val.numeric);
		magnitude = DirectFunctionCall1(numeric_abs, number);
		scale = DatumGetInt32(DirectFunctionCall1(numeric_scale, number));
		bytes += J_DEFINITION_DIGITS;
		if (scale > J_DEFINITION_DIGITS - 900 ||
			DatumGetBool(DirectFunctionCall2(numeric_ge, magnitude, limit)))
			JDefCheck(&(JDefError) {.code = J_DEF_SIZE, .path = root, .offset = -1,
						.message = "a number has too many digits"}, what);
	}
	if (bytes > J_DEFINITION_BYTES * 16)
		JDefCheck(&(JDefError) {.code = J_DEF_SIZE, .path = root, .offset = -1,
					.message = "it is longer than 1 MB"}, what);
}

JDef *
JDefFromJsonb(Jsonb *jsonb, const char *root, const char *what)
{
	StringInfoData text;

	CheckNumbers(jsonb, root, what);
	initStringInfo(&text);
	(void) JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
	return JDefFromText((JStr) {text.data, text.len}, root, what);
}

/* The value of a key, as JPropertyOf() gives it of text. */
static JsonbValue *
PropertyOf(JsonbContainer *object, JStr name, JsonbValue *buffer)
{
	JsonbValue *value = NULL;

	if (!JsonContainerIsObject(object))
		return NULL;
	for (;;)
	{
		const char *dot;

		value = getKeyJsonValueFromContainer(object, name.data, name.len, buffer);
		if (value != NULL)
			return value;
		dot = memchr(name.data, '.', name.len);
		if (dot == NULL)
			return NULL;
		value = getKeyJsonValueFromContainer(object, name.data, dot - name.data, buffer);
		if (value == NULL || value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
			return NULL;
		object = value->val.binary.data;
		name.len -= dot + 1 - name.data;
		name.data = dot + 1;
	}
}

static JConditionValue
ValueOf(const JsonbValue *value)
{
	JConditionValue result = {JDEF_NULL, JSTR_NULL};

	if (value == NULL || value->type == jbvNull)
		return result;
	switch (value->type)
	{
		case jbvString:
			result.type = JDEF_STRING;
			result.text = (JStr) {value->val.string.val, value->val.string.len};
			break;
		case jbvNumeric:
			result.type = JDEF_NUMBER;
			result.text = JStrFromCString(DatumGetCString(DirectFunctionCall1(numeric_out,
																			   NumericGetDatum(value->val.numeric))));
			break;
		case jbvBool:
			result.type = JDEF_BOOL;
			result.text = value->val.boolean ? JSTR_LIT("true") : JSTR_LIT("false");
			break;
		default:
			result.type = JDEF_OBJECT;
	}
	return result;
}

bool
JWhereHoldsJsonb(const JWhere *where, Jsonb *properties)
{
	for (int i = 0; i < where->n; i++)
	{
		const JCondition *condition = &where->conditions[i];
		JsonbValue	buffer;
		JsonbValue *value = properties == NULL ? NULL :
			PropertyOf(&properties->root, condition->name, &buffer);

		if (!JConditionHolds(condition, ValueOf(value)))
			return false;
	}
	return true;
}

/*
 * _where_holds(conditions text, properties jsonb): whether they hold, for the tests; what the two
 * ways of looking say must be the same.
 */
PG_FUNCTION_INFO_V1(_where_holds);
Datum
_where_holds(PG_FUNCTION_ARGS)
{
	JDefError	error = {0};
	JDef	   *def;
	JWhere		where;
	bool		holds;
	JStr		printed = JSTR_NULL;
	Jsonb	   *properties = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	def = JDefFromText(JStrFromText(PG_GETARG_TEXT_PP(0)), "where", "condition");
	where = JWhereCompile(def, &error);
	JDefCheck(&error, "condition");
	where = JWhereCopy(&where);
	holds = JWhereHoldsJsonb(&where, properties);
	if (properties != NULL)
		printed = JStrFromCString(JsonbToCString(NULL, &properties->root, VARSIZE(properties)));
	if (holds != JWhereHolds(&where, printed))
		elog(ERROR, "two ways to look at properties differ");
	PG_RETURN_BOOL(holds);
}
