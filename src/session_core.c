/*
 * session_core.c
 *		The walk that splits a visitor's events into sessions, and the summaries of what it finds.
 *
 * The walk is a fold: JWalkStep() takes the state and the next event in standard order. All that the
 * next decision needs is in JSessionState, so a walk can resume in the middle of a session, and a walk
 * that reaches an old boundary with an equal state may stop there: all that follows is as it was. This
 * is what makes a late event cost what lies within its reach.
 */
#include "session_core.h"

#include "datatype/timestamp.h"

#include "identity_core.h"

/* ------------------------------------------------------------------------------------------------
 * what an event is
 * ------------------------------------------------------------------------------------------------ */

static inline bool
JStrEq(JStr s, const char *literal)
{
	return s.data != NULL && s.len == (int32) strlen(literal) &&
		memcmp(s.data, literal, s.len) == 0;
}

JStr
JEventUser(const JEvent *event)
{
	return event->field[JF_USER_ID];
}

static void
JCleanId(JStr *id, const JSessionOptions *options)
{
	if (!JStrIsNull(*id) && JIdIsBlocked(*id) && !JIdIsAllowed(*id, options->allowed, options->n_allowed))
		*id = JSTR_NULL;
}

void
JEventCleanIds(JEvent *event, const JSessionOptions *options)
{
	JCleanId(&event->field[JF_USER_ID], options);
	JCleanId(&event->field[JF_PREVIOUS_ID], options);
}

/* Passive events open, extend and bridge no session and make no touch. */
bool
JEventIsPassive(const JEvent *event, const JSessionOptions *options)
{
	JStr		kind = event->field[JF_KIND];
	JStr		visitor = event->field[JF_VISITOR_ID];
	JStr		platform = event->field[JF_PLATFORM];

	if (kind.data != NULL &&
		(JStrEq(kind, "identify") || JStrEq(kind, "group") || JStrEq(kind, "alias")))
		return true;
	if (visitor.data != NULL && visitor.len >= 5 && memcmp(visitor.data, "user:", 5) == 0)
		return true;
	if (platform.data != NULL && (JStrEq(platform, "server") || JStrEq(platform, "sources")))
		return true;
	for (int i = 0; i < options->n_passive; i++)
		if (JStrEqual(options->passive[i], event->field[JF_NAME]))
			return true;
	return false;
}

const char *
JKindOf(JStr name, JStr url)
{
	static const char *const names[] = {"page", "screen", "page_view", "pageview", "page view",
	"page viewed", "screen view", "screen viewed", "screen_view"};

	if (name.data == NULL)
		return url.data != NULL ? "page" : "track";
	for (int i = 0; i < lengthof(names); i++)
		if (name.len == (int32) strlen(names[i]) &&
			pg_strncasecmp(name.data, names[i], name.len) == 0)
			return names[i][0] == 's' ? "screen" : "page";
	return "track";
}

/* Pages and screens; where no kind was given, what by name or by want of one is a page view. */
bool
JEventIsPageView(const JEvent *event)
{
	JStr		kind = event->field[JF_KIND];

	if (kind.data != NULL)
		return JStrEq(kind, "page") || JStrEq(kind, "screen");
	return JKindOf(event->field[JF_NAME], event->field[JF_URL])[0] != 't';
}

static bool
JEventIsTrack(const JEvent *event)
{
	JStr		kind = event->field[JF_KIND];

	return kind.data != NULL ? JStrEq(kind, "track") : !JEventIsPageView(event);
}

JIdentityRef
JEventRef(const JEvent *event, const JSessionOptions *options)
{
	JIdentityRef ref = {false, JEventUser(event), event->time};

	if (JStrIsNull(ref.id) && options->email != NULL && event->field[JF_TRAITS].data != NULL &&
		JStrEq(event->field[JF_KIND], "identify"))
	{
		ref.is_email = true;
		ref.id = options->email(event, options->arg);
	}
	return ref;
}

/* ------------------------------------------------------------------------------------------------
 * the walk
 * ------------------------------------------------------------------------------------------------ */

