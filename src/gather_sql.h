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

/* Runs a query of events, and gathers its rows in memory of so many bytes. */
extern JGather *JGatherQuery(const char *query, Size limit);

#endif							/* GATHER_SQL_H */
