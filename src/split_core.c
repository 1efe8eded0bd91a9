/*
 * split_core.c
 *		The incremental split: walk only where something changed, keep what is as it was.
 *
 * All events that were read are put together with the fresh ones into one canonical set, each event
 * remembering the segment that it came from. The walk then goes through them in order. Where it comes
 * to the first event of an old segment that nothing touched, and its state is the one that the segment
 * remembers (or both say that a session starts here), the segment is kept: the walk goes through it to
 * know the state at its end, but builds nothing. Everywhere else it builds new segments.
 */
#include "split_core.h"

typedef struct JSplitter
{
	JWalk		walk;
	JSplitResult *result;
	int			max_segments;
	int			max_events;
	JNewSegment *current;		/* being built, or NULL */
	int			session;		/* the last segment built of the session that is open, or -1 */
	bool		settling;		/* what comes now stands behind events that waited */
	int			first_pending;	/* events whose place is open: [first_pending, at) */
	int			n_pending;
	JSessionState before_pending;	/* the state when they came */
} JSplitter;

/*
 * The state of a segment that begins with this event, NULL if it needs none. That of a session's first
 * tells whom the session has from a login before it, that of one outside sessions whether it is aside.
 */
static JStr
JSegmentState(const JSplitter *splitter, const JSessionState *before, const JEvent *first, bool loose,
			  bool head, bool aside)
{
	JSessionState state = *before;
	StringInfoData out;

	if (head && !loose)
	{
		JStr		heir = JStateHeir(before, first, splitter->walk.options);

		if (JStrIsNull(heir))
			return JSTR_NULL;
		memset(&state, 0, sizeof(state));
		state.login = heir;
		state.login_time = before->login_time;
	}
	else if (!state.open && !state.run_open)
		return JSTR_NULL;
	state.aside = aside;
	initStringInfo(&out);
	JStateEncode(&state, &out);
	return (JStr) {out.data, out.len};
}

static Size
JEventBytes(const JEvent *event)
{
	Size		bytes = 0;

	for (int i = 0; i < JF_COUNT; i++)
		bytes += event->field[i].len;
	return bytes;
}

/*
 * Begins a segment at an event; `unit` is the state that holds its unit, `before` the one before it. No walk
 * may begin at events that waited, or among them: a later event may still draw those before into the session.
 */
static JNewSegment *
JBeginSegment(JSplitter *splitter, int at, bool loose, bool head, bool aside, const JSessionState *unit,
			  const JSessionState *before)
{
	JSplitResult *result = splitter->result;
	const JEvent *first = &result->events[at];
	JNewSegment *segment;

	if (!head && loose && splitter->current != NULL)
		splitter->current->continues = true;
	if (!head && !loose && splitter->session >= 0)
		result->segments[splitter->session].continues = true;
	if (result->n_segments == splitter->max_segments)
	{
		splitter->max_segments = Max(8, splitter->max_segments * 2);
		result->segments = result->segments == NULL ?
			palloc_array(JNewSegment, splitter->max_segments) :
			repalloc_huge(result->segments, sizeof(JNewSegment) * (Size) splitter->max_segments);
	}
	if (!loose)
		splitter->session = result->n_segments;
	segment = splitter->current = &result->segments[result->n_segments++];
	segment->first = at;
	segment->n_events = 0;
	segment->bytes = 0;
	segment->state = JSegmentState(splitter, before, first, loose, head, aside);
	segment->resumable = !splitter->settling;
	segment->head = head;
	segment->continues = false;
	segment->unit_start = loose ? unit->run_start : unit->start;
	if (head && !loose)
		JPartBeginSession(&segment->part, &splitter->walk, first);
	else
		JPartBegin(&segment->part, first, loose, loose ? unit->run_id : unit->session_id);
	segment->part.aside = aside;
	return segment;
}

static void
JAddToSegment(JSplitter *splitter, int at, bool active, const JTouch *touch)
{
	JNewSegment *segment = splitter->current;
	JEvent	   *event = &splitter->result->events[at];

	Assert(segment->first + segment->n_events == at);
	segment->n_events++;
	segment->bytes += JEventBytes(event);
	JPartAdd(&segment->part, event, active, touch, splitter->walk.options);
}

static bool
JSegmentIsFull(const JSplitter *splitter)
{
	return splitter->max_events > 0 && (splitter->current->n_events >= splitter->max_events ||
										splitter->current->bytes >= J_SEGMENT_BYTES);
}

