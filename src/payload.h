/*
 * payload.h
 *		Events of raw JSON, for the SQL functions that give them.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "lib/stringinfo.h"

#include "payload_core.h"
#include "redact.h"

/* Options as they were given last, and what they mean. */
typedef struct JPayloadSettings
{
	MemoryContext context;		/* of all below */
	Jsonb	   *jsonb;
	JPayloadOptions options;
	Jsonb	   *redact;			/* rules, or NULL */
	JStr		secret;			/* the key of pseudonyms, or NULL */
	JRedactRules *rules;		/* what they mean */
} JPayloadSettings;

/* Reads options into the cache, unless it has them. An error leaves the cache NULL. */
extern const JPayloadSettings *JPayloadGetSettings(JPayloadSettings **cache, MemoryContext parent, Jsonb *jsonb);

/* Writes a jsonb as text, within the limits of a payload. */
extern void JPayloadPrintJsonb(StringInfo out, Jsonb *jsonb, JPayloadError *error);

/* Sets the columns of journey.event, without what the rules name in its objects; rules may be NULL. */
extern void JPayloadSetEvent(Datum *values, bool *nulls, const JPayloadEvent *event, JRedactRules *rules);

/* The reason why something is no event, as users read it. */
extern char *JPayloadReason(const JPayloadError *error);

#endif							/* PAYLOAD_H */