void
JWalkInit(JWalk *walk, const JSessionOptions *options, const JAliases *aliases)
{
	memset(walk, 0, sizeof(*walk));
	walk->options = options;
	walk->aliases = aliases;
}

/* Whether an event's properties may have a key, which is given in its quotes. */
static bool
JMayHaveProperty(const JEvent *event, JStr key)
{
	JStr		rest = event->field[JF_PROPERTIES];

	while (rest.len >= key.len)
	{
		const char *quote = memchr(rest.data, '"', rest.len - key.len + 1);

		if (quote == NULL)
			break;
		if (memcmp(quote, key.data, key.len) == 0)
			return true;
		rest.len -= quote + 1 - rest.data;
		rest.data = quote + 1;
	}
	return false;
}

/* The id of its campaign that a loader found beside the URL: journey._select() makes a property of it. */
static JStr
JEventCampaignId(const JEvent *event, const JSessionOptions *options)
{
	if (options->campaign_id == NULL || !JMayHaveProperty(event, JSTR_LIT("\"" J_CAMPAIGN_ID "\"")))
		return JSTR_NULL;
	return options->campaign_id(event, options->arg);
}

/* Whether an event says what it was before redaction. */
static bool
JIsJudged(const JEvent *event, const JSessionOptions *options, JJudgement *judgement)
{
	return options->judged != NULL && JMayHaveProperty(event, JSTR_LIT("\"" J_JUDGED_TOUCH "\"")) &&
		options->judged(event, judgement);
}

/* Has it a page, so that its referrer says how the page was reached? */
static bool
JEventHasPage(const JEvent *event, const JSessionOptions *options)
{
	JJudgement	judgement;

	return event->field[JF_URL].len > 0 || JEventIsPageView(event) ||
		(JIsJudged(event, options, &judgement) && judgement.has_page);
}

/*
 * The touch as it was before redaction, where that shows another: its fields are what the rules left. False where
 * there was none.
 */
static bool
JJudgedTouch(const JWalk *walk, const JEvent *event, const JTouchInput *input, bool found, JTouch *touch)
{
	JJudgement	judgement;

	if (!JIsJudged(event, walk->options, &judgement))
		return found;
	if (judgement.type[input->use_referrer] != JTOUCH_NONE && !found)
	{
		JTouchBare(input, touch);
		touch->source = touch->medium = JSTR_LIT("(not set)");
	}
	touch->type = judgement.type[input->use_referrer];
	touch->channel = judgement.channel[input->use_referrer];
	return touch->type != JTOUCH_NONE;
}

/* The touch of parameters, click ids and campaign columns; false where the event has none. */
static bool
JCampaignTouch(const JWalk *walk, const JEvent *event, JTouch *touch)
{
	JTouchInput input = {
		.url = event->field[JF_URL],
		.referrer = event->field[JF_REFERRER],
		.source = event->field[JF_SOURCE],
		.medium = event->field[JF_MEDIUM],
		.campaign = event->field[JF_CAMPAIGN],
		.term = event->field[JF_TERM],
		.content = event->field[JF_CONTENT],
		.campaign_id = JEventCampaignId(event, walk->options),
		.use_referrer = false
	};
	bool		found = false;

	touch->type = JTOUCH_NONE;
	if (!(input.source.data == NULL && input.medium.data == NULL && input.campaign.data == NULL &&
		input.term.data == NULL && input.content.data == NULL && input.campaign_id.data == NULL &&
		(input.url.data == NULL ||
		 (memchr(input.url.data, '?', input.url.len) == NULL &&
		  memchr(input.url.data, '#', input.url.len) == NULL))))
		found = JTouchFrom(&input, &walk->options->touch, touch);
	return JJudgedTouch(walk, event, &input, found, touch);
}

static bool
JReferrerTouch(const JWalk *walk, const JEvent *event, JTouch *touch)
{
	JTouchInput input = {
		.url = event->field[JF_URL],
		.referrer = event->field[JF_REFERRER],
		.use_referrer = true
	};

	bool		found;

	touch->type = JTOUCH_NONE;
	found = input.referrer.data != NULL && JTouchFrom(&input, &walk->options->touch, touch);
	return JJudgedTouch(walk, event, &input, found, touch);
}

