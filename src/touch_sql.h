/*
 * touch_sql.h
 *		Touches as SQL values, for the wrappers of other rooms.
 */
#ifndef TOUCH_SQL_H
#define TOUCH_SQL_H

#include "access/tupdesc.h"

#include "journey_sql.h"
#include "touch_core.h"

/* A row of journey.touch; the descriptor is that type's, blessed. */
extern Datum JTouchRow(const JTouch *touch, TupleDesc tupdesc);

/* Makes hosts of what people give as such in an option; an error where one can match nothing. */
extern void JHostsOfOption(const char *key, JStr *hosts, int n);

/*
 * Reads an option that is a list of one's own: channel_rules, referrers, click_ids; false for any other.
 * Strings point into the document or are in the current memory context.
 */
extern bool JReadOwnList(const char *option, const JsonbValue *value, JTouchOptions *options);

/* All click ids as {"name": "value", ..}. */
extern Jsonb *JTouchClickIds(const JTouch *touch);

#endif							/* TOUCH_SQL_H */
