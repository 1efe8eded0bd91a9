/*
 * gather_core.h
 *		Brings the events of each visitor together, from rows in any order, in bounded memory.
 */
#ifndef GATHER_CORE_H
#define GATHER_CORE_H

#include "row_core.h"
#include "timeline_core.h"

/* Where rows go that do not fit. A file is written, then read once from its beginning. */
typedef struct JGatherFiles
{
	void	   *(*create) (void);
	void		(*write) (void *file, const void *data, Size size);
	void		(*rewind) (void *file);
	void		(*read) (void *file, void *data, Size size);	/* all of it */
	void		(*close) (void *file);
} JGatherFiles;

typedef struct JGather JGather;

/*
 * All lives in a context of its own, a child of the current one. Rows take up to `limit` bytes; past it
 * they go to files. One visitor's events must fit in memory, whatever the limit.
 */
extern JGather *JGatherMake(Size limit, const JGatherFiles *files);

/*
 * Takes a copy of a row; false if it is too large (1 GB). Rows without a visitor are those of one
 * visitor, NULL.
 */
extern bool JGatherAdd(JGather *gather, const JRow *row);

/*
 * Calls back for each visitor, in no particular order, with its events in order of time (not canonical:
 * equal times stand in any order, copies are not folded), then frees all. The events are valid, and
 * the callee's to change, during the call. Where there are more than JTIMELINE_MAX_EVENTS the array is
 * NULL.
 */
typedef void (*JGatherCallback) (JEvent *events, int n, void *arg);
extern void JGatherFinish(JGather *gather, JGatherCallback callback, void *arg);

#endif							/* GATHER_CORE_H */
