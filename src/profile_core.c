/*
 * profile_core.c
 *		The rules of a profile.
 */
#include "profile_core.h"

#include "identity_core.h"

/* Room for one more in an array that grows by doubling. */
static void *
JRoom(void *array, int n, int *max, Size width)
{
	if (n < *max)
		return array;
	*max = Max(4, 2 * *max);
	return array == NULL ? palloc(width * *max) : repalloc_huge(array, width * (Size) *max);
}

static JStr
JKeepStr(JStr s)
{
	char	   *copy;

	if (JStrIsNull(s))
		return s;
	copy = palloc(s.len + 1);
	memcpy(copy, s.data, s.len);
	return (JStr) {copy, s.len};
}

static void
JFreeStr(JStr s)
{
	if (!JStrIsNull(s))
		pfree(unconstify(char *, s.data));
}

/* ------------------------------------------------------------------------------------------------
 * amounts
 * ------------------------------------------------------------------------------------------------ */

void
JFactSumsAmount(JFactSums *sums, JStr currency, const void *amount)
{
	int			i = 0;

	if (JStrIsNull(currency))
		currency = JSTR_LIT("");
	while (i < sums->n_money && !JStrEqual(sums->money[i].currency, currency))
		i++;
	if (i == sums->n_money)
	{
		sums->money = JRoom(sums->money, sums->n_money, &sums->max_money, sizeof(JMoney));
		sums->money[sums->n_money++] = (JMoney) {JKeepStr(currency), NULL};
	}
	sums->money[i].amount = sums->add(sums->money[i].amount, amount);
}

const void *
JFactSumsSingle(const JFactSums *sums)
{
	return sums->n_money == 1 ? sums->money[0].amount : NULL;
}

static const JSetKind order_kind = {sizeof(JOrder), JOrderHash, JOrderSame};

/* Does this one count, behind those that were told before? */
static bool
JOrdersTell(JOrders *orders, const JOrder *order)
{
	uint32		hash;

	if (!JOrderHash(order, &hash))
		return true;
	if (JSetHas(&orders->set, &order_kind, orders->orders, orders->n, order))
		return false;
	orders->orders = JRoom(orders->orders, orders->n, &orders->max, sizeof(JOrder));
	orders->orders[orders->n++] = (JOrder) {JKeepStr(order->name), JKeepStr(order->order_id), false};
	return true;
}

void
JFactSumsFact(JFactSums *sums, JOrders *orders, const JFactAmount *fact)
{
	sums->facts++;
	if (fact->amount != NULL && JOrdersTell(orders, &fact->order))
		JFactSumsAmount(sums, fact->currency, fact->amount);
}

/* ------------------------------------------------------------------------------------------------
 * traits
 * ------------------------------------------------------------------------------------------------ */

int
JFactCompare(const JFactPlace *a, const JFactPlace *b)
{
	int			c = (a->time > b->time) - (a->time < b->time);

	if (c == 0)
		c = JStrCompare(a->event_id, b->event_id);
	if (c == 0)
		c = JStrCompare(a->visitor_id, b->visitor_id);
	return c;
}

JSaid *
JSaidBegin(const JFactPlace *place, void *held)
{
	JSaid	   *said = palloc_object(JSaid);

	said->users = 1;
	said->place = *place;
	said->place.event_id = JKeepStr(place->event_id);
	said->place.visitor_id = JKeepStr(place->visitor_id);
	said->held = held;
	return said;
}

void
JSaidEnd(JSaid *said)
{
	if (--said->users > 0)
		return;
	pfree(said->held);
	JFreeStr(said->place.event_id);
	JFreeStr(said->place.visitor_id);
	pfree(said);
}

static bool
JTraitHash(const void *entry, uint32 *hash)
{
	*hash = JSetHash(0, ((const JTrait *) entry)->key);
	return true;
}

static bool
JTraitSame(const void *a, const void *b)
{
	return JStrEqual(((const JTrait *) a)->key, ((const JTrait *) b)->key);
}

static const JSetKind trait_kind = {sizeof(JTrait), JTraitHash, JTraitSame};

void
JFactSumsTrait(JFactSums *sums, JSaid *said, JStr key, const void *value)
{
	JTrait		new = {key, value, said};
	int			i = JSetFind(&sums->trait_set, &trait_kind, sums->traits, sums->n_traits, &new);

	if (i >= 0 && JFactCompare(&said->place, &sums->traits[i].said->place) <= 0)
		return;
	said->users++;
	if (i >= 0)
	{
		JSaidEnd(sums->traits[i].said);
		sums->traits[i] = new;
		return;
	}
	sums->traits = JRoom(sums->traits, sums->n_traits, &sums->max_traits, sizeof(JTrait));
	sums->traits[sums->n_traits++] = new;
}

