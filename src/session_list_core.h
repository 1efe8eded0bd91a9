/*
 * session_list_core.h
 *		The sessions of one visitor's events, where nothing is stored.
 */
#ifndef SESSION_LIST_CORE_H
#define SESSION_LIST_CORE_H

#include "part_core.h"

/* The number counts a visitor's sessions from 1. The part is valid during the call. */
typedef void (*JSessionCallback) (const JPart *part, int64 number, void *arg);

/* Calls back for each session, in order, of a canonical set of events of one visitor; cleans their ids. */
extern void JSessionsOf(const JSessionOptions *options, JEvent *events, int n,
						JSessionCallback callback, void *arg);

#endif							/* SESSION_LIST_CORE_H */
