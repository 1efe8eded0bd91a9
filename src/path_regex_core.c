/*
 * path_regex_core.c
 *		Regular expressions over what was seen.
 *
 * A pattern becomes places, one for each symbol in it with all repetitions written out, and which
 * place may follow which. Matching goes once over the rows, from the last to the first, and knows for
 * each place how far a match can go from there: there is nothing to try and take back.
 */
#include "path_regex_core.h"

#include "port/pg_bitutils.h"

#include "lists_core.h"

/* ------------------------------------------------------------------------------------------------
 * parsing
 * ------------------------------------------------------------------------------------------------ */

typedef enum JNodeType
{
	JNODE_SYMBOLS,
	JNODE_THEN,					/* left, then right; both may be absent */
	JNODE_OR,
	JNODE_REPEAT				/* left, min to max times */
} JNodeType;

typedef struct JNode
{
	JNodeType	type;
	uint64		symbols;
	int			min;
	int			max;			/* -1: no limit */
	struct JNode *left;
	struct JNode *right;
} JNode;

#define MAX_DEPTH 100			/* of parentheses */
#define MAX_NODES 2000			/* of a pattern as written */
#define MAX_VISITS 20000		/* of its nodes when it is written out */

typedef struct JRegexParser
{
	JStr		text;
	int			at;
	const JStr *names;
	int			n_names;
	bool		dots_join;
	int			depth;
	int			visits;
	JRegex	   *regex;
	JRegexError *error;
} JRegexParser;

static JNode *ParseOr(JRegexParser *parser);

static void *
Fail(JRegexParser *parser, int at, const char *message)
{
	if (parser->error->message == NULL)
		*parser->error = (JRegexError) {message, at};
	return NULL;
}

/* The next character that is no blank; -1 at the end. */
static int
Peek(JRegexParser *parser)
{
	while (parser->at < parser->text.len &&
		   strchr(" \t\r\n", parser->text.data[parser->at]) != NULL &&
		   parser->text.data[parser->at] != '\0')
		parser->at++;
	return parser->at < parser->text.len ? (unsigned char) parser->text.data[parser->at] : -1;
}

static bool
Take(JRegexParser *parser, char c)
{
	if (Peek(parser) != (unsigned char) c)
		return false;
	parser->at++;
	return true;
}

static JNode *
MakeNode(JRegexParser *parser, JNodeType type, JNode *left, JNode *right)
{
	JNode	   *node;

	if (++parser->visits > MAX_NODES)
		return Fail(parser, parser->at, "it is too long");
	node = palloc0_object(JNode);
	node->type = type;
	node->left = left;
	node->right = right;
	return node;
}

static inline bool
IsNameChar(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c >= 0x80;
}

/* The length of the run of a name's characters at a place. */
static int
NameLength(const JRegexParser *parser, int at)
{
	int			end = at;

	while (end < parser->text.len && IsNameChar((unsigned char) parser->text.data[end]))
		end++;
	return end - at;
}

/* The symbol of exactly that name, in any ASCII case; -1 if there is none. */
static int
FindName(const JRegexParser *parser, int at, int len)
{
	for (int i = 0; i < parser->n_names; i++)
	{
		int			same = 0;

		if (parser->names[i].len != len)
			continue;
		while (same < len && JLower((unsigned char) parser->text.data[at + same]) ==
			   (unsigned char) parser->names[i].data[same])
			same++;
		if (same == len)
			return i;
	}
	return -1;
}

/* Takes the longest symbol's name that begins here: single letters may stand together. */
static int
TakeName(JRegexParser *parser)
{
	(void) Peek(parser);
	for (int len = NameLength(parser, parser->at); len > 0; len--)
	{
		int			symbol = FindName(parser, parser->at, len);

		if (symbol >= 0)
		{
			parser->at += len;
			return symbol;
		}
	}
	return -1;
}

