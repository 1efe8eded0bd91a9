/*
 * split_sql.h
 *		Rows of the split, for the gathering of a first load.
 */
#ifndef SPLIT_SQL_H
#define SPLIT_SQL_H

#include "nodes/execnodes.h"

#include "split_core.h"

/* Rows of journey._split_row for all of a visitor's events, which are canonical, at least one. */
extern void JPutFirstSplit(ReturnSetInfo *rsinfo, const JSessionOptions *options, JEvent *events, int n);

#endif							/* SPLIT_SQL_H */