static int
JCompareTraits(const void *a, const void *b)
{
	const JTrait *x = a;
	const JTrait *y = b;
	int			c = x->said == y->said ? 0 : JFactCompare(&x->said->place, &y->said->place);

	return c != 0 ? c : JStrCompare(x->key, y->key);
}

void
JSortTraits(JTrait *traits, int n)
{
	qsort(traits, n, sizeof(JTrait), JCompareTraits);
}

/* ------------------------------------------------------------------------------------------------
 * touches
 * ------------------------------------------------------------------------------------------------ */

static int
JComparePlaces(const JTouchPlace *a, const JTouchPlace *b)
{
	int			c = (a->at > b->at) - (a->at < b->at);

	return c != 0 ? c : memcmp(&a->id, &b->id, sizeof(JUuid));
}

static void
JKeepEnd(JTouchEnd *end, const JEndTouch *touch)
{
	Size		size = 1;
	char	   *to;

	for (int i = 0; i < JE_COUNT; i++)
		size += touch->field[i].len;
	if (end->chunk != NULL)
		pfree(end->chunk);
	end->place = touch->place;
	end->chunk = to = palloc(size);
	for (int i = 0; i < JE_COUNT; i++)
	{
		end->field[i] = touch->field[i];
		if (JStrIsNull(touch->field[i]))
			continue;
		memcpy(to, touch->field[i].data, touch->field[i].len);
		end->field[i].data = to;
		to += touch->field[i].len;
	}
}

static void
JAddClick(JTouchEnds *ends, const JTouchPlace *place, const JNamedClick *id)
{
	JClick	   *click = unconstify(JClick *, JTouchEndsClick(ends, id->name));

	if (click == NULL)
	{
		ends->clicks = JRoom(ends->clicks, ends->n_clicks, &ends->max_clicks, sizeof(JClick));
		ends->clicks[ends->n_clicks++] = (JClick) {
			JKeepStr(id->name), *place, *place, JKeepStr(id->value), JKeepStr(id->value)
		};
		return;
	}
	if (JComparePlaces(place, &click->first) < 0)
	{
		JFreeStr(click->first_value);
		click->first = *place;
		click->first_value = JKeepStr(id->value);
	}
	if (JComparePlaces(place, &click->last) > 0)
	{
		JFreeStr(click->last_value);
		click->last = *place;
		click->last_value = JKeepStr(id->value);
	}
}

/* Is it that end, of those so far? */
static void
JOfferEnd(JTouchEnds *ends, JEnd i, const JEndTouch *touch)
{
	JTouchEnd  *end = &ends->end[i];
	int			c = end->chunk == NULL ? 0 : JComparePlaces(&touch->place, &end->place);

	if (end->chunk == NULL || (i < JEND_LAST ? c < 0 : c > 0))
		JKeepEnd(end, touch);
}

void
JTouchEndsAdd(JTouchEnds *ends, const JEndTouch *touch)
{
	for (JEnd i = 0; i < JEND_COUNT; i++)
		if (!touch->direct || i == JEND_FIRST || i == JEND_LAST)
			JOfferEnd(ends, i, touch);
	for (int i = 0; i < touch->n_click_ids; i++)
		JAddClick(ends, &touch->place, &touch->click_ids[i]);
}

/* The place before, or behind, all touches of a time. */
static JTouchPlace
JOutermost(int64 at, bool last)
{
	JTouchPlace place = {.at = at};

	memset(&place.id, last ? 0xff : 0, sizeof(JUuid));
	return place;
}

void
JTouchEndsKeep(JTouchEnds *ends, JEnd end, const JEndTouch *old, const JReach *changed)
{
	JEndTouch	touch = *old;

	if (end < JEND_LAST ? old->place.at >= changed->from : old->place.at <= changed->to)
		return;
	touch.place = JOutermost(old->place.at, end >= JEND_LAST);
	JOfferEnd(ends, end, &touch);
}

