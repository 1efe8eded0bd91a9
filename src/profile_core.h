/*
 * profile_core.h
 *		What a person has: the one place of the rules by which units and facts add up to a profile.
 *
 * A first load hands over all units and facts of a person. A later run hands over what indexes tell (first and last
 * touches, click ids from the old ends on, the facts that changed or sums of facts) and what a profile has already. What
 * the rules make of it is the same, since
 *	- counts add up, and what went is taken off;
 *	- the first and last of some touches that the first and last of all are among are those; where touches changed in
 *	  a range of time alone, a first one before it and a last one behind it stay;
 *	- sums of facts add up to the sum of all, if it is known of each amount whether it counts (order_core.h). Where the
 *	  facts of a person are there in order, JFactSumsFact() remembers which orders it met; where not all are at hand, an
 *	  index is asked whether the order was told before (_counts_once() in 73-money.sql).
 *
 * Everything lives in the memory context that is current when it is added.
 */
#ifndef PROFILE_CORE_H
#define PROFILE_CORE_H

#include "part_core.h"

/* ------------------------------------------------------------------------------------------------
 * facts
 * ------------------------------------------------------------------------------------------------ */

/* Where a fact stands among those of a person. */
typedef struct JFactPlace
{
	int64		time;
	JStr		event_id;
	JStr		visitor_id;
} JFactPlace;

extern int	JFactCompare(const JFactPlace *a, const JFactPlace *b);

/* An amount and its sum are the caller's: this adds to a sum, NULL at first, and gives it back. */
typedef void *(*JAmountAdd) (void *sum, const void *amount);

/* What the amounts in one currency add up to. */
typedef struct JMoney
{
	JStr		currency;		/* none is the empty string */
	void	   *amount;
} JMoney;

/* What one event says of a person; freed when others have said later all that it does. */
typedef struct JSaid
{
	int			users;
	JFactPlace	place;
	void	   *held;			/* a chunk of memory that keys and values point into */
} JSaid;

/* A trait with its last value so far, which is the caller's. */
typedef struct JTrait
{
	JStr		key;
	const void *value;
	JSaid	   *said;
} JTrait;

/* What facts add up to. All zero at first, but for `add`. */
typedef struct JFactSums
{
	JAmountAdd	add;
	int64		facts;
	int			n_money;
	int			max_money;
	JMoney	   *money;
	int			n_traits;
	int			max_traits;
	JTrait	   *traits;
	JSet		trait_set;
} JFactSums;

/* Adds an amount that counts, or a sum of such. */
extern void JFactSumsAmount(JFactSums *sums, JStr currency, const void *amount);

/* The sum where all amounts are in one currency, or NULL. */
extern const void *JFactSumsSingle(const JFactSums *sums);

/*
 * What the event of this place says: begin, add each trait, end. The place is copied; the chunk, which keys and values
 * lie in, belongs to the sums from then on. Of each trait the value stays that was said last.
 */
extern JSaid *JSaidBegin(const JFactPlace *place, void *held);
extern void JFactSumsTrait(JFactSums *sums, JSaid *said, JStr key, const void *value);
extern void JSaidEnd(JSaid *said);

/* Sorts traits by what said them, the earliest first, then by key. */
extern void JSortTraits(JTrait *traits, int n);

/* Orders that were told. All zero at first. */
typedef struct JOrders
{
	int			n;
	int			max;
	JOrder	   *orders;
	JSet		set;
} JOrders;

/* The amount of an event; NULL: none. */
typedef struct JFactAmount
{
	const void *amount;
	JOrder		order;
	JStr		currency;
} JFactAmount;

/* Takes the amount of a fact if it counts (order_core.h). Facts come in order. */
extern void JFactSumsFact(JFactSums *sums, JOrders *orders, const JFactAmount *fact);

/* ------------------------------------------------------------------------------------------------
 * touches
 * ------------------------------------------------------------------------------------------------ */