/* Campaigns are compared without regard to the case of ASCII letters, click ids byte by byte. */
static bool
JStateHasCampaignOf(const JSessionState *state, const JTouch *touch)
{
	return state->has_campaign && JStrEqualNoCase(state->source, touch->source) &&
		JStrEqualNoCase(state->medium, touch->medium) &&
		JStrEqualNoCase(state->campaign, touch->campaign) &&
		JStrEqual(state->click_id, touch->click_id);
}

/* Does it name another than the user of the visitor's last session? Never without user_change. */
static bool
JNamesAnother(const JWalk *walk, const JSessionState *state, JStr user)
{
	return walk->options->user_change && !JStrIsNull(user) && !JStrIsNull(state->user_id) &&
		!JStrEqual(user, state->user_id) &&
		!JStrEqual(JAliasEnd(walk->aliases, user), JAliasEnd(walk->aliases, state->user_id));
}

static bool
JIsIdentify(const JEvent *event)
{
	return JStrEq(event->field[JF_KIND], "identify");
}

bool
JWalkIsAside(const JWalk *walk, const JSessionState *state, const JEvent *event)
{
	return JNamesAnother(walk, state, JEventUser(event)) && !JIsIdentify(event) &&
		!JStrEq(event->field[JF_KIND], "alias");
}

JStr
JStateHeir(const JSessionState *state, const JEvent *event, const JSessionOptions *options)
{
	if (JStrIsNull(state->login) || !JStrIsNull(JEventUser(event)) ||
		event->time - state->login_time > options->timeout)
		return JSTR_NULL;
	return state->login;
}

static bool
JWalkStarts(const JWalk *walk, const JEvent *event, const JTouch *touch)
{
	const JSessionState *state = &walk->state;
	const JSessionOptions *options = walk->options;
	JStr		key = options->session_key ? event->field[JF_SESSION_KEY] : JSTR_NULL;

	if (!state->open || state->ended)
		return true;
	if (event->time - state->prev > options->timeout &&
		(JStrIsNull(key) || JStrIsNull(state->key)))
		return true;
	if (!JStrIsNull(key) && !JStrIsNull(state->key) && !JStrEqual(key, state->key))
		return true;
	if (options->max_duration > 0 && event->time - state->start > options->max_duration)
		return true;
	if (options->local_day != NULL &&
		options->local_day(event->time, options->arg) !=
		options->local_day(state->prev, options->arg))
		return true;
	if (options->new_campaign && touch->type != JTOUCH_NONE && !JStateHasCampaignOf(state, touch))
		return true;
	return JNamesAnother(walk, state, JEventUser(event));
}

bool
JWalkWouldStart(const JWalk *walk, const JEvent *event)
{
	JTouch		touch;

	JCampaignTouch(walk, event, &touch);
	return JWalkStarts(walk, event, &touch);
}

bool
JStateTakeLoose(JSessionState *state, const JEvent *event, bool aside, const JSessionOptions *options)
{
	JIdentityRef ref = JEventRef(event, options);
	bool		begins = !state->run_open || aside != state->run_aside ||
		!JStrEqual(ref.id, state->run_ref.id) ||
		(!JStrIsNull(ref.id) && ref.is_email != state->run_ref.is_email);

	if (begins)
	{
		state->run_open = true;
		state->run_aside = aside;
		state->run_start = event->time;
		state->run_id = JUuidFrom("outside", event->field[JF_VISITOR_ID],
								  event->field[JF_EVENT_ID], event->time);
		state->run_ref = ref;
	}
	return begins;
}

void
JStateTakeRun(JSessionState *state, const JSessionState *other)
{
	state->run_open = other->run_open;
	state->run_id = other->run_id;
	state->run_start = other->run_start;
	state->run_ref = other->run_ref;
	state->run_aside = other->run_aside;
}

