/*
 * session_options.c
 *		Reads timeout and options jsonb into the rules of the session core.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "identity_sql.h"
#include "session_options.h"
#include "touch_sql.h"

typedef struct JOptionsCache
{
	Interval	timeout;
	Jsonb	   *jsonb;			/* the argument that was parsed */
	MemoryContext context;
	JSqlOptions options;
} JOptionsCache;

#define KNOWN_OPTIONS "allow_ids, channel_rules, click_ids, email_trait, ignored_referrers, " \
	"internal_hosts, keep_properties, max_duration, midnight, new_campaign, passive_events, " \
	"referrers, session_key, time_zone, user_change"

int64
JIntervalMicroseconds(const Interval *interval, const char *what)
{
	int64		usecs;

	if (interval->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must have no months or years: \"%s\"", what,
						DatumGetCString(DirectFunctionCall1(interval_out,
															IntervalPGetDatum(interval)))),
				 errdetail("Their length is not fixed."),
				 errhint("Give it in days (of 24 hours), hours or minutes.")));
	if (pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &usecs) ||
		pg_add_s64_overflow(usecs, interval->time, &usecs))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("%s is out of range", what)));
	if (usecs <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than zero", what)));
	return usecs;
}

int64
JLocalDay(int64 time, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	long		offset;
	int64		local;

	/* UTC, and other zones that never changed */
	if (pg_get_timezone_offset(zone, &offset) && !pg_add_s64_overflow(time, offset * USECS_PER_SEC, &local))
		return local / USECS_PER_DAY - (local % USECS_PER_DAY < 0);
	if (timestamp2tm(time, &tz, &tm, &fsec, NULL, zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

static int64
JMidnightDay(int64 time, void *arg)
{
	return JLocalDay(time, ((JSqlOptions *) arg)->midnight);
}

static JStr
JOptionsEmail(const JEvent *event, void *arg)
{
	return JEmailOfTraits(event->field[JF_TRAITS], ((JSqlOptions *) arg)->email_trait);
}

static Jsonb *
JEventProperties(const JEvent *event)
{
	char	   *text = pnstrdup(event->field[JF_PROPERTIES].data, event->field[JF_PROPERTIES].len);

	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

/* The value of a key, as ->> gives it. */
static JStr
JJsonbText(Jsonb *jsonb, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = JB_ROOT_IS_OBJECT(jsonb) ?
		getKeyJsonValueFromContainer(&jsonb->root, key, strlen(key), &buffer) : NULL;
	Jsonb	   *single;

	if (value == NULL || value->type == jbvNull)
		return JSTR_NULL;
	if (value->type == jbvString)
		return (JStr) {value->val.string.val, value->val.string.len};
	single = JsonbValueToJsonb(value);
	return JStrFromCString(JsonbToCString(NULL, &single->root, VARSIZE(single)));
}

/* May the text of an object have this key? Keys are never escaped there unless they need it. */
static bool
JMayHaveKey(JStr object, const char *key)
{
	Size		len = strlen(key);

	for (const char *c = key; *c != '\0'; c++)
		if (*c == '"' || *c == '\\' || (unsigned char) *c < ' ')
			return true;
	for (const char *at = object.data; (at = memmem(at, object.data + object.len - at, key, len)) != NULL; at++)
		if (at > object.data && at[-1] == '"' && at + len < object.data + object.len && at[len] == '"')
			return true;
	return false;
}

/* To look for the keys is cheap beside parsing, and most events have none of them. */
static void
JOptionsProperties(const JEvent *event, JStr *values, void *arg)
{
	const JSessionOptions *options = &((JSqlOptions *) arg)->session;
	Jsonb	   *properties;
	bool		some = false;

	for (int i = 0; i < options->n_kept && !some; i++)
		some = JMayHaveKey(event->field[JF_PROPERTIES], options->kept[i]);
	if (!some)
		return;
	properties = JEventProperties(event);
	for (int i = 0; i < options->n_kept; i++)
		values[i] = JJsonbText(properties, options->kept[i]);
}

static JStr
JOptionsCampaignId(const JEvent *event, void *arg)
{
	return JJsonbText(JEventProperties(event), J_CAMPAIGN_ID);
}

/* {"page": true, "campaign": "utm Paid Search", "referrer": ..}: a touch that is not named was none. */
static bool
JOptionsJudged(const JEvent *event, JJudgement *judgement)
{
	static const char *const keys[] = {"campaign", "referrer"};
	Jsonb	   *properties = JEventProperties(event);
	JsonbValue	buffer;
	JsonbValue *value = JB_ROOT_IS_OBJECT(properties) ?
		getKeyJsonValueFromContainer(&properties->root, J_JUDGED_TOUCH, strlen(J_JUDGED_TOUCH), &buffer) : NULL;
	JsonbContainer *object;

	if (value == NULL || value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return false;
	object = value->val.binary.data;
	memset(judgement, 0, sizeof(JJudgement));
	judgement->has_page = getKeyJsonValueFromContainer(object, "page", strlen("page"), &buffer) != NULL;
	for (int i = 0; i < lengthof(keys); i++)
	{
		const char *blank;

		value = getKeyJsonValueFromContainer(object, keys[i], strlen(keys[i]), &buffer);
		if (value == NULL || value->type != jbvString ||
			(blank = memchr(value->val.string.val, ' ', value->val.string.len)) == NULL)
			continue;
		judgement->channel[i] = JStrFrom((JStr) {value->val.string.val, value->val.string.len},
										 blank + 1 - value->val.string.val);
		judgement->type[i] = JTouchTypeOf((JStr) {value->val.string.val, blank - value->val.string.val});
	}
	return true;
}

static void
JBadOption(const char *key, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s", key, wanted)));
}

static char *
JOptionString(const char *key, const JsonbValue *value)
{
	if (value->type == jbvNull)
		return NULL;
	if (value->type != jbvString)
		JBadOption(key, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
JOptionBool(const char *key, const JsonbValue *value, bool null_value)
{
	if (value->type == jbvNull)
		return null_value;
	if (value->type != jbvBool)
		JBadOption(key, "true or false");
	return value->val.boolean;
}

static int
JOptionCount(const char *key, const JsonbValue *value)
{
	int			n;

	if (value->type != jbvNumeric)
		JBadOption(key, "a number");
	n = DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value->val.numeric)));
	if (n < 1)
		JBadOption(key, "greater than zero");
	return n;
}

static pg_tz *
JOptionZone(const char *key, const JsonbValue *value)
{
	char	   *name = JOptionString(key, value);
	pg_tz	   *zone;

	if (name == NULL)
		return NULL;
	zone = pg_tzset(name);
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" of option \"%s\" not recognized", name, key),
				 errhint("See pg_timezone_names for the known names.")));
	return zone;
}

static int
JOptionStrings(const char *key, const JsonbValue *value, JStr **strings)
{
	JsonbContainer *array;
	int			n;

	if (value->type == jbvNull)
		return 0;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		JBadOption(key, "an array of strings");
	array = value->val.binary.data;
	n = JsonContainerSize(array);
	*strings = palloc_array(JStr, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);

		if (element->type != jbvString)
			JBadOption(key, "an array of strings");
		(*strings)[i] = JStrFromCString(JOptionString(key, element));
	}
	return n;
}

