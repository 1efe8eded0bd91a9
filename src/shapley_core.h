/*
 * shapley_core.h
 *		Shapley values of channels, in closed form.
 */
#ifndef SHAPLEY_CORE_H
#define SHAPLEY_CORE_H

#include "path_sums_core.h"

/*
 * What each channel of shapley's sums has of the conversions, and of their value: in units of 10^-12
 * that sum to the whole. with[c] is the conversions of the paths that have the channel; *all is all of
 * them. The arrays have room for sums->n_channels.
 */
extern void JShapley(const JPathSums *sums, int128 *conversions, int128 *value, int64 *with, int64 *all);

#endif							/* SHAPLEY_CORE_H */
