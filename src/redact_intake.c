/*
 * redact_intake.c
 *		What the option "redact" of a model leaves of the rows of its sources.
 *
 * A row was judged as it came: blocked ids, the options "exclude" and "internal_users". What is kept of it for
 * what a later look must still find: ids stay ids of their own, an e-mail that is none gets no pseudonym, for which
 * it would be taken, of the parameters of a URL that tell where a visit came from the names stay, and where what
 * is left makes another touch than the row did, a property says which that was.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "identity_core.h"
#include "lists_core.h"
#include "payload_core.h"
#include "redact.h"
#include "session_options.h"
#include "timeline.h"

/* One event while it is redacted: columns of journey.event. */
typedef struct Row
{
	JRedactRules *rules;
	Datum		values[J_EVENT_COLUMNS];
	bool		nulls[J_EVENT_COLUMNS];
} Row;

/* What a call keeps for the next one. Lives in fn_extra. */
typedef struct RowCache
{
	void	   *rules;			/* of JRedactGetRules() */
	MemoryContext context;		/* of the options */
	Jsonb	   *jsonb;
	JSqlOptions options;		/* that touches are judged by */
} RowCache;

/* Whether a parameter's name says of a touch that there was one; `arg` is options of touches. */
static bool
IsClickId(JStr name, const void *arg)
{
	const JTouchOptions *options = arg;

	for (int i = 0; options != NULL && i < options->n_click_ids; i++)
	{
		if (JStrEqualNoCase(name, JStrFromCString(options->click_ids[i].name)))
			return true;
	}
	return JParamLookup(name).kind == JPARAM_CLICK_ID;
}

static const JTouchOptions *
GetTouchOptions(FunctionCallInfo fcinfo, RowCache *cache)
{
	const Interval timeout = {.time = 30 * 60 * USECS_PER_SEC};
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(4);
	MemoryContext old;

	if (cache->jsonb != NULL && VARSIZE(cache->jsonb) == VARSIZE(jsonb) &&
		memcmp(cache->jsonb, jsonb, VARSIZE(jsonb)) == 0)
		return &cache->options.session.touch;
	if (cache->context == NULL)
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_journey touch options",
											   ALLOCSET_SMALL_SIZES);
	cache->jsonb = NULL;		/* in case of an error below */
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	jsonb = (Jsonb *) pg_detoast_datum_copy((struct varlena *) jsonb);
	JReadSqlOptions(&cache->options, &timeout, jsonb);
	MemoryContextSwitchTo(old);
	cache->jsonb = jsonb;
	return &cache->options.session.touch;
}

static JRedactRules *
GetRules(FunctionCallInfo fcinfo, void **cache, const JTouchOptions *options)
{
	JRedactRules *rules;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the key of pseudonyms is missing"),
				 errdetail("Under another key all ids would be new ones."),
				 errhint("Restore the row of \"_pseudonym_keys\" in the schema of the model's store.")));
	rules = JRedactGetRules(fcinfo, cache);
	JRedactSetKeptNames(rules, IsClickId, options);
	return rules;
}

static JStr
GetField(const Row *row, JField field)
{
	int			column = JFieldColumn(field);

	return row->nulls[column] ? JSTR_NULL : JStrFromText(DatumGetTextPP(row->values[column]));
}

static void
SetField(Row *row, JField field, JStr value)
{
	JSetStr(row->values, row->nulls, JFieldColumn(field), value);
}

/* An id without what the rules name: whatever they would leave of it, it stays one id, or there is none. */
static void
RedactId(JRedactRules *rules, const char *path, JStr *id)
{
	JStr		key = JStrFromCString(path);
	JRedactAction action;
	StringInfoData made;

	if (JStrIsNull(*id))
		return;
	action = JRedactMember(rules, key, key, false);
	if (action == JREDACT_KEEP || (action == JREDACT_NONE && JRedactWhole(rules, *id) < 0))
		return;
	initStringInfo(&made);
	if (action != JREDACT_DROP)
		JRedactScalar(rules, JREDACT_PSEUDONYM, *id, "", &made);
	*id = action == JREDACT_DROP ? JSTR_NULL : (JStr) {made.data, made.len};
}

