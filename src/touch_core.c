/*
 * touch_core.c
 *		Where a visit came from: what a URL, the campaign columns and the referrer say.
 *
 * One pass over a URL's parameters collects all that tells of a campaign (JCampaignFrom); the rule
 * for touches then goes by order of evidence: campaign parameters, a click id, the campaign
 * columns, the referrer. A value that is blank counts as missing everywhere.
 */
#include "touch_core.h"

#include "lists_core.h"
#include "url_core.h"

static JStr
Literal(const char *s)
{
	return (JStr) {s, (int32) strlen(s)};
}

/* Without blanks at both ends; NULL if nothing is left. */
static JStr
Trim(JStr s)
{
	while (s.len > 0 && (unsigned char) s.data[0] <= ' ')
		s = JStrFrom(s, 1);
	while (s.len > 0 && (unsigned char) s.data[s.len - 1] <= ' ')
		s.len--;
	return s.len > 0 ? s : JSTR_NULL;
}

/* Whether s is one of the words, a list that NULL ends, in any ASCII case. */
static bool
IsOneOf(JStr s, const char *const *words)
{
	for (; !JStrIsNull(s) && *words != NULL; words++)
	{
		if (JStrIs(s, *words))
			return true;
	}
	return false;
}

/* What a field of a campaign says: NULL if it is blank or a word by which a tool says "none". */
static JStr
Said(JStr s)
{
	static const char *const nothing[] = {
		"(direct)", "(none)", "(not set)", "null", "undefined", "(null)", "(undefined)", "(not_set)",
		"(notset)", "(not provided)", "(blank)", "(empty)", "$direct", "not set", "not_set", "nil", "nan",
		"n/a", "<null>", "<none>", "[null]", "[none]", "\\n", NULL
	};

	s = Trim(s);
	if (JStrIsNull(s) || strchr("(nNuU$<[\\", s.data[0]) == NULL)
		return s;
	return IsOneOf(s, nothing) ? JSTR_NULL : s;
}

/*
 * Bare direct and none say nothing where source and medium have nothing else: direct / mail is mail
 * that was sent directly. The fields are in the order of JCampaignField.
 */
static void
DropDirect(JStr *field, int n)
{
	static const char *const words[] = {"direct", "none", NULL};

	if (JStrIsNull(field[JC_SOURCE]) && JStrIsNull(field[JC_MEDIUM]) && JStrIsNull(field[JC_CAMPAIGN]))
		return;
	if ((!JStrIsNull(field[JC_SOURCE]) && !IsOneOf(field[JC_SOURCE], words)) ||
		(!JStrIsNull(field[JC_MEDIUM]) && !IsOneOf(field[JC_MEDIUM], words)))
		return;
	for (int i = 0; i < n; i++)
	{
		if (IsOneOf(field[i], words))
			field[i] = JSTR_NULL;
	}
}

/*
 * campaigns
 */

/* What the parameters of a URL are gathered in. */
typedef struct Gather
{
	JCampaign  *campaign;
	const JTouchOptions *options;	/* may be NULL */
	JStr		matomo[JC_COUNT];	/* counts only where there is no utm */
	char	   *spare;			/* room for decoded strings: as much as what is left of the URL */
	int			room;			/* what to allocate for it */
} Gather;

/*
 * The decoded form of a name or value. A copy goes into the spare room, of which all share one
 * piece.
 */
static JStr
Decode(Gather *gather, JStr s)
{
	JStr		decoded;

	if (!JIsEncoded(s))
		return s;
	if (gather->spare == NULL)
		gather->spare = palloc(gather->room);
	decoded.data = gather->spare;
	decoded.len = JFormDecode(s, gather->spare);
	gather->spare += decoded.len;
	return decoded;
}

static bool
HasLetter(JStr s)
{
	for (int i = 0; i < s.len; i++)
	{
		unsigned char c = JLower((unsigned char) s.data[i]);

		if (c >= 'a' && c <= 'z')
			return true;
	}
	return false;
}

/* __CLICKID__: an id may have _ too, but not only that and capitals between two at both ends. */
static bool
IsUnderscoreMacro(JStr s)
{
	if (s.len < 5 || memcmp(s.data, "__", 2) != 0 || memcmp(s.data + s.len - 2, "__", 2) != 0)
		return false;
	for (int i = 2; i < s.len - 2; i++)
	{
		if (!(s.data[i] >= 'A' && s.data[i] <= 'Z') && s.data[i] != '_')
			return false;
	}
	return true;
}

/*
 * Whether a value is what a link's template has where an ad platform puts the id: a macro in
 * brackets or between signs of one kind, of which an id has none, its own name, or what a program
 * writes for none. A macro within a longer value is one too, but for s_kwcid, which is made of several.
 */