/* Takes (name); what looks otherwise, or names no symbol, is left. */
static int
TakeNameInParentheses(JRegexParser *parser)
{
	int			from = parser->at;
	int			len;
	int			symbol = -1;

	if (!Take(parser, '('))
		return -1;
	(void) Peek(parser);
	len = NameLength(parser, parser->at);
	if (len > 0)
		symbol = FindName(parser, parser->at, len);
	parser->at += len;
	if (symbol < 0 || !Take(parser, ')'))
	{
		parser->at = from;
		return -1;
	}
	return symbol;
}

static JNode *
SymbolNode(JRegexParser *parser, uint64 symbols)
{
	JNode	   *node = MakeNode(parser, JNODE_SYMBOLS, NULL, NULL);

	if (node != NULL)
		node->symbols = symbols;
	return node;
}

static uint64
AllSymbols(const JRegexParser *parser)
{
	return parser->n_names == 64 ? ~UINT64CONST(0) : (UINT64CONST(1) << parser->n_names) - 1;
}

/* What follows [ */
static JNode *
ParseBracket(JRegexParser *parser)
{
	bool		others = Take(parser, '^');
	uint64		symbols = 0;

	while (!Take(parser, ']'))
	{
		int			symbol = TakeNameInParentheses(parser);

		if (symbol < 0)
			symbol = TakeName(parser);
		if (symbol < 0)
			return Fail(parser, parser->at, Peek(parser) < 0 ? "a closing ] is expected" :
						"a symbol is expected");
		symbols |= UINT64CONST(1) << symbol;
	}
	return SymbolNode(parser, others ? AllSymbols(parser) & ~symbols : symbols);
}

static JNode *
ParseAtom(JRegexParser *parser)
{
	int			symbol;
	int			at;

	(void) Peek(parser);
	at = parser->at;
	symbol = TakeNameInParentheses(parser);
	if (symbol < 0)
		symbol = TakeName(parser);
	if (symbol >= 0)
		return SymbolNode(parser, UINT64CONST(1) << symbol);
	if (Take(parser, '.'))
		return SymbolNode(parser, AllSymbols(parser));
	if (Take(parser, '['))
		return ParseBracket(parser);
	if (Take(parser, '('))
	{
		JNode	   *node;

		if (++parser->depth > MAX_DEPTH)
			return Fail(parser, at, "parentheses are nested too deep");
		node = ParseOr(parser);
		parser->depth--;
		if (node != NULL && !Take(parser, ')'))
			return Fail(parser, parser->at, "a closing ) is expected");
		return node;
	}
	if (NameLength(parser, at) > 0)
		return Fail(parser, at, "there is no symbol of that name");
	return Fail(parser, at, "a symbol is expected");
}

static bool
TakeCount(JRegexParser *parser, int *count)
{
	int			from;

	(void) Peek(parser);
	from = parser->at;
	*count = 0;
	for (int c; (c = Peek(parser)) >= '0' && c <= '9' && *count <= JREGEX_MAX; parser->at++)
		*count = *count * 10 + (c - '0');
	if (parser->at == from)
		Fail(parser, from, "a number is expected");
	else if (*count > JREGEX_MAX)
		Fail(parser, from, "a number of repetitions is too large");
	return parser->error->message == NULL;
}

/* Takes * + ? or braces if they are there. */
static JNode *
ParseRepetition(JRegexParser *parser, JNode *atom)
{
	int			at = parser->at;
	int			min = 0;
	int			max = -1;

	if (Take(parser, '+'))
		min = 1;
	else if (Take(parser, '?'))
		max = 1;
	else if (Take(parser, '{'))
	{
		if (!TakeCount(parser, &min))
			return NULL;
		max = min;
		if (Take(parser, ','))
		{
			max = -1;
			if (Peek(parser) != '}' && !TakeCount(parser, &max))
				return NULL;
		}
		if (!Take(parser, '}'))
			return Fail(parser, parser->at, "a closing } is expected");
		if (max >= 0 && max < min)
			return Fail(parser, at, "the least number of repetitions is greater than the most");
	}
	else if (!Take(parser, '*'))
		return atom;
	atom = MakeNode(parser, JNODE_REPEAT, atom, NULL);
	if (atom == NULL)
		return NULL;
	atom->min = min;
	atom->max = max;
	if (Peek(parser) >= 0 && strchr("*+?{", Peek(parser)) != NULL)
		return Fail(parser, parser->at, "a repetition cannot be repeated; put it in parentheses");
	return atom;
}

