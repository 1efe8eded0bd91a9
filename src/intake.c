/*
 * intake.c
 *		What the reading of a source asks of each row: is it an event, and is a value written as
 *		text a time, a number or an address. None of these raises an error, so that a bad row is one
 *		rejected row.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/inet.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "identity_core.h"
#include "journey_sql.h"
#include "payload_core.h"
#include "pg_journey_compat.h"
#include "session_core.h"
#include "time_core.h"

/* A number of more digits is no amount of money. */
#define MAX_NUMBER_BYTES 200

/* A longer document of JSON, or one with more objects and arrays, might be refused by jsonb. */
#define MAX_PLAIN_BYTES 100000
#define MAX_PLAIN_BRACKETS 1000
#define MAX_JSON_DEPTH 1000

/* One column of _row_object(). Lives as long as the query. */
typedef struct ObjectColumn
{
	JsonbValue	key;			/* its name */
	Oid			type;			/* of its values; InvalidOid for a string made by `output` */
	FmgrInfo	output;			/* for types that have no form of their own in JSON */
} ObjectColumn;

PG_FUNCTION_INFO_V1(_reject_reason);
PG_FUNCTION_INFO_V1(_try_timestamptz);
PG_FUNCTION_INFO_V1(_try_epoch);
PG_FUNCTION_INFO_V1(_try_numeric);
PG_FUNCTION_INFO_V1(_try_jsonb);
PG_FUNCTION_INFO_V1(_try_inet);
PG_FUNCTION_INFO_V1(_event_kind);
PG_FUNCTION_INFO_V1(_event_slug);
PG_FUNCTION_INFO_V1(_row_object);
PG_FUNCTION_INFO_V1(_text);

static bool
TooLong(FunctionCallInfo fcinfo, int argno)
{
	return !PG_ARGISNULL(argno) &&
		VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(argno)) > J_MAX_ID_BYTES;
}

/* Whether spans of hours and days can be added to a time. A clock does not go as far, a bug does. */
static bool
AtEndOfTime(TimestampTz t)
{
	const int64 margin = 366 * USECS_PER_DAY;

	return t < MIN_TIMESTAMP + margin || t >= END_TIMESTAMP - margin;
}

/* Whether an event lies further after its arrival than a wrong clock explains. */
static bool
InFuture(TimestampTz event_time, TimestampTz received_at, const Interval *max_future)
{
	int64		limit;

	return !pg_add_s64_overflow(received_at, max_future->time, &limit) && event_time > limit;
}

/*
 * _reject_reason(visitor_id text, user_id text, event_id text, event_time timestamptz,
 *				  received_at timestamptz, earliest timestamptz, max_future interval)
 *
 * Why a row is no event, NULL where it is one. The last two must not be NULL; max_future has no
 * days.
 */
Datum
_reject_reason(PG_FUNCTION_ARGS)
{
	const char *reason = NULL;

	if (PG_ARGISNULL(5) || PG_ARGISNULL(6))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("limits of time must not be null")));

	if (PG_ARGISNULL(0))
		reason = "no visitor or user";
	else if (PG_ARGISNULL(3))
		reason = "no time";
	else if (AtEndOfTime(PG_GETARG_TIMESTAMPTZ(3)) ||
			 (!PG_ARGISNULL(4) && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(4))))
		reason = "infinite time";
	else if (PG_GETARG_TIMESTAMPTZ(3) < PG_GETARG_TIMESTAMPTZ(5))
		reason = "before earliest";
	else if (!PG_ARGISNULL(4) &&
			 InFuture(PG_GETARG_TIMESTAMPTZ(3), PG_GETARG_TIMESTAMPTZ(4), PG_GETARG_INTERVAL_P(6)))
		reason = "in the future";
	else if (TooLong(fcinfo, 0) || TooLong(fcinfo, 1) || TooLong(fcinfo, 2))
		reason = "id too long";

	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}

/* _try_timestamptz(value text): a time as ISO 8601 writes it, else NULL; see JTimeFromIso(). */
Datum
_try_timestamptz(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	int64		result;

	if (!JTimeFromIso((JStr) {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)}, &result))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}