/* The visitor of an event without a device is "user:" and the user. */
static void
RedactIds(Row *row)
{
	JStr		user = GetField(row, JF_USER_ID);
	JStr		visitor = GetField(row, JF_VISITOR_ID);
	JStr		event_id = GetField(row, JF_EVENT_ID);
	JStr		previous = GetField(row, JF_PREVIOUS_ID);
	bool		had_visitor = !JStrIsNull(visitor);	/* a conversion may have none */
	bool		no_device = !JStrIsNull(user) && visitor.len == user.len + 5 &&
		memcmp(visitor.data, "user:", 5) == 0 && memcmp(visitor.data + 5, user.data, user.len) == 0;

	RedactId(row->rules, "messageId", &event_id);
	RedactId(row->rules, "userId", &user);
	/* it names a user or a device, and must be the same as where that is named */
	RedactId(row->rules, "previousId", &previous);
	RedactId(row->rules, "userId", &previous);
	if (no_device)
		visitor = JSTR_NULL;
	else
		RedactId(row->rules, "anonymousId", &visitor);
	if (had_visitor && JStrIsNull(visitor) && !JStrIsNull(user))
		visitor = JStrFromCString(psprintf("user:%.*s", user.len, user.data));
	SetField(row, JF_EVENT_ID, event_id);
	SetField(row, JF_USER_ID, user);
	SetField(row, JF_PREVIOUS_ID, previous);
	SetField(row, JF_VISITOR_ID, visitor);
}

static void
RedactTexts(Row *row)
{
	static const struct
	{
		JField		field;
		const char *path;
	}			fields[] = {
		{JF_CURRENCY, "properties.currency"}, {JF_ORDER_ID, "properties.order_id"},
		{JF_SOURCE, "context.campaign.source"}, {JF_MEDIUM, "context.campaign.medium"},
		{JF_CAMPAIGN, "context.campaign.name"}, {JF_TERM, "context.campaign.term"},
		{JF_CONTENT, "context.campaign.content"}, {JF_SESSION_KEY, "context.sessionId"}, {JF_PLATFORM, "channel"},
		{JF_URL, "context.page.url"}, {JF_URL, "properties.url"},
		{JF_REFERRER, "context.page.referrer"}, {JF_REFERRER, "properties.referrer"},
		{JF_NAME, "name"}, {JF_NAME, "properties.name"}, {JF_NAME, "event"}
	};
	bool		is_track = JStrEqual(GetField(row, JF_KIND), JSTR_LIT("track"));

	for (int i = 0; i < lengthof(fields); i++)
	{
		JStr		value = GetField(row, fields[i].field);

		/* what is a track's name is no other event's */
		if (JStrIsNull(value) ||
			(fields[i].field == JF_NAME && is_track != (strcmp(fields[i].path, "event") == 0)))
			continue;
		JRedactField(row->rules, fields[i].path, false, &value);
		SetField(row, fields[i].field, value);
	}
}

/* An amount that is no more one is none. */
static void
RedactRevenue(Row *row)
{
	int			column = JFieldColumn(JF_REVENUE);
	JStr		left,
				amount;

	if (row->nulls[column])
		return;
	left = JStrFromCString(DatumGetCString(DirectFunctionCall1(numeric_out, row->values[column])));
	JRedactField(row->rules, "properties.revenue", false, &left);
	row->nulls[column] = JStrIsNull(left) || !JAmount(left, &amount);
	if (!row->nulls[column])
		row->values[column] = DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(amount.data, amount.len)),
												  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static JStr
TraitString(const Jsonb *traits, JStr key, JsonbValue *found)
{
	JsonbValue	name = {.type = jbvString};
	JsonbValue *value;

	name.val.string.val = unconstify(char *, key.data);
	name.val.string.len = key.len;
	value = JB_ROOT_IS_OBJECT(traits) ?
		findJsonbValueFromContainer(unconstify(JsonbContainer *, &traits->root), JB_FOBJECT, &name) : NULL;
	if (value == NULL || value->type != jbvString)
		return JSTR_NULL;
	*found = *value;
	return (JStr) {value->val.string.val, value->val.string.len};
}