/* An event outside sessions, which `unit` has taken already: `begins` says with which outcome. */
static void
JAddLoose(JSplitter *splitter, int at, const JSessionState *unit, const JSessionState *before,
		  bool begins)
{
	static const JTouch none = {JTOUCH_NONE};

	if (begins || splitter->current == NULL || JSegmentIsFull(splitter))
		JBeginSegment(splitter, at, true, begins, unit->run_aside, unit, before);
	JAddToSegment(splitter, at, false, &none);
}

/* An event inside the session: `before` is the walk's state before it. */
static void
JAddInside(JSplitter *splitter, int at, bool active, const JTouch *touch,
		   const JSessionState *before, bool may_break)
{
	JNewSegment *current = splitter->current;

	if (current == NULL || current->part.loose || (may_break && JSegmentIsFull(splitter)))
		JBeginSegment(splitter, at, false, false, false, &splitter->walk.state, before);
	JAddToSegment(splitter, at, active, touch);
}

/* Events that waited: the session went on, which the walk's state has, or it did not. */
static void
JSettlePending(JSplitter *splitter, bool goes_on)
{
	static const JTouch none = {JTOUCH_NONE};
	const JSessionState *owner = goes_on ? &splitter->walk.state : &splitter->before_pending;
	int			n = splitter->n_pending;
	JSessionState state = splitter->before_pending;

	splitter->n_pending = 0;
	splitter->settling = n > 0;
	for (int i = 0; i < n; i++)
	{
		int			at = splitter->first_pending + i;
		JEvent	   *event = &splitter->result->events[at];
		JSessionState before = state;

		if (goes_on && JWalkTakesPending(&splitter->walk, event))
		{
			JAddInside(splitter, at, false, &none, &before, false);
			state.run_open = false;
		}
		else
		{
			bool		begins = JStateTakeLoose(&state, event,
												 JWalkIsAside(&splitter->walk, owner, event),
												 splitter->walk.options);

			JAddLoose(splitter, at, &state, &before, begins);
		}
	}
}

static void
JBuildStep(JSplitter *splitter, int at)
{
	JEvent	   *event = &splitter->result->events[at];
	JSessionState before = splitter->walk.state;
	bool		had_pending = splitter->n_pending > 0;
	JTouch		touch;
	JPlace		place = JWalkStep(&splitter->walk, event, &touch);

	if (place == JPLACE_PENDING)
	{
		if (splitter->n_pending++ == 0)
		{
			splitter->first_pending = at;
			splitter->before_pending = before;
		}
		return;
	}
	JSettlePending(splitter, place == JPLACE_INSIDE);
	switch (place)
	{
		case JPLACE_STARTS:
			splitter->settling = false;
			JBeginSegment(splitter, at, false, true, false, &splitter->walk.state, &before);
			JAddToSegment(splitter, at, true, &touch);
			break;
		case JPLACE_INSIDE:
			JAddInside(splitter, at, !JEventIsPassive(event, splitter->walk.options), &touch,
					   &before, !had_pending);
			break;
		default:
			if (had_pending)
				JStateTakeRun(&before, &splitter->walk.outside);
			JAddLoose(splitter, at, &splitter->walk.state, &before,
					  !before.run_open ||
					  memcmp(&before.run_id, &splitter->walk.state.run_id, sizeof(JUuid)) != 0);
			break;
	}
	splitter->settling = false;
}

/*
 * An old segment stays: what it carries on does not end in a new one. Behind events that lie outside it a
 * session may go on, where it is not read.
 */
static void
JMeet(JSplitter *splitter, const JOldSegment *segment)
{
	JSettlePending(splitter, false);
	splitter->settling = false;
	if (segment->loose && !segment->head && splitter->current != NULL)
		splitter->current->continues = true;
	if ((segment->loose || !segment->head) && splitter->session >= 0)
		splitter->result->segments[splitter->session].continues = true;
	if (!segment->loose)
		splitter->session = -1;
	splitter->current = NULL;
}

/* Would the walk begin a segment of this kind here? */
static bool
JMayMeet(const JSplitter *splitter, const JOldSegment *segment)
{
	const JWalk *walk = &splitter->walk;
	const JEvent *first = segment->events;

	if (segment->head && !segment->loose)
		return JWalkWouldStart(walk, first);
	return splitter->n_pending == 0 &&
		!(segment->loose && JWalkPlacePassive(walk, first) == JPLACE_PENDING);
}

