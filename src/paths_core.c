/*
 * paths_core.c
 *		What was seen one after the other.
 */
#include "paths_core.h"

#include "session_core.h"

JStr
JEventLabel(const JEvent *event)
{
	JStr		path = JSTR_NULL;

	if (JEventIsPageView(event))
		path = JPagePath(event->field[JF_URL]);
	if (!JStrIsNull(path))
		return path;
	return JStrIsNull(event->field[JF_NAME]) ? JEventKind(event) : event->field[JF_NAME];
}

static int
AddNode(const JPathParts *parts, JPathNode *nodes, int n, JStr label, bool channel)
{
	if (!parts->repeats && n > 0 && nodes[n - 1].channel == channel &&
		JStrEqual(nodes[n - 1].label, label))
		return n;
	nodes[n] = (JPathNode) {label, channel};
	return n + 1;
}

int
JPathNodes(const JPathParts *parts, const JEvent *events, const JStr *channels, int from, int to,
		   bool first_channel, JPathNode *nodes)
{
	int			n = 0;

	for (int i = from; i < to; i++)
	{
		bool		is_page = JEventIsPageView(&events[i]);

		CHECK_FOR_INTERRUPTS();
		if (parts->channels && !JStrIsNull(channels[i]) && (i > from || first_channel))
			n = AddNode(parts, nodes, n, channels[i], true);
		if (is_page ? parts->pages :
			parts->events && JStrEqual(JEventKind(&events[i]), JSTR_LIT("track")))
			n = AddNode(parts, nodes, n, JEventLabel(&events[i]), false);
	}
	return n;
}