/* A place in the order of touches. */
typedef struct JTouchPlace
{
	int64		at;
	JUuid		id;
} JTouchPlace;

/* What a profile tells of a touch, behind its time. */
typedef enum JEndField
{
	JE_SOURCE,
	JE_MEDIUM,
	JE_CAMPAIGN,
	JE_TERM,
	JE_CONTENT,
	JE_CHANNEL,
	JE_LANDING_PAGE,
	JE_CLICK_ID,
	JE_CLICK_ID_TYPE,
	JE_COUNT
} JEndField;

typedef struct JNamedClick
{
	JStr		name;
	JStr		value;
} JNamedClick;

/* A touch of a person. */
typedef struct JEndTouch
{
	JTouchPlace place;
	bool		direct;			/* it has no click ids then */
	JStr		field[JE_COUNT];
	int			n_click_ids;
	const JNamedClick *click_ids;
} JEndTouch;

typedef enum JEnd
{
	JEND_FIRST,
	JEND_FIRST_NON_DIRECT,
	JEND_LAST,
	JEND_LAST_NON_DIRECT,
	JEND_COUNT
} JEnd;

/* A touch that is first or last so far; its strings are in one chunk. */
typedef struct JTouchEnd
{
	JTouchPlace place;
	char	   *chunk;			/* NULL: none yet */
	JStr		field[JE_COUNT];
} JTouchEnd;

/* The first and last value of a click id. */
typedef struct JClick
{
	JStr		name;
	JTouchPlace first;
	JTouchPlace last;
	JStr		first_value;
	JStr		last_value;
} JClick;

/* All zero at first. */
typedef struct JTouchEnds
{
	JTouchEnd	end[JEND_COUNT];
	int			n_clicks;
	int			max_clicks;
	JClick	   *clicks;
} JTouchEnds;

/* In any order, and as often as one likes. */
extern void JTouchEndsAdd(JTouchEnds *ends, const JEndTouch *touch);

/* The range of time, both ends in, in which touches came or went. */
typedef struct JReach
{
	int64		from;
	int64		to;
} JReach;

/*
 * Takes what an older profile has, where it must be so still. The ids of those touches are not known: they count as
 * before, or behind, all others of their time.
 */
extern void JTouchEndsKeep(JTouchEnds *ends, JEnd end, const JEndTouch *old, const JReach *changed);
extern void JTouchEndsKeepClick(JTouchEnds *ends, const JClick *old, const JReach *changed);

/* The click id of a name, or NULL. */
extern const JClick *JTouchEndsClick(const JTouchEnds *ends, JStr name);

/* ------------------------------------------------------------------------------------------------
 * persons
 * ------------------------------------------------------------------------------------------------ */

/* All zero at first, but for facts.add. */
typedef struct JPerson
{
	int64		sessions;
	int64		events;
	int64		page_views;
	bool		has_first_seen;
	bool		has_last_seen;
	bool		has_identified;
	int64		first_seen;		/* the first event */
	int64		last_seen;		/* the last active event of a session */
	int64		identified;		/* the first event that names somebody */
	int			n_visitors;
	int			max_visitors;
	JStr	   *visitors;		/* in order */
	JNameCounts counts;
	JTouchEnds	touches;
	JFactSums	facts;
	JOrders		orders;
} JPerson;

/* Units come visitor by visitor in order of their ids, with their touches. */
extern void JPersonUnit(JPerson *person, const JPart *part, const JPartTouch *touches, int n_touches);

/* Whether a person is identified: one that is known by a device alone is not. */
extern bool JPersonIsKnown(JStr person_id);

/* The user id of a person that is a user, or JSTR_NULL. */
extern JStr JPersonUser(JStr person_id);

/*
 * The address of a person: that of its id, else that of the trait, else the user id if that is one. `buffer` has room
 * for the person id's bytes and the trait's.
 */
extern JStr JPersonEmail(JStr person_id, JStr trait, char *buffer);

#endif							/* PROFILE_CORE_H */
