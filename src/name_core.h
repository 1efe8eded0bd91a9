/*
 * name_core.h
 *		The names that the loaders make of those in payloads.
 */
#ifndef NAME_CORE_H
#define NAME_CORE_H

#include "journey_core.h"

typedef enum JLoader
{
	JLOADER_RUDDERSTACK,
	JLOADER_RUDDERSTACK_DIVIDED,	/* with its option to part digits from words */
	JLOADER_SEGMENT
} JLoader;

/* A column or table has at most these bytes. */
#define J_NAME_BYTES 63

/*
 * The name of the column or table for a property or event. Writes at most J_NAME_BYTES to dest and
 * returns the length; 0 where the loader drops it.
 */
extern int	JWarehouseName(JStr name, JLoader loader, char *dest);

#endif							/* NAME_CORE_H */
