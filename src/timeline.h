/*
 * timeline.h
 *		The SQL type journey.timeline, for the files that give or take one.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "timeline_core.h"

/* A reader for a detoasted timeline. It points into the datum. */
extern JTimelineReader *JTimelineOpenDatum(const struct varlena *timeline);

/* The timeline of any events: makes them canonical (in place) first. */
extern struct varlena *JTimelineFromEvents(JEvent *events, int n);

/* Raises the error for a timeline that would be too large. */
pg_noreturn extern void JTimelineTooLarge(void);

/* Raises an error unless a time is finite; `column` is named in the message. */
extern void JTimelineCheckTime(int64 time, const char *column);

/* The column of journey.event that holds a field, from 0. */
#define J_EVENT_COLUMNS (JF_COUNT + 2)
#define J_COLUMN_EVENT_TIME 3
#define J_COLUMN_RECEIVED_AT 4
#define JFieldColumn(field) ((field) < J_COLUMN_EVENT_TIME ? (field) : (field) + 2)

/* The text form, in timeline_json.c. Reading gives a new array of events, not yet canonical. */
extern void JTimelineWriteJson(StringInfo out, JTimelineReader *reader);
extern JEvent *JTimelineReadJson(const char *json, int *n);

#define PG_GETARG_TIMELINE_PP(n) ((struct varlena *) PG_GETARG_VARLENA_PP(n))

#endif							/* TIMELINE_H */