JPlace
JWalkPlacePassive(const JWalk *walk, const JEvent *event)
{
	const JSessionState *state = &walk->state;
	const JSessionOptions *options = walk->options;
	bool		in_time = state->open && event->time - state->prev <= options->timeout;
	JIdentityRef ref;

	if (!state->open || state->ended)
		return JPLACE_LOOSE;
	if (!in_time && (!options->session_key || JStrIsNull(state->key)))
		return JPLACE_LOOSE;
	if (!options->user_change)
		return in_time ? JPLACE_INSIDE : JPLACE_PENDING;
	ref = JEventRef(event, options);
	if (!JStrIsNull(ref.id) && !ref.is_email && JNamesAnother(walk, state, ref.id))
		return in_time || JIsIdentify(event) ? JPLACE_LOOSE : JPLACE_PENDING;
	if (!in_time)
		return JPLACE_PENDING;
	if (!JStrIsNull(ref.id) && ref.is_email &&
		(!JStrIsNull(state->user_id) ||
		 (!JStrIsNull(state->email) && !JStrEqual(ref.id, state->email))))
		return JPLACE_LOOSE;
	return JPLACE_INSIDE;
}

bool
JWalkTakesPending(const JWalk *walk, const JEvent *event)
{
	const JSessionState *state = &walk->state;
	JIdentityRef ref = JEventRef(event, walk->options);

	if (!walk->options->user_change || JStrIsNull(ref.id))
		return true;
	if (ref.is_email)
		return JStrIsNull(state->user_id) && JStrEqual(ref.id, state->email);
	return !JStrIsNull(state->user_id) && !JNamesAnother(walk, state, ref.id);
}

/* What an event inside the session says of its user. */
static void
JStateName(JSessionState *state, JIdentityRef ref, const JSessionOptions *options)
{
	if (JStrIsNull(ref.id))
		return;
	if (!options->user_change)
	{
		if (!ref.is_email)
			state->user_id = ref.id;
		return;
	}
	if (!JStrIsNull(state->user_id))
		return;
	if (!ref.is_email)
	{
		state->user_id = ref.id;
		state->email = JSTR_NULL;
	}
	else if (JStrIsNull(state->email))
		state->email = ref.id;
}

static JPlace
JWalkPassive(JWalk *walk, const JEvent *event)
{
	JSessionState *state = &walk->state;
	JPlace		place = JWalkPlacePassive(walk, event);
	JStr		user = JEventUser(event);

	switch (place)
	{
		case JPLACE_INSIDE:
			JStateName(state, JEventRef(event, walk->options), walk->options);
			state->run_open = false;
			break;
		case JPLACE_LOOSE:
			if (walk->waiting)	/* it ends their session: their runs come before its own */
				JStateTakeRun(state, &walk->outside);
			JStateTakeLoose(state, event, JWalkIsAside(walk, state, event), walk->options);
			walk->waiting = false;
			break;
		default:
			if (!walk->waiting)
				walk->outside = *state;
			JStateTakeLoose(&walk->outside, event, JWalkIsAside(walk, state, event), walk->options);
			walk->waiting = true;
			if (!JStrIsNull(user) && !walk->options->user_change)
				walk->pending_user = user;
			break;
	}
	if (walk->options->user_change && JIsIdentify(event) && !JStrIsNull(user))
	{
		if (JNamesAnother(walk, state, user))
			state->ended = true;
		state->login = user;
		state->login_time = event->time;
	}
	return place;
}

