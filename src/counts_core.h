/*
 * counts_core.h
 *		How many events of each name there are.
 */
#ifndef COUNTS_CORE_H
#define COUNTS_CORE_H

#include "set_core.h"

typedef struct JNameCount
{
	JStr		name;
	int64		n;
} JNameCount;

/* All zero at first. Lives in the memory context that is current when it grows. */
typedef struct JNameCounts
{
	int			n;
	int			max;
	JNameCount *names;
	JSet		set;
} JNameCounts;

/* The name by which an event counts: its own if it is a track, else its kind. */
extern JStr JEventCountName(const JEvent *event);

/* Counts n more; a name that is new is copied if asked for, or shared. */
extern void JNameCountsAdd(JNameCounts *counts, JStr name, int64 n, bool copy);

#endif							/* COUNTS_CORE_H */
