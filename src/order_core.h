/*
 * order_core.h
 *		Which telling of an order counts.
 *
 * The amount of an order counts once: where an event of a name tells it first, in the order of time, event and
 * visitor. An amount without an order counts, and a negative one, a refund, each time. So an order is one thing per
 * person, or per session where no more is at hand, and of one name.
 */
#ifndef ORDER_CORE_H
#define ORDER_CORE_H

#include "set_core.h"

typedef struct JOrder
{
	JStr		name;			/* of the event that tells it */
	JStr		order_id;		/* NULL: none */
	bool		negative;		/* the amount that is told */
} JOrder;

/*
 * For sets of entries that begin with a JOrder: those that tell an order are the same if they tell the same. One that
 * counts each time is the same as none: it has no hash (false).
 */
extern bool JOrderHash(const void *entry, uint32 *hash);
extern bool JOrderSame(const void *a, const void *b);

#endif							/* ORDER_CORE_H */
