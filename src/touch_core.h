/*
 * touch_core.h
 *		Where a visit came from: what a URL, the campaign columns and the referrer say.
 */
#ifndef TOUCH_CORE_H
#define TOUCH_CORE_H

#include "journey_core.h"
#include "lists_core.h"

#define JOWN_CLICK_IDS_MAX 32

/* What the parameters of a URL say of a campaign. */
typedef struct JCampaign
{
	JStr		field[JC_COUNT];
	bool		named;			/* has a source, medium, campaign or id */
	bool		google_ads;		/* has parameters that come with a click on a Google ad */
	uint64		click_ids;		/* bit n: the id of rank n is there */
	uint32		own_ids;		/* bit n: the nth of the options' own click ids is there */
	/* The ids, set where their bit is. Must be last */
	JStr		click_id[JCLICK_ID_MAX];
	JStr		own_id[JOWN_CLICK_IDS_MAX];
} JCampaign;

typedef struct JTouchOptions JTouchOptions;

/*
 * Reads query, then fragment. Decoded strings are palloc'd, others point into the URL. Never
 * fails. The options may be NULL.
 */
extern void JCampaignFrom(JStr url, const JTouchOptions *options, JCampaign *campaign);

/*
 * The rank of the first click id behind rank `after` that may be shown; -1 when there is no more.
 */
extern int	JCampaignClickId(const JCampaign *campaign, int after);

typedef enum JTouchType
{
	JTOUCH_NONE,				/* nothing: a direct or internal visit */
	JTOUCH_UTM,
	JTOUCH_CLICK_ID,
	JTOUCH_CAMPAIGN_COLUMNS,
	JTOUCH_REFERRER,
	JTOUCH_DIRECT				/* a session without any touch; never from JTouchFrom() */
} JTouchType;

typedef struct JClickId
{
	const char *name;			/* canonical name from the list, e.g. "gclid" */
	JStr		value;
} JClickId;

#define JTOUCH_MAX_CLICK_IDS (JCLICK_ID_MAX + JOWN_CLICK_IDS_MAX)

typedef struct JTouch
{
	JTouchType	type;
	JStr		source;
	JStr		medium;
	JStr		campaign;
	JStr		term;
	JStr		content;
	JStr		campaign_id;
	JStr		channel;		/* one of the 20 names, or of one's own rules */
	JStr		click_id_type;	/* of the most telling click id, by rank */
	JStr		click_id;
	JStr		referrer_host;
	JStr		landing_page;	/* the page's URL */
	int			n_click_ids;	/* all of them, in the list's order, one per name */
	JClickId	click_ids[JTOUCH_MAX_CLICK_IDS];	/* as many as n_click_ids. Must be last */
} JTouch;

/* What a rule for channels looks at. */
typedef enum JRuleField
{
	JR_SOURCE,
	JR_MEDIUM,
	JR_CAMPAIGN,
	JR_HOST,					/* of the referrer */
	JR_CLICK_ID,				/* names of the URL's click ids */
	JR_COUNT
} JRuleField;

/* It holds if a pattern fits the value, or the value is missing and that is asked for. */
typedef struct JChannelCondition
{
	bool		given;
	bool		negated;
	bool		missing;
	int			n_patterns;		/* any of them; * is any characters, letters in any ASCII case */
	JStr	   *patterns;		/* a host without * means its subdomains too */
} JChannelCondition;

/* Names the channel if all its conditions hold. */
typedef struct JChannelRule
{
	JStr		channel;
	JChannelCondition	on[JR_COUNT];
} JChannelRule;

typedef struct JOwnReferrer
{
	JStr		host;			/* and its subdomains */
	JStr		path;			/* beginning of the path, NULL: any */
	JReferrerKind kind;
	JStr		source;			/* NULL: the referrer's host */
	JStr		medium;			/* NULL: that of its kind */
} JOwnReferrer;

typedef struct JOwnClickId
{
	char	   *name;			/* known in any ASCII case */
	JStr		source;			/* NULL: it does not tell */
	JStr		medium;
} JOwnClickId;

/* Own lists go before those that are compiled in, and are asked in their order. */
struct JTouchOptions
{
	int			n_internal_hosts;	/* hosts (and their subdomains) that are ours */
	JStr	   *internal_hosts;
	int			n_ignored_referrers;	/* hosts (and their subdomains) that send no one */
	JStr	   *ignored_referrers;
	int			n_rules;
	JChannelRule *rules;
	int			n_referrers;
	JOwnReferrer *referrers;
	int			n_click_ids;	/* at most JOWN_CLICK_IDS_MAX */
	JOwnClickId *click_ids;
};

/* What an event brings to its touch. */
typedef struct JTouchInput
{
	JStr		url;
	JStr		referrer;
	JStr		source;			/* campaign columns */
	JStr		medium;
	JStr		campaign;
	JStr		term;
	JStr		content;
	JStr		campaign_id;
	bool		use_referrer;	/* false: the referrer is no touch (not a session's first page) */
} JTouchInput;

/*
 * Fills *touch by the design's rule for touches; false, and type JTOUCH_NONE, where there is none.
 * referrer_host and landing_page are filled in any case. New strings are palloc'd in the current
 * context, others point into the input. Never fails, whatever the bytes; strings that it makes are
 * valid UTF-8 without NUL if the input's are.
 */
extern bool JTouchFrom(const JTouchInput *input, const JTouchOptions *options, JTouch *touch);

/* What JTouchFrom() fills in any case. */
extern void JTouchBare(const JTouchInput *input, JTouch *touch);

/* GA4's default channel group. */
extern JStr JChannel(JStr source, JStr medium, JStr campaign);

/* The channel by one's own rules, else GA4's. The values are those of a rule up to JR_HOST. */
extern JStr JChannelByRules(const JChannelRule *rules, int n_rules, const JStr *value,
							const JClickId *click_ids, int n_click_ids);

/* The medium of a referrer of that kind. */
extern JStr JReferrerMedium(JReferrerKind kind);

/* The name of a type as the contract has it: 'utm', 'click_id', ... */
extern const char *JTouchTypeName(JTouchType type);

/* The type of that name; JTOUCH_NONE where it is no name. */
extern JTouchType JTouchTypeOf(JStr name);

/* A copy with room for the click ids that it has; strings are shared. */
extern JTouch *JTouchCopy(const JTouch *touch);

#endif							/* TOUCH_CORE_H */
