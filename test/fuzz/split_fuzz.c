/*
 * split_fuzz.c
 *		The incremental split and stitching outside the server: events of one visitor come and go in batches.
 *
 *	split_fuzz ROUNDS [SEED]
 *
 * Built with the address and undefined behaviour sanitizers by test/fuzz/run. After each batch what is stored
 * must be what a split of all events says: to which session or run each event belongs, the state where a segment
 * begins, and the sums of each unit. Segments hold from one event to all. A batch reads no more than is within
 * its reach, so that most walks end at a sentinel, some with another id than is stored behind it. And a window of
 * a visitor's units must be stitched as all of them are.
 */
#include "split_core.h"
#include "stitch_core.h"

#include "datatype/timestamp.h"

#define MAX_EVENTS 60
#define MINUTE (60 * J_USECS_PER_SEC)

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: failed in round %d: %s\n", __FILE__, __LINE__, round_number, #condition); \
			abort(); \
		} \
	} while (0)

/* A segment as _segments has it; events and strings are its own. */
typedef struct Stored
{
	JOldSegment segment;
	bool		resumable;
	JStr		part;
} Stored;

static uint64 random_state;
static int	round_number;
static uint64 renames;			/* how often the walk ended with another id */
static JSessionOptions options;
static int	max_events;			/* of a segment */
static JEvent all[MAX_EVENTS];	/* of the visitor, those that came and did not go */
static int	n_all;
static Stored store[MAX_EVENTS];
static int	n_store;

