/*
 * touch_options.c
 *		One's own channel rules, referrers and click ids: lists of objects in an options document.
 */
#include "postgres.h"

#include "touch_sql.h"
#include "url_core.h"

/* Where in an options document an error is. */
typedef struct Place
{
	const char *option;
	int			entry;			/* counted from 0 */
} Place;

/* Raises the error that an entry of a list has. */
static void
BadEntry(const Place *place, const char *problem, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("entry %d of option \"%s\" %s", place->entry + 1, place->option, problem),
			 errhint("%s", hint)));
}

static bool
IsArray(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data);
}

static bool
IsObject(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* A string that is not blank; it points into the document. */
static JStr
StringOf(const Place *place, const char *key, const JsonbValue *value)
{
	JStr		s = JSTR_NULL;

	if (value->type == jbvString)
		s = (JStr) {value->val.string.val, value->val.string.len};
	while (s.len > 0 && (unsigned char) s.data[s.len - 1] <= ' ')
		s.len--;
	while (s.len > 0 && (unsigned char) s.data[0] <= ' ')
		s = JStrFrom(s, 1);
	if (s.len == 0)
		BadEntry(place, psprintf("has a \"%s\" that is no string", key),
				 "Give a string that is not blank.");
	return s;
}

/* The member of an object; NULL if it is absent or null. */
static JsonbValue *
MemberOf(const JsonbValue *object, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object->val.binary.data, key, strlen(key), NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

static JStr
StringMember(const Place *place, const JsonbValue *object, const char *key)
{
	JsonbValue *value = MemberOf(object, key);

	return value == NULL ? JSTR_NULL : StringOf(place, key, value);
}

/* Raises an error if an entry is no object or has a key that is not known. */
static void
CheckEntry(const Place *place, const JsonbValue *entry, const char *const *known)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	StringInfoData all;

	initStringInfo(&all);
	for (const char *const *k = known; *k != NULL; k++)
		appendStringInfo(&all, "%s%s", k == known ? "Known keys are " : ", ", *k);
	appendStringInfoChar(&all, '.');
	if (!IsObject(entry))
		BadEntry(place, "is no object", all.data);
	iterator = JsonbIteratorInit(entry->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		const char *const *k = known;

		if (token != WJB_KEY)
			continue;
		while (*k != NULL && !(key.val.string.len == (int) strlen(*k) &&
							   memcmp(key.val.string.val, *k, key.val.string.len) == 0))
			k++;
		if (*k == NULL)
			BadEntry(place, psprintf("has an unknown key \"%s\"",
									 pnstrdup(key.val.string.val, key.val.string.len)), all.data);
	}
}

/* The number of entries of an option that is a list, and an error if it is none. */
static int
ListLength(const char *option, const JsonbValue *value)
{
	if (value->type == jbvNull)
		return 0;
	if (!IsArray(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an array of objects", option)));
	return JsonContainerSize(value->val.binary.data);
}

/*
 * channel rules
 */

/* A string, null, or an array of these; {"not": ..} of such. */
static void
ReadCondition(const Place *place, const char *key, const JsonbValue *value, JChannelCondition *condition)
{
	condition->given = true;
	if (IsObject(value))
	{
		static const char *const known[] = {"not", NULL};

		CheckEntry(place, value, known);
		condition->negated = true;
		value = getKeyJsonValueFromContainer(value->val.binary.data, "not", 3, NULL);
		if (value == NULL)
			BadEntry(place, psprintf("has an empty \"%s\"", key), "Give {\"not\": ..}, or a pattern.");
	}
	if (value->type == jbvNull)
		condition->missing = true;
	else if (IsArray(value))
	{
		int			n = JsonContainerSize(value->val.binary.data);

		condition->patterns = palloc_array(JStr, Max(n, 1));
		for (int i = 0; i < n; i++)
		{
			JsonbValue *item = getIthJsonbValueFromContainer(value->val.binary.data, i);

			if (item->type == jbvNull)
				condition->missing = true;
			else
				condition->patterns[condition->n_patterns++] = StringOf(place, key, item);
		}
	}
	else
	{
		condition->patterns = palloc_object(JStr);
		condition->patterns[condition->n_patterns++] = StringOf(place, key, value);
	}
}

static int
ReadRules(const char *option, const JsonbValue *value, JChannelRule **rules)
{
	static const char *const known[] = {
		"source", "medium", "campaign", "host", "click_id", "channel", NULL
	};
	int			n = ListLength(option, value);

	*rules = palloc0_array(JChannelRule, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Place		place = {option, i};
		JsonbValue *entry = getIthJsonbValueFromContainer(value->val.binary.data, i);

		CheckEntry(&place, entry, known);
		(*rules)[i].channel = StringMember(&place, entry, "channel");
		if (JStrIsNull((*rules)[i].channel))
			BadEntry(&place, "has no \"channel\"",
					 "For example {\"source\": \"google\", \"campaign\": \"brand*\", \"channel\": \"Brand Search\"}.");
		for (int field = 0; field < JR_COUNT; field++)
		{
			JsonbValue *condition = getKeyJsonValueFromContainer(entry->val.binary.data, known[field],
																 strlen(known[field]), NULL);

			if (condition != NULL)
				ReadCondition(&place, known[field], condition, &(*rules)[i].on[field]);
		}
	}
	return n;
}

/*
 * referrers and click ids
 */

static JReferrerKind
ReadKind(const Place *place, JStr kind)
{
	static const char *const names[] = {"referral", "ai-assistant", "search", "social", "video"};
	static const JReferrerKind kinds[] = {
		JREFERRER_OTHER, JREFERRER_AI_ASSISTANT, JREFERRER_SEARCH, JREFERRER_SOCIAL, JREFERRER_VIDEO
	};

	if (JStrIsNull(kind))
		return JREFERRER_OTHER;
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if (JStrIs(kind, names[i]))
			return kinds[i];
	}
	BadEntry(place, psprintf("has an unknown kind \"%s\"", pnstrdup(kind.data, kind.len)),
			 "Kinds are ai-assistant, referral, search, social, video.");
	return JREFERRER_OTHER;
}

static int
ReadReferrers(const char *option, const JsonbValue *value, JOwnReferrer **referrers)
{
	static const char *const known[] = {"host", "path", "kind", "source", "medium", NULL};
	int			n = ListLength(option, value);

	*referrers = palloc0_array(JOwnReferrer, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Place		place = {option, i};
		JOwnReferrer *own = &(*referrers)[i];
		JsonbValue *entry = getIthJsonbValueFromContainer(value->val.binary.data, i);

		CheckEntry(&place, entry, known);
		own->host = StringMember(&place, entry, "host");
		if (JStrIsNull(own->host) || !JHostOption(own->host, false, &own->host))
			BadEntry(&place, "has no \"host\" that is one",
					 "For example {\"host\": \"forum.example\", \"kind\": \"social\", \"source\": \"forum\"}.");
		own->path = StringMember(&place, entry, "path");
		if (!JStrIsNull(own->path) && own->path.data[0] != '/')
			BadEntry(&place, "has a \"path\" that does not begin with /", "For example \"/search\".");
		own->kind = ReadKind(&place, StringMember(&place, entry, "kind"));
		own->source = StringMember(&place, entry, "source");
		own->medium = StringMember(&place, entry, "medium");
		if (JStrIsNull(own->medium))
			own->medium = JReferrerMedium(own->kind);
	}
	return n;
}

static int
ReadClickIds(const char *option, const JsonbValue *value, JOwnClickId **ids)
{
	static const char *const known[] = {"name", "source", "medium", NULL};
	int			n = ListLength(option, value);

	if (n > JOWN_CLICK_IDS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" has more than %d entries", option, JOWN_CLICK_IDS_MAX)));
	*ids = palloc0_array(JOwnClickId, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Place		place = {option, i};
		JsonbValue *entry = getIthJsonbValueFromContainer(value->val.binary.data, i);
		JStr		name;
		JParam		param;

		CheckEntry(&place, entry, known);
		name = StringMember(&place, entry, "name");
		if (JStrIsNull(name))
			BadEntry(&place, "has no \"name\"",
					 "For example {\"name\": \"xclid\", \"source\": \"x\", \"medium\": \"cpc\"}.");
		param = JParamLookup(name);
		if (param.kind == JPARAM_UTM || param.kind == JPARAM_MATOMO)
			BadEntry(&place, "names a campaign parameter", "Give the parameter that holds a click id.");
		if (param.kind == JPARAM_CLICK_ID && JClickIdAt(param.index)->names_person)
			BadEntry(&place, "names a person, not a click", "Such an id is evidence of a visit, and never kept.");
		(*ids)[i].name = pnstrdup(name.data, name.len);
		if (param.kind == JPARAM_CLICK_ID &&
			JStrEqualNoCase(name, JStrFromCString(JClickIdAt(param.index)->name)))
			(*ids)[i].name = pstrdup(JClickIdAt(param.index)->name);
		(*ids)[i].source = StringMember(&place, entry, "source");
		(*ids)[i].medium = StringMember(&place, entry, "medium");
		if (JStrIsNull((*ids)[i].medium))
			(*ids)[i].medium = JSTR_LIT("cpc");
	}
	return n;
}

bool
JReadOwnList(const char *option, const JsonbValue *value, JTouchOptions *options)
{
	if (strcmp(option, "channel_rules") == 0)
		options->n_rules = ReadRules(option, value, &options->rules);
	else if (strcmp(option, "referrers") == 0)
		options->n_referrers = ReadReferrers(option, value, &options->referrers);
	else if (strcmp(option, "click_ids") == 0)
		options->n_click_ids = ReadClickIds(option, value, &options->click_ids);
	else
		return false;
	return true;
}
