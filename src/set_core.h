/*
 * set_core.h
 *		Finds equal entries in an array that only grows: one by one while it is short, by hash beyond.
 */
#ifndef SET_CORE_H
#define SET_CORE_H

#include "journey_core.h"

/* What the entries are. An entry without a hash (false) is equal to none. */
typedef struct JSetKind
{
	Size		width;
	bool		(*hash) (const void *entry, uint32 *hash);
	bool		(*same) (const void *a, const void *b);
} JSetKind;

/* All zero at first. Its slots live in the memory context of the first long search. */
typedef struct JSet
{
	int			n;				/* so many entries of the array have been looked at */
	uint32		mask;			/* number of slots - 1 */
	int		   *slots;			/* place of an entry + 1; 0 is free */
} JSet;

/*
 * The place of the array's entry that is equal to this, or -1. Since the last call with this set the array
 * of n entries may have moved and grown, but not changed otherwise.
 */
extern int	JSetFind(JSet *set, const JSetKind *kind, const void *array, int n, const void *entry);

static inline bool
JSetHas(JSet *set, const JSetKind *kind, const void *array, int n, const void *entry)
{
	return JSetFind(set, kind, array, n, entry) >= 0;
}

/* Part of a hash, for the functions above. */
extern uint32 JSetHash(uint32 hash, JStr s);

/* The same for strings that are equal in any case of ASCII letters. */
extern uint32 JSetHashNoCase(uint32 hash, JStr s);

#endif							/* SET_CORE_H */