JPlace
JWalkStep(JWalk *walk, const JEvent *event, JTouch *touch)
{
	JSessionState *state = &walk->state;
	bool		starts;

	touch->type = JTOUCH_NONE;
	if (JEventIsPassive(event, walk->options))
		return JWalkPassive(walk, event);

	JCampaignTouch(walk, event, touch);
	starts = walk->one_session ? !state->open : JWalkStarts(walk, event, touch);
	if (starts)
	{
		JStr		heir = JStateHeir(state, event, walk->options);

		memset(state, 0, sizeof(*state));
		state->open = true;
		state->start = event->time;
		state->session_id = JUuidFrom("session", event->field[JF_VISITOR_ID],
									  event->field[JF_EVENT_ID], event->time);
		state->user_id = heir;
	}
	else if (!JStrIsNull(walk->pending_user))
		state->user_id = walk->pending_user;
	walk->pending_user = JSTR_NULL;
	walk->waiting = false;

	state->login = JSTR_NULL;
	state->login_time = 0;
	state->run_open = false;
	state->prev = event->time;
	JStateName(state, JEventRef(event, walk->options), walk->options);
	if (walk->options->session_key && !JStrIsNull(event->field[JF_SESSION_KEY]))
		state->key = event->field[JF_SESSION_KEY];
	if (touch->type != JTOUCH_NONE)
	{
		if (walk->options->new_campaign)
		{
			state->has_campaign = true;
			state->source = touch->source;
			state->medium = touch->medium;
			state->campaign = touch->campaign;
			state->click_id = touch->click_id;
		}
	}
	else if (!state->page_seen && JEventHasPage(event, walk->options))
		JReferrerTouch(walk, event, touch);
	if (JEventHasPage(event, walk->options))
		state->page_seen = true;
	return starts ? JPLACE_STARTS : JPLACE_INSIDE;
}

/* ------------------------------------------------------------------------------------------------
 * summaries
 * ------------------------------------------------------------------------------------------------ */

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

/* A copy with room for the click ids that it has; strings are shared. */
static JTouch *
JTouchCopy(const JTouch *touch)
{
	Size		size = offsetof(JTouch, click_ids) + sizeof(JClickId) * touch->n_click_ids;

	return memcpy(palloc(size), touch, size);
}

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

static bool
JRevenueSame(const void *left, const void *right)
{
	const JRevenue *a = left;
	const JRevenue *b = right;

	return JStrEqual(a->order_id, b->order_id) && JStrEqual(a->name, b->name) &&
		a->amount.data[0] != '-' && b->amount.data[0] != '-';
}

/* An order counts once, where its first event stands; refunds count each. */
static bool
JRevenueHash(const void *entry, uint32 *hash)
{
	const JRevenue *revenue = entry;

	*hash = JSetHash(JSetHash(0, revenue->name), revenue->order_id);
	return !JStrIsNull(revenue->order_id) && revenue->amount.data[0] != '-';
}

static const JSetKind revenue_kind = {sizeof(JRevenue), JRevenueHash, JRevenueSame};

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
		JRevenue	revenue = {event->field[JF_NAME], event->field[JF_ORDER_ID],
		JCurrencyClean(event->field[JF_CURRENCY]), event->field[JF_REVENUE]};

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

/* ------------------------------------------------------------------------------------------------
 * states and summaries as bytes; they stay within one cluster, in host-independent form all the same
 * ------------------------------------------------------------------------------------------------ */

typedef struct JCursor
{
	const unsigned char *p;
	const unsigned char *end;
	bool		bad;
	bool		(*is_text) (JStr s);	/* NULL: strings are not looked at */
} JCursor;

static void
JPutVarint(StringInfo out, uint64 v)
{
	while (v >= 0x80)
	{
		appendStringInfoCharMacro(out, (char) (v | 0x80));
		v >>= 7;
	}
	appendStringInfoCharMacro(out, (char) v);
}

static void
JPutInt(StringInfo out, int64 v)
{
	JPutVarint(out, ((uint64) v << 1) ^ (uint64) (v >> 63));
}

/* NULL is 0, else length + 1 */
static void
JPutStr(StringInfo out, JStr s)
{
	JPutVarint(out, JStrIsNull(s) ? 0 : (uint64) s.len + 1);
	if (!JStrIsNull(s))
		appendBinaryStringInfo(out, s.data, s.len);
}

static uint64
JGetVarint(JCursor *in)
{
	uint64		v = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		if (in->p >= in->end)
			break;
		v |= (uint64) (*in->p & 0x7f) << shift;
		if ((*in->p++ & 0x80) == 0)
			return v;
	}
	in->bad = true;
	return 0;
}

static int64
JGetInt(JCursor *in)
{
	uint64		v = JGetVarint(in);

	return (int64) (v >> 1) ^ -(int64) (v & 1);
}

