/*
 * counts_core.c
 *		Counts of events by name.
 */
#include "counts_core.h"

#include "session_core.h"

JStr
JEventCountName(const JEvent *event)
{
	JStr		kind = event->field[JF_KIND];
	JStr		name = event->field[JF_NAME];

	if (!JStrIsNull(kind) && (JStrIsNull(name) || !JStrEqual(kind, JSTR_LIT("track"))))
		name = kind;
	if (JStrIsNull(name))
		name = JEventIsPageView(event) ? JSTR_LIT("page") : JSTR_LIT("track");
	return name;
}

static bool
JNameCountHash(const void *entry, uint32 *hash)
{
	*hash = JSetHash(0, ((const JNameCount *) entry)->name);
	return true;
}

static bool
JNameCountSame(const void *a, const void *b)
{
	return JStrEqual(((const JNameCount *) a)->name, ((const JNameCount *) b)->name);
}

static const JSetKind name_kind = {sizeof(JNameCount), JNameCountHash, JNameCountSame};

void
JNameCountsAdd(JNameCounts *counts, JStr name, int64 n, bool copy)
{
	JNameCount	new = {name, n};
	int			i = JSetFind(&counts->set, &name_kind, counts->names, counts->n, &new);

	if (i >= 0)
	{
		counts->names[i].n += n;
		return;
	}
	if (counts->n == counts->max)
	{
		counts->max = Max(4, 2 * counts->max);
		counts->names = counts->names == NULL ? palloc_array(JNameCount, counts->max) :
			repalloc_array(counts->names, JNameCount, counts->max);
	}
	if (copy)
		new.name.data = pnstrdup(name.data, name.len);
	counts->names[counts->n++] = new;
}
