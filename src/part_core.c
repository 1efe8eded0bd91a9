/*
 * part_core.c
 *		Summaries of runs of events: what a session, or a run outside sessions, comes to.
 *
 * Summaries of neighbouring runs add up, so that a session of many segments is the sum of theirs.
 */
#include "part_core.h"

#include "identity_core.h"

static bool
JEventIsTrack(const JEvent *event)
{
	JStr		kind = event->field[JF_KIND];

	return kind.data != NULL ? JStrEqual(kind, JSTR_LIT("track")) : !JEventIsPageView(event);
}

void
JPartBegin(JPart *part, const JEvent *first, bool loose, JUuid id)
{
	memset(part, 0, sizeof(*part));
	part->loose = loose;
	part->id = id;
	part->visitor_id = first->field[JF_VISITOR_ID];
	part->started_at = part->ended_at = first->time;
	part->first_event_id = first->field[JF_EVENT_ID];
}

/*
 * Two touches of one session are one if they say the same, in any ASCII case but for click ids; where
 * they landed does not matter.
 */
static bool
JPartTouchSame(const void *left, const void *right)
{
	const JTouch *a = ((const JPartTouch *) left)->touch;
	const JTouch *b = ((const JPartTouch *) right)->touch;

	if (a->n_click_ids != b->n_click_ids || !JStrEqualNoCase(a->source, b->source) ||
		!JStrEqualNoCase(a->medium, b->medium) || !JStrEqualNoCase(a->campaign, b->campaign) ||
		!JStrEqualNoCase(a->term, b->term) || !JStrEqualNoCase(a->content, b->content) ||
		!JStrEqualNoCase(a->campaign_id, b->campaign_id))
		return false;
	for (int i = 0; i < a->n_click_ids; i++)
		if (strcmp(a->click_ids[i].name, b->click_ids[i].name) != 0 ||
			!JStrEqual(a->click_ids[i].value, b->click_ids[i].value))
			return false;
	return true;
}

static bool
JPartTouchHash(const void *entry, uint32 *hash)
{
	const JTouch *touch = ((const JPartTouch *) entry)->touch;

	*hash = JSetHashNoCase(0, touch->source);
	*hash = JSetHashNoCase(*hash, touch->medium);
	*hash = JSetHashNoCase(*hash, touch->campaign);
	*hash = JSetHashNoCase(*hash, touch->term);
	*hash = JSetHashNoCase(*hash, touch->content);
	*hash = JSetHashNoCase(*hash, touch->campaign_id);
	for (int i = 0; i < touch->n_click_ids; i++)
		*hash = JSetHash(*hash, touch->click_ids[i].value);
	return true;
}

static const JSetKind touch_kind = {sizeof(JPartTouch), JPartTouchHash, JPartTouchSame};

static void
JPartAddTouch(JPart *part, int64 time, JStr event_id, JStr referrer, const JTouch *touch)
{
	JPartTouch	new = {time, event_id, referrer, unconstify(JTouch *, touch)};

	if (JSetHas(&part->touch_set, &touch_kind, part->touches, part->n_touches, &new))
		return;
	if (part->n_touches == part->max_touches)
	{
		part->max_touches = Max(4, part->max_touches * 2);
		part->touches = part->touches == NULL ?
			palloc_array(JPartTouch, part->max_touches) :
			repalloc_array(part->touches, JPartTouch, part->max_touches);
	}
	new.touch = JTouchCopy(touch);
	part->touches[part->n_touches++] = new;
}

/* An order counts once, where its first event stands; refunds count each. */
static const JSetKind revenue_kind = {sizeof(JRevenue), JOrderHash, JOrderSame};

static void
JPartAddRevenue(JPart *part, const JRevenue *revenue)
{
	if (JSetHas(&part->revenue_set, &revenue_kind, part->revenues, part->n_revenues, revenue))
		return;
	if (part->n_revenues == part->max_revenues)
	{
		part->max_revenues = Max(4, part->max_revenues * 2);
		part->revenues = part->revenues == NULL ?
			palloc_array(JRevenue, part->max_revenues) :
			repalloc_array(part->revenues, JRevenue, part->max_revenues);
	}
	part->revenues[part->n_revenues++] = *revenue;
}

static JStr
JTouchGclid(const JTouch *touch)
{
	for (int i = 0; i < touch->n_click_ids; i++)
		if (strcmp(touch->click_ids[i].name, "gclid") == 0)
			return touch->click_ids[i].value;
	return JSTR_NULL;
}

static void
JPartAddPage(JPart *part, JStr page)
{
	if (!part->has_page)
		part->landing_page = page;
	part->exit_page = page;
	part->has_page = true;
}

static bool
JRefSame(const void *left, const void *right)
{
	const JIdentityRef *a = left;
	const JIdentityRef *b = right;

	return a->is_email == b->is_email && JStrEqual(a->id, b->id);
}

static bool
JRefHash(const void *entry, uint32 *hash)
{
	const JIdentityRef *ref = entry;

	*hash = JSetHash(ref->is_email, ref->id);
	return true;
}

static const JSetKind ref_kind = {sizeof(JIdentityRef), JRefHash, JRefSame};

static void
JPartAddRef(JPart *part, JIdentityRef ref)
{
	if (JSetHas(&part->ref_set, &ref_kind, part->refs, part->n_refs, &ref))
		return;
	if (part->n_refs == part->max_refs)
	{
		part->max_refs = Max(2, part->max_refs * 2);
		part->refs = part->refs == NULL ?
			palloc_array(JIdentityRef, part->max_refs) :
			repalloc_array(part->refs, JIdentityRef, part->max_refs);
	}
	part->refs[part->n_refs++] = ref;
}

