/*
 * gather_sql.h
 *		Queries that callers give as text.
 */
#ifndef GATHER_SQL_H
#define GATHER_SQL_H

#include "executor/spi.h"

#include "gather_core.h"

/* A plan of a query, with SPI connected; an error unless it is one SELECT that neither writes nor locks. */
extern SPIPlanPtr JPlanQuery(const char *query);

/* Takes rows that are no events out of a query's. */
typedef struct JRowFilter
{
	void		(*startup) (struct JRowFilter *filter, TupleDesc tupdesc);
	bool		(*take) (struct JRowFilter *filter, TupleTableSlot *slot);	/* all columns are there */
} JRowFilter;

/* Runs a query of events, and gathers its rows in memory of so many bytes; filter NULL: all of them. */
extern JGather *JGatherQuery(const char *query, Size limit, JRowFilter *filter);

#endif							/* GATHER_SQL_H */
