/*
 * profile_fuzz.c
 *		What a person has, outside the server: all facts and touches at once, against what is kept and brought up to date.
 *
 *	profile_fuzz ROUNDS [SEED]
 *
 * Built with the address and undefined behaviour sanitizers by test/fuzz/run. Facts come and go in batches. Of them sums
 * are kept as 73-sums.sql keeps them: those that a change lies in are made anew, by asking of each amount whether its
 * order was told before; large ones are cut; what they add up to, in any order, must be what JFactSumsFact() makes of
 * all facts in order. Touches come and go too. Of them the profile has the first and last ones, and looks up what
 * 74-profile.sql does. What is right is found here by comparing all with all.
 */
#include "profile_core.h"

#define MAX_FACTS 40
#define MAX_TOUCHES 30
#define MAX_SUMS 64
#define N_KEYS 3
#define N_CLICKS 3
#define N_NAMES 5

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: failed in round %d: %s\n", __FILE__, __LINE__, round_number, #condition); \
			abort(); \
		} \
	} while (0)

/* A fact of the person. The value of a trait, 0: it says nothing of it. */
typedef struct Fact
{
	JFactPlace	place;
	int64		amount;
	JFactAmount told;			/* its amount is NULL or points to the one above, once it is asked for */
	bool		has_amount;
	int			traits[N_KEYS];
} Fact;

/* What facts come to, without the core. */
typedef struct Expected
{
	int64		facts;
	bool		has_money[2];
	int64		money[2];
	int			traits[N_KEYS];
} Expected;

/* A sum of the store: of facts from its place on to that of the next one. */
typedef struct Sum
{
	JFactPlace	from;
	JFactSums	sums;
} Sum;

typedef struct Touch
{
	JEndTouch	touch;
	JNamedClick ids[N_CLICKS];
	char		text[N_CLICKS + 1][8];
} Touch;

