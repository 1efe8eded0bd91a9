/*
 * steps_sort_core.c
 *		The order of rows with steps.
 */
#include "steps_core.h"

#define ST_SORT SortRows
#define ST_ELEMENT_TYPE JStepRow
#define ST_COMPARE(a, b) (JStepRowBefore(a, b) ? -1 : JStepRowBefore(b, a) ? 1 : 0)
#ifndef FRONTEND
#define ST_CHECK_FOR_INTERRUPTS
#endif
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

void
JStepRowsSort(JStepRow *rows, int n)
{
	for (int i = 1; i < n; i++)
		if (JStepRowBefore(&rows[i], &rows[i - 1]))
		{
			SortRows(rows, n);
			return;
		}
}