static Numeric
NumericFrom(char *value)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(value),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Skips decimal digits; true if there was one. */
static bool
SkipDigits(const char **p)
{
	const char *start = *p;

	while (**p >= '0' && **p <= '9')
		(*p)++;
	return *p > start;
}

/* Is it a finite decimal number, of not too many digits? */
static bool
IsNumber(const char *value)
{
	const char *p = value;
	bool		digits;

	p += strspn(p, " \t\r\n");
	p += *p == '-' || *p == '+';
	digits = SkipDigits(&p);
	if (*p == '.')
	{
		p++;
		digits |= SkipDigits(&p);
	}
	if (digits && (*p == 'e' || *p == 'E'))
	{
		const char *exponent;

		p++;
		p += *p == '-' || *p == '+';
		exponent = p;
		digits = SkipDigits(&p) && p - exponent <= 2;
	}
	p += strspn(p, " \t\r\n");
	return digits && *p == '\0' && p - value <= MAX_NUMBER_BYTES;
}

/* _try_numeric(value text): a finite decimal number, else NULL. */
Datum
_try_numeric(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (!IsNumber(value))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(NumericFrom(value));
}

/*
 * _try_epoch(value text, microseconds numeric): a number of units since 1970-01-01 UTC as a time, NULL where
 * it is none or timestamptz does not go as far. The second argument is the length of a unit.
 */
Datum
_try_epoch(PG_FUNCTION_ARGS)
{
	const int64 epoch = (int64) (UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Numeric		usecs;
	Numeric		limit = int64_to_numeric(END_TIMESTAMP);
	int64		result;

	if (!IsNumber(value))
		PG_RETURN_NULL();
	usecs = DatumGetNumeric(DirectFunctionCall2(numeric_mul, NumericGetDatum(NumericFrom(value)),
												PG_GETARG_DATUM(1)));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, DirectFunctionCall1(numeric_abs, NumericGetDatum(usecs)),
										  NumericGetDatum(limit))) > 0)
		PG_RETURN_NULL();
	if (pg_add_s64_overflow(DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(usecs))), epoch,
							&result) || !IS_VALID_TIMESTAMP(result))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}

/*
 * Whether jsonb_in() takes a document without an error: it is valid and short, and has neither escapes
 * by number, nor exponents, nor great depth, to which jsonb has limits of its own.
 */
static bool
IsPlainJson(char *value)
{
	int			len = 0;
	int			depth = 0;
	bool		in_string = false;
	JsonLexContext *lex;

	for (; value[len] != '\0'; len++)
	{
		char		c = value[len];

		if (c == '\\' && value[len + 1] != '\0')
		{
			if (value[++len] == 'u')
				return false;
		}
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '[') && ++depth > MAX_PLAIN_BRACKETS)
			return false;
		else if (!in_string && (c == 'e' || c == 'E') && len > 0 &&
				 ((value[len - 1] >= '0' && value[len - 1] <= '9') || value[len - 1] == '.'))
			return false;
	}
	if (len > MAX_PLAIN_BYTES)
		return false;
	lex = makeJsonLexContextCstringLen(NULL, value, len, GetDatabaseEncoding(), false);
	return pg_parse_json(lex, &nullSemAction) == JSON_SUCCESS;
}

/*
 * Whether a document has more levels than we take: functions on jsonb recurse, and one that still
 * could be read could not be written into another.
 */
