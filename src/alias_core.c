/*
 * alias_core.c
 *		Where chains of aliases end. Every id has at most one link, so a chain is walked once and its
 *		end given to all links on it: time is that of the sort.
 */
#include "alias_core.h"

static int
JAliasLinkCompare(const void *a, const void *b)
{
	return JStrCompare(((const JAliasLink *) a)->from, ((const JAliasLink *) b)->from);
}

static JAliasLink *
JFindLink(JAliasLink *links, int n, JStr from)
{
	JAliasLink	key = {.from = from};

	return bsearch(&key, links, n, sizeof(JAliasLink), JAliasLinkCompare);
}

/* The least id of the loop that this link is part of. */
static JStr
JLeastOfLoop(JAliasLink *links, int n, JAliasLink *start)
{
	JStr		least = start->from;

	for (JAliasLink *link = JFindLink(links, n, start->to); link != start;
		 link = JFindLink(links, n, link->to))
		if (JStrCompare(link->from, least) < 0)
			least = link->from;
	return least;
}

bool
JAliasEnds(JAliasLink *links, int n)
{
	int		   *walk;			/* the walk that passed a link, from 1 */

	qsort(links, n, sizeof(JAliasLink), JAliasLinkCompare);
	for (int i = 1; i < n; i++)
		if (JStrEqual(links[i].from, links[i - 1].from))
			return false;
	walk = palloc0_array(int, Max(n, 1));
	for (int i = 0; i < n; i++)
		links[i].end = JSTR_NULL;
	for (int i = 0; i < n; i++)
	{
		JAliasLink *link = &links[i];
		JStr		end;

		/* forward to a link whose end is known, out of the links, or into a loop of this walk */
		while (JStrIsNull(link->end) && walk[link - links] != i + 1)
		{
			JAliasLink *next = JFindLink(links, n, link->to);

			walk[link - links] = i + 1;
			if (next == NULL)
				break;
			link = next;
		}
		if (!JStrIsNull(link->end))
			end = link->end;
		else if (JFindLink(links, n, link->to) == NULL)
			end = link->to;
		else
			end = JLeastOfLoop(links, n, link);

		for (link = &links[i]; link != NULL && JStrIsNull(link->end);
			 link = JFindLink(links, n, link->to))
			link->end = end;
	}
	pfree(walk);
	return true;
}

/* A pair, and its place among all. */
typedef struct JAliasPair
{
	JAliasLink	link;
	int			at;
} JAliasPair;

static int
JAliasPairCompare(const void *a, const void *b)
{
	const JAliasPair *x = a;
	const JAliasPair *y = b;
	int			c = JStrCompare(x->link.from, y->link.from);

	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

JAliases *
JAliasesFrom(const JStr *previous, const JStr *user, int n)
{
	JAliases   *result = palloc0_object(JAliases);
	JAliasPair *pairs;

	if (n == 0)
		return result;
	pairs = palloc_array(JAliasPair, n);
	for (int i = 0; i < n; i++)
		pairs[i] = (JAliasPair) {{.from = previous[i], .to = user[i]}, i};
	qsort(pairs, n, sizeof(JAliasPair), JAliasPairCompare);
	result->link = palloc_array(JAliasLink, n);
	for (int i = 0; i < n; i++)
		if (i + 1 == n || !JStrEqual(pairs[i].link.from, pairs[i + 1].link.from))
			result->link[result->n++] = pairs[i].link;
	pfree(pairs);
	(void) JAliasEnds(result->link, result->n);
	return result;
}

JStr
JAliasEnd(const JAliases *aliases, JStr id)
{
	JAliasLink *link = aliases == NULL || aliases->n == 0 ? NULL : JFindLink(aliases->link, aliases->n, id);

	return link == NULL ? id : link->end;
}
