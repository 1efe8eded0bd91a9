/*
 * path_sums_core.h
 *		What markov and shapley keep of all the paths that they see: sums that add up in any order.
 *
 * markov keeps how often each step was taken from each context: the last one or two channels, or the
 * start. shapley keeps, per channel and number of channels, the sums of the paths that have the channel
 * among so many. Both are far smaller than the paths, and whole numbers, so that the same paths give
 * the same sums however they are grouped.
 */
#ifndef PATH_SUMS_CORE_H
#define PATH_SUMS_CORE_H

#include "attribution_core.h"

#include "lib/stringinfo.h"

#include "set_core.h"

/* A value counts in units of 10^-12, below 10^20. */
#define J_VALUE_DIGITS 12
#define J_MAX_VALUE ((int128) INT64CONST(100000000000000) * INT64CONST(1000000000000000000))

typedef enum JPathModel
{
	JPATHS_SHAPLEY,
	JPATHS_MARKOV_1,
	JPATHS_MARKOV_2
} JPathModel;

/* Where a step of a chain leads, or comes from, beside the channels, which are 1, 2, .. */
#define J_STATE_START 0
#define J_STATE_CONVERSION (-1)
#define J_STATE_NULL (-2)

/*
 * markov: key is (from, to) or (before, from, to); weight counts the steps, value is that of the steps
 * to the conversion. shapley: key is (channel, number of channels); weight is the conversions.
 */
typedef struct JPathSum
{
	int32		key[3];
	int64		weight;
	int128		value;
} JPathSum;

typedef struct JPathSums
{
	JPathModel	model;
	bool		has_value;		/* some path has one */
	bool		has_negative;	/* some value is negative */
	int			n_channels;
	int			max_channels;
	JStr	   *channels;		/* in order of appearance; sorted by JPathSumsSorted() */
	JSet		channel_set;
	int			n_sums;
	int			max_sums;
	JPathSum   *sums;
	JSet		sum_set;
	int32	   *path;			/* room for the channels of one path */
	int			max_path;
} JPathSums;

/* What a path brings. */
typedef struct JPathCounts
{
	int64		conversions;	/* none below 0 */
	int64		nulls;
	bool		has_value;
	int128		value;			/* of all its conversions, within J_MAX_VALUE */
} JPathCounts;

/*
 * Adds a path of at least one step; a NULL step is "(not set)". Strings are copied. All memory comes
 * from the current context, which must be the same for all calls. False when a sum is out of range.
 */
extern bool JPathSumsAdd(JPathSums *sums, const JStr *path, int n, const JPathCounts *counts);

/* Adds the sums of another, of the same model. False when a sum is out of range. */
extern bool JPathSumsMerge(JPathSums *sums, const JPathSums *other);

/* The same sums with channels and keys in order: equal sums are equal bytes. Strings are shared. */
extern JPathSums *JPathSumsSorted(const JPathSums *sums);

/* The bytes: versioned, in network byte order, those of sorted sums. */
extern Size JPathSumsEncodedSize(const JPathSums *sums);
extern void JPathSumsEncode(const JPathSums *sums, char *out);

/*
 * Reads bytes that may come from anywhere; `is_text` says whether a string of theirs may become a text.
 * Strings point into the bytes. NULL, or what is wrong with them.
 */
extern const char *JPathSumsDecode(const char *data, Size len, bool (*is_text) (JStr s),
								   JPathSums *sums);

#endif							/* PATH_SUMS_CORE_H */