static uint64 random_state;
static int	round_number;
static const char *const keys[N_KEYS] = {"email", "name", "plan"};
static const char *const currencies[2] = {"", "EUR"};
static const char *const click_names[N_CLICKS] = {"gclid", "fbclid", "own"};
static Fact facts[MAX_FACTS];
static int	n_facts;
static Sum	sums[MAX_SUMS];
static int	n_sums;
static int	facts_of_sum;
static Touch touches[MAX_TOUCHES];
static int	n_touches;
static JTouchEnds profile;		/* what the profile has of touches */
static uint64 repeated;			/* amounts that did not count */
static uint64 cuts;

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
Str(const char *s)
{
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

/* ------------------------------------------------------------------------------------------------
 * facts
 * ------------------------------------------------------------------------------------------------ */

static void *
AddAmount(void *sum, const void *amount)
{
	int64	   *added = palloc(sizeof(int64));

	*added = *(const int64 *) amount + (sum == NULL ? 0 : *(int64 *) sum);
	if (sum != NULL)
		pfree(sum);
	return added;
}

static Fact
RandomFact(int id)
{
	static const char *const orders[] = {NULL, "o1", "o1", "o2"};
	static const char *const names[] = {NULL, "buy", "buy", "pay"};
	static const char *const visitors[] = {"v", "w"};
	Fact		fact = {.place = {Random(8), Str(psprintf("e%02d", id / 2)), Str(visitors[id % 2])}};

	fact.has_amount = Random(3) > 0;
	fact.amount = (int64) Random(20) - 4;
	fact.told.order = (JOrder) {Str(names[Random(4)]), Str(orders[Random(4)]), fact.amount < 0};
	fact.told.currency = Random(3) == 0 ? JSTR_NULL : Str(currencies[Random(4) > 0]);
	for (int i = 0; i < N_KEYS; i++)
		fact.traits[i] = Random(3) == 0 ? 1 + (int) Random(100) : 0;
	return fact;
}

static int
CompareFacts(const void *a, const void *b)
{
	return JFactCompare(&((const Fact *) a)->place, &((const Fact *) b)->place);
}

/* As _counts_once() asks: no fact before it tells the same order. */
static bool
CountsOnce(const Fact *fact)
{
	if (JStrIsNull(fact->told.order.order_id) || fact->amount < 0)
		return true;
	for (int i = 0; i < n_facts; i++)
		if (facts[i].has_amount && facts[i].amount >= 0 && CompareFacts(&facts[i], fact) < 0 &&
			JStrEqual(facts[i].told.order.order_id, fact->told.order.order_id) &&
			JStrEqual(facts[i].told.order.name, fact->told.order.name))
			return false;
	return true;
}

static void
AddTraits(JFactSums *into, const Fact *fact)
{
	int		   *held = palloc(sizeof(int) * N_KEYS);
	JSaid	   *said = JSaidBegin(&fact->place, held);

	memcpy(held, fact->traits, sizeof(int) * N_KEYS);
	for (int i = 0; i < N_KEYS; i++)
		if (held[i] != 0)
			JFactSumsTrait(into, said, Str(keys[i]), &held[i]);
	JSaidEnd(said);
}

/* Adds a sum to another, as JSumsTake() does from rows. */
static void
Merge(JFactSums *into, const JFactSums *from)
{
	into->facts += from->facts;
	for (int i = 0; i < from->n_money; i++)
		JFactSumsAmount(into, from->money[i].currency, from->money[i].amount);
	for (int i = 0; i < from->n_traits; i++)
	{
		int		   *held = palloc(sizeof(int));
		JSaid	   *said = JSaidBegin(&from->traits[i].said->place, held);

		*held = *(const int *) from->traits[i].value;
		JFactSumsTrait(into, said, from->traits[i].key, held);
		JSaidEnd(said);
	}
}

static bool
Within(const Fact *fact, int at)
{
	return JFactCompare(&fact->place, &sums[at].from) >= 0 &&
		(at + 1 == n_sums || JFactCompare(&fact->place, &sums[at + 1].from) < 0);
}

/* Makes a sum anew: of facts of which each is asked whether it counts, in any order. */
static void
SumAnew(int at)
{
	int			start = Random(MAX_FACTS);

	memset(&sums[at].sums, 0, sizeof(JFactSums));
	sums[at].sums.add = AddAmount;
	for (int k = 0; k < n_facts; k++)
	{
		const Fact *fact = &facts[(start + k) % n_facts];
		JOrders		none = {0};
		JFactAmount told = {.currency = fact->told.currency};

		if (!Within(fact, at))
			continue;
		if (fact->has_amount && CountsOnce(fact))
			told.amount = &fact->amount;
		repeated += fact->has_amount && told.amount == NULL;
		JFactSumsFact(&sums[at].sums, &none, &told);
		AddTraits(&sums[at].sums, fact);
	}
}

/* Makes those sums anew in which a place lies, cut where they have grown too large. */
static void
Mark(const JFactPlace *place)
{
	int			at = 0,
				n = 0;
	JFactPlace	middle;

	while (at + 1 < n_sums && JFactCompare(place, &sums[at + 1].from) >= 0)
		at++;
	for (int i = 0; i < n_facts; i++)
		if (Within(&facts[i], at) && n++ == facts_of_sum)
			middle = facts[i].place;
	if (n > 2 * facts_of_sum)
	{
		memmove(&sums[at + 2], &sums[at + 1], sizeof(Sum) * (n_sums - at - 1));
		n_sums++;
		CHECK(n_sums < MAX_SUMS);
		sums[at + 1].from = middle;
		cuts++;
		SumAnew(at + 1);
	}
	SumAnew(at);
	/* one that holds nothing goes, but for the first */
	if (n == 0 && at > 0)
	{
		memmove(&sums[at], &sums[at + 1], sizeof(Sum) * (n_sums - at - 1));
		n_sums--;
	}
}

/* The sums of a fact that came or went, and of those of its order that count now or no more, as _recount_orders() does. */
static void
Changed(const Fact *fact)
{
	Mark(&fact->place);
	if (JStrIsNull(fact->told.order.order_id) || fact->amount < 0 || !fact->has_amount)
		return;
	for (int i = 0, n = 0; i < n_facts && n < 2; i++)
	{
		if (!facts[i].has_amount || facts[i].amount < 0 ||
			!JStrEqual(facts[i].told.order.order_id, fact->told.order.order_id) ||
			!JStrEqual(facts[i].told.order.name, fact->told.order.name))
			continue;
		Mark(&facts[i].place);
		n++;
	}
}

static void
ExpectFacts(Expected *expected)
{
	memset(expected, 0, sizeof(*expected));
	expected->facts = n_facts;
	for (int i = 0; i < n_facts; i++)
	{
		int			currency = JStrIsNull(facts[i].told.currency) || facts[i].told.currency.len == 0 ? 0 : 1;

		if (facts[i].has_amount && CountsOnce(&facts[i]))
		{
			expected->has_money[currency] = true;
			expected->money[currency] += facts[i].amount;
		}
		for (int k = 0; k < N_KEYS; k++)
			if (facts[i].traits[k] != 0)
				expected->traits[k] = facts[i].traits[k];
	}
}

static void
CheckFacts(const JFactSums *is, const Expected *expected)
{
	int			n = 0;
	const int64 *single = JFactSumsSingle(is);

	CHECK(is->facts == expected->facts);
	CHECK(is->n_money == expected->has_money[0] + expected->has_money[1]);
	for (int i = 0; i < is->n_money; i++)
	{
		int			currency = is->money[i].currency.len > 0;

		CHECK(expected->has_money[currency] && *(int64 *) is->money[i].amount == expected->money[currency]);
		CHECK(single == NULL || *single == expected->money[currency]);
	}
	CHECK((single != NULL) == (is->n_money == 1));
	for (int k = 0; k < N_KEYS; k++)
		n += expected->traits[k] != 0;
	CHECK(is->n_traits == n);
	for (int i = 0; i < is->n_traits; i++)
		for (int k = 0; k < N_KEYS; k++)
			if (JStrEqual(is->traits[i].key, Str(keys[k])))
				CHECK(*(const int *) is->traits[i].value == expected->traits[k]);
}

static void
CheckAllFacts(void)
{
	Expected	expected;
	JFactSums	whole = {AddAmount},
				merged = {AddAmount};
	JOrders		orders = {0};
	int			start = Random(n_sums);

	qsort(facts, n_facts, sizeof(Fact), CompareFacts);
	ExpectFacts(&expected);
	for (int i = 0; i < n_facts; i++)
	{
		JFactAmount told = facts[i].told;

		told.amount = facts[i].has_amount ? &facts[i].amount : NULL;
		JFactSumsFact(&whole, &orders, &told);
		AddTraits(&whole, &facts[i]);
	}
	CheckFacts(&whole, &expected);
	for (int i = 0; i < n_sums; i++)
		Merge(&merged, &sums[(start + i) % n_sums].sums);
	CheckFacts(&merged, &expected);
	JSortTraits(merged.traits, merged.n_traits);
	for (int i = 1; i < merged.n_traits; i++)
		CHECK(JFactCompare(&merged.traits[i - 1].said->place, &merged.traits[i].said->place) <= 0);
}

static void
Facts(void)
{
	int			n = 1 + Random(MAX_FACTS);

	n_facts = 0;
	n_sums = 1;
	facts_of_sum = 1 + Random(4);
	sums[0].from = (JFactPlace) {PG_INT64_MIN, JSTR_LIT(""), JSTR_LIT("")};
	SumAnew(0);
	for (int i = 0; i < n; i++)
	{
		Fact		gone;

		facts[n_facts++] = RandomFact(i);
		gone = facts[n_facts - 1];
		qsort(facts, n_facts, sizeof(Fact), CompareFacts);
		Changed(&gone);
		if (Random(4) == 0)
		{
			int			at = Random(n_facts);

			gone = facts[at];
			memmove(&facts[at], &facts[at + 1], sizeof(Fact) * (n_facts - at - 1));
			n_facts--;
			Changed(&gone);
		}
		CheckAllFacts();
	}
}

/* ------------------------------------------------------------------------------------------------
 * touches
 * ------------------------------------------------------------------------------------------------ */

static void
RandomTouch(Touch *touch, int id)
{
	memset(touch, 0, sizeof(*touch));
	touch->touch.place.at = Random(12);
	touch->touch.place.id.data[0] = Random(256);
	touch->touch.place.id.data[1] = id;
	touch->touch.direct = Random(3) == 0;
	sprintf(touch->text[0], "s%d", id);
	for (int i = 0; i < N_CLICKS && !touch->touch.direct; i++)
	{
		if (Random(3) > 0)
			continue;
		sprintf(touch->text[i + 1], "c%d", id);
		touch->touch.n_click_ids++;
		touch->ids[touch->touch.n_click_ids - 1] = (JNamedClick) {Str(click_names[i]), JSTR_NULL};
	}
}

/* Its strings, where it lies now. */
static const JEndTouch *
TouchAt(int at)
{
	Touch	   *touch = &touches[at];

	touch->touch.field[JE_SOURCE] = Str(touch->text[0]);
	for (int i = 0; i < touch->touch.n_click_ids; i++)
		for (int k = 0; k < N_CLICKS; k++)
			if (JStrEqual(touch->ids[i].name, Str(click_names[k])))
				touch->ids[i].value = Str(touch->text[k + 1]);
	touch->touch.click_ids = touch->ids;
	return &touch->touch;
}

static bool
HasClick(const JEndTouch *touch, const char *name)
{
	for (int i = 0; i < touch->n_click_ids; i++)
		if (name != NULL && JStrEqual(touch->click_ids[i].name, Str(name)))
			return true;
	return false;
}

static int
ComparePlaces(const JTouchPlace *a, const JTouchPlace *b)
{
	return a->at != b->at ? (a->at > b->at) - (a->at < b->at) : memcmp(&a->id, &b->id, sizeof(JUuid));
}

/* Hands over the touches of the first or last time from `from` on, direct ones or not, with a click id or not. */
static void
LookUp(JTouchEnds *ends, bool last, bool direct, const char *click, int64 from)
{
	int64		found = 0;
	bool		any = false;

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < n_touches; i++)
		{
			const JEndTouch *touch = TouchAt(i);
			int64		at = touch->place.at;

			if ((touch->direct && !direct) || (click != NULL && !HasClick(touch, click)) ||
				(last ? at > from : at < from))
				continue;
			if (pass == 1 && at == found)
				JTouchEndsAdd(ends, touch);
			else if (pass == 0 && (!any || (last ? at > found : at < found)))
			{
				found = at;
				any = true;
			}
		}
}