static inline bool
JIsSpace(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A currency without white space around and in upper case; a blank one is none. */
static JStr
JCurrencyClean(JStr currency)
{
	char	   *upper = NULL;

	while (currency.len > 0 && JIsSpace(currency.data[0]))
		currency.data++, currency.len--;
	while (currency.len > 0 && JIsSpace(currency.data[currency.len - 1]))
		currency.len--;
	if (currency.len == 0)
		return JSTR_NULL;
	for (int i = 0; i < currency.len; i++)
	{
		if (currency.data[i] < 'a' || currency.data[i] > 'z')
			continue;
		if (upper == NULL)
			upper = memcpy(palloc(currency.len), currency.data, currency.len);
		upper[i] = currency.data[i] - ('a' - 'A');
	}
	return upper == NULL ? currency : (JStr) {upper, currency.len};
}

void
JPartBeginSession(JPart *part, const JWalk *walk, const JEvent *first)
{
	JIdentityRef heir = {false, walk->state.user_id, first->time};

	JPartBegin(part, first, false, walk->state.session_id);
	if (!JStrIsNull(JEventUser(first)) || JStrIsNull(heir.id))
		return;
	JPartAddRef(part, heir);
	part->user_id = heir.id;
}

/* Takes the kept values of later events, n in pairs of first and last. */
static void
JPartAddKept(JPart *part, const JStr *pairs, int n)
{
	if (part->kept == NULL)
	{
		part->n_kept = n;
		part->kept = palloc0_array(JStr, 2 * n);
	}
	for (int i = 0; i < n; i++)
	{
		if (JStrIsNull(part->kept[2 * i]))
			part->kept[2 * i] = pairs[2 * i];
		if (!JStrIsNull(pairs[2 * i + 1]))
			part->kept[2 * i + 1] = pairs[2 * i + 1];
	}
}

static void
JPartAddProperties(JPart *part, const JEvent *event, const JSessionOptions *options)
{
	int			n = options->n_kept;
	JStr	   *values = palloc0_array(JStr, n);
	JStr	   *pairs = palloc_array(JStr, 2 * n);
	bool		some = false;

	options->properties(event, values, options->arg);
	for (int i = 0; i < n; i++)
	{
		pairs[2 * i] = pairs[2 * i + 1] = values[i];
		some |= !JStrIsNull(values[i]);
	}
	if (some)
		JPartAddKept(part, pairs, n);
	pfree(values);
	pfree(pairs);
}

void
JPartAdd(JPart *part, const JEvent *event, bool active, const JTouch *touch,
		 const JSessionOptions *options)
{
	JIdentityRef ref = JEventRef(event, options);

	part->events++;
	if (active || part->loose)
	{
		part->ended_at = event->time;
		part->has_end = true;
	}
	if (JEventIsPageView(event))
	{
		JStr		page = event->field[JF_URL];

		part->page_views++;
		JPartAddPage(part, JStrIsNull(page) ? event->field[JF_NAME] : page);
	}
	else if (active && JEventIsTrack(event))
		part->active_track = true;
	if (!JStrIsNull(ref.id))
	{
		JPartAddRef(part, ref);
		if (ref.is_email)
			part->last_email = ref.id;
		else
			part->user_id = ref.id;
	}
	if (active && touch->type != JTOUCH_NONE)
	{
		JStr		gclid = JTouchGclid(touch);

		if (!JStrIsNull(gclid))
			part->gclid = gclid;
		JPartAddTouch(part, event->time, event->field[JF_EVENT_ID], event->field[JF_REFERRER], touch);
	}
	if (options->n_kept > 0 && !JStrIsNull(event->field[JF_PROPERTIES]))
		JPartAddProperties(part, event, options);
	if (!JStrIsNull(event->field[JF_REVENUE]))
	{
		JStr		amount = event->field[JF_REVENUE];
		JRevenue	revenue = {{event->field[JF_NAME], event->field[JF_ORDER_ID], JAmountIsNegative(amount)},
		JCurrencyClean(event->field[JF_CURRENCY]), amount};

		JPartAddRevenue(part, &revenue);
	}
	if (options->counts)
		JNameCountsAdd(&part->counts, JEventCountName(event), 1, false);
}

void
JPartAppend(JPart *part, const JPart *next)
{
	part->events += next->events;
	part->page_views += next->page_views;
	if (next->has_end)
	{
		part->ended_at = next->ended_at;
		part->has_end = true;
	}
	part->active_track |= next->active_track;
	if (next->has_page)
	{
		JPartAddPage(part, next->landing_page);
		part->exit_page = next->exit_page;
	}
	for (int i = 0; i < next->n_refs; i++)
		JPartAddRef(part, next->refs[i]);
	if (!JStrIsNull(next->user_id))
		part->user_id = next->user_id;
	if (!JStrIsNull(next->last_email))
		part->last_email = next->last_email;
	if (!JStrIsNull(next->gclid))
		part->gclid = next->gclid;
	for (int i = 0; i < next->n_touches; i++)
		JPartAddTouch(part, next->touches[i].time, next->touches[i].event_id,
					  next->touches[i].referrer, next->touches[i].touch);
	for (int i = 0; i < next->n_revenues; i++)
		JPartAddRevenue(part, &next->revenues[i]);
	if (next->n_kept > 0)
		JPartAddKept(part, next->kept, next->n_kept);
	for (int i = 0; i < next->counts.n; i++)
		JNameCountsAdd(&part->counts, next->counts.names[i].name, next->counts.names[i].n, false);
}

const JPartTouch *
JPartMainTouch(const JPart *part)
{
	return part->n_touches > 0 ? &part->touches[0] : NULL;
}
