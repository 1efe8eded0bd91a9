/*
 * touch.c
 *		SQL functions that say where a visit came from: campaign, touch, channel.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "touch_sql.h"
#include "url_core.h"

#define TOUCH_COLUMNS 13

/*
 * A row in the making. Texts are laid into the buffer while they fit: forming the row copies them
 * anyway.
 */
typedef struct RowBuilder
{
	Datum		values[TOUCH_COLUMNS];
	bool		nulls[TOUCH_COLUMNS];
	int			used;			/* bytes of the buffer */
	int32		buffer[512];
} RowBuilder;

/* What touch() keeps in fn_extra, for as long as the query runs. */
typedef struct TouchCache
{
	TupleDesc	tupdesc;
	MemoryContext options_context;	/* holds what follows */
	Jsonb	   *parsed;			/* the argument that `options` is read from */
	JTouchOptions options;
} TouchCache;

/* The descriptor of the function's result, blessed, in the current memory context. */
static TupleDesc
ResultDescriptor(FunctionCallInfo fcinfo)
{
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return BlessTupleDesc(tupdesc);
}

static void
SetText(RowBuilder *row, int column, JStr s)
{
	int			size = INTALIGN(VARHDRSZ + s.len);
	char	   *packed = (char *) row->buffer + row->used;

	row->nulls[column] = JStrIsNull(s);
	if (JStrIsNull(s))
		row->values[column] = (Datum) 0;
	else if (row->used + size > (int) sizeof(row->buffer))
		row->values[column] = JStrGetDatum(s);
	else
	{
		SET_VARSIZE(packed, VARHDRSZ + s.len);
		memcpy(VARDATA(packed), s.data, s.len);
		row->values[column] = PointerGetDatum(packed);
		row->used += size;
	}
}

/*
 * campaign
 */

PG_FUNCTION_INFO_V1(journey_campaign);
Datum
journey_campaign(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc = fcinfo->flinfo->fn_extra;
	JCampaign	campaign;
	RowBuilder	row;
	int			rank;

	if (tupdesc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		fcinfo->flinfo->fn_extra = tupdesc = ResultDescriptor(fcinfo);
		MemoryContextSwitchTo(old);
	}

	JCampaignFrom(JStrFromText(PG_GETARG_TEXT_PP(0)), NULL, &campaign);
	row.used = 0;
	for (int i = 0; i < JC_COUNT; i++)
		SetText(&row, i, campaign.field[i]);
	rank = JCampaignClickId(&campaign, -1);
	SetText(&row, JC_COUNT, rank < 0 ? JSTR_NULL : JStrFromCString(JClickIdAt(rank)->name));
	SetText(&row, JC_COUNT + 1, rank < 0 ? JSTR_NULL : campaign.click_id[rank]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, row.values, row.nulls)));
}

/*
 * touch
 */

void
JHostsOfOption(const char *key, JStr *hosts, int n)
{
	bool		ours = strcmp(key, "internal_hosts") == 0;

	for (int i = 0; i < n; i++)
	{
		JStr		given = hosts[i];

		if (!JHostOption(given, ours, &hosts[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" has a value that is no host: \"%s\"", key,
							pnstrdup(given.data, given.len)),
					 errhint("Give the host alone, such as \"example.com\", which means its "
							 "subdomains too.")));
	}
}

/* An option's hosts. */
static int
HostsOption(const char *key, const JsonbValue *value, JStr **hosts)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	host;
	int			n = 0;

	if (value->type == jbvNull)
		return 0;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerIsScalar(value->val.binary.data))
		n = -1;
	else
	{
		*hosts = palloc_array(JStr, Max(JsonContainerSize(value->val.binary.data), 1));
		iterator = JsonbIteratorInit(value->val.binary.data);
		while (n >= 0 && (token = JsonbIteratorNext(&iterator, &host, true)) != WJB_DONE)
		{
			if (token == WJB_ELEM && host.type == jbvString)
				(*hosts)[n++] = (JStr) {host.val.string.val, host.val.string.len};
			else if (token == WJB_ELEM)
				n = -1;
		}
	}
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an array of strings", key),
				 errhint("For example {\"%s\": [\"example.com\"]}.", key)));
	JHostsOfOption(key, *hosts, n);
	return n;
}

/* Reads the channel_rules that channel() takes by themselves. */
static void
ReadChannelRules(Jsonb *jsonb, JTouchOptions *options)
{
	JsonbValue	value = {.type = jbvBinary};

	memset(options, 0, sizeof(JTouchOptions));
	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	(void) JReadOwnList("channel_rules", &value, options);
}

/* Reads the options of touch(); the strings point into the jsonb. */
static void
ReadOptions(Jsonb *jsonb, JTouchOptions *options)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key,
				value;

	memset(options, 0, sizeof(JTouchOptions));
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("For example {\"internal_hosts\": [\"example.com\"]}.")));

	iterator = JsonbIteratorInit(&jsonb->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		name = pnstrdup(key.val.string.val, key.val.string.len);
		if (strcmp(name, "internal_hosts") == 0)
			options->n_internal_hosts = HostsOption(name, &value, &options->internal_hosts);
		else if (strcmp(name, "ignored_referrers") == 0)
			options->n_ignored_referrers = HostsOption(name, &value, &options->ignored_referrers);
		else if (!JReadOwnList(name, &value, options))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized option \"%s\"", name),
					 errhint("Known options are channel_rules, click_ids, ignored_referrers, "
							 "internal_hosts, referrers.")));
	}
}

/*
 * The options of this call; NULL where there are none. A query that repeats them has them read
 * once.
 */
