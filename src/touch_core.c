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

/*
 * campaigns
 */

/* What the parameters of a URL are gathered in. */
typedef struct Gather
{
	JCampaign  *campaign;
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

static void
AddClickId(JCampaign *campaign, int rank, JStr value)
{
	uint64		bit = UINT64CONST(1) << rank;

	if ((campaign->click_ids & bit) || JStrIsNull(Trim(value)))
		return;
	campaign->click_ids |= bit;
	campaign->click_id[rank] = value;
}

static void
AddField(JStr *field, JStr value)
{
	if (JStrIsNull(*field))
		*field = Trim(value);
}

/* The first value of a name that is not blank counts. */
static void
GatherList(Gather *gather, JStr list)
{
	JCampaign  *campaign = gather->campaign;
	JStr		name,
				value;

	while (JNextParameter(&list, &name, &value))
	{
		JParam		param;

		if (value.len == 0)
			continue;
		if (!JParamMaybe(name))
		{
			/* an encoded name is up to three times as long as the name itself */
			if (name.len > 80 || !JIsEncoded(name))
				continue;
		}
		param = JParamLookup(Decode(gather, name));
		switch (param.kind)
		{
			case JPARAM_UTM:
				AddField(&campaign->field[param.index], Decode(gather, value));
				break;
			case JPARAM_MATOMO:
				AddField(&gather->matomo[param.index], Decode(gather, value));
				break;
			case JPARAM_CLICK_ID:
				AddClickId(campaign, param.index, Decode(gather, value));
				break;
			case JPARAM_GOOGLE_ADS:
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
JCampaignFrom(JStr url, JCampaign *campaign)
{
	Gather		gather;
	JStr		query,
				fragment;

	memset(campaign, 0, offsetof(JCampaign, click_id));
	JUrlParameters(url, &query, &fragment);
	if (JStrIsNull(query) && JStrIsNull(fragment))
		return;

	memset(&gather, 0, sizeof(gather));
	gather.campaign = campaign;
	gather.room = url.len;
	if (!JStrIsNull(query))
		GatherList(&gather, query);
	if (!JStrIsNull(fragment))
		GatherList(&gather, JFragmentParameters(fragment));

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

/* Whether s is one of the words, a list that NULL ends. */
static bool
IsOneOf(JStr s, const char *const *words)
{
	for (; *words != NULL; words++)
	{
		if (JStrIs(s, *words))
			return true;
	}
	return false;
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

/* Gives source and medium, where they are missing, what the first click id that agrees says. */
static void
FillFromClickIds(const JCampaign *campaign, JTouch *touch)
{
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
ListClickIds(const JCampaign *campaign, JTouch *touch)
{
	int			rank = -1;

	while ((rank = JCampaignClickId(campaign, rank)) >= 0)
	{
		JClickId   *id = &touch->click_ids[touch->n_click_ids++];

		id->name = JClickIdAt(rank)->name;
		id->value = campaign->click_id[rank];
	}
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

static bool
IsExternal(JStr url, const JUrl *referrer, const JTouchOptions *options)
{
	JUrl		page;

	if (JStrIsNull(referrer->host))
		return false;
	if (options != NULL &&
		(HostInAny(referrer->host, options->internal_hosts, options->n_internal_hosts) ||
		 HostInAny(referrer->host, options->ignored_referrers, options->n_ignored_referrers)))
		return false;
	JUrlParse(url, &page);
	return !IsSameSite(page.host, referrer) && !JIsPaymentGateway(JHostTrim(referrer->host));
}

/*
 * Source and medium of an external referrer. A search engine's page that has the parameters of a
 * Google ad, without the click id that browsers may take away, was a paid click.
 */
static void
FillFromReferrer(const JCampaign *campaign, const JUrl *referrer, JTouch *touch)
{
	switch (JReferrerLookup(JHostTrim(referrer->host), referrer->path, &touch->source))
	{
		case JREFERRER_AI_ASSISTANT:
			touch->medium = JSTR_LIT("ai-assistant");
			break;
		case JREFERRER_SEARCH:
			if (campaign->google_ads && StartsWith(touch->source, "google"))
				touch->medium = JSTR_LIT("cpc");
			else
				touch->medium = JSTR_LIT("organic");
			break;
		case JREFERRER_SOCIAL:
			touch->medium = JSTR_LIT("social");
			break;
		case JREFERRER_OTHER:
			touch->source = touch->referrer_host;
			touch->medium = JSTR_LIT("referral");
			break;
	}
}

/* The strongest evidence there is. */
static JTouchType
Evidence(const JTouchInput *input, const JTouchOptions *options, const JCampaign *campaign,
		 const JUrl *referrer)
{
	if (campaign->named)
		return JTOUCH_UTM;
	if (campaign->click_ids != 0)
		return JTOUCH_CLICK_ID;
	if (!JStrIsNull(Trim(input->source)) || !JStrIsNull(Trim(input->medium)) ||
		!JStrIsNull(Trim(input->campaign)) || !JStrIsNull(Trim(input->campaign_id)))
		return JTOUCH_CAMPAIGN_COLUMNS;
	if (input->use_referrer && IsExternal(input->url, referrer, options))
		return JTOUCH_REFERRER;
	return JTOUCH_NONE;
}

bool
JTouchFrom(const JTouchInput *input, const JTouchOptions *options, JTouch *touch)
{
	JCampaign	campaign;
	JUrl		referrer;

	memset(touch, 0, offsetof(JTouch, click_ids));
	touch->landing_page = input->url;
	JUrlParse(input->referrer, &referrer);
	if (!JStrIsNull(referrer.host))
		touch->referrer_host = JHostLower(referrer.host);
	JCampaignFrom(input->url, &campaign);

	touch->type = Evidence(input, options, &campaign, &referrer);
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
			FillFromClickIds(&campaign, touch);
			AddField(&touch->source, input->source);
			AddField(&touch->medium, input->medium);
			ListClickIds(&campaign, touch);
			break;
		case JTOUCH_CAMPAIGN_COLUMNS:
			touch->source = Trim(input->source);
			touch->medium = Trim(input->medium);
			touch->campaign = Trim(input->campaign);
			touch->term = Trim(input->term);
			touch->content = Trim(input->content);
			touch->campaign_id = Trim(input->campaign_id);
			break;
		case JTOUCH_REFERRER:
			FillFromReferrer(&campaign, &referrer, touch);
			break;
		case JTOUCH_NONE:
		case JTOUCH_DIRECT:
			return false;
	}
	if (JStrIsNull(touch->source))
		touch->source = JSTR_LIT("(not set)");
	if (JStrIsNull(touch->medium))
		touch->medium = JSTR_LIT("(not set)");
	touch->channel = JChannel(touch->source, touch->medium, touch->campaign);
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