static bool
IsPlaceholder(JStr s, const char *name)
{
	static const char *const words[] = {
		"undefined", "null", "none", "nil", "nan", "false", "true", "n/a", "na", "void", "unknown",
		"(none)", "(not set)", "(null)", "not set", "clickid", "click_id", "click-id", "[object object]", NULL
	};
	static const char *const brackets[] = {"{}", "[]", "<>", "()"};
	const char *open;

	s = Trim(s);
	if (s.len < 2)
		return false;
	if ((s.len <= 15 && IsOneOf(s, words)) || IsUnderscoreMacro(s))
		return true;
	if (JStrEqualNoCase(s, Literal(name)))
		return true;
	if (s.len > 2 && strchr("%$@#|*!~:", s.data[0]) != NULL &&
		(s.data[s.len - 1] == s.data[0] || (s.data[0] == '%' && s.data[s.len - 1] == '!')))
		return HasLetter(s);
	if (strchr("$@", s.data[0]) != NULL && HasLetter(s))
		return true;
	if (strchr("#%*", s.data[0]) != NULL)
		s = JStrFrom(s, 1);
	for (int i = 0; i < (int) lengthof(brackets); i++)
	{
		if (s.data[0] == brackets[i][0] && s.data[s.len - 1] == brackets[i][1])
			return true;
	}
	open = memchr(s.data, '{', s.len);
	return open != NULL && memchr(open, '}', s.data + s.len - open) != NULL &&
		strcmp(name, "s_kwcid") != 0;
}

/*
 * The same for a value as written and as decoded, once or, as some redirects make it, twice. What is
 * written may itself read as encoded: %%CACHE%%.
 */
static bool
IsUnfilled(JStr written, JStr decoded, const char *name)
{
	char		twice[64];

	if (IsPlaceholder(written, name) || IsPlaceholder(decoded, name))
		return true;
	if (decoded.len > (int) sizeof(twice) || !JIsEncoded(decoded))
		return false;
	return IsPlaceholder((JStr) {twice, JFormDecode(decoded, twice)}, name);
}

static void
AddClickId(JCampaign *campaign, int rank, JStr written, JStr value)
{
	uint64		bit = UINT64CONST(1) << rank;

	if ((campaign->click_ids & bit) || JStrIsNull(Trim(value)) ||
		IsUnfilled(written, value, JClickIdAt(rank)->name))
		return;
	campaign->click_ids |= bit;
	campaign->click_id[rank] = value;
}

static void
AddField(JStr *field, JStr value)
{
	if (JStrIsNull(*field))
		*field = Said(value);
}

/* The number of an own click id; -1 if the decoded name is none. */
static int
FindOwnClickId(const JTouchOptions *options, JStr name)
{
	for (int i = 0; options != NULL && i < options->n_click_ids; i++)
	{
		if (JStrEqualNoCase(name, Literal(options->click_ids[i].name)))
			return i;
	}
	return -1;
}

static void
AddOwnClickId(JCampaign *campaign, int i, const char *name, JStr written, JStr value)
{
	uint32		bit = (uint32) 1 << i;

	if ((campaign->own_ids & bit) || JStrIsNull(Trim(value)) || IsUnfilled(written, value, name))
		return;
	campaign->own_ids |= bit;
	campaign->own_id[i] = value;
}

/* The first value of a name that says something counts. */
static void
GatherList(Gather *gather, JStr list)
{
	JCampaign  *campaign = gather->campaign;
	bool		own_ids = gather->options != NULL && gather->options->n_click_ids > 0;
	JStr		name,
				value;

	for (bool first = true; JNextLinkParameter(&list, first, &name, &value); first = false)
	{
		JParam		param;
		int			own;

		if (value.len == 0)
			continue;
		if (!JParamMaybe(name) && !own_ids)
		{
			/* an encoded name is up to three times as long as the name itself */
			if (name.len > 80 || !JIsEncoded(name))
				continue;
		}
		name = Decode(gather, name);
		own = FindOwnClickId(gather->options, name);
		if (own >= 0)
		{
			AddOwnClickId(campaign, own, gather->options->click_ids[own].name, value,
						  Decode(gather, value));
			continue;
		}
		param = JParamLookup(name);
		switch (param.kind)
		{
			case JPARAM_UTM:
				AddField(&campaign->field[param.index], Decode(gather, value));
				break;
			case JPARAM_MATOMO:
				AddField(&gather->matomo[param.index], Decode(gather, value));
				break;
			case JPARAM_CLICK_ID:
				AddClickId(campaign, param.index, value, Decode(gather, value));
				break;
			case JPARAM_GOOGLE_ADS:
				if (!IsUnfilled(value, value, "gad_source"))
					campaign->google_ads = true;
				break;
			case JPARAM_TRACKING:
			case JPARAM_OTHER:
				break;
		}
	}
}