static const JTouchOptions *
CachedOptions(TouchCache *cache, Jsonb *jsonb, void (*read) (Jsonb *, JTouchOptions *))
{
	MemoryContext old;

	if (cache->parsed != NULL && VARSIZE(cache->parsed) == VARSIZE(jsonb) &&
		memcmp(cache->parsed, jsonb, VARSIZE(jsonb)) == 0)
		return &cache->options;

	cache->parsed = NULL;
	MemoryContextReset(cache->options_context);
	old = MemoryContextSwitchTo(cache->options_context);
	jsonb = memcpy(palloc(VARSIZE(jsonb)), jsonb, VARSIZE(jsonb));
	read(jsonb, &cache->options);
	cache->parsed = jsonb;
	MemoryContextSwitchTo(old);
	return &cache->options;
}

static TouchCache *
GetTouchCache(FunctionCallInfo fcinfo)
{
	TouchCache *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		cache = palloc0_object(TouchCache);
		cache->options_context = AllocSetContextCreate(CurrentMemoryContext, "options of touch",
													   ALLOCSET_SMALL_SIZES);
		MemoryContextSwitchTo(old);
		fcinfo->flinfo->fn_extra = cache;
	}
	return cache;
}

Jsonb *
JTouchClickIds(const JTouch *touch)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < touch->n_click_ids; i++)
	{
		JsonbValue	part = {.type = jbvString};

		part.val.string.val = unconstify(char *, touch->click_ids[i].name);
		part.val.string.len = strlen(touch->click_ids[i].name);
		pushJsonbValue(&state, WJB_KEY, &part);
		part.val.string.val = unconstify(char *, touch->click_ids[i].value.data);
		part.val.string.len = touch->click_ids[i].value.len;
		pushJsonbValue(&state, WJB_VALUE, &part);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Datum
JTouchRow(const JTouch *touch, TupleDesc tupdesc)
{
	RowBuilder	row;

	row.used = 0;
	SetText(&row, 0, JStrFromCString(JTouchTypeName(touch->type)));
	SetText(&row, 1, touch->source);
	SetText(&row, 2, touch->medium);
	SetText(&row, 3, touch->campaign);
	SetText(&row, 4, touch->term);
	SetText(&row, 5, touch->content);
	SetText(&row, 6, touch->campaign_id);
	SetText(&row, 7, touch->channel);
	SetText(&row, 8, touch->click_id_type);
	SetText(&row, 9, touch->click_id);
	row.nulls[10] = touch->n_click_ids == 0;
	row.values[10] = row.nulls[10] ? (Datum) 0 : JsonbPGetDatum(JTouchClickIds(touch));
	SetText(&row, 11, touch->referrer_host);
	SetText(&row, 12, touch->landing_page);
	return HeapTupleGetDatum(heap_form_tuple(tupdesc, row.values, row.nulls));
}

/* An argument as a string, NULL included. */
static JStr
TextArgument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? JSTR_NULL : JStrFromText(PG_GETARG_TEXT_PP(n));
}

PG_FUNCTION_INFO_V1(journey_touch);
Datum
journey_touch(PG_FUNCTION_ARGS)
{
	TouchCache *cache = GetTouchCache(fcinfo);
	const JTouchOptions *options = NULL;
	JTouchInput input = {.use_referrer = true};
	JTouch		touch;
	Jsonb	   *jsonb = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);

	if (cache->tupdesc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		cache->tupdesc = ResultDescriptor(fcinfo);
		MemoryContextSwitchTo(old);
	}
	if (jsonb != NULL && !(JB_ROOT_IS_OBJECT(jsonb) && JB_ROOT_COUNT(jsonb) == 0))
		options = CachedOptions(cache, jsonb, ReadOptions);
	input.url = TextArgument(fcinfo, 0);
	input.referrer = TextArgument(fcinfo, 1);
	if (!JTouchFrom(&input, options, &touch))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(JTouchRow(&touch, cache->tupdesc));
}

PG_FUNCTION_INFO_V1(journey_channel);
Datum
journey_channel(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(JStrGetDatum(JChannel(TextArgument(fcinfo, 0), TextArgument(fcinfo, 1),
										  TextArgument(fcinfo, 2))));
}

/* channel() with one's own rules, and what they may look at besides. */
PG_FUNCTION_INFO_V1(journey_channel_by_rules);
Datum
journey_channel_by_rules(PG_FUNCTION_ARGS)
{
	const JTouchOptions *options;
	JStr		value[JR_CLICK_ID];
	JClickId	id = {0};
	JUrl		host;

	value[JR_SOURCE] = TextArgument(fcinfo, 0);
	value[JR_MEDIUM] = TextArgument(fcinfo, 1);
	value[JR_CAMPAIGN] = TextArgument(fcinfo, 2);
	if (PG_ARGISNULL(3))
		PG_RETURN_DATUM(JStrGetDatum(JChannel(value[0], value[1], value[2])));

	options = CachedOptions(GetTouchCache(fcinfo), PG_GETARG_JSONB_P(3), ReadChannelRules);
	value[JR_HOST] = TextArgument(fcinfo, 4);
	JUrlParse(value[JR_HOST], &host);
	if (!JStrIsNull(host.host))
		value[JR_HOST] = host.host;
	if (!PG_ARGISNULL(5))
		id.name = text_to_cstring(PG_GETARG_TEXT_PP(5));
	PG_RETURN_DATUM(JStrGetDatum(JChannelByRules(options->rules, options->n_rules, value, &id,
												 id.name != NULL && id.name[0] != '\0' ? 1 : 0)));
}
