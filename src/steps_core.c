/*
 * steps_core.c
 *		Which steps an event is.
 */
#include "steps_core.h"

#include "port/pg_bitutils.h"

#include "session_list_core.h"
#include "url_core.h"

/* ------------------------------------------------------------------------------------------------
 * making steps
 * ------------------------------------------------------------------------------------------------ */

static const char *const prefixes[JASPECT_COUNT] = {
	[JASPECT_KIND] = "kind:",
	[JASPECT_PAGE] = "page:",
	[JASPECT_HOST] = "host:",
	[JASPECT_CHANNEL] = "channel:"
};

JStep
JStepFromText(JStr text)
{
	JStep		step = {.pattern = {JSTR_NULL}};
	JAspect		aspect = JASPECT_NAME;

	for (int i = JASPECT_KIND; i < JASPECT_COUNT; i++)
	{
		int			len = strlen(prefixes[i]);

		if (text.len >= len && memcmp(text.data, prefixes[i], len) == 0)
		{
			aspect = i;
			text = JStrFrom(text, len);
			break;
		}
	}
	step.pattern[aspect] = aspect == JASPECT_HOST ? JHostLower(text) : text;
	return step;
}

JStep
JStepFromDef(const JDef *def, JDefError *error)
{
	static const char *const known[] = {"event", "kind", "page", "host", "channel", "where", NULL};
	JStep		step = {.pattern = {JSTR_NULL}};
	bool		asks = false;

	JDefCheckKeys(def, known, error);
	for (int i = 0; i < JASPECT_COUNT; i++)
	{
		JStr		pattern = JDefString(JDefMember(def, known[i]), error);

		if (i == JASPECT_HOST && !JStrIsNull(pattern))
			pattern = JHostLower(pattern);
		step.pattern[i] = pattern;
		asks |= !JStrIsNull(pattern);
	}
	step.where = JWhereCompile(JDefMember(def, "where"), error);
	if (!asks && step.where.n == 0)
		JDefFail(error, J_DEF_MISSING, def, "Give \"event\": \"*\" for any event.",
				 "it asks for nothing");
	return step;
}

static bool
IsAny(JStr pattern)
{
	return pattern.len == 1 && pattern.data[0] == '*';
}

/*
 * The longest part of a pattern without *, or what there was if that is no shorter. What could stand in a
 * packed string, and the path of a URL without one, no body needs to hold.
 */
static JStr
LongestPart(JStr pattern, JStr longest)
{
	for (int from = 0, to; from < pattern.len; from = to + 1)
	{
		bool		plain = false;

		for (to = from; to < pattern.len && pattern.data[to] != '*'; to++)
			plain |= !JMayBePacked(pattern.data[to]);
		if (plain && to - from > Max(longest.len, 1))
			longest = (JStr) {pattern.data + from, to - from};
	}
	return longest;
}

void
JStepsAdd(JSteps *steps, JStep step)
{
	uint64		bit = UINT64CONST(1) << steps->n;
	bool		asks = step.where.n > 0;

	Assert(steps->n < JSTEPS_ROOM);
	/* the name * is any event, those without a name too */
	if (IsAny(step.pattern[JASPECT_NAME]))
		step.pattern[JASPECT_NAME] = JSTR_NULL;
	for (int i = 0; i < JASPECT_COUNT; i++)
		if (!JStrIsNull(step.pattern[i]))
		{
			steps->asks[i] |= bit;
			if (i != JASPECT_HOST && i != JASPECT_CHANNEL &&
				memchr(step.pattern[i].data, '*', step.pattern[i].len) == NULL)
				steps->exact[i] |= bit;
			asks = true;
		}
	if (step.where.n > 0)
		steps->wheres |= bit;
	if (!asks)
		steps->anything |= bit;
	step.part = LongestPart(step.pattern[JASPECT_PAGE], LongestPart(step.pattern[JASPECT_NAME], JSTR_NULL));
	steps->step[steps->n++] = step;
}

