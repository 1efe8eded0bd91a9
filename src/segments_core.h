/*
 * segments_core.h
 *		Segments of persons: who is in by a definition, and since when.
 *
 *	{"all": [{"profile": {"is_identified": true, "traits.plan": "pro"}},
 *			 {"event": "Feature Used", "at_least": 3, "last": "30 days"},
 *			 {"not": {"event": "Order Completed", "last": "90 days"}},
 *			 {"funnel": ["page:/pricing", "Signed Up"], "within": "7 days"}]}
 *
 * A definition is a set of stretches of time [from, to) for each person. It follows from the person's
 * events and profile alone: no clock is asked, and a stretch may end in what is still to come.
 */
#ifndef SEGMENTS_CORE_H
#define SEGMENTS_CORE_H

#include "steps_core.h"

/* A stretch of time; PG_INT64_MIN and PG_INT64_MAX are without begin and end. */
typedef struct JStretch
{
	int64		from;
	int64		to;
} JStretch;

/* Stretches in order; none touches the next. */
typedef struct JStretches
{
	int			n;
	JStretch   *items;
} JStretches;

typedef enum JSegmentOp
{
	JSEG_ALL,
	JSEG_ANY,
	JSEG_NOT,
	JSEG_PROFILE,
	JSEG_EVENT,
	JSEG_FUNNEL
} JSegmentOp;

typedef struct JSegmentNode
{
	JSegmentOp	op;
	bool		has_profile;	/* a condition on the profile is here or below */
	int			n;				/* of all, any, not: nodes; of a funnel: steps */
	struct JSegmentNode *nodes;
	JWhere		profile;

	/* of events and funnels */
	int			step;			/* the first one's bit in masks */
	int			without;		/* a step's bit that ends the stretch, or -1 */
	int64		at_least;
	int64		at_most;		/* or -1 */
	int64		last;			/* microseconds that it counts for, or 0: for ever */
	int64		since;			/* events, or starts of funnels, in [since, until) */
	int64		until;
	uint64		within;			/* of a funnel */
} JSegmentNode;

typedef struct JSegment
{
	JStr		name;
	int			steps;			/* which of the lists of steps */
	JSegmentNode root;
} JSegment;

/* Segments, and what steps they ask for: each list for as many as have room in a mask. */
typedef struct JSegments
{
	int			n;
	JSegment   *segment;
	int			n_steps;
	JSteps	  **steps;
} JSegments;

/* Compiles an object of definitions by name. Strings are those of the document. */
extern JSegments *JSegmentsCompile(const JDef *object, JDefError *error);

/*
 * The stretches of a person: rows by the segment's steps in order of time, the profile as JSON (NULL: there
 * is none), and the time of the person's first event, before which no absence counts.
 */
extern JStretches JSegmentStretches(const JSegment *segment, const JStepRow *rows, int n, JStr profile,
									int64 first_at);

#endif							/* SEGMENTS_CORE_H */
