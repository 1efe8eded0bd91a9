/*
 * touch_fuzz.c
 *		Throws made-up URLs at the cores of url and touch.
 *
 *	touch_fuzz SEED COUNT
 *	touch_fuzz domains < HOSTS > DOMAINS
 *
 * The second form prints the registrable domain of each host.
 *
 * Every string is an allocation of its exact size, so that the address sanitizer sees a read
 * beyond it. Prints what went wrong and exits with 1, or prints the number of URLs.
 */
#include "touch_core.h"
#include "url_core.h"

static uint64 state;

static uint32
Random(uint32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

/* As url.c has it for a database in UTF-8. */
int
JFromUtf8(const char *utf8, int len, char *dest)
{
	memcpy(dest, utf8, len);
	return len;
}

static const char *const tokens[] = {
	"http://", "https:", "//", "/", "\\", "?", "#", "&", "=", "+", "%", "%00", "%C3%A9", "%C3",
	"%F0%9F%98%80", "%ED%A0%80", "%ff", "%2", "%26", "%3d", ":", "@", "[", "]", "[::1]", ".", "..",
	"www.", "example.com", "co.uk", "city.kawasaki.jp", "xn--p1ai", "\xc3\xa9", "\xe4\xb8\xad",
	"google", "google.de", "m.facebook.com", "chatgpt.com", "paypal.com", "1.2.3.4", "localhost",
	"8080", "android-app", "utm_source", "UTM_Medium", "utm_campaign", "utm_id", "utm_term",
	"mtm_campaign", "pk_kwd", "gclid", "GCLID", "fbclid", "msclkid", "mc_eid", "gad_source",
	"ScCid", "irclid", "hsa_cam", "%75tm_source", "newsletter", "facebook", "cpc", "email", " ", "\t", "!",
	"$direct", "*", "a", "b", "amp;", "AMP;", "amp%3B", "#38;", "#x26;", "&amp;", "&#038;", "?utm_source=", "?gclid=",
	"{gclid}", "%7Bgclid%7D", "%%CLICK%%", "[clickid]", "__CLICKID__", "undefined", "null", "(direct)", "direct",
	"none", "(not set)", "\n", "\r", "ex%61mple", "%2e", "www-example-com.cdn.ampproject.org", "/amp/s/", "/c/s/",
	"translate.google.com", "u=", "a--b-com.translate.goog", "0-", "-0", "youtube.com", "cnn.com", "okta.com",
	"oauth2", "gad_source=1", "*.", "android-app://", "google.cat", "accounts.google.co.uk", ";", "\"", "'", "\x01", "\x7f"
};

/* A URL as text; raw bytes too if `valid` is not asked for. */
static JStr
MakeUrl(bool valid)
{
	char		buffer[2048];
	int			len = 0;
	char	   *data;

	for (int parts = Random(24); parts > 0; parts--)
	{
		const char *token = tokens[Random(lengthof(tokens))];

		if (!valid && Random(6) == 0)
			buffer[len++] = 1 + Random(255);
		memcpy(buffer + len, token, strlen(token));
		len += strlen(token);
	}
	data = malloc(Max(len, 1));
	memcpy(data, buffer, len);
	return (JStr) {data, len};
}

static bool
IsUtf8(JStr s)
{
	for (int i = 0; i < s.len;)
	{
		unsigned char c = s.data[i];
		int			more = c < 0x80 ? 0 : c >= 0xC2 && c <= 0xDF ? 1 : c >= 0xE0 && c <= 0xEF ? 2 :
			c >= 0xF0 && c <= 0xF4 ? 3 : -1;

		if (c == 0 || more < 0 || i + more >= s.len)
			return false;
		for (int n = 1; n <= more; n++)
		{
			unsigned char d = s.data[i + n];

			if ((d & 0xC0) != 0x80 ||
				(n == 1 && ((c == 0xE0 && d < 0xA0) || (c == 0xED && d > 0x9F) ||
							(c == 0xF0 && d < 0x90) || (c == 0xF4 && d > 0x8F))))
				return false;
		}
		i += more + 1;
	}
	return true;
}

static void
Check(bool holds, const char *what, JStr url)
{
	if (holds)
		return;
	printf("%s: \"%.*s\"\n", what, url.len, url.data);
	exit(1);
}

static bool
Within(JStr part, JStr whole)
{
	return JStrIsNull(part) ||
		(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* A host has no character that none has, is one as an option too, and lies in what that gives. */
static void
CheckHost(JStr host, JStr url)
{
	JStr		option;

	for (int i = 0; i < host.len; i++)
		Check((unsigned char) host.data[i] > ' ' &&
			  (host.data[0] == '[' || strchr("%/\\@:?#<>^|[]*$&={}", host.data[i]) == NULL),
			  "a character of no host", url);
	if (!JStrIsNull(host) && JHostOption(host, false, &option))
		Check(JHostIn(host, option), "a host is not in itself", url);
	if (JHostOption(url, Random(2) == 0, &option))
		Check(option.len > 0 && JHostIn(option, option), "an option that matches nothing", url);
}

static void
CheckUrl(JStr url)
{
	JUrl		parsed;
	JStr		query,
				fragment,
				domain,
				stripped,
				again;
	JCampaign	campaign;
	bool		encoded = false;

	for (int i = 0; i < url.len; i++)
		encoded |= memchr("%\t\n\r", url.data[i], 4) != NULL;
	JUrlParse(url, &parsed);
	JUrlParameters(url, &query, &fragment);
	Check(Within(parsed.path, url), "the path is not of the URL", url);
	Check(encoded || (Within(parsed.host, url) && Within(parsed.scheme, url)),
		  "a part is not of the URL", url);
	CheckHost(parsed.host, url);
	Check(JStrEqual(query, parsed.query) && JStrEqual(fragment, parsed.fragment),
		  "two ways to the query", url);
	Check(JStrIsNull(parsed.host) || parsed.host.len > 0, "an empty host", url);
	Check(JStrIsNull(parsed.path) || parsed.path.len > 0, "an empty path", url);
	domain = JRegistrableDomain(parsed.host);
	Check(Within(domain, parsed.host) && (JStrIsNull(domain) || JHostIn(parsed.host, domain)),
		  "host is not in its domain", url);
	Check(JStrIsNull(domain) || domain.data[0] == '[' ||
		  JStrEqual(JRegistrableDomain(domain), domain), "domain of a domain", url);

	stripped = JStripTracking(url);
	again = JStripTracking(stripped);
	Check(again.data == stripped.data, "stripped twice", url);
	Check(stripped.len <= url.len, "stripped is longer", url);
	JCampaignFrom(stripped, NULL, &campaign);
	Check(!campaign.named && campaign.click_ids == 0, "a campaign is left when stripped", url);
}

static void
CheckDecode(JStr url, bool valid)
{
	char	   *decoded = malloc(Max(url.len, 1));
	int			len = JFormDecode(url, decoded);

	Check(len <= url.len, "decoded is longer", url);
	Check(!valid || IsUtf8((JStr) {decoded, len}), "decoded is no UTF-8", url);
	free(decoded);
}

/* Lists of one's own that the made-up URLs meet. */
static const JTouchOptions *
OwnLists(void)
{
	static JStr patterns[] = {{"goo*l*", 6}, {"facebook.com", 12}, {"*c*c*", 5}};
	static JChannelRule rules[3];
	static JOwnReferrer referrers[2];
	static JOwnClickId ids[] = {{"newsletter", {"own", 3}, {"cpc", 3}}, {"gclid", {NULL, 0}, {"paid", 4}}};
	static JTouchOptions options = {
		.n_rules = 3, .rules = rules, .n_referrers = 2, .referrers = referrers,
		.n_click_ids = 2, .click_ids = ids
	};

	rules[0].channel = JSTR_LIT("Own 1");
	rules[0].on[JR_SOURCE] = (JChannelCondition) {true, false, false, 1, &patterns[0]};
	rules[0].on[JR_CLICK_ID] = (JChannelCondition) {true, true, true, 1, &patterns[2]};
	rules[1].channel = JSTR_LIT("Own 2");
	rules[1].on[JR_HOST] = (JChannelCondition) {true, false, false, 1, &patterns[1]};
	rules[2].channel = JSTR_LIT("Own 3");
	rules[2].on[JR_CAMPAIGN] = (JChannelCondition) {true, false, false, 3, patterns};
	referrers[0] = (JOwnReferrer) {JSTR_LIT("example.com"), JSTR_NULL, JREFERRER_SOCIAL, JSTR_NULL, JSTR_LIT("social")};
	referrers[1] = (JOwnReferrer) {JSTR_LIT("paypal.com"), JSTR_LIT("/amp/"), JREFERRER_AI_ASSISTANT, JSTR_LIT("own"),
	JSTR_LIT("ai-assistant")};
	return &options;
}

static void
CheckTouch(JStr url, JStr referrer, bool valid)
{
	JTouchInput input = {.url = url, .referrer = referrer, .use_referrer = Random(4) != 0};
	JTouch		touch;
	bool		found;

	if (Random(8) == 0)
		input.source = referrer;
	if (Random(8) == 0)
		input.medium = JSTR_LIT("email");
	found = JTouchFrom(&input, Random(3) == 0 ? OwnLists() : NULL, &touch);
	Check(found == (touch.type != JTOUCH_NONE), "type and result", url);
	if (found)
	{
		const JStr	strings[] = {
			touch.source, touch.medium, touch.campaign, touch.term, touch.content,
			touch.campaign_id, touch.channel, touch.click_id_type, touch.click_id, touch.referrer_host
		};

		Check(touch.source.len > 0 && touch.medium.len > 0 && touch.channel.len > 0,
			  "a touch without source, medium, channel", url);
		Check(!JStrEqual(touch.channel, JSTR_LIT("Direct")) || JStrIs(touch.source, "(direct)"),
			  "a direct touch", url);
		for (int i = 0; valid && i < (int) lengthof(strings); i++)
			Check(JStrIsNull(strings[i]) || IsUtf8(strings[i]),
				  "a part of the touch is no UTF-8", url);
	}
	for (int i = 0; i < touch.n_click_ids; i++)
	{
		Check(touch.click_ids[i].value.len > 0, "an empty click id", url);
		Check(strcmp(touch.click_ids[i].name, "mc_eid") != 0, "a person's id", url);
	}
}

/* The campaign columns, which no SQL function takes: their place in the order, what they fill. */
static void
CheckColumns(void)
{
	static const struct
	{
		const char *url;
		const char *source;
		const char *medium;
		const char *campaign;
		const char *expected;	/* type, source, medium, campaign, channel */
	}			cases[] = {
		{"https://x.test/", "a", "cpc", "c", "campaign_columns|a|cpc|c|Paid Other"},
		{"https://x.test/", " a ", " ", "", "campaign_columns|a|(not set)||Unassigned"},
		{"https://x.test/", "", "", "c", "campaign_columns|(not set)|(not set)|c|Unassigned"},
		{"https://x.test/", "", " ", "", "referrer|google|organic||Organic Search"},
		{"https://x.test/", "(direct)", "(none)", "", "referrer|google|organic||Organic Search"},
		{"https://x.test/", "Direct", "none", "null", "referrer|google|organic||Organic Search"},
		{"https://x.test/", "direct", "mail", "", "campaign_columns|direct|mail||Unassigned"},
		{"https://x.test/", "(not set)", "cpc", "", "campaign_columns|(not set)|cpc||Paid Other"},
		{"https://x.test/", "chatgpt.com", "", "", "campaign_columns|chatgpt.com|ai-assistant||AI Assistant"},
		{"https://x.test/?utm_source=(direct)", "a", "b", "c", "campaign_columns|a|b|c|Unassigned"},
		{"https://x.test/?utm_campaign=d", "(none)", "b", "", "utm|google|b|d|Organic Search"},
		{"https://x.test/?s_kwcid=1", "", "", "", "click_id|google|cpc||Paid Search"},
		{"https://x.test/?gclid=1", "a", "email", "c", "click_id|google|cpc||Paid Search"},
		{"https://x.test/?s_kwcid=1", "Bing", "email", "c", "click_id|Bing|cpc||Paid Search"},
		{"https://x.test/?utm_source=b", "a", "email", "c", "utm|b|email||Email"},
		{"https://x.test/?utm_campaign=d", "a", "email", "c", "utm|a|email|d|Email"},
		{"https://x.test/?utm_source=b&gclid=1", "a", "email", "c", "utm|b|email||Email"},
		{"https://x.test/?utm_source=bing&msclkid=1", "a", "email", "", "utm|bing|cpc||Paid Search"},
		{"https://x.test/?utm_term=t", "a", "", "", "campaign_columns|a|(not set)||Unassigned"},
	};

	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		const JStr	url = {cases[i].url, (int) strlen(cases[i].url)};
		JTouchInput input = {.url = url, .use_referrer = true};
		JTouch		touch;
		char		got[256];

		input.referrer = JSTR_LIT("https://www.google.com/");
		input.source = (JStr) {cases[i].source, (int) strlen(cases[i].source)};
		input.medium = (JStr) {cases[i].medium, (int) strlen(cases[i].medium)};
		input.campaign = (JStr) {cases[i].campaign, (int) strlen(cases[i].campaign)};
		(void) JTouchFrom(&input, NULL, &touch);
		snprintf(got, sizeof(got), "%s|%.*s|%.*s|%.*s|%.*s", JTouchTypeName(touch.type),
				 touch.source.len, touch.source.data, touch.medium.len, touch.medium.data,
				 touch.campaign.len, JStrIsNull(touch.campaign) ? "" : touch.campaign.data,
				 touch.channel.len, touch.channel.data);
		Check(strcmp(got, cases[i].expected) == 0, got, url);
	}
}

static void
PrintDomains(void)
{
	char		line[1024];

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		JStr		domain = JRegistrableDomain((JStr) {line, (int) strcspn(line, "\n")});

		printf("%.*s\n", domain.len, JStrIsNull(domain) ? "" : domain.data);
	}
}

int
main(int argc, char **argv)
{
	int			count = argc > 2 ? atoi(argv[2]) : 100000;

	if (argc == 2 && strcmp(argv[1], "domains") == 0)
	{
		PrintDomains();
		return 0;
	}

	CheckColumns();
	state = (argc > 1 ? atoll(argv[1]) : 1) * UINT64CONST(2654435769) + 1;
	for (int i = 0; i < count; i++)
	{
		bool		valid = Random(2) == 0;
		JStr		url = MakeUrl(valid);
		JStr		referrer = MakeUrl(valid);

		CheckUrl(url);
		CheckDecode(url, valid);
		CheckTouch(url, referrer, valid);
		(void) JChannel(url, referrer, url);
		free(unconstify(char *, url.data));
		free(unconstify(char *, referrer.data));
	}
	printf("%d URLs\n", count);
	return 0;
}
