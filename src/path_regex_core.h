/*
 * path_regex_core.h
 *		Regular expressions over what was seen.
 */
#ifndef PATH_REGEX_CORE_H
#define PATH_REGEX_CORE_H

#include "journey_core.h"

/*
 * A regular expression over symbols. In parentheses a symbol's name, or a group; a name alone
 * where it is clear; . any symbol; [(a)(b)] one of these, [^(a)(b)] one of the others; | * + ? {m}
 * {m,} {m,n}; ^ at the beginning and $ at the end.
 */
#define JREGEX_MAX 256			/* symbols in a pattern, repetitions written out */
#define JREGEX_WORDS (JREGEX_MAX / 64)

typedef struct JBits
{
	uint64		word[JREGEX_WORDS];
} JBits;

/* Each place of a symbol in the pattern is a state: entered by reading that symbol. */
typedef struct JRegex
{
	int			n;				/* places */
	bool		from_start;		/* begins with ^ */
	bool		to_end;			/* ends with $ */
	uint64		symbols[JREGEX_MAX];	/* that a place reads, bit by index */
	JBits		follow[JREGEX_MAX]; /* places that may come after one */
	JBits		first;
	JBits		last;
} JRegex;

typedef struct JRegexError
{
	const char *message;
	int			at;				/* byte, from 0 */
} JRegexError;

/* `names` are the symbols' names, n of them, in lower case. With `dots_join` a . is nothing: a.b is ab. */
extern bool JRegexParse(JStr text, const JStr *names, int n, bool dots_join, JRegex *regex,
						JRegexError *error);

/*
 * For each row the end (one behind the last row) of the longest match that begins there, -1 where
 * none does. `symbols` has the index of each row's symbol. Rows times places, whatever the pattern.
 */
extern int *JRegexEnds(const JRegex *regex, const uint8 *symbols, int n);

#endif							/* PATH_REGEX_CORE_H */
