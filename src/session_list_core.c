/*
 * session_list_core.c
 *		The sessions of one visitor's events, where nothing is stored.
 *
 * JSplit() finds them too, but what it does for the store costs more than the walk itself.
 */
#include "session_list_core.h"

#include "split_core.h"

/*
 * Is each event's place known when the walk comes to it, and are there no aliases? Then a plain walk
 * will do.
 */
static bool
JIsPlain(const JSessionOptions *options, const JEvent *events, int n)
{
	if (options->session_key)
		return false;
	for (int i = 0; i < n; i++)
		if (JStrEqual(events[i].field[JF_KIND], JSTR_LIT("alias")))
			return false;
	return true;
}

static void
JPlainSessions(const JSessionOptions *options, const JEvent *events, int n,
			   JSessionCallback callback, void *arg)
{
	JWalk		walk;
	JPart		part;
	int64		number = 0;

	JWalkInit(&walk, options, NULL);
	for (int i = 0; i < n; i++)
	{
		JTouch		touch;
		JPlace		place = JWalkStep(&walk, &events[i], &touch);

		CHECK_FOR_INTERRUPTS();
		if (place == JPLACE_LOOSE)
			continue;
		Assert(place == JPLACE_STARTS || (place == JPLACE_INSIDE && number > 0));
		if (place == JPLACE_STARTS)
		{
			if (number > 0)
				callback(&part, number, arg);
			number++;
			JPartBeginSession(&part, &walk, &events[i]);
		}
		JPartAdd(&part, &events[i],
				 place == JPLACE_STARTS || !JEventIsPassive(&events[i], options), &touch, options);
	}
	if (number > 0)
		callback(&part, number, arg);
}

void
JSessionsOf(const JSessionOptions *options, JEvent *events, int n,
			JSessionCallback callback, void *arg)
{
	JSplitResult result;
	JPart		part;
	int64		number = 0;

	for (int i = 0; i < n; i++)
		JEventCleanIds(&events[i], options);
	if (JIsPlain(options, events, n))
	{
		JPlainSessions(options, events, n, callback, arg);
		return;
	}
	JSplit(options, NULL, NULL, 0, events, n, NULL, 0, false, 0, &result);
	for (int i = 0; i < result.n_segments; i++)
	{
		const JNewSegment *segment = &result.segments[i];

		if (segment->part.loose)
			continue;
		if (!segment->head)		/* it goes on behind events that lie outside */
		{
			JPartAppend(&part, &segment->part);
			continue;
		}
		if (number > 0)
			callback(&part, number, arg);
		part = segment->part;
		number++;
	}
	if (number > 0)
		callback(&part, number, arg);
}