static int
JOptionHosts(const char *key, const JsonbValue *value, JStr **hosts)
{
	int			n = JOptionStrings(key, value, hosts);

	JHostsOfOption(key, *hosts, n);
	return n;
}

static void
JSetOption(JSqlOptions *options, const char *key, const JsonbValue *value)
{
	JSessionOptions *session = &options->session;

	if (strcmp(key, "new_campaign") == 0)
		session->new_campaign = JOptionBool(key, value, false);
	else if (strcmp(key, "session_key") == 0)
		session->session_key = JOptionBool(key, value, false);
	else if (strcmp(key, "user_change") == 0)
		session->user_change = JOptionBool(key, value, true);
	else if (strcmp(key, "midnight") == 0)
	{
		options->midnight = JOptionZone(key, value);
		session->local_day = options->midnight != NULL ? JMidnightDay : NULL;
	}
	else if (strcmp(key, "time_zone") == 0)
		options->time_zone = JOptionZone(key, value);
	else if (strcmp(key, "max_duration") == 0)
	{
		char	   *string = JOptionString(key, value);

		session->max_duration = string == NULL ? 0 :
			JIntervalMicroseconds(DatumGetIntervalP(DirectFunctionCall3(interval_in,
																		CStringGetDatum(string),
																		ObjectIdGetDatum(InvalidOid),
																		Int32GetDatum(-1))),
								  "max_duration");
	}
	else if (strcmp(key, "allow_ids") == 0)
		session->n_allowed = JOptionStrings(key, value, &session->allowed);
	else if (strcmp(key, "passive_events") == 0)
		session->n_passive = JOptionStrings(key, value, &session->passive);
	else if (strcmp(key, "internal_hosts") == 0)
		session->touch.n_internal_hosts = JOptionHosts(key, value, &session->touch.internal_hosts);
	else if (strcmp(key, "ignored_referrers") == 0)
		session->touch.n_ignored_referrers =
			JOptionHosts(key, value, &session->touch.ignored_referrers);
	else if (strcmp(key, "keep_properties") == 0)
	{
		JStr	   *names = NULL;

		session->n_kept = JOptionStrings(key, value, &names);
		session->kept = palloc_array(char *, Max(session->n_kept, 1));
		for (int i = 0; i < session->n_kept; i++)
			session->kept[i] = pnstrdup(names[i].data, names[i].len);
	}
	else if (strcmp(key, "email_trait") == 0)
	{
		options->email_trait = JOptionString(key, value);
		if (options->email_trait == NULL)
			options->email_trait = "email";
	}
	else if (strcmp(key, "_judged") == 0)
		session->judged = JOptionBool(key, value, false) ? JOptionsJudged : NULL;
	else if (strcmp(key, "_segment_events") == 0)
		session->segment_events = JOptionCount(key, value);
	else if (!JReadOwnList(key, value, &session->touch))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown session option \"%s\"", key),
				 errhint("Known options are: %s.", KNOWN_OPTIONS)));
}