/* What the old profile has and keeps. */
static void
KeepTouches(JTouchEnds *ends, const JReach *changed)
{
	for (JEnd i = 0; i < JEND_COUNT; i++)
	{
		JEndTouch	old = {.place.at = profile.end[i].place.at};

		memcpy(old.field, profile.end[i].field, sizeof(old.field));
		if (profile.end[i].chunk != NULL)
			JTouchEndsKeep(ends, i, &old, changed);
	}
	for (int i = 0; i < profile.n_clicks; i++)
		JTouchEndsKeepClick(ends, &profile.clicks[i], changed);
}

/*
 * The profile of the next run: what is kept of the old one's, what may have changed of it, from where it was on, and
 * the touches that came.
 */
static void
FollowTouches(const bool *came, const JReach *changed)
{
	JTouchEnds	ends = {.n_clicks = 0};
	bool		kept = Random(4) > 0;

	if (kept)
		KeepTouches(&ends, changed);
	for (int i = 0; i < n_touches; i++)
		if (came[i] && !touches[i].touch.direct && touches[i].touch.n_click_ids > 0)
			JTouchEndsAdd(&ends, TouchAt(i));
	for (JEnd i = 0; i < JEND_COUNT; i++)
	{
		bool		last = i >= JEND_LAST;
		int64		at = profile.end[i].place.at;

		if (kept && profile.end[i].chunk != NULL && (last ? changed->to < at : changed->from > at))
			continue;
		LookUp(&ends, last, i == JEND_FIRST || i == JEND_LAST, NULL, last ? PG_INT64_MAX : PG_INT64_MIN);
	}
	for (int i = 0; i < profile.n_clicks; i++)
	{
		char	   *name = pnstrdup(profile.clicks[i].name.data, profile.clicks[i].name.len);

		if (!kept || changed->from <= profile.clicks[i].first.at)
			LookUp(&ends, false, false, name, profile.clicks[i].first.at);
		if (!kept || changed->to >= profile.clicks[i].last.at)
			LookUp(&ends, true, false, name, profile.clicks[i].last.at);
	}
	profile = ends;
}