bool
JStepsMayOccur(const JSteps *steps, uint64 needed, const char *body, Size len)
{
	for (; needed != 0; needed &= needed - 1)
	{
		JStr		part = steps->step[pg_rightmost_one_pos64(needed)].part;

		if (part.len > 0 && memmem(body, len, part.data, part.len) == NULL)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * matching
 * ------------------------------------------------------------------------------------------------ */

static inline char
Fold(char c, bool fold)
{
	return fold ? (char) JLower((unsigned char) c) : c;
}

/* Whether a string is what a pattern with * describes; with `fold` in any ASCII case. */
static bool
PatternMatches(JStr pattern, JStr s, bool fold)
{
	int			p = 0;
	int			star = -1;		/* the last * passed, and where the string stood then */
	int			mark = 0;

	if (JStrIsNull(s))
		return false;
	for (int i = 0; i < s.len;)
	{
		if (p < pattern.len && pattern.data[p] == '*')
		{
			star = p++;
			mark = i;
		}
		else if (p < pattern.len && Fold(pattern.data[p], fold) == Fold(s.data[i], fold))
		{
			p++;
			i++;
		}
		else if (star >= 0)
		{
			p = star + 1;
			i = ++mark;
		}
		else
			return false;
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

/* Of the steps in `asked`, those whose pattern does not match. */
static uint64
Others(const JSteps *steps, uint64 asked, JAspect aspect, JStr value)
{
	uint64		others = 0;
	bool		fold = aspect == JASPECT_HOST || aspect == JASPECT_CHANNEL;

	for (; asked != 0; asked &= asked - 1)
	{
		int			i = pg_rightmost_one_pos64(asked);

		if ((steps->exact[aspect] >> i & 1) ? !JStrEqual(steps->step[i].pattern[aspect], value) :
			!PatternMatches(steps->step[i].pattern[aspect], value, fold))
			others |= UINT64CONST(1) << i;
	}
	return others;
}

/* The same for names, which recur: by where they lie. */
static uint64
OtherNames(JSteps *steps, JStr name)
{
	JNameMatch *match = &steps->names[((uintptr_t) name.data ^ (uintptr_t) name.data >> 4) %
									  JSTEP_NAMES];

	if (JStrIsNull(name))
		return steps->asks[JASPECT_NAME];
	if (match->data != name.data || match->len != name.len)
	{
		match->data = name.data;
		match->len = name.len;
		match->others = Others(steps, steps->asks[JASPECT_NAME], JASPECT_NAME, name);
	}
	return match->others;
}

void
JStepsBegin(JSteps *steps)
{
	memset(steps->names, 0, sizeof(steps->names));
	steps->kind.known = false;
}

JStr
JEventKind(const JEvent *event)
{
	static const JStr kinds[] = {{"screen", 6}, {"identify", 8}, {"group", 5}, {"alias", 5}};
	JStr		name = event->field[JF_NAME];

	if (!JStrIsNull(event->field[JF_KIND]))
		return event->field[JF_KIND];
	for (int i = 0; i < lengthof(kinds); i++)
		if (JStrEqual(name, kinds[i]))
			return kinds[i];
	return JEventIsPageView(event) ? JSTR_LIT("page") : JSTR_LIT("track");
}

JStr
JPagePath(JStr url)
{
	JUrl		parsed;
	JStr		path;

	if (JStrIsNull(url))
		return JSTR_NULL;
	if (JUrlPlainPath(url, &path))
		return path;
	JUrlParse(url, &parsed);
	if (JStrIsNull(parsed.path) && parsed.host.len > 0)
		return JSTR_LIT("/");
	return parsed.path;
}

/* Of the steps that ask for a kind, those that the event is not. Kinds recur like names. */
static uint64
OtherKinds(JSteps *steps, const JEvent *event)
{
	JKindMatch *match = &steps->kind;
	const char *kind = event->field[JF_KIND].data;
	const char *name = event->field[JF_NAME].data;
	bool		has_url = !JStrIsNull(event->field[JF_URL]);

	if (!match->known || match->kind != kind || match->name != name || match->has_url != has_url)
		*match = (JKindMatch) {
			true, has_url, kind, name, Others(steps, steps->asks[JASPECT_KIND], JASPECT_KIND, JEventKind(event))
		};
	return match->others;
}

/* Of the steps that ask for a page or a host, those that the event is not. */
static uint64
OtherUrls(const JSteps *steps, uint64 left, const JEvent *event)
{
	JStr		url = event->field[JF_URL];
	uint64		pages = left & steps->asks[JASPECT_PAGE];
	uint64		hosts = left & steps->asks[JASPECT_HOST];
	uint64		others = 0;
	JUrl		parsed = {.path = JSTR_NULL};

	if (pages != 0)
		others |= Others(steps, pages, JASPECT_PAGE,
						 JEventIsPageView(event) ? JPagePath(url) : JSTR_NULL);
	if (hosts != 0)
	{
		if (!JStrIsNull(url))
			JUrlParse(url, &parsed);
		others |= Others(steps, hosts, JASPECT_HOST, parsed.host);
	}
	return others;
}

uint64
JStepsMatch(JSteps *steps, const JEvent *event, JStr channel)
{
	uint64		left = steps->n == JSTEPS_ROOM ? ~UINT64CONST(0) : (UINT64CONST(1) << steps->n) - 1;

	if (steps->asks[JASPECT_NAME] != 0)
		left &= ~OtherNames(steps, event->field[JF_NAME]);
	if (left & steps->asks[JASPECT_KIND])
		left &= ~OtherKinds(steps, event);
	if (left & (steps->asks[JASPECT_PAGE] | steps->asks[JASPECT_HOST]))
		left &= ~OtherUrls(steps, left, event);
	if (left & steps->asks[JASPECT_CHANNEL])
		left &= ~Others(steps, left & steps->asks[JASPECT_CHANNEL], JASPECT_CHANNEL, channel);
	for (uint64 wheres = left & steps->wheres; wheres != 0; wheres &= wheres - 1)
	{
		int			i = pg_rightmost_one_pos64(wheres);

		if (!JWhereHolds(&steps->step[i].where, event->field[JF_PROPERTIES]))
			left &= ~(UINT64CONST(1) << i);
	}
	return left;
}

/* ------------------------------------------------------------------------------------------------
 * channels
 * ------------------------------------------------------------------------------------------------ */

typedef struct JChannelSink
{
	const JEvent *events;		/* of the visitor, in order; their tags are indexes of `channels` */
	int			n;
	int			at;				/* touches come in order, so the search goes on from here */
	JStr	   *channels;
} JChannelSink;

static void
SetChannel(JChannelSink *sink, int64 time, JStr event_id, JStr channel)
{
	while (sink->at < sink->n &&
		   (sink->events[sink->at].time != time ||
			!JStrEqual(sink->events[sink->at].field[JF_EVENT_ID], event_id)))
		sink->at++;
	if (sink->at < sink->n)
		sink->channels[sink->events[sink->at].tag] = channel;
}

static void
TakeSession(const JPart *part, int64 number, void *arg)
{
	JChannelSink *sink = arg;

	if (part->n_touches == 0)
		SetChannel(sink, part->started_at, part->first_event_id, JSTR_LIT("Direct"));
	for (int i = 0; i < part->n_touches; i++)
		SetChannel(sink, part->touches[i].time, part->touches[i].event_id,
				   part->touches[i].touch->channel);
}

static int
CompareVisitorFirst(const void *a, const void *b)
{
	const JEvent *x = a;
	const JEvent *y = b;
	int			c = JStrCompare(x->field[JF_VISITOR_ID], y->field[JF_VISITOR_ID]);

	return c != 0 ? c : JEventCompare(x, y);
}

JEvent *
JEventsByVisitor(const JEvent *events, int n)
{
	JEvent	   *copy = palloc_extended(sizeof(JEvent) * Max((Size) n, 1), MCXT_ALLOC_HUGE);
	bool		several = false;

	for (int i = 0; i < n; i++)
	{
		copy[i] = events[i];
		copy[i].tag = i;
		several |= !JStrEqual(events[i].field[JF_VISITOR_ID], events[0].field[JF_VISITOR_ID]);
	}
	if (several)
		qsort(copy, n, sizeof(JEvent), CompareVisitorFirst);
	return copy;
}

int
JVisitorEnd(const JEvent *events, int n, int from)
{
	int			to = from;

	while (to < n && JStrEqual(events[to].field[JF_VISITOR_ID], events[from].field[JF_VISITOR_ID]))
		to++;
	return to;
}

JStr *
JEventChannels(const JEvent *events, int n, const JSessionOptions *options)
{
	JEvent	   *copy = JEventsByVisitor(events, n);
	JStr	   *channels = palloc_extended(sizeof(JStr) * Max((Size) n, 1),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int from = 0, to; from < n; from = to)
	{
		JChannelSink sink = {.events = copy + from, .channels = channels};

		to = JVisitorEnd(copy, n, from);
		sink.n = to - from;
		JSessionsOf(options, copy + from, to - from, TakeSession, &sink);
	}
	pfree(copy);
	return channels;
}