static JNode *
ParseThen(JRegexParser *parser)
{
	JNode	   *node = MakeNode(parser, JNODE_THEN, NULL, NULL);

	while (node != NULL && Peek(parser) >= 0 && strchr("|)", Peek(parser)) == NULL)
	{
		JNode	   *atom;

		if (Peek(parser) == '$' && parser->at == parser->text.len - 1 && parser->depth == 0)
			break;
		if (parser->dots_join && Take(parser, '.'))
			continue;
		atom = ParseAtom(parser);
		if (atom != NULL)
			atom = ParseRepetition(parser, atom);
		if (atom == NULL)
			return NULL;
		node = MakeNode(parser, JNODE_THEN, node, atom);
	}
	return node;
}

static JNode *
ParseOr(JRegexParser *parser)
{
	JNode	   *node = ParseThen(parser);

	while (node != NULL && Take(parser, '|'))
	{
		JNode	   *other = ParseThen(parser);

		node = other == NULL ? NULL : MakeNode(parser, JNODE_OR, node, other);
	}
	return node;
}

/* ------------------------------------------------------------------------------------------------
 * places
 * ------------------------------------------------------------------------------------------------ */

/* A part of the pattern, written out. */
typedef struct JFragment
{
	bool		optional;		/* may be nothing */
	JBits		first;
	JBits		last;
} JFragment;

static inline void
AddBits(JBits *to, const JBits *bits)
{
	for (int i = 0; i < JREGEX_WORDS; i++)
		to->word[i] |= bits->word[i];
}

/* What is first may come after what is last. */
static void
Link(JRegex *regex, const JBits *last, const JBits *first)
{
	for (int i = 0; i < JREGEX_WORDS; i++)
		for (uint64 word = last->word[i]; word != 0; word &= word - 1)
			AddBits(&regex->follow[i * 64 + pg_rightmost_one_pos64(word)], first);
}

static void
Append(JRegex *regex, JFragment *fragment, const JFragment *next)
{
	Link(regex, &fragment->last, &next->first);
	if (fragment->optional)
		AddBits(&fragment->first, &next->first);
	if (next->optional)
		AddBits(&fragment->last, &next->last);
	else
		fragment->last = next->last;
	fragment->optional &= next->optional;
}

static JFragment WriteOut(JRegexParser *parser, const JNode *node);

static JFragment
WriteRepeat(JRegexParser *parser, const JNode *node)
{
	JFragment	fragment = {.optional = true};
	int			copies = node->max < 0 ? Max(node->min, 1) : node->max;

	for (int i = 0; i < copies && parser->error->message == NULL; i++)
	{
		JFragment	copy = WriteOut(parser, node->left);

		if (node->max < 0 && i == copies - 1)
			Link(parser->regex, &copy.last, &copy.first);
		if (i >= node->min)
			copy.optional = true;
		Append(parser->regex, &fragment, &copy);
	}
	return fragment;
}