/* Whether fields name a campaign: a term or a content alone does not. */
static bool
NamesCampaign(const JStr *field)
{
	return !JStrIsNull(field[JC_SOURCE]) || !JStrIsNull(field[JC_MEDIUM]) ||
		!JStrIsNull(field[JC_CAMPAIGN]) || !JStrIsNull(field[JC_ID]);
}

void
JCampaignFrom(JStr url, const JTouchOptions *options, JCampaign *campaign)
{
	Gather		gather;
	JStr		query,
				fragment;

	memset(campaign, 0, offsetof(JCampaign, click_id));
	JUrlLinkParameters(url, &query, &fragment);
	if (JStrIsNull(query) && JStrIsNull(fragment))
		return;

	memset(&gather, 0, sizeof(gather));
	gather.campaign = campaign;
	gather.options = options;
	gather.room = url.len;
	if (!JStrIsNull(query))
		GatherList(&gather, query);
	if (!JStrIsNull(fragment))
		GatherList(&gather, JFragmentParameters(fragment));

	DropDirect(campaign->field, JC_COUNT);
	DropDirect(gather.matomo, JC_COUNT);
	campaign->named = NamesCampaign(campaign->field);
	if (!campaign->named && NamesCampaign(gather.matomo))
	{
		campaign->named = true;
		for (int i = 0; i < JC_COUNT; i++)
		{
			if (JStrIsNull(campaign->field[i]))
				campaign->field[i] = gather.matomo[i];
		}
	}
}

/* The next click id from rank on, in order of rank; -1 when there is no more. */
static int
NextClickId(const JCampaign *campaign, int rank)
{
	for (; rank < JCLICK_ID_MAX && campaign->click_ids >> rank != 0; rank++)
	{
		if (campaign->click_ids >> rank & 1)
			return rank;
	}
	return -1;
}

int
JCampaignClickId(const JCampaign *campaign, int after)
{
	int			rank = NextClickId(campaign, after + 1);

	while (rank >= 0 && JClickIdAt(rank)->names_person)
		rank = NextClickId(campaign, rank + 1);
	return rank;
}

/*
 * channels
 */

/* Whether s holds the word, which is lower case, in any ASCII case. */
static bool
Contains(JStr s, const char *word)
{
	int			len = strlen(word);

	for (int i = 0; i + len <= s.len; i++)
	{
		if (JLower((unsigned char) s.data[i]) == (unsigned char) word[0] &&
			JStrIs((JStr) {s.data + i, len}, word))
			return true;
	}
	return false;
}

static bool
StartsWith(JStr s, const char *word)
{
	int			len = strlen(word);

	return s.len >= len && JStrIs((JStr) {s.data, len}, word);
}

static bool
EndsWith(JStr s, const char *word)
{
	int			len = strlen(word);

	return s.len >= len && JStrIs(JStrFrom(s, s.len - len), word);
}

/* GA4: ^(.*cp.*|ppc|retargeting|paid.*)$ */
static bool
IsPaid(JStr medium)
{
	return Contains(medium, "cp") || JStrIs(medium, "ppc") || JStrIs(medium, "retargeting") ||
		StartsWith(medium, "paid");
}

/* GA4: ^(.*(([^a-df-z]|^)shop|shopping).*)$, so that eshop is one and workshop is none. */
static bool
IsShopping(JStr campaign)
{
	if (Contains(campaign, "shopping"))
		return true;
	for (int i = 0; i + 4 <= campaign.len; i++)
	{
		unsigned char before = i > 0 ? JLower((unsigned char) campaign.data[i - 1]) : ' ';

		if ((before == 'e' || before < 'a' || before > 'z') &&
			JStrIs((JStr) {campaign.data + i, 4}, "shop"))
			return true;
	}
	return false;
}

static bool
IsDisplay(JStr medium)
{
	static const char *const words[] = {
		"display", "banner", "expandable", "interstitial", "cpm", NULL
	};

	return IsOneOf(medium, words);
}

static bool
IsSocial(JStr medium)
{
	static const char *const words[] = {
		"social", "social-network", "social-media", "sm", "social network", "social media", NULL
	};

	return IsOneOf(medium, words);
}

static bool
IsReferral(JStr medium)
{
	static const char *const words[] = {"referral", "app", "link", NULL};

	return IsOneOf(medium, words);
}

static bool
IsEmail(JStr s)
{
	static const char *const words[] = {"email", "e-mail", "e_mail", "e mail", NULL};

	return IsOneOf(s, words);
}