/* The place in the array of the first or last of all, by comparing all with all; -1: none. */
static int
EndOf(bool last, bool direct, const char *click)
{
	int			end = -1;

	for (int i = 0; i < n_touches; i++)
	{
		const JEndTouch *touch = TouchAt(i);
		int			c = end < 0 ? 0 : ComparePlaces(&touch->place, &touches[end].touch.place);

		if ((touch->direct && !direct) || (click != NULL && !HasClick(touch, click)))
			continue;
		if (end < 0 || (last ? c > 0 : c < 0))
			end = i;
	}
	return end;
}

static void
CheckTouches(const JTouchEnds *ends)
{
	int			n = 0;

	for (JEnd i = 0; i < JEND_COUNT; i++)
	{
		int			right = EndOf(i >= JEND_LAST, i == JEND_FIRST || i == JEND_LAST, NULL);

		CHECK((right >= 0) == (ends->end[i].chunk != NULL));
		if (right < 0)
			continue;
		CHECK(ends->end[i].place.at == touches[right].touch.place.at);
		CHECK(JStrEqual(ends->end[i].field[JE_SOURCE], TouchAt(right)->field[JE_SOURCE]));
		CHECK(JStrIsNull(ends->end[i].field[JE_MEDIUM]));
	}
	for (int k = 0; k < N_CLICKS; k++)
	{
		const JClick *click = JTouchEndsClick(ends, Str(click_names[k]));
		int			first = EndOf(false, false, click_names[k]);

		CHECK((first >= 0) == (click != NULL));
		if (click == NULL)
			continue;
		n++;
		CHECK(click->first.at == touches[first].touch.place.at);
		CHECK(JStrEqual(click->first_value, Str(touches[first].text[k + 1])));
		first = EndOf(true, false, click_names[k]);
		CHECK(click->last.at == touches[first].touch.place.at);
		CHECK(JStrEqual(click->last_value, Str(touches[first].text[k + 1])));
	}
	CHECK(ends->n_clicks == n);
}

