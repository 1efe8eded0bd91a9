/*
 * session_core.c
 *		The walk that splits a visitor's events into sessions.
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
	static const JStr names[] = {{"page", 4}, {"screen", 6}, {"page_view", 9}, {"pageview", 8}, {"page view", 9},
	{"page viewed", 11}, {"screen view", 11}, {"screen viewed", 13}, {"screen_view", 11}};

	if (name.data == NULL)
		return url.data != NULL ? "page" : "track";
	for (int i = 0; i < lengthof(names); i++)
		if (name.len == names[i].len && pg_strncasecmp(name.data, names[i].data, name.len) == 0)
			return names[i].data[0] == 's' ? "screen" : "page";
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
