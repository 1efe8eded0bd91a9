/*
 * writer.h
 *		Rows written in bulk into a plain table that the caller owns.
 */
#ifndef WRITER_H
#define WRITER_H

#include "fmgr.h"

/* A column that is written: the table must have one of this name and type. */
typedef struct JWriterColumn
{
	const char *name;
	Oid			type;
} JWriterColumn;

typedef struct JWriter JWriter;

/*
 * Opens a table. An error unless it is an ordinary table of the current user without triggers, rules,
 * policies or checks, whose columns are those given; others must be nullable, and stay NULL.
 */
extern JWriter *JWriterOpen(Oid relation, const JWriterColumn *columns, int n);

/* Takes a copy of a row, its values in the order of the columns given; indexes are kept. */
extern void JWriterPut(JWriter *writer, const Datum *values, const bool *nulls);

/* Writes what is left, and closes the table, whose lock stays. How many rows there were. */
extern uint64 JWriterClose(JWriter *writer);

/* The oid of a type of the schema that a function lies in. */
extern Oid	JTypeBeside(FunctionCallInfo fcinfo, const char *name);

#endif							/* WRITER_H */
