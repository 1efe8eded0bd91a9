/*
 * timeline_fuzz.c
 *		The cores of the timeline outside the server: laws on random events, damaged bodies.
 *
 *	timeline_fuzz ROUNDS [SEED]
 *
 * Built with the address and undefined behaviour sanitizers by test/fuzz/run. Every round makes a
 * random multiset of events with many copies and checks: any order, grouping and repetition gives
 * the same bytes; the folding agrees with a slow one that follows the rule's words; a body read
 * again gives the same body; damaged bodies are refused or, if still canonical, read whole.
 */
#include "timeline_core.h"

#include "datatype/timestamp.h"

static uint64 random_state;
static char *pool[64];			/* strings that the events use */

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

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
RandomString(void)
{
	char	   *s = pool[Random(lengthof(pool))];

	return s == NULL ? JSTR_NULL : (JStr) {s, (int32) strlen(s)};
}

static void
MakePool(void)
{
	for (int i = 0; i < lengthof(pool); i++)
	{
		unsigned char b[16];

		for (int j = 0; j < 16; j++)
			b[j] = Random(256);
		if (i % 8 == 0)
			pool[i] = NULL;
		else if (i % 8 == 1)
			pool[i] = psprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
							   "%02x%02x%02x%02x%02x%02x",
							   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
							   b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
		else if (i % 8 == 2)
			pool[i] = psprintf("%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x",
							   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
							   b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
		else if (i % 8 == 3)
			pool[i] = psprintf("%*s", (int) Random(300), "");
		else if (i % 8 == 4)
			pool[i] = psprintf("{\"a\": %s, \"b:\": \"x\\\": null\", \"c\": {\"d\": null}}",
							   Random(2) ? "null" : "1");
		else if (i % 8 == 5)
			pool[i] = psprintf("%02X%030d", b[0], 7);	/* nearly hexadecimal */
		else
			pool[i] = psprintf("%d", (int) Random(10));
	}
}

static JEvent
RandomEvent(int64 unit)
{
	static const int64 steps[] = {
		0, 1, J_USECS_PER_SEC, J_USECS_PER_DAY - 1, J_USECS_PER_DAY, J_USECS_PER_DAY + 1,
		3 * J_USECS_PER_DAY
	};
	JEvent		event = {0};

	event.time = INT64CONST(800000000) * J_USECS_PER_SEC;
	for (int i = Random(4); i >= 0; i--)
		event.time += steps[Random(lengthof(steps))] * (Random(2) ? 1 : -1);
	if (Random(500) == 0)
		event.time = Random(2) ? MIN_TIMESTAMP : END_TIMESTAMP - 1;
	event.time -= event.time % unit;
	if (!IS_VALID_TIMESTAMP(event.time))
		event.time += unit;
	event.received_at = Random(4) == 0 ? J_NO_TIME : event.time + (int64) Random(3) * unit;
	if (event.received_at >= END_TIMESTAMP)
		event.received_at = 0;
	event.first_copy = event.last_copy = event.time;
	for (int i = Random(JF_COUNT + 1); i > 0; i--)
		event.field[Random(JF_COUNT)] = RandomString();
	event.field[JF_VISITOR_ID] = Random(3) ? JSTR_LIT("v") : RandomString();
	event.field[JF_EVENT_ID] = Random(3) ? (JStr) {"abcdef" + Random(6), 1} : RandomString();
	return event;
}

static void
Shuffle(JEvent *events, int n)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			j = Random(i + 1);
		JEvent		saved = events[i];

		events[i] = events[j];
		events[j] = saved;
	}
}

typedef struct Body
{
	char	   *data;
	Size		len;
} Body;

static Body
Build(const JEvent *events, int n)
{
	Body		body;
	Size		size;
	char	   *built = JTimelineBuild(events, n, &size);

	/* an allocation of exactly its size, so that reading past it is seen */
	body.len = size - VARHDRSZ;
	body.data = malloc(Max(body.len, 1));
	memcpy(body.data, built + VARHDRSZ, body.len);
	pfree(built);
	return body;
}

static Body
BuildSet(const JEvent *events, int n)
{
	JEvent	   *copy = palloc(sizeof(JEvent) * Max(n, 1));
	Body		body;

	memcpy(copy, events, sizeof(JEvent) * n);
	body = Build(copy, JEventsCanonicalise(copy, n));
	pfree(copy);
	return body;
}

/* The union of parts that were each made canonical, written and read. */
static Body
BuildParts(JEvent *events, int n)
{
	JEvent	   *all = palloc(sizeof(JEvent) * Max(n, 1));
	int			total = 0;
	JTimelineReader *readers[100];
	Body		parts[100];
	int			nparts = 0;
	Body		body;

	for (int i = 0; i < n && nparts < lengthof(parts); nparts++)
	{
		int			size = nparts == lengthof(parts) - 1 ? n - i : 1 + (int) Random(n - i);

		parts[nparts] = BuildSet(events + i, size);
		readers[nparts] = JTimelineOpen(parts[nparts].data, parts[nparts].len, false, NULL);
		while (JTimelineNext(readers[nparts], &all[total]))
			total++;
		i += size;
	}
	body = BuildSet(all, total);
	while (nparts-- > 0)
	{
		JTimelineClose(readers[nparts]);
		free(parts[nparts].data);
	}
	pfree(all);
	return body;
}

static void
CheckSame(Body a, Body b)
{
	CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	free(b.data);
}

/*
 * The number of chains, by the rule's words: join any two copies within a step until nothing
 * joins.
 */