static JStr
JGetStr(JCursor *in)
{
	uint64		len = JGetVarint(in);
	JStr		s;

	if (len == 0)
		return JSTR_NULL;
	len--;
	if (len > (uint64) (in->end - in->p))
	{
		in->bad = true;
		return JSTR_NULL;
	}
	s.data = (const char *) in->p;
	s.len = (int32) len;
	in->p += len;
	if (in->is_text != NULL && !in->is_text(s))
		in->bad = true;
	return s;
}

static int64
JGetTime(JCursor *in, int64 base)
{
	uint64		time = (uint64) base + (uint64) JGetInt(in);

	if (!IS_VALID_TIMESTAMP((int64) time))
		in->bad = true;
	return (int64) time;
}

static JUuid
JGetUuid(JCursor *in)
{
	JUuid		uuid = {{0}};

	if (in->end - in->p < (ptrdiff_t) sizeof(uuid))
		in->bad = true;
	else
	{
		memcpy(&uuid, in->p, sizeof(uuid));
		in->p += sizeof(uuid);
	}
	return uuid;
}

void
JStateEncode(const JSessionState *state, StringInfo out)
{
	JPutVarint(out, state->open | state->page_seen << 1 | state->has_campaign << 2 |
			   state->run_open << 3 | state->run_aside << 4 | state->aside << 5 |
			   state->ended << 6 | !JStrIsNull(state->login) << 7);
	if (!JStrIsNull(state->login))
	{
		JPutStr(out, state->login);
		JPutInt(out, state->login_time);
	}
	if (state->run_open)
	{
		appendBinaryStringInfo(out, (const char *) &state->run_id, sizeof(JUuid));
		JPutInt(out, state->run_start);
		appendStringInfoChar(out, (char) state->run_ref.is_email);
		JPutStr(out, state->run_ref.id);
	}
	if (!state->open)
		return;
	appendBinaryStringInfo(out, (const char *) &state->session_id, sizeof(JUuid));
	JPutInt(out, state->start);
	JPutInt(out, state->prev - state->start);
	JPutStr(out, state->user_id);
	JPutStr(out, state->email);
	JPutStr(out, state->key);
	if (state->has_campaign)
	{
		JPutStr(out, state->source);
		JPutStr(out, state->medium);
		JPutStr(out, state->campaign);
		JPutStr(out, state->click_id);
	}
}

bool
JStateDecode(const char *data, Size len, JSessionState *state)
{
	JCursor		in = {(const unsigned char *) data, (const unsigned char *) data + len, false};
	uint64		flags;

	memset(state, 0, sizeof(*state));
	flags = JGetVarint(&in);
	state->open = flags & 1;
	state->page_seen = (flags >> 1) & 1;
	state->has_campaign = (flags >> 2) & 1;
	state->run_open = (flags >> 3) & 1;
	state->run_aside = (flags >> 4) & 1;
	state->aside = (flags >> 5) & 1;
	state->ended = (flags >> 6) & 1;
	if ((flags >> 7) & 1)
	{
		state->login = JGetStr(&in);
		state->login_time = JGetInt(&in);
	}
	if (state->run_open)
	{
		state->run_id = JGetUuid(&in);
		state->run_start = JGetInt(&in);
		state->run_ref.is_email = JGetVarint(&in) != 0;
		state->run_ref.id = JGetStr(&in);
	}
	if (!state->open)
		return !in.bad && in.p == in.end;
	state->session_id = JGetUuid(&in);
	state->start = JGetInt(&in);
	state->prev = state->start + JGetInt(&in);
	state->user_id = JGetStr(&in);
	state->email = JGetStr(&in);
	state->key = JGetStr(&in);
	if (state->has_campaign)
	{
		state->source = JGetStr(&in);
		state->medium = JGetStr(&in);
		state->campaign = JGetStr(&in);
		state->click_id = JGetStr(&in);
	}
	return !in.bad && in.p == in.end;
}

/* The strings of a touch in the order of their bytes */
#define JTOUCH_STRINGS(t) {&(t)->source, &(t)->medium, &(t)->campaign, &(t)->term, &(t)->content, \
	&(t)->campaign_id, &(t)->channel, &(t)->click_id_type, &(t)->click_id, &(t)->referrer_host, \
	&(t)->landing_page}

