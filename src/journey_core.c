/*
 * journey_core.c
 *		Order, identity and copies of events.
 *
 * The rule for copies: rows with the same visitor and event id belong together as long as their
 * times form a chain with steps of at most J_COPY_STEP. A folded event stands for all of its
 * copies by the interval [first_copy, last_copy]. Inside the interval no gap is longer than a
 * step, so an event joins the interval exactly where it would join one of the copies: that is what
 * makes folding associative. The winner is the greatest copy in a total order of contents, so it
 * too depends on the set alone.
 */
#include "journey_core.h"

#include "port/pg_bswap.h"

/*
 * SipHash-2-4 with 128 bits over 64-bit words (Aumasson and Bernstein, 2012). The server's own
 * hashes either differ between machines or cost ten times as much per call. The key is the one of
 * the published test vectors: ids made here must be the same everywhere, and are no secret.
 */
typedef struct JHash
{
	uint64		v[4];
	uint64		length;			/* bytes so far, always whole words */
} JHash;

static inline uint64
JRotateLeft(uint64 x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline void
JHashRounds(JHash *hash, int rounds)
{
	uint64	   *v = hash->v;

	while (rounds-- > 0)
	{
		v[0] += v[1];
		v[2] += v[3];
		v[1] = JRotateLeft(v[1], 13) ^ v[0];
		v[3] = JRotateLeft(v[3], 16) ^ v[2];
		v[0] = JRotateLeft(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = JRotateLeft(v[1], 17) ^ v[2];
		v[3] = JRotateLeft(v[3], 21) ^ v[0];
		v[2] = JRotateLeft(v[2], 32);
	}
}

static void
JHashInit(JHash *hash)
{
	const uint64 k0 = UINT64CONST(0x0706050403020100);
	const uint64 k1 = UINT64CONST(0x0f0e0d0c0b0a0908);

	hash->v[0] = k0 ^ UINT64CONST(0x736f6d6570736575);
	hash->v[1] = k1 ^ UINT64CONST(0x646f72616e646f6d) ^ 0xee;
	hash->v[2] = k0 ^ UINT64CONST(0x6c7967656e657261);
	hash->v[3] = k1 ^ UINT64CONST(0x7465646279746573);
	hash->length = 0;
}

static inline void
JHashWord(JHash *hash, uint64 word)
{
	hash->v[3] ^= word;
	JHashRounds(hash, 2);
	hash->v[0] ^= word;
	hash->length += sizeof(uint64);
}

/*
 * A string is its length and then its bytes, filled up with zeros to whole words; NULL is length
 * -1.
 */
static void
JHashString(JHash *hash, JStr s)
{
	const unsigned char *p = (const unsigned char *) s.data;

	JHashWord(hash, JStrIsNull(s) ? PG_UINT64_MAX : (uint64) s.len);
	for (int32 i = 0; p != NULL && i < s.len; i += 8)
	{
		uint64		word = 0;

		memcpy(&word, p + i, Min(8, s.len - i));
#ifdef WORDS_BIGENDIAN
		word = pg_bswap64(word);
#endif
		JHashWord(hash, word);
	}
}

static void
JHashFinal(JHash *hash, unsigned char *result)
{
	JHashWord(hash, hash->length << 56);
	hash->v[2] ^= 0xee;
	for (int half = 0; half < 2; half++)
	{
		uint64		word;

		JHashRounds(hash, 4);
		word = hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
		for (int i = 0; i < 8; i++)
			result[half * 8 + i] = (unsigned char) (word >> (8 * i));
		hash->v[1] ^= 0xdd;
	}
}

/*
 * A uuid of version 8 (RFC 9562: contents of the maker's choice). `what` keeps the ids of
 * sessions, touches and so on apart.
 */
JUuid
JUuidFrom(const char *what, JStr visitor_id, JStr event_id, int64 time)
{
	JHash		hash;
	JUuid		uuid;

	JHashInit(&hash);
	JHashString(&hash, (JStr) {what, (int32) strlen(what)});
	JHashString(&hash, visitor_id);
	JHashString(&hash, event_id);
	JHashWord(&hash, (uint64) time);
	JHashFinal(&hash, uuid.data);
	uuid.data[6] = (uuid.data[6] & 0x0f) | 0x80;
	uuid.data[8] = (uuid.data[8] & 0x3f) | 0x80;
	return uuid;
}

#define J_MADE_ID_LENGTH 32

/* Writes the id of an event that came without one. */
static void
JEventMakeId(const JEvent *event, char *id)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[J_MADE_ID_LENGTH / 2];
	JHash		hash;

	JHashInit(&hash);
	JHashString(&hash, event->field[JF_VISITOR_ID]);
	JHashWord(&hash, (uint64) event->time);
	JHashString(&hash, event->field[JF_KIND]);
	JHashString(&hash, event->field[JF_NAME]);
	JHashString(&hash, event->field[JF_URL]);
	JHashString(&hash, event->field[JF_USER_ID]);
	JHashFinal(&hash, bytes);
	for (int i = 0; i < lengthof(bytes); i++)
	{
		id[2 * i] = digits[bytes[i] >> 4];
		id[2 * i + 1] = digits[bytes[i] & 15];
	}
}

void
JEventSetId(JEvent *event)
{
	char	   *id;

	if (!JStrIsNull(event->field[JF_EVENT_ID]))
		return;
	id = palloc(J_MADE_ID_LENGTH);
	JEventMakeId(event, id);
	event->field[JF_EVENT_ID] = (JStr) {id, J_MADE_ID_LENGTH};
}

/* The same for many events, with one allocation. */
static void
JEventsSetIds(JEvent *events, int n)
{
	Size		missing = 0;
	char	   *ids;

	for (int i = 0; i < n; i++)
		missing += JStrIsNull(events[i].field[JF_EVENT_ID]);
	if (missing == 0)
		return;
	ids = palloc_extended(missing * J_MADE_ID_LENGTH, MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		if (!JStrIsNull(events[i].field[JF_EVENT_ID]))
			continue;
		JEventMakeId(&events[i], ids);
		events[i].field[JF_EVENT_ID] = (JStr) {ids, J_MADE_ID_LENGTH};
		ids += J_MADE_ID_LENGTH;
	}
}

int
JEventCompare(const JEvent *a, const JEvent *b)
{
	int			c;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	c = JStrCompare(a->field[JF_EVENT_ID], b->field[JF_EVENT_ID]);
	if (c != 0)
		return c;
	return JStrCompare(a->field[JF_VISITOR_ID], b->field[JF_VISITOR_ID]);
}

/*
 * The fields in the text form of a jsonb object: its keys whose value is not null. Anything that
 * is not an object is one field. Reads jsonb's own output, but any text is safe.
 */
static int
JCountKeys(JStr json)
{
	int			depth = 0;
	int			keys = 0;
	bool		in_string = false;

	if (JStrIsNull(json))
		return 0;
	if (json.len == 0 || json.data[0] != '{')
		return 1;
	for (int32 i = 0; i < json.len; i++)
	{
		char		c = json.data[i];

		if (in_string)
		{
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		}
		else if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		else if (c == ':' && depth == 1)
			keys += !(json.len - i >= 6 && memcmp(json.data + i, ": null", 6) == 0);
	}
	return keys;
}

/* How many fields an event has; each key of properties and traits is one. */
static int
JCountFields(const JEvent *event)
{
	int			count = 0;

	for (int i = 0; i < JF_PROPERTIES; i++)
		count += !JStrIsNull(event->field[i]);
	return count + JCountKeys(event->field[JF_PROPERTIES]) + JCountKeys(event->field[JF_TRAITS]);
}

/*
 * Which of two copies wins (the greater): received later, then more fields, then the greater in
 * bytes field by field, then the later time. Copies that are equal in all of this are the same;
 * there the higher tag wins.
 */
static int
JCopyCompare(const JEvent *a, const JEvent *b)
{
	int			c;

	if (a->received_at != b->received_at)
		return a->received_at < b->received_at ? -1 : 1;
	c = JCountFields(a) - JCountFields(b);
	for (int i = 0; c == 0 && i < JF_COUNT; i++)
		c = JStrCompare(a->field[i], b->field[i]);
	if (c != 0)
		return c;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return (a->tag > b->tag) - (a->tag < b->tag);
}

/* An event with the leading part of what it is sorted by, which mostly decides. */
typedef struct JSortItem
{
	uint64		prefix;
	JEvent	   *event;
} JSortItem;

static uint64
JIdPrefix(JStr id)
{
	uint64		prefix = 0;

	for (int32 i = 0; i < 8; i++)
		prefix = prefix << 8 | (i < id.len ? (unsigned char) id.data[i] : 0);
	return prefix;
}

/* Brings copies together, each chain in order of time. */
static int
JCompareIds(const void *left, const void *right)
{
	const JSortItem *a = left;
	const JSortItem *b = right;
	int			c;

	CHECK_FOR_INTERRUPTS();
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	c = JStrCompare(a->event->field[JF_EVENT_ID], b->event->field[JF_EVENT_ID]);
	if (c == 0)
		c = JStrCompare(a->event->field[JF_VISITOR_ID], b->event->field[JF_VISITOR_ID]);
	if (c != 0)
		return c;
	if (a->event->first_copy != b->event->first_copy)
		return a->event->first_copy < b->event->first_copy ? -1 : 1;
	return 0;
}

static int
JCompareTimes(const void *left, const void *right)
{
	const JSortItem *a = left;
	const JSortItem *b = right;

	CHECK_FOR_INTERRUPTS();
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return JEventCompare(a->event, b->event);
}

static inline bool
JSameId(const JEvent *a, const JEvent *b)
{
	return JStrEqual(a->field[JF_EVENT_ID], b->field[JF_EVENT_ID]) &&
		JStrEqual(a->field[JF_VISITOR_ID], b->field[JF_VISITOR_ID]);
}

/*
 * Folds the chains among items sorted by JCompareIds(). A copy that lost has no id afterwards.
 * Returns how many lost.
 */
static int
JFoldChains(JSortItem *items, int n)
{
	int			lost = 0;

	for (int i = 0, next; i < n; i = next)
	{
		JEvent	   *winner = items[i].event;
		int64		first;
		int64		last;

		/* mostly the prefix tells, and the events need not be fetched into the cache */
		next = i + 1;
		if (next == n || items[next].prefix != items[i].prefix)
			continue;
		first = winner->first_copy;
		last = winner->last_copy;
		for (; next < n; next++)
		{
			JEvent	   *copy = items[next].event;
			JEvent	   *loser = copy;

			if (copy->first_copy > last + J_COPY_STEP || !JSameId(winner, copy))
				break;
			last = Max(last, copy->last_copy);
			if (JCopyCompare(winner, copy) < 0)
			{
				loser = winner;
				winner = copy;
			}
			loser->field[JF_EVENT_ID] = JSTR_NULL;
			lost++;
		}
		winner->merged = winner->first_copy != first || winner->last_copy != last;
		winner->first_copy = first;
		winner->last_copy = last;
	}
	return lost;
}

/* Moves the events so that the array has the order of the items. */
static void
JPermute(JEvent *events, JSortItem *items, int n)
{
	for (int i = 0; i < n; i++)
	{
		JEvent		saved;
		int			to = i;

		if (items[i].event == &events[i])
			continue;
		saved = events[i];
		for (;;)
		{
			int			from = items[to].event - events;

			items[to].event = &events[to];
			if (from == i)
				break;
			events[to] = events[from];
			to = from;
		}
		events[to] = saved;
	}
}

/* So many events are most visitors'. */
#define J_FEW_EVENTS 32

/*
 * Do the ids of a few events differ for sure? Each sets a bit that it hashes to: as long as none is set
 * already, there are no copies. A cheap answer, where sorting by id would give the exact one.
 */
static bool
JIdsDiffer(const JEvent *events, int n)
{
	uint64		seen[J_FEW_EVENTS] = {0};

	for (int i = 0; i < n; i++)
	{
		JStr		id = events[i].field[JF_EVENT_ID];
		uint64		head = 0;
		uint64		tail = 0;
		uint64		hash;
		uint64		bit;

		memcpy(&head, id.data, Min(id.len, 8));
		memcpy(&tail, id.data + Max(id.len - 8, 0), Min(id.len, 8));
		hash = (head * UINT64CONST(0x9e3779b97f4a7c15) ^ tail) * UINT64CONST(0xc2b2ae3d27d4eb4f) >> 32;
		bit = UINT64CONST(1) << (hash & 63);
		if (seen[hash >> 6 & (J_FEW_EVENTS - 1)] & bit)
			return false;
		seen[hash >> 6 & (J_FEW_EVENTS - 1)] |= bit;
	}
	return true;
}

static bool
JIsSorted(const JEvent *events, int n)
{
	for (int i = 1; i < n; i++)
		if (JEventCompare(&events[i - 1], &events[i]) > 0)
			return false;
	return true;
}

/* Folds copies; returns how many events are left, in any order. */
static int
JFoldCopies(JEvent *events, JSortItem *items, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
		items[i] = (JSortItem) {JIdPrefix(events[i].field[JF_EVENT_ID]), &events[i]};
	qsort(items, n, sizeof(JSortItem), JCompareIds);
	if (JFoldChains(items, n) == 0)
		return n;
	for (int i = 0; i < n; i++)
		if (!JStrIsNull(events[i].field[JF_EVENT_ID]))
		{
			if (kept != i)
				events[kept] = events[i];
			kept++;
		}
	return kept;
}

int
JEventsCanonicalise(JEvent *events, int n)
{
	JSortItem	local[J_FEW_EVENTS];
	JSortItem  *items = local;

	JEventsSetIds(events, n);
	if (n < 2)
		return n;
	if (n > J_FEW_EVENTS)
		items = palloc_extended(sizeof(JSortItem) * (Size) n, MCXT_ALLOC_HUGE);
	if (n > J_FEW_EVENTS || !JIdsDiffer(events, n))
		n = JFoldCopies(events, items, n);
	else if (JIsSorted(events, n))
		return n;

	/* with the sign bit turned, an unsigned comparison is that of the times */
	for (int i = 0; i < n; i++)
		items[i] = (JSortItem) {(uint64) events[i].time ^ (UINT64CONST(1) << 63), &events[i]};
	qsort(items, n, sizeof(JSortItem), JCompareTimes);
	JPermute(events, items, n);

	if (items != local)
		pfree(items);
	return n;
}
