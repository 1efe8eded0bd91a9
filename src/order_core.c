/*
 * order_core.c
 *		Orders told more than once.
 */
#include "order_core.h"

bool
JOrderHash(const void *entry, uint32 *hash)
{
	const JOrder *order = entry;

	*hash = JSetHash(JSetHash(0, order->name), order->order_id);
	return !JStrIsNull(order->order_id) && !order->negative;
}

bool
JOrderSame(const void *a, const void *b)
{
	const JOrder *x = a;
	const JOrder *y = b;

	return !x->negative && !y->negative && JStrEqual(x->order_id, y->order_id) && JStrEqual(x->name, y->name);
}
