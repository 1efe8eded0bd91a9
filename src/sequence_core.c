/*
 * sequence_core.c
 *		Patterns of events.
 *
 * Matching does not try and go back. From the last element to the first it is found out for every row
 * whether the rest of the pattern can begin there: rows times elements, each by two indexes that
 * only move one way. After that the first row with such a mark is where the leftmost match begins,
 * and the next mark that fits is where a shortest .* ends.
 */
#include "sequence_core.h"

#include "common/int.h"

#define NO_LIMIT PG_UINT64_MAX

/* ------------------------------------------------------------------------------------------------
 * parsing
 * ------------------------------------------------------------------------------------------------ */

typedef struct JPatternParser
{
	JStr		text;
	int			at;
	JPattern   *pattern;
	JPatternError *error;
	bool		gap;			/* what stands before the next element */
	bool		timed;
	uint64		min;
	uint64		max;
} JPatternParser;

static bool
Fail(JPatternParser *parser, int at, const char *message)
{
	parser->error->message = message;
	parser->error->at = at;
	return false;
}

static int
Peek(const JPatternParser *parser)
{
	return parser->at < parser->text.len ? (unsigned char) parser->text.data[parser->at] : -1;
}

static void
SkipBlanks(JPatternParser *parser)
{
	while (Peek(parser) == ' ' || Peek(parser) == '\t' || Peek(parser) == '\n' ||
		   Peek(parser) == '\r')
		parser->at++;
}

static bool
Take(JPatternParser *parser, const char *s)
{
	int			len = strlen(s);

	if (parser->text.len - parser->at < len ||
		memcmp(parser->text.data + parser->at, s, len) != 0)
		return false;
	parser->at += len;
	return true;
}

static bool
TakeDigits(JPatternParser *parser, uint64 *number)
{
	int			from = parser->at;

	*number = 0;
	for (int c; (c = Peek(parser)) >= '0' && c <= '9'; parser->at++)
		if (pg_mul_u64_overflow(*number, 10, number) ||
			pg_add_u64_overflow(*number, c - '0', number))
			return Fail(parser, from, "a number is too large");
	if (parser->at == from)
		return Fail(parser, from, "a number is expected");
	return true;
}

/* Seconds with up to six decimals, in microseconds. */
static bool
TakeSeconds(JPatternParser *parser, uint64 *usecs)
{
	int			from = parser->at;
	uint64		unit = J_USECS_PER_SEC;

	if (!TakeDigits(parser, usecs))
		return false;
	if (*usecs > PG_INT64_MAX / J_USECS_PER_SEC)
		return Fail(parser, from, "a number is too large");
	*usecs *= J_USECS_PER_SEC;
	if (!Take(parser, "."))
		return true;
	for (int c; (c = Peek(parser)) >= '0' && c <= '9'; parser->at++)
	{
		unit /= 10;
		if (unit == 0)
			return Fail(parser, from, "seconds have at most six decimals");
		*usecs += (c - '0') * unit;
	}
	return true;
}

static bool
AddElement(JPatternParser *parser, uint64 mask, bool named, int at)
{
	JPattern   *pattern = parser->pattern;

	if (pattern->n == JPATTERN_MAX)
		return Fail(parser, at, "it is too long");
	if (parser->timed && pattern->n == 0)
		return Fail(parser, at, "a time condition must stand between two events");
	pattern->element[pattern->n++] = (JElement) {
		.mask = mask, .named = named, .gap = (parser->gap || parser->timed) && pattern->n > 0,
		.min = parser->min, .max = parser->max
	};
	parser->gap = parser->timed = false;
	parser->min = 0;
	parser->max = NO_LIMIT;
	return true;
}

/* What follows (?t */
static bool
ParseTime(JPatternParser *parser, int at)
{
	bool		less = false;
	bool		greater = false;
	bool		equal = false;
	uint64		usecs;

	SkipBlanks(parser);
	if (Take(parser, "<="))
		less = equal = true;
	else if (Take(parser, "<"))
		less = true;
	else if (Take(parser, ">="))
		greater = equal = true;
	else if (Take(parser, ">"))
		greater = true;
	else if (Take(parser, "=="))
		equal = true;
	else
		return Fail(parser, parser->at, "one of <=, <, >=, >, == is expected");
	SkipBlanks(parser);
	if (!TakeSeconds(parser, &usecs))
		return false;
	if (less && !equal && usecs == 0)
		parser->min = NO_LIMIT; /* nothing is less than 0 */
	else if (!greater)
		parser->max = Min(parser->max, equal ? usecs : usecs - 1);
	if (greater)
		parser->min = Max(parser->min, equal ? usecs : usecs + 1);
	else if (!less)
		parser->min = Max(parser->min, usecs);
	parser->timed = true;
	return true;
}

/* What follows (? */
static bool
ParseParenthesis(JPatternParser *parser, int at)
{
	SkipBlanks(parser);
	if (Take(parser, "t"))
	{
		if (!ParseTime(parser, at))
			return false;
	}
	else
	{
		uint64		number;

		if (Peek(parser) < '0' || Peek(parser) > '9')
			return Fail(parser, parser->at, "the number of a condition, or t, is expected");
		if (!TakeDigits(parser, &number))
			return false;
		if (number < 1 || number > JSTEPS_MAX)
			return Fail(parser, at, "there is no condition with this number");
		if (!AddElement(parser, UINT64CONST(1) << (number - 1), true, at))
			return false;
		parser->pattern->highest = Max(parser->pattern->highest, (int) number);
		parser->pattern->named |= UINT64CONST(1) << (number - 1);
	}
	SkipBlanks(parser);
	if (!Take(parser, ")"))
		return Fail(parser, parser->at, "a closing parenthesis is expected");
	return true;
}

