/*
 * set_core.c
 *		A hash table beside an array. Most arrays here have a handful of entries, and then it is not
 *		made; but a session that never ends can have a hundred thousand orders or touches.
 */
#include "set_core.h"

#include "common/hashfn.h"

#include "lists_core.h"

/* Longer arrays are searched by hash. */
#define J_SET_LINEAR 16

uint32
JSetHash(uint32 hash, JStr s)
{
	return hash_combine(hash, JStrIsNull(s) ? 0 :
						hash_bytes((const unsigned char *) s.data, s.len));
}

uint32
JSetHashNoCase(uint32 hash, JStr s)
{
	uint32		h = JStrIsNull(s) ? 0 : 2166136261U;

	for (int i = 0; i < s.len; i++)
		h = (h ^ JLower((unsigned char) s.data[i])) * 16777619U;
	return hash_combine(hash, h);
}

static inline const void *
JSetEntry(const JSetKind *kind, const void *array, int i)
{
	return (const char *) array + kind->width * i;
}

static void
JSetPut(JSet *set, const JSetKind *kind, const void *array, int i)
{
	uint32		at;

	if (!kind->hash(JSetEntry(kind, array, i), &at))
		return;
	while (set->slots[at & set->mask] != 0)
		at++;
	set->slots[at & set->mask] = i + 1;
}

/* Takes the entries that are new, in a table that is at most half full. */
static void
JSetCatchUp(JSet *set, const JSetKind *kind, const void *array, int n)
{
	if (set->slots == NULL || n > set->mask / 2)
	{
		uint32		size = 4 * J_SET_LINEAR;

		while (size / 4 < n)
			size *= 2;
		if (set->slots != NULL)
			pfree(set->slots);
		set->slots = palloc_extended(sizeof(int) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		set->mask = size - 1;
		set->n = 0;
	}
	while (set->n < n)
		JSetPut(set, kind, array, set->n++);
}

int
JSetFind(JSet *set, const JSetKind *kind, const void *array, int n, const void *entry)
{
	uint32		at;

	if (!kind->hash(entry, &at))
		return -1;
	if (n <= J_SET_LINEAR)
	{
		for (int i = 0; i < n; i++)
			if (kind->same(JSetEntry(kind, array, i), entry))
				return i;
		return -1;
	}
	JSetCatchUp(set, kind, array, n);
	for (; set->slots[at & set->mask] != 0; at++)
	{
		int			i = set->slots[at & set->mask] - 1;

		if (kind->same(JSetEntry(kind, array, i), entry))
			return i;
	}
	return -1;
}
