/*
 * alias_core.h
 *		Where chains of aliases end.
 */
#ifndef ALIAS_CORE_H
#define ALIAS_CORE_H

#include "journey_core.h"

/* An alias: what was `from` is now `to`. Each `from` stands once. */
typedef struct JAliasLink
{
	JStr		from;
	JStr		to;
	JStr		end;			/* result: the canonical id */
} JAliasLink;

/*
 * Fills `end` of each link: the id at the end of its chain, which is nobody's `from`; of a chain that
 * runs into a loop the least id of the loop. Sorts the links by `from`; false if one stands twice.
 */
extern bool JAliasEnds(JAliasLink *links, int n);

/* User ids that are another's former ones: sorted, each once. */
typedef struct JAliases
{
	int			n;
	JAliasLink *link;
} JAliases;

/* From n pairs in the order of their events, of which the last of an id counts. */
extern JAliases *JAliasesFrom(const JStr *previous, const JStr *user, int n);

/* The canonical id; an id that has no alias is its own. NULL is no aliases. */
extern JStr JAliasEnd(const JAliases *aliases, JStr id);

#endif							/* ALIAS_CORE_H */
