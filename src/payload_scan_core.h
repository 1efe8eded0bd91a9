/*
 * payload_scan_core.h
 *		Where the values of a JSON text end: the look that comes before any reading.
 */
#ifndef PAYLOAD_SCAN_CORE_H
#define PAYLOAD_SCAN_CORE_H

#include "payload_core.h"

/* What the look over a value found. */
typedef struct JScan
{
	int32		end;			/* behind the value */
	bool		has_nul;		/* there is an escape \u0000 in it */
	bool		has_type;		/* it is an object with a key "type" */
	int32		batch;			/* where the value of its key "batch" begins, or 0 */
	int32		payload;		/* the same of "payload" */
	int32		context;		/* the same of "context" */
} JScan;

/*
 * Looks over the value that begins at `from`: strings end, brackets match, nothing is too deep. Its
 * commas, colons, words and numbers are the lexer's to judge. False, with the error, if it is none.
 */
extern bool JScanValue(JStr text, int32 from, JScan *scan, JPayloadError *error);

/* The first byte at or after `from` that is no white space. */
extern int32 JScanSpace(JStr text, int32 from);

/*
 * The text without the escapes \u0000, how many there were, and an error where one stands in a
 * key. `from` is where it stood in the payload, for that error.
 */
extern JStr JScanWithoutNuls(JStr text, int32 from, int32 *nuls, JPayloadError *error);

/* Sets an error, if none is set. Returns false. */
extern bool JPayloadFail(JPayloadError *error, const char *code, int32 offset);

#endif							/* PAYLOAD_SCAN_CORE_H */
