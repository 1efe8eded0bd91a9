/*
 * progress.h
 *		What a call on a model is at, and the trace that a failed one leaves.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "datatype/timestamp.h"

/* A running call of a public function on a model. */
typedef struct JCall
{
	struct JCall *outer;		/* the call that this one runs in, or NULL */
	const char *function;		/* refresh, rebuild, ... */
	const char *model;
	TimestampTz started_at;
	int			phase;			/* which of the phases, from 1; 0 before the first */
} JCall;

extern void JCheckCall(const char *model);
extern void JBeginCall(JCall *call, const char *function, const char *model);
extern void JEndCall(JCall *call);
extern void JNoteFailure(const JCall *call, Oid schema, int sqlerrcode);

#endif							/* PROGRESS_H */