/* Gives places to a node's symbols; a repeated one comes here again for each copy. */
static JFragment
WriteOut(JRegexParser *parser, const JNode *node)
{
	JRegex	   *regex = parser->regex;
	JFragment	fragment = {.optional = true};
	JFragment	other;

	if (++parser->visits > MAX_NODES + MAX_VISITS || regex->n > JREGEX_MAX)
	{
		Fail(parser, 0, "it is too long with its repetitions written out");
		return fragment;
	}
	if (node == NULL)
		return fragment;
	switch (node->type)
	{
		case JNODE_SYMBOLS:
			if (regex->n == JREGEX_MAX)
			{
				Fail(parser, 0, "it is too long with its repetitions written out");
				return fragment;
			}
			regex->symbols[regex->n] = node->symbols;
			fragment.optional = false;
			fragment.first.word[regex->n / 64] |= UINT64CONST(1) << (regex->n % 64);
			fragment.last = fragment.first;
			regex->n++;
			break;
		case JNODE_THEN:
			fragment = WriteOut(parser, node->left);
			other = WriteOut(parser, node->right);
			Append(regex, &fragment, &other);
			break;
		case JNODE_OR:
			fragment = WriteOut(parser, node->left);
			other = WriteOut(parser, node->right);
			fragment.optional |= other.optional;
			AddBits(&fragment.first, &other.first);
			AddBits(&fragment.last, &other.last);
			break;
		case JNODE_REPEAT:
			fragment = WriteRepeat(parser, node);
			break;
	}
	return fragment;
}

bool
JRegexParse(JStr text, const JStr *names, int n, bool dots_join, JRegex *regex,
			JRegexError *error)
{
	JRegexParser parser = {
		.text = text, .names = names, .n_names = n, .dots_join = dots_join, .regex = regex,
		.error = error
	};
	JNode	   *node;
	JFragment	whole;

	memset(regex, 0, sizeof(*regex));
	error->message = NULL;
	regex->from_start = Take(&parser, '^');
	while (parser.text.len > 0 && strchr(" \t\r\n", parser.text.data[parser.text.len - 1]) != NULL)
		parser.text.len--;
	node = ParseOr(&parser);
	if (node != NULL)
	{
		regex->to_end = Take(&parser, '$');
		if (Peek(&parser) >= 0)
			Fail(&parser, parser.at, "a symbol is expected");
	}
	if (error->message != NULL)
		return false;
	whole = WriteOut(&parser, node);
	regex->first = whole.first;
	regex->last = whole.last;
	if (error->message == NULL && regex->n == 0)
		Fail(&parser, 0, "it names no symbol");
	return error->message == NULL;
}

/* ------------------------------------------------------------------------------------------------
 * matching
 * ------------------------------------------------------------------------------------------------ */

/* The greatest of the ends of some places. */
static int
Furthest(const JBits *places, const int *ends)
{
	int			furthest = -1;

	for (int i = 0; i < JREGEX_WORDS; i++)
		for (uint64 word = places->word[i]; word != 0; word &= word - 1)
			furthest = Max(furthest, ends[i * 64 + pg_rightmost_one_pos64(word)]);
	return furthest;
}

/*
 * From the last row to the first: for each place, how far a match can go that has just read the row
 * at that place.
 */
int *
JRegexEnds(const JRegex *regex, const uint8 *symbols, int n)
{
	int		   *result = palloc_extended(sizeof(int) * Max((Size) n, 1), MCXT_ALLOC_HUGE);
	int			buffer[2][JREGEX_MAX];

	memset(buffer, -1, sizeof(buffer));
	for (int row = n - 1; row >= 0; row--)
	{
		const int  *after = buffer[(row + 1) % 2];
		int		   *here = buffer[row % 2];

		CHECK_FOR_INTERRUPTS();
		for (int place = 0; place < regex->n; place++)
		{
			here[place] = -1;
			if ((regex->symbols[place] >> symbols[row] & 1) == 0)
				continue;
			here[place] = Furthest(&regex->follow[place], after);
			if (here[place] < 0 && (regex->last.word[place / 64] >> (place % 64) & 1) &&
				(!regex->to_end || row == n - 1))
				here[place] = row + 1;
		}
		result[row] = regex->from_start && row > 0 ? -1 : Furthest(&regex->first, here);
	}
	return result;
}
