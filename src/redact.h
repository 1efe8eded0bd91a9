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

/* The rules, the second argument, with the key of pseudonyms, the third; the cache may be fn_extra. */
extern JRedactRules *JRedactGetRules(FunctionCallInfo fcinfo, void **cache);

/* What the rules leave of one string of an event, which stands in the payload under that path. */
extern void JRedactField(JRedactRules *rules, const char *path, bool is_id, JStr *field);

/* A jsonb without what the rules name. `path` is where it stands in the event, empty for all of it. */
extern Jsonb *JRedactJsonb(JRedactRules *rules, Jsonb *jsonb, const char *path, bool in_traits);

#endif							/* REDACT_H */
