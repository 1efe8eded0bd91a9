/*
 * journey_core.h
 *		What the cores of all rooms share: strings, events, order.
 *
 * A core (*_core.c) holds an algorithm and nothing of the server's function interface, so that it can
 * be built into a test program too (-DFRONTEND, with libpgcommon's palloc). It reports errors by its
 * return value; the wrapper <room>.c raises them.
 */
#ifndef JOURNEY_CORE_H
#define JOURNEY_CORE_H

#ifdef FRONTEND
#include "postgres_fe.h"
#define CHECK_FOR_INTERRUPTS() ((void) 0)
#define repalloc_huge(pointer, size) repalloc(pointer, size)
#else
#include "postgres.h"
#include "miscadmin.h"
#endif

#include "pg_journey_compat.h"

/* A string with its length, not terminated. data NULL is SQL's NULL, which is not the empty string. */
typedef struct JStr
{
	const char *data;
	int32		len;
} JStr;

#define JSTR_NULL ((JStr) {NULL, 0})
#define JSTR_LIT(s) ((JStr) {(s), sizeof(s) - 1})
#define JStrIsNull(s) ((s).data == NULL)

/* NULL equals NULL here: fields are compared, not joined. */
static inline bool
JStrEqual(JStr a, JStr b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Bytewise order, NULL first: the order of ids everywhere (COLLATE "C"). */
static inline int
JStrCompare(JStr a, JStr b)
{
	int			c;

	if (a.data == NULL || b.data == NULL)
		return (a.data != NULL) - (b.data != NULL);
	c = memcmp(a.data, b.data, Min(a.len, b.len));
	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* The fields of an event that are strings, in the order of journey.event. */
typedef enum JField
{
	JF_EVENT_ID,
	JF_VISITOR_ID,
	JF_USER_ID,
	JF_KIND,					/* page, screen, track, identify, group, alias */
	JF_NAME,
	JF_URL,
	JF_REFERRER,
	JF_REVENUE,					/* the text form of a numeric */
	JF_CURRENCY,
	JF_ORDER_ID,
	JF_SOURCE,					/* campaign columns, not those of a URL */
	JF_MEDIUM,
	JF_CAMPAIGN,
	JF_TERM,
	JF_CONTENT,
	JF_SESSION_KEY,
	JF_PREVIOUS_ID,
	JF_PLATFORM,
	JF_PROPERTIES,				/* the text form of a jsonb */
	JF_TRAITS,					/* the text form of a jsonb */
	JF_COUNT
} JField;

/* Times are TimestampTz: microseconds since 2000-01-01 UTC. */
#define J_NO_TIME PG_INT64_MIN	/* received_at was NULL: older than any */
#define J_USECS_PER_SEC INT64CONST(1000000)
#define J_USECS_PER_DAY (INT64CONST(86400) * J_USECS_PER_SEC)

/* Copies of one event form a chain in time with steps of at most this. */
#define J_COPY_STEP J_USECS_PER_DAY

typedef struct JEvent
{
	int64		time;			/* event_time of the copy that won */
	int64		received_at;	/* of the copy that won, or J_NO_TIME */
	int64		first_copy;		/* least event_time of its copies */
	int64		last_copy;		/* greatest event_time of its copies */
	JStr		field[JF_COUNT];
	int32		tag;			/* the caller's: survives sorting and merging */
	bool		merged;			/* set where JEventsCanonicalise() found farther copies of it */
} JEvent;

/* The standard order: (event_time, event_id), then the visitor where several stand in one timeline. */
extern int	JEventCompare(const JEvent *a, const JEvent *b);

/*
 * Turns any multiset of events into the canonical set: copies folded into one (the same visitor and id,
 * a chain of times), sorted in standard order. The result depends on the multiset alone. Events without
 * an id get one first (JEventSetId). Returns the new count; works in place. An event that absorbed
 * another from before its first copy or behind its last has `merged` set. The winner's tag stays; of
 * copies that are the same in all, the one with the higher tag wins.
 */
extern int	JEventsCanonicalise(JEvent *events, int n);

/* Gives an event without an id the hash of visitor, time, kind, name, url and user; 32 hex digits. */
extern void JEventSetId(JEvent *event);

/* The first 16 bytes of a hash that is the same on every machine and version; for ids made by us. */
typedef struct JUuid
{
	unsigned char data[16];
} JUuid;
extern JUuid JUuidFrom(const char *what, JStr visitor_id, JStr event_id, int64 time);

#endif							/* JOURNEY_CORE_H */