/* Is this the state that the walk gives a segment that begins here? */
static bool
JHasState(const JSplitter *splitter, const JOldSegment *segment, JStr state)
{
	const JWalk *walk = &splitter->walk;
	const JEvent *first = segment->events;
	bool		aside = segment->loose && JWalkIsAside(walk, &walk->state, first);
	JStr		bytes = JSegmentState(splitter, &walk->state, first, segment->loose, segment->head, aside);
	bool		equal = JStrEqual(bytes, state);

	if (!JStrIsNull(bytes))
		pfree(unconstify(char *, bytes.data));
	return equal;
}

/* Does the old split, from this segment on, follow from the walk's state too? */
static bool
JMeets(const JSplitter *splitter, const JOldSegment *segment)
{
	return JMayMeet(splitter, segment) && JHasState(splitter, segment, segment->state);
}

static void
JAddRename(JSplitResult *result, const JRename *rename)
{
	if (memcmp(&rename->from, &rename->to, sizeof(JUuid)) == 0)
		return;
	result->renames = result->renames == NULL ? palloc_array(JRename, 2) :
		repalloc_array(result->renames, JRename, result->n_renames + 2);
	result->renames[result->n_renames++] = *rename;
}

/*
 * Does it follow but for the ids of the units that go on, and when they began? Neither decides anything, unless
 * a session may last no longer than max_duration.
 */
static bool
JMeetsRenamed(JSplitter *splitter, const JOldSegment *old, int sentinel)
{
	const JOldSegment *segment = &old[sentinel];
	const JSessionState *now = &splitter->walk.state;
	JSessionState stored,
				renamed;
	StringInfoData bytes;
	bool		equal;

	if (JStrIsNull(segment->state) || !JMayMeet(splitter, segment) ||
		!JStateDecode(segment->state.data, segment->state.len, &stored))
		return false;
	renamed = stored;
	if (stored.open && now->open)
	{
		renamed.session_id = now->session_id;
		renamed.start = now->start;
	}
	if (stored.run_open && now->run_open)
	{
		renamed.run_id = now->run_id;
		renamed.run_start = now->run_start;
	}
	if (splitter->walk.options->max_duration > 0 && renamed.start != stored.start)
		return false;
	initStringInfo(&bytes);
	JStateEncode(&renamed, &bytes);
	equal = JHasState(splitter, segment, (JStr) {bytes.data, bytes.len});
	pfree(bytes.data);
	if (!equal)
		return false;
	JAddRename(splitter->result,
			   &(JRename) {sentinel, false, stored.session_id, renamed.session_id, renamed.start});
	JAddRename(splitter->result,
			   &(JRename) {sentinel, true, stored.run_id, renamed.run_id, renamed.run_start});
	return true;
}

/*
 * Walks through an old segment that is as it was, from the walk's place; false, and nothing done, where it
 * must be built anew: the place of its last events is open, and those that decide it may have changed.
 */
static bool
JKeep(JSplitter *splitter, const JOldSegment *segment, int at)
{
	JWalk		walk = splitter->walk;
	JTouch		touch;

	if (!JMeets(splitter, segment))
		return false;
	for (int i = 0; i < segment->n_events; i++)
		(void) JWalkStep(&walk, &splitter->result->events[at + i], &touch);
	if (walk.waiting)
		return false;
	JMeet(splitter, segment);
	splitter->walk = walk;
	return true;
}

bool
JStateRename(JSessionState *state, JUuid from, JUuid to, int64 start)
{
	if (state->open && memcmp(&state->session_id, &from, sizeof(JUuid)) == 0)
	{
		state->session_id = to;
		state->start = start;
		return true;
	}
	if (state->run_open && memcmp(&state->run_id, &from, sizeof(JUuid)) == 0)
	{
		state->run_id = to;
		state->run_start = start;
		return true;
	}
	return false;
}

static void
JResumeAt(JSplitter *splitter, const JOldSegment *segment)
{
	splitter->current = NULL;
	splitter->session = -1;
	splitter->n_pending = 0;
	splitter->walk.pending_user = JSTR_NULL;
	splitter->walk.waiting = false;
	if (JStrIsNull(segment->state))
		memset(&splitter->walk.state, 0, sizeof(JSessionState));
	else
		(void) JStateDecode(segment->state.data, segment->state.len, &splitter->walk.state);
	splitter->walk.state.aside = false;
	for (int i = 0; i < splitter->result->n_renames; i++)
		(void) JStateRename(&splitter->walk.state, splitter->result->renames[i].from,
							splitter->result->renames[i].to, splitter->result->renames[i].start);
}

