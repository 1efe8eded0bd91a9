/*
 * sequence_core.h
 *		Patterns of events, as ClickHouse writes them: (?1)(?t<=3600)(?2).*(?3)
 *
 * (?N) is an event that fulfils condition N, . any event, .* any number of them, and (?t op n) any
 * number of them too, of which the next matched one lies so many seconds behind the last. A match
 * begins as far left as it can, and each .* and (?t) is as short as it can be.
 */
#ifndef SEQUENCE_CORE_H
#define SEQUENCE_CORE_H

#include "steps_core.h"

#define JPATTERN_MAX 256		/* events of a pattern */

typedef struct JElement
{
	uint64		mask;			/* the condition; all bits for any event */
	bool		named;			/* (?N), not . */
	bool		gap;			/* .* or (?t) before it */
	uint64		min;			/* microseconds since the element before */
	uint64		max;
} JElement;

typedef struct JPattern
{
	int			n;				/* of elements, at least 1 */
	int			highest;		/* condition named */
	uint64		named;			/* all of them, bit by index */
	JElement	element[JPATTERN_MAX];
} JPattern;

/* What is wrong with a pattern, and at which byte (from 0). */
typedef struct JPatternError
{
	const char *message;
	int			at;
} JPatternError;

/* False, and the error, where the text is no pattern. Blanks do not count. */
extern bool JPatternParse(JStr text, JPattern *pattern, JPatternError *error);

/*
 * Finds one match after the other, none of which share a row. Rows are sorted and each fulfils some condition.
 * What it takes is proportional to rows times elements, whatever the pattern.
 */
typedef struct JMatcher JMatcher;

extern JMatcher *JMatcherMake(const JPattern *pattern, const JStepRow *rows, int n);

/* The next match: the index of the row of each element. False where there is none. */
extern bool JMatcherNext(JMatcher *matcher, int *matched);

#endif							/* SEQUENCE_CORE_H */