static void
JPutTouch(StringInfo out, const JPartTouch *at)
{
	JTouch	   *touch = at->touch;
	JStr	   *strings[] = JTOUCH_STRINGS(touch);

	JPutInt(out, at->time);
	JPutStr(out, at->event_id);
	JPutStr(out, at->referrer);
	JPutVarint(out, touch->type);
	for (int i = 0; i < lengthof(strings); i++)
		JPutStr(out, *strings[i]);
	JPutVarint(out, touch->n_click_ids);
	for (int i = 0; i < touch->n_click_ids; i++)
	{
		JPutStr(out, (JStr) {touch->click_ids[i].name, strlen(touch->click_ids[i].name)});
		JPutStr(out, touch->click_ids[i].value);
	}
}

static void
JGetTouch(JCursor *in, JPartTouch *at)
{
	JTouch		touch = {JTOUCH_NONE};
	JStr	   *strings[] = JTOUCH_STRINGS(&touch);
	uint64		type,
				n;

	at->time = JGetTime(in, 0);
	at->event_id = JGetStr(in);
	at->referrer = JGetStr(in);
	type = JGetVarint(in);
	touch.type = (JTouchType) type;
	for (int i = 0; i < lengthof(strings); i++)
		*strings[i] = JGetStr(in);
	n = JGetVarint(in);
	if (type <= JTOUCH_NONE || type > JTOUCH_DIRECT || n > JTOUCH_MAX_CLICK_IDS)
		in->bad = true;
	while (touch.n_click_ids < n && !in->bad)
	{
		JClickId   *id = &touch.click_ids[touch.n_click_ids++];
		JStr		name = JGetStr(in);

		id->value = JGetStr(in);
		if (JStrIsNull(name) || JStrIsNull(id->value))
			in->bad = true;
		else
			id->name = pnstrdup(name.data, name.len);
	}
	at->touch = JTouchCopy(&touch);
}

static JIdentityRef
JGetRef(JCursor *in)
{
	JIdentityRef ref;

	ref.is_email = JGetVarint(in) != 0;
	ref.id = JGetStr(in);
	ref.time = JGetTime(in, 0);
	in->bad |= JStrIsNull(ref.id);
	return ref;
}

static JRevenue
JGetRevenue(JCursor *in)
{
	JRevenue	revenue;

	revenue.name = JGetStr(in);
	revenue.order_id = JGetStr(in);
	revenue.currency = JGetStr(in);
	revenue.amount = JGetStr(in);
	in->bad |= revenue.amount.len == 0;
	return revenue;
}

/* The number of items that follow, each of one byte at least; 0 if that cannot be. */
static int
JGetCount(JCursor *in)
{
	uint64		n = JGetVarint(in);

	if (n > (uint64) (in->end - in->p))
		in->bad = true;
	return in->bad ? 0 : (int) n;
}

void
JPartEncode(const JPart *part, StringInfo out)
{
	appendStringInfoChar(out, (char) (part->loose | part->active_track << 1 | part->has_page << 2 |
									  part->has_end << 3 | part->aside << 4));
	appendBinaryStringInfo(out, (const char *) &part->id, sizeof(JUuid));
	JPutStr(out, part->visitor_id);
	JPutInt(out, part->started_at);
	JPutStr(out, part->first_event_id);
	JPutInt(out, part->ended_at - part->started_at);
	JPutVarint(out, part->events);
	JPutVarint(out, part->page_views);
	JPutStr(out, part->landing_page);
	JPutStr(out, part->exit_page);
	JPutStr(out, part->user_id);
	JPutStr(out, part->last_email);
	JPutStr(out, part->gclid);
	JPutVarint(out, part->n_refs);
	for (int i = 0; i < part->n_refs; i++)
	{
		appendStringInfoChar(out, (char) part->refs[i].is_email);
		JPutStr(out, part->refs[i].id);
		JPutInt(out, part->refs[i].time);
	}
	JPutVarint(out, part->n_touches);
	for (int i = 0; i < part->n_touches; i++)
		JPutTouch(out, &part->touches[i]);
	JPutVarint(out, part->n_revenues);
	for (int i = 0; i < part->n_revenues; i++)
	{
		JPutStr(out, part->revenues[i].name);
		JPutStr(out, part->revenues[i].order_id);
		JPutStr(out, part->revenues[i].currency);
		JPutStr(out, part->revenues[i].amount);
	}
	JPutVarint(out, part->n_kept);
	for (int i = 0; i < 2 * part->n_kept; i++)
		JPutStr(out, part->kept[i]);
	JNameCountsEncode(&part->counts, out);
}