/* Google's table of rules, from the top; the first that holds names the channel. */
JStr
JChannel(JStr source, JStr medium, JStr campaign)
{
	JSourceCategory category;
	bool		paid,
				shopping;

	source = Trim(source);
	medium = Trim(medium);
	if (JStrIsNull(source) && JStrIsNull(medium))
		return JSTR_LIT("Direct");
	if (JStrIs(source, "(direct)") &&
		(JStrIsNull(medium) || JStrIs(medium, "(none)") || JStrIs(medium, "(not set)")))
		return JSTR_LIT("Direct");
	if (Contains(campaign, "cross-network"))
		return JSTR_LIT("Cross-network");

	category = JSourceCategoryOf(source);
	shopping = category == JCATEGORY_SHOPPING || IsShopping(campaign);
	paid = IsPaid(medium);
	if (paid && shopping)
		return JSTR_LIT("Paid Shopping");
	if (paid && category == JCATEGORY_SEARCH)
		return JSTR_LIT("Paid Search");
	if (paid && category == JCATEGORY_SOCIAL)
		return JSTR_LIT("Paid Social");
	if (paid && category == JCATEGORY_VIDEO)
		return JSTR_LIT("Paid Video");
	if (IsDisplay(medium))
		return JSTR_LIT("Display");
	if (paid)
		return JSTR_LIT("Paid Other");
	if (shopping)
		return JSTR_LIT("Organic Shopping");
	if (category == JCATEGORY_SOCIAL || IsSocial(medium))
		return JSTR_LIT("Organic Social");
	if (category == JCATEGORY_VIDEO || Contains(medium, "video"))
		return JSTR_LIT("Organic Video");
	if (category == JCATEGORY_SEARCH || JStrIs(medium, "organic"))
		return JSTR_LIT("Organic Search");
	if (JStrIs(medium, "ai-assistant"))
		return JSTR_LIT("AI Assistant");
	if (IsReferral(medium))
		return JSTR_LIT("Referral");
	if (IsEmail(source) || IsEmail(medium))
		return JSTR_LIT("Email");
	if (JStrIs(medium, "affiliate"))
		return JSTR_LIT("Affiliates");
	if (JStrIs(medium, "audio"))
		return JSTR_LIT("Audio");
	if (JStrIs(source, "sms") || JStrIs(medium, "sms"))
		return JSTR_LIT("SMS");
	if (EndsWith(medium, "push") || Contains(medium, "mobile") ||
		Contains(medium, "notification") || JStrIs(source, "firebase"))
		return JSTR_LIT("Mobile Push Notifications");
	return JSTR_LIT("Unassigned");
}

