/*
 * url.c
 *		SQL functions on URLs.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"

#include "journey_sql.h"
#include "url_core.h"

/*
 * A character that the database's encoding does not have becomes a question mark: a URL comes from
 * outside and must not stop a query.
 */
int
JFromUtf8(const char *utf8, int len, char *dest)
{
	int			encoding = GetDatabaseEncoding();
	unsigned char converted[MAX_CONVERSION_GROWTH * 5];
	unsigned char source[5];
	Oid			conversion;
	int			size;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
	{
		memcpy(dest, utf8, len);
		return len;
	}
	memcpy(source, utf8, len);
	source[len] = '\0';
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (OidIsValid(conversion) &&
		pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, source, len,
									  converted, sizeof(converted), true) == len)
	{
		size = strlen((char *) converted);
		if (size >= 1 && size <= 4)
		{
			memcpy(dest, converted, size);
			return size;
		}
	}
	dest[0] = '?';
	return 1;
}

PG_FUNCTION_INFO_V1(journey_url_host);
Datum
journey_url_host(PG_FUNCTION_ARGS)
{
	JUrl		url;

	JUrlParse(JStrFromText(PG_GETARG_TEXT_PP(0)), &url);
	if (JStrIsNull(url.host))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(JStrGetDatum(JHostLower(url.host)));
}

PG_FUNCTION_INFO_V1(journey_url_path);
Datum
journey_url_path(PG_FUNCTION_ARGS)
{
	JUrl		url;

	JUrlParse(JStrFromText(PG_GETARG_TEXT_PP(0)), &url);
	if (JStrIsNull(url.path))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(JStrGetDatum(url.path));
}

/* A name or value, decoded into a buffer that has room for it. */
static JStr
Decode(JStr s, char *buffer)
{
	if (!JIsEncoded(s))
		return s;
	return (JStr) {buffer, JFormDecode(s, buffer)};
}

PG_FUNCTION_INFO_V1(journey_url_param);
Datum
journey_url_param(PG_FUNCTION_ARGS)
{
	JStr		url = JStrFromText(PG_GETARG_TEXT_PP(0));
	JStr		wanted = JStrFromText(PG_GETARG_TEXT_PP(1));
	JStr		list,
				fragment,
				name,
				value;
	char	   *buffer = NULL;

	JUrlParameters(url, &list, &fragment);
	while (JNextParameter(&list, &name, &value))
	{
		if (value.len == 0)
			continue;
		if (JIsEncoded(name))
		{
			if (buffer == NULL)
				buffer = palloc(url.len);
			name = Decode(name, buffer);
		}
		if (JStrEqual(name, wanted))
		{
			if (JIsEncoded(value))
			{
				if (buffer == NULL)
					buffer = palloc(url.len);
				value = Decode(value, buffer);
			}
			PG_RETURN_DATUM(JStrGetDatum(value));
		}
	}
	PG_RETURN_NULL();
}

/* What url_params() keeps from call to call. */
typedef struct UrlParamsState
{
	JStr		list;			/* what is still to be given */
	char	   *buffer;			/* room for a decoded name or value */
} UrlParamsState;

PG_FUNCTION_INFO_V1(journey_url_params);
Datum
journey_url_params(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	UrlParamsState *state;
	JStr		name,
				value;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;
		JStr		url,
					fragment;
		TupleDesc	tupdesc;

		funcctx = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		state = palloc_object(UrlParamsState);
		url = JStrFromText(PG_GETARG_TEXT_P_COPY(0));
		JUrlParameters(url, &state->list, &fragment);
		state->buffer = palloc(url.len + 1);
		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		funcctx->tuple_desc = BlessTupleDesc(tupdesc);
		funcctx->user_fctx = state;
		MemoryContextSwitchTo(old);
	}

	funcctx = SRF_PERCALL_SETUP();
	state = funcctx->user_fctx;
	if (JNextParameter(&state->list, &name, &value))
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		values[0] = JStrGetDatum(Decode(name, state->buffer));
		values[1] = JStrGetDatum(Decode(value, state->buffer));
		SRF_RETURN_NEXT(funcctx,
						HeapTupleGetDatum(heap_form_tuple(funcctx->tuple_desc, values, nulls)));
	}
	SRF_RETURN_DONE(funcctx);
}

PG_FUNCTION_INFO_V1(journey_strip_tracking);
Datum
journey_strip_tracking(PG_FUNCTION_ARGS)
{
	text	   *url = PG_GETARG_TEXT_PP(0);
	JStr		given = JStrFromText(url);
	JStr		stripped = JStripTracking(given);

	if (stripped.data == given.data)
		PG_RETURN_TEXT_P(url);
	PG_RETURN_DATUM(JStrGetDatum(stripped));
}