void
JNameCountsEncode(const JNameCounts *counts, StringInfo out)
{
	JPutVarint(out, counts->n);
	for (int i = 0; i < counts->n; i++)
	{
		JPutStr(out, counts->names[i].name);
		JPutVarint(out, counts->names[i].n);
	}
}

static void
JGetCounts(JCursor *in, JNameCounts *counts)
{
	memset(counts, 0, sizeof(*counts));
	counts->max = JGetCount(in);
	if (counts->max > 0)
		counts->names = palloc_array(JNameCount, counts->max);
	while (counts->n < counts->max && !in->bad)
	{
		JNameCount *count = &counts->names[counts->n++];

		count->name = JGetStr(in);
		count->n = (int64) JGetVarint(in);
		in->bad |= JStrIsNull(count->name) || count->n <= 0;
	}
}

bool
JNameCountsDecode(const char *data, Size len, bool (*is_text) (JStr s), JNameCounts *counts)
{
	JCursor		in = {(const unsigned char *) data, (const unsigned char *) data + len, false, is_text};

	JGetCounts(&in, counts);
	return !in.bad && in.p == in.end;
}

bool
JPartDecode(const char *data, Size len, bool (*is_text) (JStr s), JPart *part)
{
	JCursor		in = {(const unsigned char *) data, (const unsigned char *) data + len, false, is_text};
	uint64		flags;

	memset(part, 0, sizeof(*part));
	flags = JGetVarint(&in);
	part->loose = flags & 1;
	part->active_track = (flags >> 1) & 1;
	part->has_page = (flags >> 2) & 1;
	part->has_end = (flags >> 3) & 1;
	part->aside = (flags >> 4) & 1;
	part->id = JGetUuid(&in);
	part->visitor_id = JGetStr(&in);
	part->started_at = JGetTime(&in, 0);
	part->first_event_id = JGetStr(&in);
	part->ended_at = JGetTime(&in, part->started_at);
	part->events = JGetVarint(&in);
	part->page_views = JGetVarint(&in);
	part->landing_page = JGetStr(&in);
	part->exit_page = JGetStr(&in);
	part->user_id = JGetStr(&in);
	part->last_email = JGetStr(&in);
	part->gclid = JGetStr(&in);

	part->max_refs = JGetCount(&in);
	if (part->max_refs > 0)
		part->refs = palloc_array(JIdentityRef, part->max_refs);
	while (part->n_refs < part->max_refs && !in.bad)
		part->refs[part->n_refs++] = JGetRef(&in);

	part->max_touches = JGetCount(&in);
	if (part->max_touches > 0)
		part->touches = palloc_array(JPartTouch, part->max_touches);
	while (part->n_touches < part->max_touches && !in.bad)
		JGetTouch(&in, &part->touches[part->n_touches++]);

	part->max_revenues = JGetCount(&in);
	if (part->max_revenues > 0)
		part->revenues = palloc_array(JRevenue, part->max_revenues);
	while (part->n_revenues < part->max_revenues && !in.bad)
		part->revenues[part->n_revenues++] = JGetRevenue(&in);

	part->n_kept = JGetCount(&in);
	if (part->n_kept > 0)
		part->kept = palloc_array(JStr, 2 * (Size) part->n_kept);
	for (int i = 0; i < 2 * part->n_kept && !in.bad; i++)
		part->kept[i] = JGetStr(&in);
	JGetCounts(&in, &part->counts);
	return !in.bad && in.p == in.end;
}