/* Traits; an e-mail that is none must not become a pseudonym, which would be taken for one. */
static Jsonb *
RedactTraits(Row *row, Jsonb *traits, JStr email_trait)
{
	Jsonb	   *left = JRedactJsonb(row->rules, traits, "traits", true);
	JsonbValue	buffer;
	JStr		was = TraitString(traits, email_trait, &buffer);
	JStr		is = TraitString(left, email_trait, &buffer);

	if (JStrIsNull(was) || JStrIsNull(is) || !JIsPseudonym(is) ||
		!JStrIsNull(JEmailClean(was, palloc(was.len + 1))))
		return left;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(left), JStrGetDatum(email_trait)));
}

static void
RedactObjects(Row *row, JStr email_trait)
{
	int			column = JFieldColumn(JF_PROPERTIES);
	bool		is_group = JStrEqual(GetField(row, JF_KIND), JSTR_LIT("group"));

	if (!row->nulls[column])
		row->values[column] = JsonbPGetDatum(JRedactJsonb(row->rules, DatumGetJsonbP(row->values[column]),
														  is_group ? "traits" : "properties", is_group));
	column = JFieldColumn(JF_TRAITS);
	if (!row->nulls[column])
		row->values[column] = JsonbPGetDatum(RedactTraits(row, DatumGetJsonbP(row->values[column]), email_trait));
}

/* What makes the touches of an event. */
static JTouchInput
TouchInput(const Row *row)
{
	int			column = JFieldColumn(JF_PROPERTIES);
	JsonbValue	buffer;

	return (JTouchInput) {
		.url = GetField(row, JF_URL),
		.referrer = GetField(row, JF_REFERRER),
		.source = GetField(row, JF_SOURCE),
		.medium = GetField(row, JF_MEDIUM),
		.campaign = GetField(row, JF_CAMPAIGN),
		.term = GetField(row, JF_TERM),
		.content = GetField(row, JF_CONTENT),
		.campaign_id = row->nulls[column] ? JSTR_NULL :
			TraitString(DatumGetJsonbP(row->values[column]), JSTR_LIT(J_CAMPAIGN_ID), &buffer)
	};
}

static bool
SameInput(const JTouchInput *a, const JTouchInput *b)
{
	return JStrEqual(a->url, b->url) && JStrEqual(a->referrer, b->referrer) && JStrEqual(a->source, b->source) &&
		JStrEqual(a->medium, b->medium) && JStrEqual(a->campaign, b->campaign) && JStrEqual(a->term, b->term) &&
		JStrEqual(a->content, b->content) && JStrEqual(a->campaign_id, b->campaign_id);
}

/* The type and channel of a touch, by campaign or by referrer, in one text; NULL where there is none. */
static char *
JudgeTouch(const JTouchInput *input, const JTouchOptions *options, bool by_referrer)
{
	JTouch		touch;
	JTouchInput referrer = {.url = input->url, .referrer = input->referrer, .use_referrer = true};

	if (!JTouchFrom(by_referrer ? &referrer : input, options, &touch))
		return NULL;
	return psprintf("%s %.*s", JTouchTypeName(touch.type), touch.channel.len, touch.channel.data);
}