static void
JParseOptions(JSqlOptions *options, Jsonb *jsonb)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("session options must be a JSON object"),
				 errhint("Known options are: %s.", KNOWN_OPTIONS)));
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		JSetOption(options, key, &value);
	}
}

void
JInitSqlOptions(JSqlOptions *options)
{
	memset(options, 0, sizeof(JSqlOptions));
	options->session.timeout = 30 * 60 * USECS_PER_SEC;
	options->session.user_change = true;
	options->session.email = JOptionsEmail;
	options->session.properties = JOptionsProperties;
	options->session.campaign_id = JOptionsCampaignId;
	options->session.arg = options;
	options->email_trait = "email";
}

void
JReadSqlOptions(JSqlOptions *options, const Interval *timeout, Jsonb *jsonb)
{
	JInitSqlOptions(options);
	options->session.timeout = JIntervalMicroseconds(timeout, "timeout");
	JParseOptions(options, jsonb);
}

const char *
JSqlOptionNames(void)
{
	return KNOWN_OPTIONS;
}

const JSqlOptions *
JGetSqlOptions(FunctionCallInfo fcinfo, int timeout_arg, int options_arg)
{
	JOptionsCache *cache = fcinfo->flinfo->fn_extra;
	const Interval *timeout;
	Jsonb	   *jsonb;
	MemoryContext old;

	if (PG_ARGISNULL(timeout_arg) || PG_ARGISNULL(options_arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("timeout and options must not be NULL")));
	timeout = PG_GETARG_INTERVAL_P(timeout_arg);
	jsonb = PG_GETARG_JSONB_P(options_arg);
	if (cache != NULL && memcmp(&cache->timeout, timeout, sizeof(Interval)) == 0 &&
		VARSIZE(cache->jsonb) == VARSIZE(jsonb) &&
		memcmp(cache->jsonb, jsonb, VARSIZE(jsonb)) == 0)
		return &cache->options;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(JOptionsCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_journey options",
											   ALLOCSET_SMALL_SIZES);
	}
	fcinfo->flinfo->fn_extra = NULL;	/* in case of an error below */
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	cache->timeout = *timeout;
	cache->jsonb = (Jsonb *) pg_detoast_datum_copy((struct varlena *) jsonb);
	JReadSqlOptions(&cache->options, timeout, cache->jsonb);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return &cache->options;
}
