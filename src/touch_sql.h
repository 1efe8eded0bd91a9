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

/* All click ids as {"name": "value", ..}. */
extern Jsonb *JTouchClickIds(const JTouch *touch);

#endif							/* TOUCH_SQL_H */
