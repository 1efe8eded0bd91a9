/*
 * time_core.h
 *		Times that sources and payloads hold as text.
 */
#ifndef TIME_CORE_H
#define TIME_CORE_H

#include "journey_core.h"

/*
 * Reads a time as ISO 8601 writes it, into microseconds since 2000-01-01 UTC; false where it is none, or
 * outside of what timestamptz holds. A time without an offset is UTC, a date alone its midnight. No setting
 * counts, and no word (now, infinity, today) is a time.
 *
 * Taken: calendar dates (2024-02-29), ordinal dates (2024-060) and week dates (2024-W09-4), years of six
 * digits with a sign; each with or without separators. Behind "T" or blanks a time to the hour, minute or
 * second, with or without separators, the last of them with a fraction behind a point or a comma; 24:00, and
 * a second 60 that is the next minute's first. Then nothing, Z, UTC, or an offset of hours, minutes and, as
 * PostgreSQL prints old ones, seconds. Not taken, since it names no instant or more than one: a year, month or
 * week alone, a date with two digits of year, a date in other orders, digits without a "T" beyond a date.
 */
extern bool JTimeFromIso(JStr value, int64 *time);

#endif							/* TIME_CORE_H */
