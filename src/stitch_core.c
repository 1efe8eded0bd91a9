/*
 * stitch_core.c
 *		One walk from the end, which remembers who was named next, and one from the beginning.
 */
#include "stitch_core.h"

static JStr
JMarkOwn(const JMark *mark)
{
	return JStrIsNull(mark->own) ? mark->first : mark->own;
}

/* Does it say whose the anonymous units beside it are? */
static bool
JMarkSpeaks(const JMark *mark)
{
	return mark->barrier || (!mark->aside && !JStrIsNull(mark->first));
}

void
JStitch(JMark *marks, int n, bool shared, int64 base)
{
	JStr		known = JSTR_NULL;

	for (int i = n - 1; i >= 0; i--)
	{
		JMark	   *mark = &marks[i];

		mark->person = JMarkOwn(mark);
		if (JStrIsNull(mark->person) && !shared)
			mark->person = known;
		if (JMarkSpeaks(mark))
			known = mark->barrier ? JSTR_NULL : mark->first;
	}
	known = JSTR_NULL;
	for (int i = 0; i < n; i++)
	{
		JMark	   *mark = &marks[i];

		if (JStrIsNull(mark->person) && !shared)
			mark->person = known;
		if (JMarkSpeaks(mark))
			known = mark->barrier ? JSTR_NULL : JMarkOwn(mark);
		if (mark->is_unit && !mark->loose)
			mark->number = ++base;
	}
}

/* The place of the stretch that this one would repeat, or -1. Those of one instant stand at the end. */
static int
JFindStretch(const JStretch *stretches, int n, const JStretch *stretch)
{
	while (--n >= 0 && stretches[n].from == stretch->from)
		if (JStrEqual(stretches[n].person, stretch->person))
			return n;
	return -1;
}

/* Takes the stretch that ends; where it repeats an empty one, the later and longer stays. */
static int
JPutStretch(JStretch *stretches, int n, const JStretch *stretch)
{
	int			same = JFindStretch(stretches, n, stretch);

	if (same < 0)
		stretches[n++] = *stretch;
	else
		stretches[same] = *stretch;
	return n;
}

int
JStretches(const JMark *marks, int n, JStretch **stretches)
{
	JStretch	now = {JSTR_NULL};
	bool		open = false;
	int			result = 0;

	*stretches = palloc_extended(sizeof(JStretch) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		const JMark *mark = &marks[i];

		if (!mark->is_unit || mark->aside)
			continue;
		if (!open || !JStrEqual(now.person, mark->person))
		{
			if (open)
			{
				now.to = mark->time;
				result = JPutStretch(*stretches, result, &now);
			}
			now = (JStretch) {mark->person, open ? mark->time : PG_INT64_MIN, PG_INT64_MAX, false};
			open = true;
		}
		now.named |= !JStrIsNull(mark->first);
	}
	if (open)
		result = JPutStretch(*stretches, result, &now);
	return result;
}
