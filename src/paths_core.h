/*
 * paths_core.h
 *		What was seen one after the other.
 */
#ifndef PATHS_CORE_H
#define PATHS_CORE_H

#include "steps_core.h"

/* What an event is called in a path: the path of a page view's URL, else its name, else its kind. */
extern JStr JEventLabel(const JEvent *event);

/* What a path is made of. */
typedef struct JPathParts
{
	bool		pages;			/* page views */
	bool		events;			/* tracks */
	bool		channels;		/* touches, each before the event that makes it */
	bool		repeats;		/* the same again counts; else it is one */
} JPathParts;

typedef struct JPathNode
{
	JStr		label;
	bool		channel;		/* is a touch's channel */
} JPathNode;

/*
 * The nodes of events from .. to - 1 into `nodes`, which has room for twice as many; returns their
 * number. `channels` (by event) is looked at if parts->channels. `first_channel` false: the first
 * event's channel is left out.
 */
extern int	JPathNodes(const JPathParts *parts, const JEvent *events, const JStr *channels,
					   int from, int to, bool first_channel, JPathNode *nodes);

#endif							/* PATHS_CORE_H */
