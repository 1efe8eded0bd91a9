/*
 * time_core.h
 *		Times as events have them in text.
 */
#ifndef TIME_CORE_H
#define TIME_CORE_H

#include "journey_core.h"

/*
 * Reads a time of ISO 8601, in the forms
 *
 *	2026-09-01, 2026-09-01T10:00, 2026-09-01 10:00:00.123456+05:30, 20260901T100000Z
 *
 * with T, t or a blank between date and time; a point or a comma before the fraction; as zone
 * nothing (UTC), Z, z, " UTC", +HH, +HHMM or +HH:MM. More than six digits of a fraction are
 * rounded. 24:00 is the next day, a 60th second the next minute. Nothing else is a time: no words,
 * no infinity, no days that the calendar does not have, and no setting changes what it means.
 */
extern bool JTimeParse(JStr text, int64 *time);

#endif							/* TIME_CORE_H */
