/*
 * progress.c
 *		What a call on a model is at, and the trace that a failed one leaves.
 *
 * A phase shows in pg_stat_activity, until the call has ended, and as a message to the client: a
 * notice once the call takes long, before that for those who ask (client_min_messages = debug1).
 *
 * A failed call is rolled back with all that it wrote, so no row can tell of it. A sequence can: its
 * value stays when the transaction does not. Two of them in the model's schema keep the time of
 * the last failure, and what a number can hold of it: SQLSTATE and phase.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "progress.h"

/* How long a call is silent. */
#define SILENT_MILLISECONDS 10000

/* A failure as a number: the phase in the lowest bits, above it the SQLSTATE as packed. */
#define FAILURE_PHASE_BITS 8

/* Their numbers are kept in sequences: new ones go to the end. */
static const char *const phases[] = {
	"read", "merge", "identity", "sessions", "touches", "indexes", "profiles", "compare", "apply",
};

static JCall *current_call = NULL;

PG_FUNCTION_INFO_V1(_phase);
PG_FUNCTION_INFO_V1(_failure);

/* Raises an error if a call on this model is running in this session: what it reads has called us. */
void
JCheckCall(const char *model)
{
	for (JCall *call = current_call; call != NULL; call = call->outer)
		if (strcmp(call->model, model) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("model \"%s\" is in use by the running journey.%s()", model, call->function),
					 errhint("What the model reads or fires, views and triggers, must not call functions on it.")));
}

/* A call begins. JEndCall() must follow after an error too; until then all arguments must live. */
void
JBeginCall(JCall *call, const char *function, const char *model)
{
	call->outer = current_call;
	call->function = function;
	call->model = model;
	call->started_at = GetCurrentTimestamp();
	call->phase = 0;
	current_call = call;
}

void
JEndCall(JCall *call)
{
	if (call->phase > 0)
		pgstat_report_activity(STATE_RUNNING, debug_query_string);
	current_call = call->outer;
}

/* The number of the phase that a text begins with: "merge, slice 1 of 3". */
static int
PhaseNumber(const char *text)
{
	size_t		len = strcspn(text, ",");

	for (int i = 0; i < lengthof(phases); i++)
		if (strlen(phases[i]) == len && strncmp(phases[i], text, len) == 0)
			return i + 1;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown phase \"%s\"", text)));
}

/* _phase(phase text): the running call enters a phase; the time at which it does. */
Datum
_phase(PG_FUNCTION_ARGS)
{
	char	   *phase = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			number = PhaseNumber(phase);
	TimestampTz now = GetCurrentTimestamp();
	JCall	   *call = current_call;
	char	   *text;

	if (call == NULL)
		PG_RETURN_TIMESTAMPTZ(now);
	call->phase = number;
	text = psprintf("pg_journey: %s of model %s: %s", call->function, call->model, phase);
	pgstat_report_activity(STATE_RUNNING, text);
	if (TimestampDifferenceExceeds(call->started_at, now, SILENT_MILLISECONDS))
		ereport(NOTICE, (errmsg_internal("%s", text)));
	else
		ereport(DEBUG1, (errmsg_internal("%s", text)));
	PG_RETURN_TIMESTAMPTZ(now);
}

static void
SetSequence(Oid schema, const char *name, int64 value)
{
	Oid			sequence = get_relname_relid(name, schema);

	if (OidIsValid(sequence))
		DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(value));
}

/*
 * Keeps the trace of a call that failed in one of its phases: before them it waited or was refused,
 * which is no trouble of the model. To be called when the call's subtransaction is rolled back. An
 * error in here, as in a transaction that may not write, is swallowed, and needs no subtransaction of
 * its own to clean up after it: the caller must go on to raise the error that counts.
 */
void
JNoteFailure(const JCall *call, Oid schema, int sqlerrcode)
{
	MemoryContext context = CurrentMemoryContext;

	if (call->phase == 0)
		return;
	PG_TRY();
	{
		SetSequence(schema, "_failure", ((int64) sqlerrcode << FAILURE_PHASE_BITS) | call->phase);
		SetSequence(schema, "_failed_at", GetCurrentTimestamp());
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
}

/* _failure(number bigint): a failure in words. */
Datum
_failure(PG_FUNCTION_ARGS)
{
	int64		number = PG_GETARG_INT64(0);
	int			phase = number & ((1 << FAILURE_PHASE_BITS) - 1);

	if (phase < 1 || phase > lengthof(phases))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("SQLSTATE %s in phase %s",
											  unpack_sql_state((int) (number >> FAILURE_PHASE_BITS)),
											  phases[phase - 1])));
}
