/*
 * arena.h
 *		What the fuzzers of libFuzzer share: memory, and a check that fails.
 */
#ifndef ARENA_H
#define ARENA_H

#include "journey_core.h"

/* Around one input: what is allocated between them is freed. */
extern void ArenaBegin(void);
extern void ArenaEnd(void);

/* A copy of its exact size, so that a read beyond it is seen. */
extern JStr ArenaCopy(const void *data, size_t size);

/* Ends the program where a thing that must hold does not. */
extern void Check(bool holds, const char *what);

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif							/* ARENA_H */