static bool
IsDeepJson(const char *value)
{
	int			depth = 0;
	bool		in_string = false;

	for (; *value != '\0'; value++)
	{
		if (*value == '\\' && value[1] != '\0')
			value++;
		else if (*value == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (*value == '{' || *value == '[')
		{
			if (++depth > MAX_JSON_DEPTH)
				return true;
		}
		else if (*value == '}' || *value == ']')
			depth--;
	}
	return false;
}

/*
 * _try_jsonb(value text): a document that jsonb can hold, else NULL. Text of type json may hold
 * \u0000 or half a surrogate pair, which jsonb refuses by an error; so what might fail is tried in a
 * subtransaction.
 */
Datum
_try_jsonb(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile Datum result = (Datum) 0;
	volatile bool valid = false;

	if (IsPlainJson(value))
		return DirectFunctionCall1(jsonb_in, CStringGetDatum(value));
	if (IsDeepJson(value))
		PG_RETURN_NULL();

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		result = DirectFunctionCall1(jsonb_in, CStringGetDatum(value));
		valid = true;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(edata->sqlerrcode) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			ReThrowError(edata);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (!valid)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* _try_inet(value text): an IP address, else NULL. */
Datum
_try_inet(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	inet	   *result = palloc0_object(inet);
	int			bits;

	ip_family(result) = strchr(value, ':') != NULL ? PGSQL_AF_INET6 : PGSQL_AF_INET;
	bits = pg_inet_net_pton(ip_family(result), value, ip_addr(result), -1);
	if (bits < 0 || bits > ip_maxbits(result))
		PG_RETURN_NULL();
	ip_bits(result) = bits;
	SET_INET_VARSIZE(result);
	PG_RETURN_INET_P(result);
}

/*
 * _event_slug(name text): an event's name as the loaders make that of a table; see JEventSlug().
 */
Datum
_event_slug(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	text	   *result = palloc(VARHDRSZ + VARSIZE_ANY_EXHDR(name));

	SET_VARSIZE(result, VARHDRSZ + JEventSlug(JStrFromText(name), VARDATA(result)));
	PG_RETURN_TEXT_P(result);
}

/* _event_kind(name text, url text): the kind of an event that came without one. */
Datum
_event_kind(PG_FUNCTION_ARGS)
{
	JStr		field[2] = {JSTR_NULL, JSTR_NULL};

	for (int i = 0; i < 2; i++)
		if (!PG_ARGISNULL(i))
		{
			text	   *value = PG_GETARG_TEXT_PP(i);

			field[i] = (JStr) {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
		}
	PG_RETURN_TEXT_P(cstring_to_text(JKindOf(field[0], field[1])));
}

/* _text("any"): a value as the output function of its type writes it; no cast is called. */
Datum
_text(PG_FUNCTION_ARGS)
{
	FmgrInfo   *output = fcinfo->flinfo->fn_extra;

	if (output == NULL)
	{
		Oid			function;
		bool		is_varlena;

		output = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(FmgrInfo));
		getTypeOutputInfo(get_fn_expr_argtype(fcinfo->flinfo, 0), &function, &is_varlena);
		fmgr_info_cxt(function, output, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = output;
	}
	PG_RETURN_TEXT_P(cstring_to_text(OutputFunctionCall(output, PG_GETARG_DATUM(0))));
}

/* What _row_object() knows of its arguments, found once per query. */
static ObjectColumn *
PrepareColumns(FunctionCallInfo fcinfo)
{
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	ArrayType  *names = PG_GETARG_ARRAYTYPE_P_COPY(0);
	int			ncolumns = PG_NARGS() - 1;
	ObjectColumn *columns = palloc0_array(ObjectColumn, ncolumns);
	Datum	   *elems;
	bool	   *nulls;
	int			nelems;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, &nelems);
	if (nelems != ncolumns || array_contains_nulls(names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be as many names as values")));
	for (int i = 0; i < ncolumns; i++)
	{
		ObjectColumn *column = &columns[i];
		Oid			output;
		bool		is_varlena;

		column->key.type = jbvString;
		column->key.val.string.val = VARDATA_ANY(DatumGetPointer(elems[i]));
		column->key.val.string.len = VARSIZE_ANY_EXHDR(DatumGetPointer(elems[i]));
		column->type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, i + 1));
		switch (column->type)
		{
			case TEXTOID:
			case VARCHAROID:
			case BOOLOID:
			case INT2OID:
			case INT4OID:
			case INT8OID:
			case NUMERICOID:
			case JSONBOID:
			case DATEOID:
			case TIMESTAMPOID:
			case TIMESTAMPTZOID:
				break;
			default:
				getTypeOutputInfo(column->type, &output, &is_varlena);
				fmgr_info_cxt(output, &column->output, fcinfo->flinfo->fn_mcxt);
				if (column->type != FLOAT4OID && column->type != FLOAT8OID)
					column->type = InvalidOid;
				break;
		}
	}
	MemoryContextSwitchTo(old);
	return columns;
}

static void
SetString(JsonbValue *value, const char *string, int len)
{
	value->type = jbvString;
	value->val.string.val = unconstify(char *, string);
	value->val.string.len = len;
}

/* A number that JSON has, else its name ("NaN") as a string. */
static void
SetNumber(JsonbValue *value, Numeric number)
{
	if (numeric_is_nan(number) || numeric_is_inf(number))
	{
		Datum		string = DirectFunctionCall1(numeric_out, NumericGetDatum(number));

		SetString(value, DatumGetCString(string), strlen(DatumGetCString(string)));
		return;
	}
	value->type = jbvNumeric;
	value->val.numeric = number;
}

/* A value of a column as to_jsonb() would have it. */
static void
SetValue(JsonbValue *value, ObjectColumn *column, Datum datum)
{
	switch (column->type)
	{
		case TEXTOID:
		case VARCHAROID:
			{
				text	   *string = DatumGetTextPP(datum);

				SetString(value, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
				break;
			}
		case BOOLOID:
			value->type = jbvBool;
			value->val.boolean = DatumGetBool(datum);
			break;
		case INT2OID:
			SetNumber(value, int64_to_numeric(DatumGetInt16(datum)));
			break;
		case INT4OID:
			SetNumber(value, int64_to_numeric(DatumGetInt32(datum)));
			break;
		case INT8OID:
			SetNumber(value, int64_to_numeric(DatumGetInt64(datum)));
			break;
		case NUMERICOID:
			SetNumber(value, DatumGetNumeric(datum));
			break;
		case FLOAT4OID:
		case FLOAT8OID:
			{
				char	   *string = OutputFunctionCall(&column->output, datum);

				SetNumber(value, NumericFrom(string));
				break;
			}
		case JSONBOID:
			{
				Jsonb	   *document = DatumGetJsonbP(datum);

				if (JB_ROOT_IS_SCALAR(document))
				{
					(void) JsonbExtractScalar(&document->root, value);
					break;
				}
				value->type = jbvBinary;
				value->val.binary.data = &document->root;
				value->val.binary.len = VARSIZE(document) - VARHDRSZ;
				break;
			}
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			{
				char	   *string = palloc(MAXDATELEN + 1);

				JsonEncodeDateTime(string, datum, column->type, NULL);
				SetString(value, string, strlen(string));
				break;
			}
		default:
			{
				char	   *string = OutputFunctionCall(&column->output, datum);

				SetString(value, string, strlen(string));
				break;
			}
	}
}

/*
 * _row_object(names text[], VARIADIC "any"): the values that are not NULL as an object, NULL where
 * all are. As jsonb_strip_nulls(to_jsonb()) of a row, but without a look at the catalog per value,
 * and what lies deeper is left alone. The names must be the same in all rows of a query.
 */
Datum
_row_object(PG_FUNCTION_ARGS)
{
	ObjectColumn *columns = fcinfo->flinfo->fn_extra;
	JsonbParseState *state = NULL;
	JsonbValue *object;

	if (columns == NULL)
	{
		if (PG_ARGISNULL(0) || get_fn_expr_variadic(fcinfo->flinfo))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("names and single values must be given")));
		columns = fcinfo->flinfo->fn_extra = PrepareColumns(fcinfo);
	}

	for (int i = 1; i < PG_NARGS(); i++)
	{
		JsonbValue	value;

		if (PG_ARGISNULL(i))
			continue;
		if (state == NULL)
			pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		SetValue(&value, &columns[i - 1], PG_GETARG_DATUM(i));
		pushJsonbValue(&state, WJB_KEY, &columns[i - 1].key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(object));
}
