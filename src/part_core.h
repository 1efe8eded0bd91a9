/*
 * part_core.h
 *		Summaries of runs of events, as the sessions and facts are made of.
 */
#ifndef PART_CORE_H
#define PART_CORE_H

#include "order_core.h"
#include "session_core.h"

/* A touch within a session. */
typedef struct JPartTouch
{
	int64		time;
	JStr		event_id;
	JStr		referrer;
	JTouch	   *touch;
} JPartTouch;

/* An amount, for sums per session. */
typedef struct JRevenue
{
	JOrder		order;
	JStr		currency;
	JStr		amount;			/* text of a numeric, with its sign */
} JRevenue;

static inline bool
JAmountIsNegative(JStr amount)
{
	return amount.len > 0 && amount.data[0] == '-';
}

/*
 * The summary of a run of events of one session, or of events outside sessions. Summaries of
 * neighbouring runs of one session add up to the summary of both.
 */
typedef struct JPart
{
	bool		loose;			/* outside sessions */
	bool		aside;			/* and says nothing of whose device it is */
	JUuid		id;				/* of the session, or of the run outside */
	JStr		visitor_id;
	int64		started_at;		/* first event */
	JStr		first_event_id;
	bool		has_end;		/* has an active event, or is outside sessions */
	int64		ended_at;		/* last active event; outside sessions the last event */
	int64		events;
	int64		page_views;
	bool		active_track;
	bool		has_page;
	JStr		landing_page;
	JStr		exit_page;
	JStr		user_id;		/* last */
	JStr		last_email;		/* last e-mail that identified without a user id */
	int			n_refs;
	int			max_refs;
	JIdentityRef *refs;			/* whom its events name: each once, in order of the first time */
	JSet		ref_set;
	JStr		gclid;			/* last */
	int			n_touches;
	int			max_touches;
	JPartTouch *touches;		/* in order, equal ones once */
	JSet		touch_set;
	int			n_revenues;
	int			max_revenues;
	JRevenue   *revenues;		/* in order, each order once */
	JSet		revenue_set;
	int			n_kept;
	JStr	   *kept;			/* first and last value of each kept property, in pairs */
	JNameCounts counts;			/* events by name, if the options ask for them */
} JPart;

/* Begins the summary of a run whose first event is this. */
extern void JPartBegin(JPart *part, const JEvent *first, bool loose, JUuid id);
/* Of the session that the walk's last event started: with the user that it has from a login before. */
extern void JPartBeginSession(JPart *part, const JWalk *walk, const JEvent *first);
extern void JPartAdd(JPart *part, const JEvent *event, bool active, const JTouch *touch,
					 const JSessionOptions *options);
/* Adds the run that follows; strings are shared, not copied. */
extern void JPartAppend(JPart *part, const JPart *next);
extern void JPartEncode(const JPart *part, StringInfo out);

/*
 * False if the bytes are no summary. They may come from anywhere: `is_text` says whether a string of
 * theirs may become a text.
 */
extern bool JPartDecode(const char *data, Size len, bool (*is_text) (JStr s), JPart *part);

/* Counts by name as bytes, as they stand at the end of a summary's. */
extern void JNameCountsEncode(const JNameCounts *counts, StringInfo out);
extern bool JNameCountsDecode(const char *data, Size len, bool (*is_text) (JStr s), JNameCounts *counts);

/* The first touch that is not direct; NULL where the session is direct. */
extern const JPartTouch *JPartMainTouch(const JPart *part);

#endif							/* PART_CORE_H */