/* A number below `below`, by splitmix64: the same run for the same seed everywhere. */
static uint32
Random(uint32 below)
{
	uint64		x = random_state += UINT64CONST(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return (uint32) ((x ^ (x >> 31)) % below);
}

static JStr
AnyOf(const char *const *strings, int n)
{
	const char *s = strings[Random(n)];

	return s == NULL ? JSTR_NULL : (JStr) {s, (int32) strlen(s)};
}

/* As url.c has it for a database in UTF-8. */
extern int	JFromUtf8(const char *utf8, int len, char *dest);

int
JFromUtf8(const char *utf8, int len, char *dest)
{
	memcpy(dest, utf8, len);
	return len;
}

static int64
LocalDay(int64 time, void *arg)
{
	return time / J_USECS_PER_DAY;
}

static JStr
Email(const JEvent *event, void *arg)
{
	return event->field[JF_TRAITS];
}

static void
MakeOptions(void)
{
	static JStr passive = JSTR_LIT("ping");

	memset(&options, 0, sizeof(options));
	options.timeout = 30 * MINUTE;
	options.user_change = Random(3) > 0;
	options.new_campaign = Random(2);
	options.session_key = Random(3) == 0;
	options.max_duration = Random(4) == 0 ? 90 * MINUTE : 0;
	options.local_day = Random(4) == 0 ? LocalDay : NULL;
	options.email = Email;
	options.n_passive = Random(2);
	options.passive = &passive;
	options.counts = true;
	max_events = 1 + Random(4);
}

static JEvent
RandomEvent(int id)
{
	static const char *const kinds[] = {"page", "page", "track", "track", "track", "identify", "group"};
	static const char *const users[] = {NULL, NULL, NULL, NULL, "ann", "ben"};
	static const char *const urls[] = {NULL, "https://a.test/", "https://a.test/p?utm_source=s&utm_medium=m",
	"https://a.test/p?utm_source=t&gclid=1"};
	static const char *const platforms[] = {NULL, NULL, NULL, NULL, "server"};
	static const char *const names[] = {"ping", "buy", "look"};
	static const char *const keys[] = {NULL, NULL, "k1", "k2"};
	static const char *const amounts[] = {NULL, NULL, NULL, "10", "-3"};
	JEvent		event = {0};

	event.time = INT64CONST(800000000) * J_USECS_PER_SEC;
	/* around the timeout, with many at one instant; few gaps are longer, so that sessions are long */
	event.time += (int64) Random(MAX_EVENTS) * 10 * MINUTE + (Random(3) == 0 ? (int64) Random(20) * MINUTE : 0);
	event.received_at = event.first_copy = event.last_copy = event.time;
	event.field[JF_VISITOR_ID] = JSTR_LIT("v");
	event.field[JF_EVENT_ID] = (JStr) {psprintf("e%02d", id), 3};
	event.field[JF_KIND] = AnyOf(kinds, lengthof(kinds));
	event.field[JF_USER_ID] = AnyOf(users, lengthof(users));
	event.field[JF_URL] = AnyOf(urls, lengthof(urls));
	event.field[JF_PLATFORM] = AnyOf(platforms, lengthof(platforms));
	event.field[JF_NAME] = AnyOf(names, lengthof(names));
	event.field[JF_SESSION_KEY] = AnyOf(keys, lengthof(keys));
	event.field[JF_REVENUE] = AnyOf(amounts, lengthof(amounts));
	if (!JStrIsNull(event.field[JF_REVENUE]) && Random(2))
		event.field[JF_ORDER_ID] = JSTR_LIT("o");
	if (Random(3) == 0 && JStrEqual(event.field[JF_KIND], JSTR_LIT("identify")))
		event.field[JF_TRAITS] = JSTR_LIT("a@b.test");
	return event;
}

static int
CompareEvents(const void *a, const void *b)
{
	return JEventCompare(a, b);
}

static int
CompareStored(const void *a, const void *b)
{
	return JEventCompare(((const Stored *) a)->segment.events, ((const Stored *) b)->segment.events);
}

static JStr
CopyStr(JStr s)
{
	char	   *copy;

	if (JStrIsNull(s))
		return s;
	copy = malloc(s.len);		/* of its exact size, so that a read beyond it is seen */
	memcpy(copy, s.data, s.len);
	return (JStr) {copy, s.len};
}

static JStr
PartBytes(const JPart *part)
{
	StringInfoData out;

	initStringInfo(&out);
	JPartEncode(part, &out);
	return (JStr) {out.data, out.len};
}

/* ------------------------------------------------------------------------------------------------
 * the store
 * ------------------------------------------------------------------------------------------------ */

static void
StoreSegment(const JSplitResult *result, const JNewSegment *new)
{
	Stored	   *stored = &store[n_store++];
	JStr		part = PartBytes(&new->part);

	CHECK(n_store <= MAX_EVENTS);
	memset(stored, 0, sizeof(Stored));
	stored->segment.loose = new->part.loose;
	stored->segment.head = new->head;
	stored->segment.session_id = new->part.id;
	stored->segment.state = CopyStr(new->state);
	stored->segment.n_events = new->n_events;
	stored->segment.events = malloc(sizeof(JEvent) * new->n_events);
	memcpy(stored->segment.events, result->events + new->first, sizeof(JEvent) * new->n_events);
	stored->resumable = new->resumable;
	stored->part = CopyStr(part);
	pfree(unconstify(char *, part.data));
}

/* As _rename_units() does it: from the sentinel on, to the next of the same unit, as far as the id reaches. */
static void
Rename(Stored *at, const JRename *rename, const JEvent *next)
{
	for (; at < store + n_store; at++)
	{
		JOldSegment *segment = &at->segment;
		JSessionState state;
		bool		carries = false;

		if (next != NULL && JEventCompare(segment->events, next) >= 0)
			break;
		if (!JStrIsNull(segment->state))
		{
			CHECK(JStateDecode(segment->state.data, segment->state.len, &state));
			carries = JStateRename(&state, rename->from, rename->to, rename->start);
		}
		if (carries)
		{
			StringInfoData out;

			initStringInfo(&out);
			JStateEncode(&state, &out);
			segment->state = CopyStr((JStr) {out.data, out.len});
			pfree(out.data);
		}
		if (memcmp(&segment->session_id, &rename->from, sizeof(JUuid)) == 0)
		{
			JPart		part;

			CHECK(!segment->head);
			CHECK(JPartDecode(at->part.data, at->part.len, NULL, &part));
			segment->session_id = part.id = rename->to;
			at->part = PartBytes(&part);
		}
		else if (!carries)
			break;
	}
}

static void
Apply(const JSplitResult *result, const JOldSegment *old, const int *places, int n_old)
{
	int			n = 0;
	bool		gone[MAX_EVENTS] = {false};
	JEvent		sentinels[MAX_EVENTS];

	renames += result->n_renames > 0;
	for (int i = 0; i < result->n_renames; i++)
	{
		CHECK(old[result->renames[i].sentinel].sentinel);
		sentinels[i] = store[places[result->renames[i].sentinel]].segment.events[0];
	}
	for (int i = 0; i < n_old; i++)
		gone[places[i]] = old[i].dirty && !old[i].sentinel;
	for (int i = 0; i < n_store; i++)
		if (!gone[i])
			store[n++] = store[i];
	n_store = n;
	for (int i = 0; i < result->n_renames; i++)
	{
		const JEvent *next = NULL;
		Stored	   *at = store;

		for (int k = i + 1; k < result->n_renames && next == NULL; k++)
			if (memcmp(&result->renames[k].from, &result->renames[i].from, sizeof(JUuid)) == 0)
				next = &sentinels[k];
		while (JEventCompare(at->segment.events, &sentinels[i]) != 0)
			at++;
		Rename(at, &result->renames[i], next);
	}
	for (int i = 0; i < result->n_segments; i++)
		StoreSegment(result, &result->segments[i]);
	qsort(store, n_store, sizeof(Stored), CompareStored);
}

/* ------------------------------------------------------------------------------------------------
 * a batch
 * ------------------------------------------------------------------------------------------------ */

/* A stretch of time of a batch, as _reach() finds it: which stored segments it reads. */
typedef struct Reach
{
	int64		lo;
	int64		hi;
} Reach;

static int
FindReaches(const int64 *times, int n, int64 apart, Reach *reaches)
{
	int64		sorted[2 * MAX_EVENTS];
	int			n_reaches = 0;

	for (int i = 0; i < n; i++)
	{
		int			k = i;

		for (; k > 0 && sorted[k - 1] > times[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = times[i];
	}
	for (int i = 0; i < n; i++)
	{
		if (n_reaches == 0 || sorted[i] - reaches[n_reaches - 1].hi > apart)
			reaches[n_reaches++].lo = sorted[i];
		reaches[n_reaches - 1].hi = sorted[i];
	}
	return n_reaches;
}

/* The stored segments of the reaches, each run ended by a sentinel. How many; their places in the store. */
static int
ReadStore(const Reach *reaches, int n, int64 slack, int extend, JOldSegment *old, int *places)
{
	int			role[MAX_EVENTS] = {0}; /* 1: a sentinel, 2: read */
	int			n_old = 0;

	for (int i = 0; i < n; i++)
	{
		int			from = 0;
		int			left = extend;

		for (int k = 0; k < n_store; k++)
			if (store[k].resumable && store[k].segment.events[0].time < reaches[i].lo - slack)
				from = k;
		for (int k = from; k < n_store && left >= 0; k++)
		{
			if (store[k].segment.events[0].time > reaches[i].hi + slack && left-- == 0)
				role[k] = Max(role[k], 1);
			else
				role[k] = 2;
		}
	}
	for (int k = 0; k < n_store; k++)
	{
		if (role[k] == 0)
			continue;
		places[n_old] = k;
		old[n_old] = store[k].segment;
		old[n_old++].sentinel = role[k] == 1;
	}
	return n_old;
}

static int
CompareRemoved(const void *a, const void *b)
{
	return JStrCompare(((const JRemoved *) a)->event_id, ((const JRemoved *) b)->event_id);
}

static void
Batch(const JEvent *fresh, int n_fresh, JRemoved *removed, int n_removed)
{
	const JAliases aliases = {0};
	int64		slack = Random(2) ? 0 : (int64) Random(60) * MINUTE;
	int64		times[2 * MAX_EVENTS];
	Reach		reaches[2 * MAX_EVENTS];
	int			n = 0;

	for (int i = 0; i < n_fresh; i++)
		times[n++] = fresh[i].time;
	for (int i = 0; i < n_removed; i++)
		times[n++] = removed[i].time;
	n = FindReaches(times, n, 2 * slack + (int64) Random(60) * MINUTE, reaches);
	qsort(removed, n_removed, sizeof(JRemoved), CompareRemoved);
	for (int extend = 0;; extend = extend * 4 + 8)
	{
		JOldSegment old[MAX_EVENTS];
		int			places[MAX_EVENTS];
		int			n_old = ReadStore(reaches, n, slack, extend, old, places);
		JSplitResult result;

		JSplit(&options, &aliases, old, n_old, fresh, n_fresh, removed, n_removed, false, max_events, &result);
		CHECK(!result.incomplete || extend <= MAX_EVENTS);
		if (!result.incomplete)
		{
			Apply(&result, old, places, n_old);
			break;
		}
	}
}

/* ------------------------------------------------------------------------------------------------
 * what must be stored
 * ------------------------------------------------------------------------------------------------ */

/* Adds the summary of a segment to that of its unit. */
static void
AddPart(JPart *unit, bool *found, JStr bytes)
{
	JPart		part;

	CHECK(JPartDecode(bytes.data, bytes.len, NULL, &part));
	if (*found)
		JPartAppend(unit, &part);
	else
		*unit = part;
	*found = true;
}

/* Is the sum of what is stored of a unit that of these segments? */
static bool
SameUnit(const JUuid *id, const JNewSegment *segments, int n)
{
	JPart		stored,
				right;
	bool		is_stored = false,
				is_right = false;

	for (int i = 0; i < n_store; i++)
		if (memcmp(&store[i].segment.session_id, id, sizeof(JUuid)) == 0)
			AddPart(&stored, &is_stored, store[i].part);
	for (int i = 0; i < n; i++)
		if (memcmp(&segments[i].part.id, id, sizeof(JUuid)) == 0)
			AddPart(&right, &is_right, PartBytes(&segments[i].part));
	return is_stored && is_right && JStrEqual(PartBytes(&stored), PartBytes(&right));
}

static const JNewSegment *
SegmentOfEvent(const JSplitResult *result, int at)
{
	for (int i = 0; i < result->n_segments; i++)
		if (at >= result->segments[i].first && at < result->segments[i].first + result->segments[i].n_events)
			return &result->segments[i];
	return NULL;
}

static void
CheckStore(void)
{
	JSplitResult whole;
	int			at = 0;

	/* cut wherever it can be, so that it knows the state at each place */
	JSplit(&options, NULL, NULL, 0, all, n_all, NULL, 0, false, 1, &whole);
	CHECK(!whole.incomplete);
	for (int i = 0; i < n_store; i++)
	{
		const JOldSegment *segment = &store[i].segment;

		for (int k = 0; k < segment->n_events; k++, at++)
		{
			const JNewSegment *right = SegmentOfEvent(&whole, at);

			CHECK(at < whole.n_events && JEventCompare(&whole.events[at], &segment->events[k]) == 0);
			CHECK(right->part.loose == segment->loose);
			CHECK(memcmp(&right->part.id, &segment->session_id, sizeof(JUuid)) == 0);
			if (k == 0 && right->first == at)
			{
				CHECK(JStrEqual(right->state, segment->state));
				CHECK(right->head == segment->head);
			}
		}
		CHECK(SameUnit(&segment->session_id, whole.segments, whole.n_segments));
	}
	CHECK(at == whole.n_events);
}

static void
Round(void)
{
	JEvent		coming[MAX_EVENTS];
	int			n = 2 + Random(MAX_EVENTS - 2);
	int			at = 0;

	MakeOptions();
	n_all = n_store = 0;
	for (int i = 0; i < n; i++)
		coming[i] = RandomEvent(i);
	while (at < n)
	{
		JRemoved	removed[MAX_EVENTS];
		int			n_removed = 0;
		int			n_fresh = Random(3) == 0 ? 1 + Random(n - at) : 1;

		for (int i = 0; i < n_all; i++)
		{
			if (Random(30) > 0)
				continue;
			removed[n_removed++] = (JRemoved) {all[i].field[JF_EVENT_ID], all[i].time};
			all[i--] = all[--n_all];
		}
		memcpy(&all[n_all], &coming[at], sizeof(JEvent) * n_fresh);
		n_all += n_fresh;
		qsort(&coming[at], n_fresh, sizeof(JEvent), CompareEvents);
		Batch(&coming[at], n_fresh, removed, n_removed);
		CheckStore();
		at += n_fresh;
	}
}

/* ------------------------------------------------------------------------------------------------
 * stitching
 * ------------------------------------------------------------------------------------------------ */

static JMark
RandomMark(int64 time)
{
	static const char *const persons[] = {NULL, NULL, NULL, "user:ann", "user:ben"};
	JMark		mark = {.is_unit = Random(8) > 0, .time = time};

	mark.first = AnyOf(persons, lengthof(persons));
	if (!mark.is_unit && JStrIsNull(mark.first))
		mark.barrier = true;
	mark.loose = mark.is_unit && Random(3) == 0;
	mark.aside = mark.loose && Random(2);
	if (mark.is_unit && !JStrIsNull(mark.first) && Random(4) == 0)
		mark.own = JSTR_LIT("user:dan");
	return mark;
}

/* Is it one of those that a window has around it: the nearest unit that names somebody, all that is no unit? */
static bool
Surrounds(const JMark *marks, int n, int lo, int hi, int at)
{
	int			step = at < lo ? 1 : -1;

	if (!marks[at].is_unit)
		return true;
	if (marks[at].aside || JStrIsNull(marks[at].first))
		return false;
	for (int i = at + step; i >= 0 && i < n && (i < lo || i > hi); i += step)
		if (marks[i].is_unit && !marks[i].aside && !JStrIsNull(marks[i].first))
			return false;
	return true;
}

static void
CheckStitch(void)
{
	JMark		marks[MAX_EVENTS],
				window[MAX_EVENTS];
	int			n = 1 + Random(MAX_EVENTS);
	int			lo = Random(n),
				hi = lo + Random(n - lo);
	int			n_window = 0;
	int64		base = 0;
	bool		shared = Random(3) == 0;

	for (int i = 0; i < n; i++)
		marks[i] = RandomMark(i);
	for (int i = 0; i < n; i++)
	{
		if (i < lo)
			base += marks[i].is_unit && !marks[i].loose;
		if (i >= lo && i <= hi)
			window[n_window++] = marks[i];
		else if (Surrounds(marks, n, lo, hi, i))
		{
			window[n_window] = marks[i];
			window[n_window++].is_unit = false;
		}
	}
	JStitch(marks, n, shared, 0);
	JStitch(window, n_window, shared, base);
	for (int i = 0, k = 0; i < n; i++)
	{
		while (k < n_window && window[k].time < i)
			k++;
		if (i < lo || i > hi || !marks[i].is_unit)
			continue;
		CHECK(JStrEqual(window[k].person, marks[i].person));
		CHECK(window[k].number == marks[i].number);
	}
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 1000;

	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (round_number = 0; round_number < rounds; round_number++)
	{
		Round();
		CheckStitch();
	}
	printf("%d rounds, " UINT64_FORMAT " with another id\n", rounds, renames);
	return 0;
}
