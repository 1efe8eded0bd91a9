/*
 * intake.c
 *		What the reading of a source asks of each row: is it an event, and is a value written as text
 *		a time, a number or an address. None of these raises an error, so that a bad row is one
 *		rejected row.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/xact.h"
#include "common/int.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "identity_core.h"
#include "pg_journey_compat.h"

/* A number of more digits is no amount of money. */
#define MAX_NUMBER_BYTES 200

PG_FUNCTION_INFO_V1(_reject_reason);
PG_FUNCTION_INFO_V1(_try_timestamptz);
PG_FUNCTION_INFO_V1(_try_numeric);
PG_FUNCTION_INFO_V1(_try_jsonb);
PG_FUNCTION_INFO_V1(_try_inet);
PG_FUNCTION_INFO_V1(_event_slug);

static bool
TooLong(FunctionCallInfo fcinfo, int argno)
{
	return !PG_ARGISNULL(argno) &&
		VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(argno)) > J_MAX_ID_BYTES;
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
 * Why a row is no event, NULL where it is one. The last two must not be NULL; max_future has no days.
 */
Datum
_reject_reason(PG_FUNCTION_ARGS)
{
	const char *reason = NULL;

	if (PG_ARGISNULL(5) || PG_ARGISNULL(6))
		elog(ERROR, "limits of time must not be null");

	if (PG_ARGISNULL(0))
		reason = "no visitor or user";
	else if (PG_ARGISNULL(3))
		reason = "no time";
	else if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(3)) ||
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

/*
 * _try_timestamptz(value text): a time in the forms of ISO 8601 (or with " UTC" at the end), else NULL.
 * Words such as "now" are none. A time without a zone is in the session's.
 */
Datum
_try_timestamptz(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	size_t		len = strlen(value);
	char		buffer[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf,
				dtype,
				tz;
	struct pg_tm tm;
	fsec_t		fsec;
	DateTimeErrorExtra extra;
	TimestampTz result;

	if (len > 4 && strcmp(value + len - 4, " UTC") == 0)
		strcpy(value + len - 4, "Z");
	if (strlen(value) > MAXDATELEN || value[strspn(value, "0123456789TtZz:.+- ")] != '\0')
		PG_RETURN_NULL();

	if (ParseDateTime(value, buffer, sizeof(buffer), field, ftype, MAXDATEFIELDS, &nf) != 0 ||
		DecodeDateTime(field, ftype, nf, &dtype, &tm, &fsec, &tz, &extra) != 0 ||
		dtype != DTK_DATE ||
		tm2timestamp(&tm, fsec, &tz, &result) != 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
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

/* _try_numeric(value text): a finite decimal number, else NULL. */
Datum
_try_numeric(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
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
	if (!digits || *p != '\0' || p - value > MAX_NUMBER_BYTES)
		PG_RETURN_NULL();

	PG_RETURN_DATUM(DirectFunctionCall3(numeric_in, CStringGetDatum(value),
										ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/*
 * _try_jsonb(value text): a document that jsonb can hold, else NULL. Text of type json may hold \u0000
 * or half a surrogate pair, which jsonb refuses by an error; so it is tried in a subtransaction.
 */
Datum
_try_jsonb(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile Datum result = (Datum) 0;
	volatile bool valid = false;

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
 * _event_slug(name text): an event's name as the loaders make that of a table: ASCII letters in lower
 * case, runs of ASCII white space and punctuation as one "_", none at the ends.
 */
Datum
_event_slug(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	const char *in = VARDATA_ANY(name);
	int			len = VARSIZE_ANY_EXHDR(name);
	text	   *result = palloc(VARHDRSZ + len);
	char	   *out = VARDATA(result);
	bool		gap = false;

	for (int i = 0; i < len; i++)
	{
		char		c = in[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || IS_HIGHBIT_SET(c))
		{
			if (gap && out > VARDATA(result))
				*out++ = '_';
			*out++ = c;
			gap = false;
		}
		else
			gap = true;
	}
	SET_VARSIZE(result, out - (char *) result);
	PG_RETURN_TEXT_P(result);
}