/* Something changed at this time, or around it. */
static void
Change(JReach *changed, int64 at)
{
	int64		around = Random(3) == 0;

	changed->from = Min(changed->from, at - around);
	changed->to = Max(changed->to, at + around);
}

static void
Touches(void)
{
	int			n = 1 + Random(MAX_TOUCHES);
	int			id = 0;

	n_touches = 0;
	memset(&profile, 0, sizeof(profile));
	while (id < n)
	{
		bool		came[MAX_TOUCHES] = {false};
		JTouchEnds	whole = {.n_clicks = 0};
		int			start;

		JReach		changed = {PG_INT64_MAX, PG_INT64_MIN};

		for (int i = 0; i < n_touches; i++)
			if (Random(5) == 0)
			{
				Change(&changed, touches[i].touch.place.at);
				touches[i--] = touches[--n_touches];
			}
		for (int left = 1 + Random(4); left > 0 && id < n; left--)
		{
			came[n_touches] = true;
			RandomTouch(&touches[n_touches], id++);
			Change(&changed, touches[n_touches++].touch.place.at);
		}
		FollowTouches(came, &changed);
		CheckTouches(&profile);
		start = Random(n_touches);
		for (int i = 0; i < n_touches; i++)
			JTouchEndsAdd(&whole, TouchAt((start + i) % n_touches));
		CheckTouches(&whole);
	}
}

/* ------------------------------------------------------------------------------------------------
 * counts
 * ------------------------------------------------------------------------------------------------ */

/* Of units that come and go: what is left. */
static void
Counts(void)
{
	JNameCounts counts = {0};
	int64		right[N_NAMES] = {0};

	for (int i = Random(60); i > 0; i--)
	{
		int			name = Random(N_NAMES);
		int			n = 1 + Random(5);
		bool		gone = right[name] >= n && Random(2);
		char		text[2] = {(char) ('a' + name)};

		right[name] += gone ? -n : n;
		JNameCountsAdd(&counts, Str(text), gone ? -n : n, true);
	}
	for (int i = 0; i < counts.n; i++)
		CHECK(counts.names[i].n == right[counts.names[i].name.data[0] - 'a']);
}

static void
Persons(void)
{
	char		buffer[100];

	CHECK(!JPersonIsKnown(Str("visitor:v")) && JPersonIsKnown(Str("user:v")));
	CHECK(JStrEqual(JPersonUser(Str("user:ann")), Str("ann")) && JStrIsNull(JPersonUser(Str("email:a@b.test"))));
	CHECK(JStrEqual(JPersonEmail(Str("email:a@b.test"), Str("c@d.test"), buffer), Str("a@b.test")));
	CHECK(JStrEqual(JPersonEmail(Str("user:Ann@b.test"), Str(" C@d.test"), buffer), Str("c@d.test")));
	CHECK(JStrEqual(JPersonEmail(Str("user:Ann@b.test"), Str("none"), buffer), Str("ann@b.test")));
	CHECK(JStrIsNull(JPersonEmail(Str("visitor:Ann@b.test"), JSTR_NULL, buffer)));
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 1000;

	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	Persons();
	for (round_number = 0; round_number < rounds; round_number++)
	{
		Facts();
		Touches();
		Counts();
	}
	printf("%d rounds, " UINT64_FORMAT " amounts that did not count, " UINT64_FORMAT " sums cut\n", rounds, repeated, cuts);
	return 0;
}
