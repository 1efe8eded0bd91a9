/*
 * markov_core.h
 *		Removal effects of a chain of channels, solved exactly.
 */
#ifndef MARKOV_CORE_H
#define MARKOV_CORE_H

#include "path_sums_core.h"

/* How much of the conversions, and of their value, is gone without a channel: 0 to 1. */
typedef struct JRemovalEffects
{
	double	   *conversions;	/* by channel */
	double	   *value;			/* NULL where the values have no share of their own: see below */
} JRemovalEffects;

/*
 * The removal effects of sorted sums of either depth. Values have effects of their own unless one of
 * them is negative or all are zero. NULL, or why the chain cannot be solved; *hint says what helps.
 */
extern const char *JMarkovSolve(const JPathSums *sums, JRemovalEffects *effects, const char **hint);

#endif							/* MARKOV_CORE_H */