static int
CountSlowly(const JEvent *events, int n)
{
	JEvent	   *copy = palloc(sizeof(JEvent) * Max(n, 1));
	int		   *chain = palloc(sizeof(int) * Max(n, 1));
	int			count = 0;
	bool		changed = true;

	memcpy(copy, events, sizeof(JEvent) * n);
	for (int i = 0; i < n; i++)
	{
		JEventSetId(&copy[i]);
		chain[i] = i;
	}
	while (changed)
	{
		changed = false;
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
				if (chain[i] < chain[j] &&
					JStrEqual(copy[i].field[JF_EVENT_ID], copy[j].field[JF_EVENT_ID]) &&
					JStrEqual(copy[i].field[JF_VISITOR_ID], copy[j].field[JF_VISITOR_ID]) &&
					copy[i].time <= copy[j].time + J_COPY_STEP &&
					copy[j].time <= copy[i].time + J_COPY_STEP)
				{
					chain[j] = chain[i];
					changed = true;
				}
	}
	for (int i = 0; i < n; i++)
		count += chain[i] == i;
	pfree(copy);
	pfree(chain);
	return count;
}

static void
CheckLaws(int max_events)
{
	static const int64 units[] = {1, 1000, J_USECS_PER_SEC};
	int			n = Random(max_events + 1);
	int64		unit = units[Random(3)];
	JEvent	   *events = palloc0(sizeof(JEvent) * (2 * n + 1));
	const char *error = NULL;
	JTimelineReader *reader;
	JEvent	   *read;
	int			count;
	Body		body;

	for (int i = 0; i < n; i++)
		events[i] = RandomEvent(unit);
	body = BuildSet(events, n);

	/* reading gives the same body again, and the count is right */
	reader = JTimelineOpen(body.data, body.len, true, &error);
	CHECK(reader != NULL && error == NULL);
	CHECK(JTimelineCount(reader) == CountSlowly(events, n));
	read = JTimelineEvents(reader, &count);
	CHECK(count == JTimelineCount(reader));
	CheckSame(body, Build(read, count));
	pfree(read);
	JTimelineClose(reader);

	/* order, grouping, repetition */
	Shuffle(events, n);
	CheckSame(body, BuildSet(events, n));
	CheckSame(body, BuildParts(events, n));
	memcpy(events + n, events, sizeof(JEvent) * n);
	Shuffle(events, 2 * n);
	CheckSame(body, BuildParts(events, 2 * n));
	pfree(events);
	free(body.data);
}

static void
Damage(Body *body)
{
	for (int i = Random(3); i >= 0 && body->len > 0; i--)
	{
		Size		at = Random(body->len);

		switch (Random(5))
		{
			case 0:
				body->data[at] ^= 1 << Random(8);
				break;
			case 1:
				body->data[at] = Random(256);
				break;
			case 2:
				body->len = at;
				break;
			case 3:
				body->len--;
				memmove(body->data + at, body->data + at + 1, body->len - at);
				break;
			default:
				body->data[at] = (char) 0xff;
		}
	}
}

static void
CheckDamaged(void)
{
	JEvent		events[6];
	int			n = Random(lengthof(events)) + 1;
	Body		good;

	for (int i = 0; i < n; i++)
		events[i] = RandomEvent(1);
	good = BuildSet(events, n);
	for (int i = 0; i < 50; i++)
	{
		Body		bad = {malloc(good.len), good.len};
		Body		exact;
		const char *error = NULL;
		JTimelineReader *reader;

		memcpy(bad.data, good.data, good.len);
		Damage(&bad);
		exact = (Body) {malloc(Max(bad.len, 1)), bad.len};
		memcpy(exact.data, bad.data, bad.len);
		reader = JTimelineOpen(exact.data, exact.len, true, &error);
		if (reader != NULL)
		{
			int			count;
			JEvent	   *read = JTimelineEvents(reader, &count);

			CheckSame(exact, Build(read, count));
			pfree(read);
			JTimelineClose(reader);
		}
		else
			CHECK(error != NULL);
		free(exact.data);
		free(bad.data);
	}
	free(good.data);
}

/* Ids are promised never to change. */
static void
CheckFixedIds(void)
{
	JUuid		uuid = JUuidFrom("session", JSTR_LIT("v"), JSTR_LIT("e"), 1);
	JUuid		other = JUuidFrom("session", JSTR_NULL, JSTR_LIT("e"), 1);
	JUuid		empty = JUuidFrom("session", JSTR_LIT(""), JSTR_LIT("e"), 1);
	JEvent		event = {0};

	CHECK((uuid.data[6] & 0xf0) == 0x80 && (uuid.data[8] & 0xc0) == 0x80);
	CHECK(memcmp(&other, &empty, sizeof(JUuid)) != 0);
	JEventSetId(&event);
	CHECK(event.field[JF_EVENT_ID].len == 32);
	CHECK(memcmp(uuid.data, "\xb9\x2f\x60\xe0\x3e\xd5\x87\x61"
				 "\x9e\x23\xe4\x16\xbb\x2d\xca\x06", 16) == 0);
	CHECK(memcmp(event.field[JF_EVENT_ID].data, "0547922688cc5925700b86d384658864", 32) == 0);
	pfree(unconstify(char *, event.field[JF_EVENT_ID].data));
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 1000;
	uint64		seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	random_state = seed;
	CheckFixedIds();
	for (int i = 0; i < rounds; i++)
	{
		MakePool();
		CheckLaws(i % 50 == 0 ? 200 : 12);
		CheckDamaged();
		for (int j = 0; j < lengthof(pool); j++)
			free(pool[j]);
	}
	printf("%d rounds\n", rounds);
	return 0;
}
