/*
 * attribution_sql.h
 *		Rules, paths and amounts as SQL values, for the wrappers of this room and of others.
 */
#ifndef ATTRIBUTION_SQL_H
#define ATTRIBUTION_SQL_H

#include "utils/array.h"

#include "attribution_core.h"
#include "journey_sql.h"

/* The rule of a name; raises an error where there is none. */
extern JRule JRuleFromName(JStr name);

/* Is it a channel that is bought? */
extern bool JIsPaidChannel(JStr channel);

/* Sets a rule's option; false where no rule has an option of this name. */
extern bool JSetRuleOption(JRuleOptions *options, const char *key, const JsonbValue *value);

/*
 * The channels of a path, pointing into the array; a NULL one is JSTR_NULL. Raises an error for an
 * array of several dimensions.
 */
extern JStr *JPathFromArray(ArrayType *array, int *n);

/*
 * A finite number in units of 10^-digits, rounded; *exact says whether it was not. False where that would
 * be as large as `limit`.
 */
extern bool JUnitsFromNumeric(Datum number, int digits, int128 limit, int128 *units, bool *exact);

/* units * 10^-digits, with that many digits behind the point. */
extern Datum JNumericFromUnits(uint128 units, int digits);

/*
 * Splits any amount in proportion to weights, none of them negative and one at least not zero, as
 * JSharesSplit() does. The parts have `scale` digits behind the point, or as many as the amount needs.
 */
extern void JSplitNumeric(Datum amount, int scale, const Datum *weights, int n, Datum *parts);

#endif							/* ATTRIBUTION_SQL_H */
