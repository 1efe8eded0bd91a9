/*
 * timeline_core.h
 *		The stored form of a set of events, and how to read and build it.
 */
#ifndef TIMELINE_CORE_H
#define TIMELINE_CORE_H

#include "journey_core.h"

/*
 * A reader walks a timeline's body (all that follows the varlena header; need not be aligned) in standard
 * order. The strings of the events that it gives live as long as the reader and the body. Opening
 * checks nothing but the header unless `check` is set (for bodies from outside: recv, text): then the
 * whole body is checked first, and a bad one returns NULL with a reason in *error.
 */
typedef struct JTimelineReader JTimelineReader;

/* More would need several GB to sort. Builders' callers see to it; a reader refuses more. */
#define JTIMELINE_MAX_EVENTS 10000000

extern JTimelineReader *JTimelineOpen(const char *body, Size len, bool check, const char **error);
extern int	JTimelineCount(const JTimelineReader *reader);	/* how many events there are */
extern bool JTimelineNext(JTimelineReader *reader, JEvent *event);

/*
 * The next event where it lies, good until the next call; NULL at the end. It has no id: to unpack
 * that is half the cost of reading. Not to be mixed with JTimelineNext() on one body.
 */
extern const JEvent *JTimelineNextWithoutId(JTimelineReader *reader);
extern void JTimelineClose(JTimelineReader *reader);

/*
 * Whether a character may be in a string that a body holds packed. A string with any other stands in the
 * body byte for byte.
 */
static inline bool
JMayBePacked(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
}

/* Goes on with another (trusted) body. The strings of events read before stay. */
extern void JTimelineReopen(JTimelineReader *reader, const char *body, Size len);

/* All events of a body at once; the array is palloc'd, *n its length. */
extern JEvent *JTimelineEvents(JTimelineReader *reader, int *n);

/*
 * The body of events that are canonical already. The same events give the same bytes. Returns a palloc'd
 * buffer that begins with VARHDRSZ spare bytes for the caller's header; *size counts them in. NULL if it
 * would pass 1 GB (MaxAllocSize).
 */
extern char *JTimelineBuild(const JEvent *events, int n, Size *size);

#endif							/* TIMELINE_CORE_H */