bool
JPatternParse(JStr text, JPattern *pattern, JPatternError *error)
{
	JPatternParser parser = {.text = text, .pattern = pattern, .error = error, .max = NO_LIMIT};
	int			at;

	pattern->n = pattern->highest = 0;
	pattern->named = 0;
	for (;;)
	{
		SkipBlanks(&parser);
		at = parser.at;
		if (Peek(&parser) < 0)
			break;
		if (Take(&parser, ".*"))
			parser.gap = true;
		else if (Take(&parser, "."))
		{
			if (!AddElement(&parser, ~UINT64CONST(0), false, at))
				return false;
		}
		else if (Take(&parser, "(?"))
		{
			if (!ParseParenthesis(&parser, at))
				return false;
		}
		else
			return Fail(&parser, at, "one of (?1), (?t<=60), . and .* is expected");
	}
	if (parser.timed)
		return Fail(&parser, at, "a time condition must stand between two events");
	/* any number of events, of which there is at least one */
	if (pattern->n == 0 && parser.gap)
		return AddElement(&parser, ~UINT64CONST(0), false, 0);
	return pattern->n > 0 || Fail(&parser, 0, "it is empty");
}

/* ------------------------------------------------------------------------------------------------
 * matching
 * ------------------------------------------------------------------------------------------------ */

struct JMatcher
{
	const JPattern *pattern;
	const JStepRow *rows;
	int			n;
	int			next;			/* where the next match may begin */
	Size		words;			/* of an element's marks */
	uint64	   *marks;			/* by element: the rows where it and the rest can match */
};

static inline bool
Marked(const JMatcher *matcher, int element, int row)
{
	return matcher->marks[element * matcher->words + row / 64] >> (row % 64) & 1;
}

static inline void
Mark(JMatcher *matcher, int element, int row)
{
	matcher->marks[element * matcher->words + row / 64] |= UINT64CONST(1) << (row % 64);
}

static inline uint64
Between(const JMatcher *matcher, int earlier, int later)
{
	return (uint64) matcher->rows[later].time - (uint64) matcher->rows[earlier].time;
}

/* Marks of an element that is followed at once by the next. */
static void
MarkAdjacent(JMatcher *matcher, int element)
{
	const JElement *here = &matcher->pattern->element[element];

	for (int row = matcher->n - 2; row >= 0; row--)
		if ((matcher->rows[row].mask & here->mask) != 0 && Marked(matcher, element + 1, row + 1))
			Mark(matcher, element, row);
}

/*
 * Marks of an element behind which any rows may come before the next. `after` is room for the first
 * mark of the next element at each row or behind it.
 */
static void
MarkBeforeGap(JMatcher *matcher, int element, int *after)
{
	const JElement *here = &matcher->pattern->element[element];
	const JElement *then = here + 1;
	int			n = matcher->n;
	int			from = n;		/* the first row that is far enough behind this one */

	after[n] = n;
	for (int row = n - 1; row >= 0; row--)
	{
		after[row] = Marked(matcher, element + 1, row) ? row : after[row + 1];
		while (from - 1 > row && Between(matcher, row, from - 1) >= then->min)
			from--;
		if ((matcher->rows[row].mask & here->mask) != 0 && after[from] < n &&
			Between(matcher, row, after[from]) <= then->max)
			Mark(matcher, element, row);
	}
}

JMatcher *
JMatcherMake(const JPattern *pattern, const JStepRow *rows, int n)
{
	JMatcher   *matcher = palloc0_object(JMatcher);
	int		   *after = NULL;

	*matcher = (JMatcher) {.pattern = pattern, .rows = rows, .n = n, .words = (Size) n / 64 + 1};
	matcher->marks = palloc_extended(sizeof(uint64) * matcher->words * pattern->n,
									 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int row = 0; row < n; row++)
		if ((rows[row].mask & pattern->element[pattern->n - 1].mask) != 0)
			Mark(matcher, pattern->n - 1, row);
	for (int element = pattern->n - 2; element >= 0; element--)
	{
		CHECK_FOR_INTERRUPTS();
		if (!pattern->element[element + 1].gap)
		{
			MarkAdjacent(matcher, element);
			continue;
		}
		if (after == NULL)
			after = palloc_extended(sizeof(int) * ((Size) n + 1), MCXT_ALLOC_HUGE);
		MarkBeforeGap(matcher, element, after);
	}
	if (after != NULL)
		pfree(after);
	return matcher;
}

/* The first row from there on with an element's mark; the number of rows where there is none. */
static int
NextMark(const JMatcher *matcher, int element, int row)
{
	while (row < matcher->n && !Marked(matcher, element, row))
	{
		/* a word without marks at once */
		if (row % 64 == 0 && matcher->marks[element * matcher->words + row / 64] == 0)
			row += 64;
		else
			row++;
	}
	return Min(row, matcher->n);
}

bool
JMatcherNext(JMatcher *matcher, int *matched)
{
	const JPattern *pattern = matcher->pattern;
	int			row = NextMark(matcher, 0, matcher->next);

	CHECK_FOR_INTERRUPTS();
	if (row == matcher->n)
		return false;
	matched[0] = row;
	for (int element = 1; element < pattern->n; element++)
	{
		const JElement *then = &pattern->element[element];
		int			last = row++;

		if (then->gap)
		{
			while (Between(matcher, last, row) < then->min)
				row++;
			row = NextMark(matcher, element, row);
		}
		Assert(row < matcher->n && Marked(matcher, element, row));
		matched[element] = row;
	}
	matcher->next = row + 1;
	return true;
}