static bool
SameText(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
AppendText(StringInfo json, const char *text)
{
	if (text == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, text);
}

/* Puts into the properties what the row's touches were, where what is left makes others. */
static void
KeepJudgement(Row *row, const JTouchInput *raw, const JTouchOptions *options)
{
	int			column = JFieldColumn(JF_PROPERTIES);
	JTouchInput left = TouchInput(row);
	char	   *campaign,
			   *referrer;
	bool		lost_page = !JStrIsNull(raw->url) && JStrIsNull(left.url);
	StringInfoData json;
	Datum		member;

	if (SameInput(raw, &left))
		return;
	campaign = JudgeTouch(raw, options, false);
	referrer = JudgeTouch(raw, options, true);
	if (!lost_page && SameText(campaign, JudgeTouch(&left, options, false)) &&
		SameText(referrer, JudgeTouch(&left, options, true)))
		return;
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"" J_JUDGED_TOUCH "\": {");
	if (lost_page)
		appendStringInfoString(&json, "\"page\": true, ");
	appendStringInfoString(&json, "\"campaign\": ");
	AppendText(&json, campaign);
	appendStringInfoString(&json, ", \"referrer\": ");
	AppendText(&json, referrer);
	appendStringInfoString(&json, "}}");
	member = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	if (row->nulls[column])
		row->values[column] = member;
	else if (JB_ROOT_IS_OBJECT(DatumGetJsonbP(row->values[column])))
		row->values[column] = DirectFunctionCall2(jsonb_concat, row->values[column], member);
	row->nulls[column] = false;
}

/* A source's own member of that name says nothing of a touch. */
static void
DropJudgement(Row *row)
{
	const JStr	name = JSTR_LIT(J_JUDGED_TOUCH);
	int			column = JFieldColumn(JF_PROPERTIES);
	JsonbValue	key = {.type = jbvString};
	Jsonb	   *properties;

	if (row->nulls[column])
		return;
	properties = DatumGetJsonbP(row->values[column]);
	key.val.string.val = unconstify(char *, name.data);
	key.val.string.len = name.len;
	if (JB_ROOT_IS_OBJECT(properties) && findJsonbValueFromContainer(&properties->root, JB_FOBJECT, &key) != NULL)
		row->values[column] = DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(properties), JStrGetDatum(name));
}

/*
 * _redact_row(event journey.event, rules jsonb, key bytea, email_trait text, touch_options jsonb): an event without
 * what the rules name. Its visitor is NULL where no id is left.
 */
PG_FUNCTION_INFO_V1(_redact_row);
Datum
_redact_row(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header;
	HeapTupleData tuple;
	TupleDesc	tupdesc;
	Row			row;
	RowCache   *cache = fcinfo->flinfo->fn_extra;
	const JTouchOptions *options;
	JTouchInput raw;
	HeapTuple	result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		PG_RETURN_NULL();
	if (cache == NULL)
		cache = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RowCache));
	options = GetTouchOptions(fcinfo, cache);
	row.rules = GetRules(fcinfo, &cache->rules, options);
	header = PG_GETARG_HEAPTUPLEHEADER(0);
	tupdesc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	if (tupdesc->natts != J_EVENT_COLUMNS)
		elog(ERROR, "journey.event does not have %d columns", J_EVENT_COLUMNS);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, tupdesc, row.values, row.nulls);

	raw = TouchInput(&row);
	DropJudgement(&row);
	RedactIds(&row);
	RedactTexts(&row);
	RedactRevenue(&row);
	RedactObjects(&row, JStrFromText(PG_GETARG_TEXT_PP(3)));
	KeepJudgement(&row, &raw, options);
	result = heap_form_tuple(tupdesc, row.values, row.nulls);
	ReleaseTupleDesc(tupdesc);
	PG_RETURN_DATUM(HeapTupleGetDatum(result));
}

/*
 * _redact_key(row_key text, rules jsonb, key bytea, path text): the key of a source's row, which is the id at that
 * path of its event or, where it is NULL, may be any.
 */
PG_FUNCTION_INFO_V1(_redact_key);
Datum
_redact_key(PG_FUNCTION_ARGS)
{
	static const char *const paths[] = {"userId", "anonymousId", "messageId"};
	JRedactRules *rules;
	JStr		given;
	JStr		left;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rules = GetRules(fcinfo, &fcinfo->flinfo->fn_extra, NULL);
	left = given = JStrFromText(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(3))
		RedactId(rules, text_to_cstring(PG_GETARG_TEXT_PP(3)), &left);
	else
	{
		for (int i = 0; i < lengthof(paths) && JStrEqual(left, given); i++)
			RedactId(rules, paths[i], &left);
	}
	if (JStrIsNull(left))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(JStrGetDatum(left));
}
