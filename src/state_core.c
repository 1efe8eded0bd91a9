/*
 * state_core.c
 *		States of the walk and summaries as bytes.
 *
 * They stay within one cluster, in host-independent form all the same.
 */
#include "part_core.h"

#include "datatype/timestamp.h"

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

/* One that mostly is what another is: then 1. NULL is 0, else length + 2. */
static void
JPutStrLike(StringInfo out, JStr s, JStr like)
{
	if (!JStrIsNull(s) && !JStrIsNull(like) && JStrEqual(s, like))
		JPutVarint(out, 1);
	else
	{
		JPutVarint(out, JStrIsNull(s) ? 0 : (uint64) s.len + 2);
		if (!JStrIsNull(s))
			appendBinaryStringInfo(out, s.data, s.len);
	}
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
JGetBytes(JCursor *in, uint64 len)
{
	JStr		s;

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

static JStr
JGetStr(JCursor *in)
{
	uint64		len = JGetVarint(in);

	return len == 0 ? JSTR_NULL : JGetBytes(in, len - 1);
}

static JStr
JGetStrLike(JCursor *in, JStr like)
{
	uint64		len = JGetVarint(in);

	if (len == 1)
	{
		in->bad |= JStrIsNull(like);
		return like;
	}
	return len == 0 ? JSTR_NULL : JGetBytes(in, len - 2);
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
	&(t)->campaign_id, &(t)->channel, &(t)->click_id_type, &(t)->referrer_host}

static void
JPutTouch(StringInfo out, const JPart *part, const JPartTouch *at)
{
	JTouch	   *touch = at->touch;
	JStr	   *strings[] = JTOUCH_STRINGS(touch);

	JPutInt(out, at->time - part->started_at);
	JPutStrLike(out, at->event_id, part->first_event_id);
	JPutStr(out, at->referrer);
	JPutVarint(out, touch->type);
	for (int i = 0; i < lengthof(strings); i++)
		JPutStr(out, *strings[i]);
	JPutStrLike(out, touch->landing_page, part->landing_page);
	JPutStrLike(out, touch->click_id, part->gclid);
	JPutVarint(out, touch->n_click_ids);
	for (int i = 0; i < touch->n_click_ids; i++)
	{
		JPutStr(out, (JStr) {touch->click_ids[i].name, strlen(touch->click_ids[i].name)});
		JPutStrLike(out, touch->click_ids[i].value, touch->click_id);
	}
}

static void
JGetTouch(JCursor *in, const JPart *part, JPartTouch *at)
{
	JTouch		touch = {JTOUCH_NONE};
	JStr	   *strings[] = JTOUCH_STRINGS(&touch);
	uint64		type,
				n;

	at->time = JGetTime(in, part->started_at);
	at->event_id = JGetStrLike(in, part->first_event_id);
	at->referrer = JGetStr(in);
	type = JGetVarint(in);
	touch.type = (JTouchType) type;
	for (int i = 0; i < lengthof(strings); i++)
		*strings[i] = JGetStr(in);
	touch.landing_page = JGetStrLike(in, part->landing_page);
	touch.click_id = JGetStrLike(in, part->gclid);
	n = JGetVarint(in);
	if (type <= JTOUCH_NONE || type > JTOUCH_DIRECT || n > JTOUCH_MAX_CLICK_IDS)
		in->bad = true;
	while (touch.n_click_ids < n && !in->bad)
	{
		JClickId   *id = &touch.click_ids[touch.n_click_ids++];
		JStr		name = JGetStr(in);

		id->value = JGetStrLike(in, touch.click_id);
		if (JStrIsNull(name) || JStrIsNull(id->value))
			in->bad = true;
		else
			id->name = pnstrdup(name.data, name.len);
	}
	at->touch = JTouchCopy(&touch);
}

static JIdentityRef
JGetRef(JCursor *in, const JPart *part)
{
	JIdentityRef ref;

	ref.is_email = JGetVarint(in) != 0;
	ref.id = JGetStrLike(in, ref.is_email ? part->last_email : part->user_id);
	ref.time = JGetTime(in, part->started_at);
	in->bad |= JStrIsNull(ref.id);
	return ref;
}

static JRevenue
JGetRevenue(JCursor *in)
{
	JRevenue	revenue;

	revenue.order.name = JGetStr(in);
	revenue.order.order_id = JGetStr(in);
	revenue.currency = JGetStr(in);
	revenue.amount = JGetStr(in);
	revenue.order.negative = JAmountIsNegative(revenue.amount);
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
	JPutStrLike(out, part->exit_page, part->landing_page);
	JPutStr(out, part->user_id);
	JPutStr(out, part->last_email);
	JPutStr(out, part->gclid);
	JPutVarint(out, part->n_refs);
	for (int i = 0; i < part->n_refs; i++)
	{
		const JIdentityRef *ref = &part->refs[i];

		appendStringInfoChar(out, (char) ref->is_email);
		JPutStrLike(out, ref->id, ref->is_email ? part->last_email : part->user_id);
		JPutInt(out, ref->time - part->started_at);
	}
	JPutVarint(out, part->n_touches);
	for (int i = 0; i < part->n_touches; i++)
		JPutTouch(out, part, &part->touches[i]);
	JPutVarint(out, part->n_revenues);
	for (int i = 0; i < part->n_revenues; i++)
	{
		JPutStr(out, part->revenues[i].order.name);
		JPutStr(out, part->revenues[i].order.order_id);
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
	part->exit_page = JGetStrLike(&in, part->landing_page);
	part->user_id = JGetStr(&in);
	part->last_email = JGetStr(&in);
	part->gclid = JGetStr(&in);

	part->max_refs = JGetCount(&in);
	if (part->max_refs > 0)
		part->refs = palloc_array(JIdentityRef, part->max_refs);
	while (part->n_refs < part->max_refs && !in.bad)
		part->refs[part->n_refs++] = JGetRef(&in, part);

	part->max_touches = JGetCount(&in);
	if (part->max_touches > 0)
		part->touches = palloc_array(JPartTouch, part->max_touches);
	while (part->n_touches < part->max_touches && !in.bad)
		JGetTouch(&in, part, &part->touches[part->n_touches++]);

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