/* Whether s fits a pattern in which * stands for any characters, in any ASCII case. */
static bool
Fits(JStr s, JStr pattern)
{
	int			i = 0,
				p = 0;
	int			star = -1;		/* place of the last *, and how far it has eaten */
	int			eaten = 0;

	while (i < s.len)
	{
		if (p < pattern.len && pattern.data[p] == '*')
		{
			star = p++;
			eaten = i;
		}
		else if (p < pattern.len && JLower((unsigned char) pattern.data[p]) ==
				 JLower((unsigned char) s.data[i]))
		{
			p++;
			i++;
		}
		else if (star >= 0)
		{
			p = star + 1;
			i = ++eaten;
		}
		else
			return false;
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

static bool
AnyFits(const JChannelCondition *condition, JStr value, bool is_host)
{
	for (int i = 0; i < condition->n_patterns; i++)
	{
		if (Fits(value, condition->patterns[i]) ||
			(is_host && JHostIn(value, condition->patterns[i])))
			return true;
	}
	return false;
}

JStr
JChannelByRules(const JChannelRule *rules, int n_rules, const JStr *value, const JClickId *click_ids,
				int n_click_ids)
{
	for (int r = 0; r < n_rules; r++)
	{
		bool		all = true;

		for (int field = 0; field < JR_COUNT && all; field++)
		{
			const JChannelCondition *condition = &rules[r].on[field];
			bool		holds = false;

			if (!condition->given)
				continue;
			if (field == JR_CLICK_ID)
			{
				holds = n_click_ids == 0 && condition->missing;
				for (int i = 0; i < n_click_ids && !holds; i++)
					holds = AnyFits(condition, Literal(click_ids[i].name), false);
			}
			else
			{
				JStr		s = Trim(value[field]);

				holds = (condition->missing && (JStrIsNull(s) || JStrIs(s, "(not set)"))) ||
					(!JStrIsNull(s) && AnyFits(condition, s, field == JR_HOST));
			}
			all = holds != condition->negated;
		}
		if (all)
			return rules[r].channel;
	}
	return JChannel(value[JR_SOURCE], value[JR_MEDIUM], value[JR_CAMPAIGN]);
}

/*
 * touches
 */

/*
 * Whether utm_source and a click id name the same platform. An id that names none agrees with all.
 */
static bool
Agrees(const JClickIdInfo *info, JStr source)
{
	if (info->source[0] == '\0' || JStrIs(source, info->source))
		return true;
	for (const char *word = info->agrees_with; *word != '\0';)
	{
		int			len = strcspn(word, " ");
		char		name[sizeof(info->agrees_with)];

		memcpy(name, word, len);
		name[len] = '\0';
		if (JStrIs(source, name))
			return true;
		word += len + (word[len] == ' ');
	}
	return false;
}

/* The same for a click id of the options. */
static bool
OwnAgrees(const JOwnClickId *id, JStr source)
{
	return JStrIsNull(id->source) || JStrIsNull(source) || JStrEqualNoCase(source, id->source);
}

/* Gives source and medium, where they are missing, what the first click id that agrees says. */
static void
FillFromClickIds(const JCampaign *campaign, const JTouchOptions *options, JTouch *touch)
{
	for (int i = 0; i < JOWN_CLICK_IDS_MAX && campaign->own_ids >> i != 0; i++)
	{
		const JOwnClickId *id = &options->click_ids[i];

		if ((campaign->own_ids >> i & 1) && OwnAgrees(id, touch->source))
		{
			AddField(&touch->source, id->source);
			AddField(&touch->medium, id->medium);
		}
	}
	for (int rank = NextClickId(campaign, 0);
		 rank >= 0 && (JStrIsNull(touch->source) || JStrIsNull(touch->medium));
		 rank = NextClickId(campaign, rank + 1))
	{
		const JClickIdInfo *info = JClickIdAt(rank);

		if (!JStrIsNull(touch->source) && !Agrees(info, touch->source))
			continue;
		if (JStrIsNull(touch->source) && info->source[0] != '\0')
			touch->source = Literal(info->source);
		if (JStrIsNull(touch->medium))
			touch->medium = Literal(info->medium);
	}
}

static void
ListClickIds(const JCampaign *campaign, const JTouchOptions *options, JTouch *touch)
{
	int			rank = -1;

	for (int i = 0; i < JOWN_CLICK_IDS_MAX && campaign->own_ids >> i != 0; i++)
	{
		if (campaign->own_ids >> i & 1)
			touch->click_ids[touch->n_click_ids++] =
				(JClickId) {options->click_ids[i].name, campaign->own_id[i]};
	}
	while ((rank = JCampaignClickId(campaign, rank)) >= 0)
		touch->click_ids[touch->n_click_ids++] =
			(JClickId) {JClickIdAt(rank)->name, campaign->click_id[rank]};
	if (touch->n_click_ids > 0)
	{
		touch->click_id_type = Literal(touch->click_ids[0].name);
		touch->click_id = touch->click_ids[0].value;
	}
}

static bool
HostInAny(JStr host, const JStr *domains, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (JHostIn(host, domains[i]))
			return true;
	}
	return false;
}

static bool
SameHost(JStr a, JStr b)
{
	return JHostIn(a, b) && JHostIn(b, a);
}

/* Whether a referrer is a page of the same site. The host of an app is its name, and no domain. */
static bool
IsSameSite(JStr page_host, const JUrl *referrer)
{
	JStr		site;

	if (JStrIsNull(page_host))
		return false;
	if (SameHost(page_host, referrer->host))
		return true;
	if (EndsWith(referrer->scheme, "-app"))
		return false;
	site = JRegistrableDomain(page_host);

	/* a host in our domain may still be another's, below a public suffix of its own */
	return !JStrIsNull(site) && JHostIn(referrer->host, site) &&
		SameHost(JRegistrableDomain(referrer->host), site);
}

/* The host that a cache's label stands for: - is a dot, -- a hyphen, 0- and -0 around it are nothing. */
static JStr
DecodeCacheLabel(JStr label)
{
	char	   *host;
	int			len = 0;

	if (label.len > 4 && memcmp(label.data, "0-", 2) == 0 &&
		memcmp(label.data + label.len - 2, "-0", 2) == 0)
		label = (JStr) {label.data + 2, label.len - 4};
	host = palloc(Max(label.len, 1));
	for (int i = 0; i < label.len; i++)
	{
		if (label.data[i] != '-')
			host[len++] = label.data[i];
		else if (i + 1 < label.len && label.data[i + 1] == '-')
			host[len++] = label.data[i++];
		else
			host[len++] = '.';
	}
	return (JStr) {host, len};
}

/* The host in a path like /amp/s/www.example.com/page behind its beginning; NULL if it is none. */
static JStr
HostInPath(JStr path, const char *beginning)
{
	JStr		rest;
	JUrl		parsed;

	if (!StartsWith(path, beginning))
		return JSTR_NULL;
	rest = JStrFrom(path, strlen(beginning));
	if (StartsWith(rest, "s/"))
		rest = JStrFrom(rest, 2);
	JUrlParse(rest, &parsed);
	return parsed.host;
}

/* The host in the parameter u of a translated page. */
static JStr
TranslatedHost(const JUrl *url)
{
	JStr		list = url->query;
	JStr		name,
				value;
	JUrl		parsed;

	while (!JStrIsNull(list) && JNextParameter(&list, &name, &value))
	{
		char	   *decoded;

		if (!JStrIs(name, "u") || value.len == 0)
			continue;
		decoded = palloc(value.len);
		JUrlParse((JStr) {decoded, JFormDecode(value, decoded)}, &parsed);
		return parsed.host;
	}
	return JSTR_NULL;
}

/* The host of the site whose page a cache or a translation shows; NULL if the URL is of none. */
static JStr
CachedSite(const JUrl *url)
{
	JStr		host = JHostTrim(url->host);
	JStr		label = host;
	JStr		source,
				words;

	if (JStrIsNull(host) || EndsWith(url->scheme, "-app"))
		return JSTR_NULL;
	label.len = 0;
	while (label.len < host.len && host.data[label.len] != '.')
		label.len++;

	/* a label that stands for a host has a - for its dot */
	if (memchr(label.data, '-', label.len) != NULL && (JHostTraits(host) & JHOST_CACHE))
		return DecodeCacheLabel(label);
	if (StartsWith(host, "translate."))
	{
		JStr		domain = JStrFrom(host, strlen("translate."));

		if (StartsWith(domain, "google.") || JStrIs(domain, "googleusercontent.com"))
			return TranslatedHost(url);
	}
	if (JStrIs(host, "cdn.ampproject.org"))
		return HostInPath(url->path, StartsWith(url->path, "/v/") ? "/v/" : "/c/");
	if (StartsWith(url->path, "/amp/") &&
		JReferrerLookup(host, JSTR_NULL, &source, &words) == JREFERRER_SEARCH)
		return HostInPath(url->path, "/amp/");
	return JSTR_NULL;
}

/* Whether a path has a whole segment by which a sign-in or consent page is known. */
static bool
HasOauthSegment(JStr path)
{
	static const char *const words[] = {"oauth", "oauth2", "openid", "authorize", NULL};

	while (path.len > 0)
	{
		JStr		segment = path;

		segment.len = 0;
		while (segment.len < path.len && path.data[segment.len] != '/')
			segment.len++;
		if (IsOneOf(segment, words))
			return true;
		path = JStrFrom(path, Min(segment.len + 1, path.len));
	}
	return false;
}

static bool
IsPassage(const JUrl *referrer)
{
	int			traits = JHostTraits(JHostTrim(referrer->host));

	return (traits & JHOST_PASSAGE) || ((traits & JHOST_OAUTH) && HasOauthSegment(referrer->path));
}

/* The options' own referrer of that host and path; NULL if none is. */
static const JOwnReferrer *
FindOwnReferrer(const JTouchOptions *options, const JUrl *url)
{
	for (int i = 0; options != NULL && i < options->n_referrers; i++)
	{
		const JOwnReferrer *own = &options->referrers[i];
		JStr		path = own->path;

		if (!JHostIn(url->host, own->host))
			continue;
		if (JStrIsNull(path) ||
			(url->path.len >= path.len && memcmp(url->path.data, path.data, path.len) == 0 &&
			 (url->path.len == path.len || path.data[path.len - 1] == '/' ||
			  url->path.data[path.len] == '/')))
			return own;
	}
	return NULL;
}

static bool
IsExternal(JStr url, const JUrl *referrer, const JTouchOptions *options)
{
	JUrl		page,
				cached = {0};
	JStr		site;

	if (JStrIsNull(referrer->host))
		return false;
	cached.host = CachedSite(referrer);
	if (options != NULL &&
		(HostInAny(referrer->host, options->internal_hosts, options->n_internal_hosts) ||
		 HostInAny(cached.host, options->internal_hosts, options->n_internal_hosts) ||
		 HostInAny(referrer->host, options->ignored_referrers, options->n_ignored_referrers)))
		return false;

	JUrlParse(url, &page);
	site = CachedSite(&page);
	if (JStrIsNull(site))
		site = page.host;
	if (IsSameSite(site, referrer) || (!JStrIsNull(cached.host) && IsSameSite(site, &cached)))
		return false;
	return FindOwnReferrer(options, referrer) != NULL || !IsPassage(referrer);
}

/* Whether a portal's referrer still has the word that was searched for, in one of its parameters. */
static bool
HasSearchWord(JStr query, JStr words)
{
	JStr		name,
				value;

	while (!JStrIsNull(query) && JNextParameter(&query, &name, &value))
	{
		JStr		rest = words;

		while (value.len > 0 && (value.data[0] == '+' || value.data[0] == ' '))
			value = JStrFrom(value, 1);
		if (value.len == 0)
			continue;
		if (JStrIs(name, "q") || JStrIs(name, "query"))
			return true;
		while (rest.len > 0)
		{
			JStr		word = rest;
			const char *blank = memchr(rest.data, ' ', rest.len);

			if (blank != NULL)
				word.len = blank - rest.data;
			if (JStrEqual(word, name))
				return true;
			rest = JStrFrom(rest, Min(word.len + 1, rest.len));
		}
	}
	return false;
}

JStr
JReferrerMedium(JReferrerKind kind)
{
	switch (kind)
	{
		case JREFERRER_AI_ASSISTANT:
			return JSTR_LIT("ai-assistant");
		case JREFERRER_SEARCH:
			return JSTR_LIT("organic");
		case JREFERRER_SOCIAL:
			return JSTR_LIT("social");
		case JREFERRER_VIDEO:
			return JSTR_LIT("video");
		case JREFERRER_PORTAL:
		case JREFERRER_OTHER:
			break;
	}
	return JSTR_LIT("referral");
}

/*
 * Source and medium of an external referrer. A page with Google's ads that led to a URL with the
 * parameters of one, without the click id that browsers may take away, was a paid click.
 */
static JReferrerKind
ReferrerOrigin(const JCampaign *campaign, const JUrl *referrer, const JTouchOptions *options,
			   JStr *source, JStr *medium)
{
	JStr		host = JHostTrim(referrer->host);
	JStr		words;
	const JOwnReferrer *own = FindOwnReferrer(options, referrer);
	JReferrerKind kind;

	if (own != NULL)
	{
		kind = own->kind;
		*source = JStrIsNull(own->source) ? JHostLower(referrer->host) : own->source;
		*medium = own->medium;
		return kind;
	}
	kind = JReferrerLookup(host, referrer->path, source, &words);
	if (kind == JREFERRER_PORTAL)
		kind = HasSearchWord(referrer->query, words) ? JREFERRER_SEARCH : JREFERRER_OTHER;
	if (campaign->google_ads &&
		((JHostTraits(host) & JHOST_GOOGLE_ADS) ||
		 (kind == JREFERRER_SEARCH && StartsWith(*source, "google"))))
	{
		*source = JSTR_LIT("google");
		*medium = JSTR_LIT("cpc");
		return JREFERRER_SEARCH;
	}
	if (kind == JREFERRER_OTHER)
		*source = JHostLower(referrer->host);
	*medium = JReferrerMedium(kind);
	return kind;
}

/* Whether a source is the name or the host of an AI assistant. */
static bool
IsAssistant(JStr source, const JTouchOptions *options)
{
	JUrl		parsed;
	const JOwnReferrer *own;
	JStr		name,
				words;

	if (JStrIsNull(source) || source.len > 255)
		return false;
	if (JIsAssistantName(source))
		return true;
	JUrlParse(source, &parsed);
	own = FindOwnReferrer(options, &parsed);
	if (own != NULL)
		return own->kind == JREFERRER_AI_ASSISTANT;
	return !JStrIsNull(parsed.host) &&
		JReferrerLookup(JHostTrim(parsed.host), parsed.path, &name, &words) == JREFERRER_AI_ASSISTANT;
}

/*
 * What is still missing of a campaign: an external referrer gives the source, and the medium only
 * if nothing else can be meant by the two.
 */
static void
FillFromReferrer(const JTouchInput *input, const JTouchOptions *options, const JCampaign *campaign,
				 const JUrl *referrer, JTouch *touch)
{
	JStr		source,
				medium;
	JReferrerKind kind;

	if (!JStrIsNull(touch->source) || !IsExternal(input->url, referrer, options))
		return;
	kind = ReferrerOrigin(campaign, referrer, options, &source, &medium);
	touch->source = source;
	if (JStrIsNull(touch->medium) &&
		(kind == JREFERRER_AI_ASSISTANT || JStrEqual(medium, JSTR_LIT("cpc"))))
		touch->medium = medium;
}

/* The campaign columns of an event, in the order of JCampaignField. */
static void
Columns(const JTouchInput *input, JStr *column)
{
	column[JC_SOURCE] = Said(input->source);
	column[JC_MEDIUM] = Said(input->medium);
	column[JC_CAMPAIGN] = Said(input->campaign);
	column[JC_TERM] = Said(input->term);
	column[JC_CONTENT] = Said(input->content);
	column[JC_ID] = Said(input->campaign_id);
	DropDirect(column, JC_ID + 1);
}

/* The strongest evidence there is. */
static JTouchType
Evidence(const JTouchInput *input, const JTouchOptions *options, const JCampaign *campaign,
		 const JStr *column, const JUrl *referrer)
{
	if (campaign->named)
		return JTOUCH_UTM;
	if (campaign->click_ids != 0 || campaign->own_ids != 0)
		return JTOUCH_CLICK_ID;
	if (!JStrIsNull(column[JC_SOURCE]) || !JStrIsNull(column[JC_MEDIUM]) ||
		!JStrIsNull(column[JC_CAMPAIGN]) || !JStrIsNull(column[JC_ID]))
		return JTOUCH_CAMPAIGN_COLUMNS;
	if (input->use_referrer && IsExternal(input->url, referrer, options))
		return JTOUCH_REFERRER;
	return JTOUCH_NONE;
}

static JStr
ChannelOf(const JTouch *touch, const JTouchOptions *options)
{
	const JStr	value[] = {touch->source, touch->medium, touch->campaign, touch->referrer_host};

	if (options == NULL || options->n_rules == 0)
		return JChannel(touch->source, touch->medium, touch->campaign);
	return JChannelByRules(options->rules, options->n_rules, value, touch->click_ids,
						   touch->n_click_ids);
}

static void
BareTouch(const JTouchInput *input, JUrl *referrer, JTouch *touch)
{
	memset(touch, 0, offsetof(JTouch, click_ids));
	touch->landing_page = input->url;
	JUrlParse(input->referrer, referrer);
	if (!JStrIsNull(referrer->host))
		touch->referrer_host = JHostLower(referrer->host);
}

void
JTouchBare(const JTouchInput *input, JTouch *touch)
{
	JUrl		referrer;

	BareTouch(input, &referrer, touch);
}

bool
JTouchFrom(const JTouchInput *input, const JTouchOptions *options, JTouch *touch)
{
	JCampaign	campaign;
	JStr		column[JC_ID + 1];
	JUrl		referrer;

	BareTouch(input, &referrer, touch);
	JCampaignFrom(input->url, options, &campaign);
	Columns(input, column);

	touch->type = Evidence(input, options, &campaign, column, &referrer);
	switch (touch->type)
	{
		case JTOUCH_UTM:
			touch->source = campaign.field[JC_SOURCE];
			touch->medium = campaign.field[JC_MEDIUM];
			touch->campaign = campaign.field[JC_CAMPAIGN];
			touch->campaign_id = campaign.field[JC_ID];
			/* FALLTHROUGH */
		case JTOUCH_CLICK_ID:
			touch->term = campaign.field[JC_TERM];
			touch->content = campaign.field[JC_CONTENT];
			FillFromClickIds(&campaign, options, touch);
			AddField(&touch->source, column[JC_SOURCE]);
			AddField(&touch->medium, column[JC_MEDIUM]);
			FillFromReferrer(input, options, &campaign, &referrer, touch);
			ListClickIds(&campaign, options, touch);
			break;
		case JTOUCH_CAMPAIGN_COLUMNS:
			touch->source = column[JC_SOURCE];
			touch->medium = column[JC_MEDIUM];
			touch->campaign = column[JC_CAMPAIGN];
			touch->term = column[JC_TERM];
			touch->content = column[JC_CONTENT];
			touch->campaign_id = column[JC_ID];
			break;
		case JTOUCH_REFERRER:
			ReferrerOrigin(&campaign, &referrer, options, &touch->source, &touch->medium);
			break;
		case JTOUCH_NONE:
		case JTOUCH_DIRECT:
			return false;
	}
	if (JStrIsNull(touch->medium) && IsAssistant(touch->source, options))
		touch->medium = JSTR_LIT("ai-assistant");
	if (JStrIsNull(touch->source))
		touch->source = JSTR_LIT("(not set)");
	if (JStrIsNull(touch->medium))
		touch->medium = JSTR_LIT("(not set)");
	touch->channel = ChannelOf(touch, options);
	return true;
}

const char *
JTouchTypeName(JTouchType type)
{
	switch (type)
	{
		case JTOUCH_NONE:
			break;
		case JTOUCH_UTM:
			return "utm";
		case JTOUCH_CLICK_ID:
			return "click_id";
		case JTOUCH_CAMPAIGN_COLUMNS:
			return "campaign_columns";
		case JTOUCH_REFERRER:
			return "referrer";
		case JTOUCH_DIRECT:
			return "direct";
	}
	return NULL;
}

JTouchType
JTouchTypeOf(JStr name)
{
	for (JTouchType type = JTOUCH_UTM; type <= JTOUCH_DIRECT; type++)
	{
		if (JStrIs(name, JTouchTypeName(type)))
			return type;
	}
	return JTOUCH_NONE;
}

JTouch *
JTouchCopy(const JTouch *touch)
{
	Size		size = offsetof(JTouch, click_ids) + sizeof(JClickId) * touch->n_click_ids;

	return memcpy(palloc(size), touch, size);
}
