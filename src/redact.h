/*
 * redact.h
 *		Redaction of jsonb, for the other rooms.
 */
#ifndef REDACT_H
#define REDACT_H

#include "journey_sql.h"
#include "redact_core.h"

/*
 * Compiles rules, or raises an error. `secret` may be NULL. All lies in the current memory context.
 */
extern JRedactRules *JRedactRulesFrom(Jsonb *rules, JStr secret);

/* A jsonb without what the rules name. `path` is where it stands in the event, empty for all of it. */
extern Jsonb *JRedactJsonb(JRedactRules *rules, Jsonb *jsonb, const char *path, bool in_traits);

#endif							/* REDACT_H */
