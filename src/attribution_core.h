/*
 * attribution_core.h
 *		Credit for the touches before a conversion, and the transforms of paths.
 *
 * All is integer arithmetic: a rule gives each touch a share, and whatever is to be given out - the
 * units of a credit of 1, the cents of a value - is split in proportion to the shares by the method of
 * the largest remainder. So the parts always sum to the whole, and are the same on every machine.
 */
#ifndef ATTRIBUTION_CORE_H
#define ATTRIBUTION_CORE_H

#include "journey_core.h"

#ifndef HAVE_INT128
#error "pg_journey needs a compiler with 128-bit integers"
#endif

typedef enum JRule
{
	JRULE_FIRST,
	JRULE_LAST,
	JRULE_LAST_NON_DIRECT,
	JRULE_LINEAR,
	JRULE_POSITION,
	JRULE_W_SHAPED,
	JRULE_TIME_DECAY,
	JRULE_COUNT
} JRule;

/* The names of the rules in SQL, in the order above. */
extern const char *const JRuleNames[JRULE_COUNT];

/* Credits have 12 digits: 1 is so many units. */
#define J_CREDIT_DIGITS 12
#define J_CREDIT_UNITS INT64CONST(1000000000000)

/* More touches before one conversion are refused by who makes a path. */
#define J_MAX_PATH 1000000

/* A weight is at most a million, and has 9 digits behind the point: so many units. */
#define J_WEIGHT_DIGITS 9
#define J_MAX_WEIGHT INT64CONST(1000000000000000)

typedef struct JRuleOptions
{
	uint64		position[3];	/* weights of the first touch, of all between, of the last */
	uint64		w_shaped[4];	/* of the first touch, the lead's, the last, of all others */
	int64		half_life;		/* microseconds, greater than zero */
} JRuleOptions;

/* 40/20/40, 30/30/30/10, seven days. */
extern const JRuleOptions JRuleDefaults;

/* The touches before a conversion, from the first to the last; at least one. */
typedef struct JTouchPath
{
	int			n;
	const int64 *ages;			/* microseconds before the conversion, none below 0; NULL: all the same */
	const bool *direct;			/* NULL: none is */
	int			lead;			/* place of the touch that made the lead, from 0; -1: there is none */
} JTouchPath;

/* Shares and what splitting by them takes, used again from path to path. All zero at first. */
typedef struct JShares
{
	int			n;
	int			allocated;
	uint128    *share;			/* their sum is less than 2^111 */
	uint128    *rest;
	int		   *order;
} JShares;

/* Room for n shares, all zero; in the current memory context. */
extern void JSharesInit(JShares *shares, int n);
extern void JSharesFree(JShares *shares);

/* The shares that a rule gives to the touches of a path. */
extern void JSharesOfRule(JShares *shares, JRule rule, const JTouchPath *path,
						  const JRuleOptions *options);

/*
 * Splits units by the shares, of which one at least must not be zero. Each part is rounded down; what
 * is left goes by ones to those that lost most, of equal ones to the first.
 */
extern void JSharesSplit(JShares *shares, uint128 units, uint128 *parts);

/*
 * All rules for one path at once: credits[rule * n + touch], in units of J_CREDIT_UNITS, and where
 * `values` is not NULL the parts of an amount of that many units. A negative amount is split like a
 * positive one: the sign is the caller's.
 */
extern void JAttribute(JShares *shares, const JTouchPath *path, const JRuleOptions *options,
					   uint64 amount, int64 *credits, uint64 *values);

/* ------------------------------------------------------------------------------------------------
 * transforms of paths
 * ------------------------------------------------------------------------------------------------ */

typedef enum JTransform
{
	JTRANSFORM_UNIQUE,			/* as it is */
	JTRANSFORM_EXPOSURE,		/* of equal neighbours one */
	JTRANSFORM_FIRST,			/* of each channel the first step */
	JTRANSFORM_FREQUENCY,		/* the same with the number of steps */
	JTRANSFORM_REMOVE,			/* without a channel, unless it is all there is */
	JTRANSFORM_REMOVE_LAST,		/* without that channel at the end, unless it is all there is */
	JTRANSFORM_TRIM				/* the last steps */
} JTransform;

/* False where no transform has this name. */
extern bool JTransformFromName(JStr name, JTransform *transform);

/* What a transform takes and gives beside the path. */
typedef struct JTransformArgs
{
	JStr		channel;		/* to remove */
	int64		steps;			/* to trim to; 0: all */
	int		   *counts;			/* room for JTRANSFORM_FREQUENCY: how many steps each one stands for */
} JTransformArgs;

/* Transforms a path in place and returns its new length. */
extern int	JPathTransform(JStr *path, int n, JTransform transform, const JTransformArgs *args);

#endif							/* ATTRIBUTION_CORE_H */