void
JTouchEndsKeepClick(JTouchEnds *ends, const JClick *old, const JReach *changed)
{
	const JTouchPlace first = JOutermost(old->first.at, false);
	const JTouchPlace last = JOutermost(old->last.at, true);

	if (first.at < changed->from)
		JAddClick(ends, &first, &(JNamedClick) {old->name, old->first_value});
	if (last.at > changed->to)
		JAddClick(ends, &last, &(JNamedClick) {old->name, old->last_value});
}

const JClick *
JTouchEndsClick(const JTouchEnds *ends, JStr name)
{
	for (int i = 0; i < ends->n_clicks; i++)
		if (JStrEqual(ends->clicks[i].name, name))
			return &ends->clicks[i];
	return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * persons
 * ------------------------------------------------------------------------------------------------ */

static void
JPersonTouch(JPerson *person, const JPart *part, const JPartTouch *at)
{
	const JTouch *touch = at->touch;
	JNamedClick ids[JTOUCH_MAX_CLICK_IDS];
	JEndTouch	end = {
		.place = {at->time, JUuidFrom("touch", part->visitor_id, at->event_id, at->time)},
		.direct = touch->type == JTOUCH_DIRECT,
		.field = {
			[JE_SOURCE] = touch->source, [JE_MEDIUM] = touch->medium, [JE_CAMPAIGN] = touch->campaign,
			[JE_TERM] = touch->term, [JE_CONTENT] = touch->content, [JE_CHANNEL] = touch->channel,
			[JE_LANDING_PAGE] = touch->landing_page, [JE_CLICK_ID] = touch->click_id,
			[JE_CLICK_ID_TYPE] = touch->click_id_type
		},
		.n_click_ids = touch->n_click_ids,
		.click_ids = ids
	};

	for (int i = 0; i < touch->n_click_ids; i++)
		ids[i] = (JNamedClick) {
			{touch->click_ids[i].name, (int32) strlen(touch->click_ids[i].name)}, touch->click_ids[i].value
		};
	JTouchEndsAdd(&person->touches, &end);
}

static void
JPersonVisitor(JPerson *person, JStr visitor_id)
{
	if (person->n_visitors > 0 && JStrEqual(person->visitors[person->n_visitors - 1], visitor_id))
		return;
	person->visitors = JRoom(person->visitors, person->n_visitors, &person->max_visitors, sizeof(JStr));
	person->visitors[person->n_visitors++] = JKeepStr(visitor_id);
}

void
JPersonUnit(JPerson *person, const JPart *part, const JPartTouch *touches, int n_touches)
{
	if (!person->has_first_seen || part->started_at < person->first_seen)
		person->first_seen = part->started_at;
	person->has_first_seen = true;
	if (!part->aside)
		JPersonVisitor(person, part->visitor_id);
	person->sessions += !part->loose;
	person->events += part->events;
	person->page_views += part->page_views;
	if (!part->loose)
	{
		if (!person->has_last_seen || part->ended_at > person->last_seen)
			person->last_seen = part->ended_at;
		person->has_last_seen = true;
	}
	if (part->n_refs > 0)
	{
		if (!person->has_identified || part->refs[0].time < person->identified)
			person->identified = part->refs[0].time;
		person->has_identified = true;
	}
	for (int i = 0; i < part->counts.n; i++)
		JNameCountsAdd(&person->counts, part->counts.names[i].name, part->counts.names[i].n, true);
	for (int i = 0; i < n_touches; i++)
		JPersonTouch(person, part, &touches[i]);
}

static bool
JStartsWith(JStr s, JStr prefix)
{
	return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

/* What follows a prefix, or JSTR_NULL. */
static JStr
JBehind(JStr s, JStr prefix)
{
	return JStartsWith(s, prefix) ? (JStr) {s.data + prefix.len, s.len - prefix.len} : JSTR_NULL;
}

bool
JPersonIsKnown(JStr person_id)
{
	return !JStartsWith(person_id, JSTR_LIT("visitor:"));
}

JStr
JPersonUser(JStr person_id)
{
	return JBehind(person_id, JSTR_LIT("user:"));
}

JStr
JPersonEmail(JStr person_id, JStr trait, char *buffer)
{
	JStr		email = JBehind(person_id, JSTR_LIT("email:"));
	JStr		user = JPersonUser(person_id);

	if (JStrIsNull(email) && !JStrIsNull(trait))
		email = JEmailClean(trait, buffer);
	/* a pseudonym does not tell whether the id was an address */
	if (JStrIsNull(email) && !JStrIsNull(user) && !JIsPseudonym(user))
		email = JEmailClean(user, buffer);
	return email;
}