/* The first of the removed, which are sorted, that has this id; -1 if none has. */
static int
JFindRemoved(const JRemoved *removed, int n, JStr id)
{
	int			lo = 0,
				hi = n;

	while (lo < hi)				/* the first that is not less in id */
	{
		int			mid = (lo + hi) / 2;

		if (JStrCompare(removed[mid].event_id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && JStrEqual(removed[lo].event_id, id) ? lo : -1;
}

static bool
JIsRemoved(const JRemoved *removed, int n, int first, const JEvent *event)
{
	for (int i = first; i < n && JStrEqual(removed[i].event_id, event->field[JF_EVENT_ID]); i++)
		if (removed[i].time == J_NO_TIME || removed[i].time == event->time)
			return true;
	return false;
}

/* Puts old and fresh events together; tags say which old segment an event came from, -1 is fresh. */
static void
JGatherEvents(JOldSegment *old, int n_old, const JEvent *fresh, int n_fresh,
			  const JRemoved *removed, int n_removed, JSplitResult *result)
{
	int			total = n_fresh;
	int			n = 0;
	int			replaced = 0;	/* events that went and come again */
	bool	   *went = palloc0_array(bool, Max(n_removed, 1));

	for (int i = 0; i < n_old; i++)
		if (!old[i].sentinel)
			total += old[i].n_events;
	result->events = palloc_extended(sizeof(JEvent) * Max(total, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n_old; i++)
		if (!old[i].sentinel)
			for (int k = 0; k < old[i].n_events; k++)
			{
				int			at = JFindRemoved(removed, n_removed,
											  old[i].events[k].field[JF_EVENT_ID]);

				if (at >= 0 && JIsRemoved(removed, n_removed, at, &old[i].events[k]))
				{
					went[at] = true;
					continue;
				}
				result->events[n] = old[i].events[k];
				result->events[n].tag = i;
				result->events[n++].merged = false;
			}
	result->n_new = -n;
	for (int k = 0; k < n_fresh; k++)
	{
		int			at = JFindRemoved(removed, n_removed, fresh[k].field[JF_EVENT_ID]);

		if (at >= 0 && went[at])
		{
			went[at] = false;
			replaced++;
		}
		result->events[n] = fresh[k];
		result->events[n].tag = -1;
		result->events[n++].merged = false;
	}
	result->n_events = JEventsCanonicalise(result->events, n);
	result->n_new = Max(0, result->n_new + result->n_events - replaced);
	pfree(went);
}

/*
 * Marks old segments that cannot be kept: one of their events went, changed or moved, a fresh event
 * stands among theirs, or right behind them where there is room.
 */
static void
JMarkTouched(JOldSegment *old, int n_old, JSplitResult *result, bool force, int max_events)
{
	int		   *left = palloc0_array(int, Max(n_old, 1));
	int			last = -1;		/* the segment of the last old event */

	for (int i = 0; i < n_old; i++)
	{
		old[i].dirty = force && !old[i].sentinel;
		left[i] = old[i].n_events;
	}
	for (int i = 0; i < result->n_events; i++)
	{
		int			tag = result->events[i].tag;

		if (tag >= 0)
		{
			left[tag]--;
			if (result->events[i].merged)
				old[tag].dirty = true;
			/* an event of one segment among those of another: its time was replaced */
			if (last >= 0 && last != tag && left[last] > 0)
				old[last].dirty = old[tag].dirty = true;
			last = tag;
		}
		else if (last >= 0 && (left[last] > 0 || old[last].n_events < max_events))
			old[last].dirty = true;
	}
	for (int i = 0; i < n_old; i++)
	{
		old[i].gone = !old[i].sentinel && left[i] == old[i].n_events;
		if (!old[i].sentinel && left[i] > 0)
			old[i].dirty = true;
	}
	pfree(left);
}

/* Pairs of ids that aliases join, in the order of their events. */
typedef struct JAliasPairs
{
	JStr	   *previous;
	JStr	   *user;
	int			n;
	int			max;
} JAliasPairs;

static void
JAddAliases(JAliasPairs *pairs, const JEvent *events, int n)
{
	for (int i = 0; i < n; i++)
	{
		const JEvent *event = &events[i];

		if (!JStrEqual(event->field[JF_KIND], JSTR_LIT("alias")) ||
			JStrIsNull(event->field[JF_PREVIOUS_ID]) || JStrIsNull(JEventUser(event)))
			continue;
		if (pairs->n == pairs->max)
		{
			int			max = Max(8, pairs->max * 2);

			pairs->previous = pairs->max == 0 ? palloc_array(JStr, max) :
				repalloc_array(pairs->previous, JStr, max);
			pairs->user = pairs->max == 0 ? palloc_array(JStr, max) :
				repalloc_array(pairs->user, JStr, max);
			pairs->max = max;
		}
		pairs->previous[pairs->n] = event->field[JF_PREVIOUS_ID];
		pairs->user[pairs->n++] = event->field[JF_USER_ID];
	}
}

/* The aliases that a visitor's own events tell. */
static JAliases *
JAliasesOfEvents(const JEvent *events, int n)
{
	JAliasPairs pairs = {NULL};

	JAddAliases(&pairs, events, n);
	return JAliasesFrom(pairs.previous, pairs.user, pairs.n);
}

/* Did the stored events join the same users as these? */
static bool
JAliasesStay(const JOldSegment *old, int n_old, const JAliases *aliases)
{
	JAliasPairs pairs = {NULL};
	JAliases   *before;

	for (int i = 0; i < n_old; i++)
		JAddAliases(&pairs, old[i].events, old[i].n_events);
	before = JAliasesFrom(pairs.previous, pairs.user, pairs.n);
	if (before->n != aliases->n)
		return false;
	for (int i = 0; i < aliases->n; i++)
		if (!JStrEqual(before->link[i].from, aliases->link[i].from) ||
			!JStrEqual(before->link[i].end, aliases->link[i].end))
			return false;
	return true;
}

void
JSplit(const JSessionOptions *options, const JAliases *aliases, JOldSegment *old, int n_old,
	   const JEvent *fresh, int n_fresh, const JRemoved *removed, int n_removed, bool force,
	   int max_events, JSplitResult *result)
{
	JSplitter	splitter;
	int			next = 0;		/* the old segment that the walk comes to next */
	int			at = 0;

	memset(result, 0, sizeof(*result));
	JGatherEvents(old, n_old, fresh, n_fresh, removed, n_removed, result);
	if (aliases == NULL)
	{
		aliases = JAliasesOfEvents(result->events, result->n_events);
		force = force && !JAliasesStay(old, n_old, aliases);
	}
	JMarkTouched(old, n_old, result, force, max_events);

	memset(&splitter, 0, sizeof(splitter));
	JWalkInit(&splitter.walk, options, aliases);
	splitter.result = result;
	splitter.max_events = max_events;
	splitter.session = -1;
	if (n_old > 0 && (result->n_events == 0 || result->events[0].tag >= 0 ||
					  JEventCompare(old[0].events, &result->events[0]) <= 0))
		JResumeAt(&splitter, &old[0]);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		while (next < n_old && old[next].gone)
			next++;

		/* Sentinels end a run: the walk must meet the old split there, and resumes at the next run. */
		if (next < n_old && old[next].sentinel &&
			(at == result->n_events || JEventCompare(old[next].events, &result->events[at]) <= 0))
		{
			if (!JMeets(&splitter, &old[next]) && !JMeetsRenamed(&splitter, old, next))
			{
				result->incomplete = true;
				return;
			}
			JMeet(&splitter, &old[next]);
			next++;
			if (next < n_old)
				JResumeAt(&splitter, &old[next]);
			continue;
		}
		if (at == result->n_events)
			break;

		/* Segments whose events come in another order now are just passed. */
		if (next < n_old && result->events[at].tag >= 0 && result->events[at].tag > next)
			next = old[next].sentinel ? next : result->events[at].tag;

		if (next < n_old && !old[next].sentinel && result->events[at].tag == next)
		{
			JOldSegment *segment = &old[next++];

			if (!segment->dirty && JKeep(&splitter, segment, at))
			{
				at += segment->n_events;
				continue;
			}
			segment->dirty = true;
		}
		JBuildStep(&splitter, at++);
	}
	JSettlePending(&splitter, false);
}
