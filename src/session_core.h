/*
 * session_core.h
 *		Sessions: where they start, and where a visitor's events stand.
 */
#ifndef SESSION_CORE_H
#define SESSION_CORE_H

#include "journey_core.h"

#include "lib/stringinfo.h"

#include "alias_core.h"
#include "counts_core.h"
#include "set_core.h"
#include "touch_core.h"

/* The property in which a model keeps the id of an event's campaign. */
#define J_CAMPAIGN_ID "context_campaign_id"
/* The property that says what an event's touches were before redaction. */
#define J_JUDGED_TOUCH "context_touch"

/* What redaction took away that a touch is made of. */
typedef struct JJudgement
{
	bool		has_page;		/* the event had a URL */
	JTouchType	type[2];		/* of its touch by campaign, and by referrer; JTOUCH_NONE: none */
	JStr		channel[2];
} JJudgement;

/* The rules by which a visitor's events are split. */
typedef struct JSessionOptions
{
	int64		timeout;		/* microseconds; a greater gap starts a session */
	bool		user_change;	/* a session has one user */
	bool		new_campaign;	/* another campaign starts a session */
	bool		session_key;	/* the sender's own session key decides */
	int64		max_duration;	/* microseconds; 0: none */
	int			n_passive;		/* names of events that are passive */
	JStr	   *passive;
	JTouchOptions touch;
	int			n_allowed;		/* values that are ids, though they look like none */
	JStr	   *allowed;
	int			n_kept;			/* properties whose first and last value a session keeps */
	char	  **kept;
	int			segment_events; /* for tests: how many a stored segment holds; 0: the usual */
	bool		counts;			/* summaries count events by name */

	/* Midnight starts a session: the local day of a time; NULL if not. */
	int64		(*local_day) (int64 time, void *arg);
	/* The e-mail by which an identify without user id names its visitor, or NULL; cleaned. */
	JStr		(*email) (const JEvent *event, void *arg);
	/* The id of its campaign among an event's properties, or NULL. */
	JStr		(*campaign_id) (const JEvent *event, void *arg);
	/* What an event was before redaction; false where its properties do not say. NULL where nothing is redacted. */
	bool		(*judged) (const JEvent *event, JJudgement *judgement);
	/* The values of the kept properties of an event that has properties, NULL where it has not. */
	void		(*properties) (const JEvent *event, JStr *values, void *arg);
	void	   *arg;
} JSessionOptions;

/* An id by which an event names its visitor. */
typedef struct JIdentityRef
{
	bool		is_email;
	JStr		id;
	int64		time;
} JIdentityRef;

/*
 * What decides whether the next active event starts a session, and whether the next event outside
 * sessions carries on the run before it. All zero: no event yet.
 */
typedef struct JSessionState
{
	bool		run_open;		/* the last event was in a run outside sessions */
	JUuid		run_id;			/* that run */
	int64		run_start;		/* time of its first event */
	JIdentityRef run_ref;		/* whom it names; id NULL: nobody, time unused */
	bool		run_aside;		/* it says nothing of whose device it is */
	JStr		login;			/* user of the last identify since the last active event, NULL: none */
	int64		login_time;		/* when that was */
	bool		open;			/* there is a session */
	bool		page_seen;		/* it has had an event with a page */
	JUuid		session_id;
	int64		start;			/* time of its first event */
	int64		prev;			/* time of its last active event */
	bool		ended;			/* an identify of another ended it */
	JStr		user_id;		/* its user, by the first id; without user_change the last id */
	JStr		email;			/* its first e-mail, while it has no user */
	JStr		key;			/* its last session key */
	bool		has_campaign;	/* of its last touch that is not a referrer: */
	JStr		source;
	JStr		medium;
	JStr		campaign;
	JStr		click_id;
	bool		aside;			/* of a stored segment outside sessions: is its run aside? */
} JSessionState;

/* Where an event stands. */
typedef enum JPlace
{
	JPLACE_STARTS,				/* active, first of a new session */
	JPLACE_INSIDE,				/* in the session of the state */
	JPLACE_LOOSE,				/* passive, in no session; the state tells the run */
	JPLACE_PENDING				/* passive; inside if the next active event is, else loose */
} JPlace;

typedef struct JWalk
{
	const JSessionOptions *options;
	const JAliases *aliases;
	JSessionState state;
	bool		waiting;		/* there are pending events */
	JSessionState outside;		/* the state as it is if they are outside, for its run */
	JStr		pending_user;	/* last user id among them, without user_change */
	bool		one_session;	/* known to hold one session: nothing but the first event starts one */
} JWalk;

extern void JWalkInit(JWalk *walk, const JSessionOptions *options, const JAliases *aliases);
extern bool JEventIsPassive(const JEvent *event, const JSessionOptions *options);
/* The kind of an event that came without one: page, screen or track. */
extern const char *JKindOf(JStr name, JStr url);
extern bool JEventIsPageView(const JEvent *event);
extern JStr JEventUser(const JEvent *event);	/* its user id, cleaned by who read the event */
/* How an event names its visitor: by user id, or, an identify without one, by e-mail. */
extern JIdentityRef JEventRef(const JEvent *event, const JSessionOptions *options);

/* Takes out ids that are none. A model's events have lost them as they were read. */
extern void JEventCleanIds(JEvent *event, const JSessionOptions *options);

/*
 * Takes the next event in standard order. For an active event *touch is filled; type JTOUCH_NONE
 * where the event makes none.
 */
extern JPlace JWalkStep(JWalk *walk, const JEvent *event, JTouch *touch);

/* Where the walk places a passive event. One that ends the session while others wait is loose, and so are they. */
extern JPlace JWalkPlacePassive(const JWalk *walk, const JEvent *event);

/* Is a pending event inside the session, which the walk's last active event carried on? */
extern bool JWalkTakesPending(const JWalk *walk, const JEvent *event);

/*
 * Does an event outside sessions say nothing of whose device it is? So it is if it names another than the
 * user of the visitor's last session, that of the state, and is no identify or alias.
 */
extern bool JWalkIsAside(const JWalk *walk, const JSessionState *state, const JEvent *event);

/* Whom a session that this event starts has from the login before it; NULL: nobody. */
extern JStr JStateHeir(const JSessionState *state, const JEvent *event, const JSessionOptions *options);

/*
 * Takes an event that is in no session: carries on the run of the state, or begins one (true). A run
 * names one id or none, so that all of it goes to one person: an event that names nobody goes by its
 * neighbours, as a session does, and stays anonymous on a shared visitor.
 */
extern bool JStateTakeLoose(JSessionState *state, const JEvent *event, bool aside,
							const JSessionOptions *options);

/* The run of another state becomes this one's. */
extern void JStateTakeRun(JSessionState *state, const JSessionState *other);

/* Would an active event start a session now? Changes nothing. */
extern bool JWalkWouldStart(const JWalk *walk, const JEvent *event);

/* State in bytes; the same state gives the same bytes. Strings of a decoded state point into the bytes. */
extern void JStateEncode(const JSessionState *state, StringInfo out);
extern bool JStateDecode(const char *data, Size len, JSessionState *state);

#endif							/* SESSION_CORE_H */
