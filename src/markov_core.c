/*
 * markov_core.c
 *		Removal effects of a chain of channels, solved exactly.
 *
 * The chain is what the paths say: from each state (a channel, or for depth 2 the last two) so many
 * steps to each other state and to the ends. Let D be the diagonal of all steps out of a state, C the
 * steps between states, M the inverse of D - C. Row scaling by counts keeps the input whole numbers.
 *
 * Depth 1. As each visit of a path is one step out of it, the expected visits to a channel are known,
 * and what is lost without channel c is x(c) / M(c,c), where x = M r and r counts the steps to the
 * conversion. The diagonal of M comes without M: states are eliminated in an order that keeps the rest
 * sparse (least degree first), the core that becomes dense in a square matrix; then the entries of M at
 * the places of the factors are found backwards.
 *
 * Depth 2. A channel is all states that end in it. What is lost without it are the first entries into
 * these states times x. Up to some thousand states the rest is eliminated in halves: to see each channel
 * alone, eliminate one half of the channels, then half of what is left, and so on down. Beyond, the
 * chain without the channel is solved by iteration over its rows.
 *
 * Elimination adds, multiplies and divides what is not negative, and never subtracts: a pivot is the sum
 * of what leaves the state (Grassmann, Taksar, Heyman). So all digits are good, and no effect is below 0.
 * All loops run in a fixed order; the Makefile forbids the compiler to fuse multiply and add.
 */
#include "markov_core.h"

#include <math.h>

/* So many states of a matrix are worked on at once. */
#define DENSE_BLOCK 8

/* A chain of depth 2 with more states is iterated. */
#define MAX_HALVED_STATES 1000

/* A core of more states would take minutes, and gigabytes. */
#define MAX_DENSE_CORE 6000

/* Steps of iteration in all, each over one transition, before the chain counts as too slow. */
#define MAX_ITERATION_WORK 3e10

/* The chain: states 0 .. n - 1, without those that no path with weight has. */
typedef struct Chain
{
	int			n;
	int		   *group;			/* by state: its channel, from 0; in order */
	Size	   *row;			/* by state: its first transition; row[n] is their number */
	int		   *to;				/* by transition */
	double	   *steps;			/* by transition, without those of a state to itself */
	double	   *ends;			/* by state: steps to the conversion and to null */
	double	   *conversions;	/* by state: steps to the conversion */
	double	   *value;			/* by state: their value */
	double	   *start;			/* by state: steps from the start */
	double		all_conversions;
	double		all_value;
} Chain;

static void *
AllocZero(Size width, Size n)
{
	return palloc_extended(width * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* ------------------------------------------------------------------------------------------------
 * the chain of the sums
 * ------------------------------------------------------------------------------------------------ */

/* What a sum says, whatever the depth. States are numbered by (channel, the one before). */
typedef struct Step
{
	int64		from;			/* -1: the start */
	int64		to;				/* -1: an end */
	bool		converts;
	const JPathSum *sum;
} Step;

static inline int64
StateCode(const JPathSums *sums, int32 before, int32 channel)
{
	return channel == J_STATE_START ? -1 : (int64) channel * (sums->n_channels + 1) + before;
}

static Step
StepOf(const JPathSums *sums, const JPathSum *sum)
{
	bool		second = sums->model == JPATHS_MARKOV_2;
	const int32 *key = second ? sum->key + 1 : sum->key;
	Step		step = {.sum = sum};

	step.from = StateCode(sums, second ? sum->key[0] : 0, key[0]);
	step.to = key[1] > 0 ? StateCode(sums, second ? key[0] : 0, key[1]) : -1;
	step.converts = key[1] == J_STATE_CONVERSION;
	return step;
}

static int
CompareCodes(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

static int
StateOf(const int64 *codes, int n, int64 code)
{
	const int64 *found = bsearch(&code, codes, n, sizeof(int64), CompareCodes);

	return found == NULL ? -1 : found - codes;
}

/* The states, as codes in order: those that steps lead out of. */
static int64 *
ChainCodes(const JPathSums *sums, int *n)
{
	int64	   *codes = AllocZero(sizeof(int64), sums->n_sums);
	int			count = 0;

	for (int i = 0; i < sums->n_sums; i++)
	{
		Step		step = StepOf(sums, &sums->sums[i]);

		if (step.from >= 0 && sums->sums[i].weight > 0)
			codes[count++] = step.from;
	}
	qsort(codes, count, sizeof(int64), CompareCodes);
	*n = 0;
	for (int i = 0; i < count; i++)
		if (*n == 0 || codes[*n - 1] != codes[i])
			codes[(*n)++] = codes[i];
	return codes;
}

static void
ChainAlloc(Chain *chain, int n, int n_sums)
{
	memset(chain, 0, sizeof(Chain));
	chain->n = n;
	chain->group = AllocZero(sizeof(int), n);
	chain->row = AllocZero(sizeof(Size), n + 1);
	chain->to = AllocZero(sizeof(int), n_sums);
	chain->steps = AllocZero(sizeof(double), n_sums);
	chain->ends = AllocZero(sizeof(double), n);
	chain->conversions = AllocZero(sizeof(double), n);
	chain->value = AllocZero(sizeof(double), n);
	chain->start = AllocZero(sizeof(double), n);
}

/*
 * Sums are in order of their keys, and those of a row not together when the row's state is numbered by
 * its channel first; so transitions are counted before they are put.
 */
static void
ChainFrom(const JPathSums *sums, Chain *chain)
{
	int			n;
	int64	   *codes = ChainCodes(sums, &n);
	Size	   *next;

	ChainAlloc(chain, n, sums->n_sums);
	for (int s = 0; s < n; s++)
		chain->group[s] = codes[s] / (sums->n_channels + 1) - 1;
	next = AllocZero(sizeof(Size), n + 1);
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < sums->n_sums; i++)
		{
			const JPathSum *sum = &sums->sums[i];
			Step		step = StepOf(sums, sum);
			int			from = StateOf(codes, n, step.from);
			int			to = step.to < 0 ? -1 : StateOf(codes, n, step.to);

			if (pass == 0 && step.converts)
			{
				chain->all_conversions += (double) sum->weight;
				chain->all_value += (double) sum->value;
			}
			if (step.from < 0 && to >= 0 && pass == 0)
				chain->start[to] += (double) sum->weight;
			if (from < 0 || from == to)
				continue;
			if (step.to >= 0 && to >= 0)
			{
				if (pass == 0)
					next[from + 1]++;
				else
				{
					chain->to[next[from]] = to;
					chain->steps[next[from]++] = (double) sum->weight;
				}
			}
			else if (pass == 0)
			{
				chain->ends[from] += (double) sum->weight;
				chain->conversions[from] += step.converts ? (double) sum->weight : 0;
				chain->value[from] += step.converts ? (double) sum->value : 0;
			}
		}
		for (int s = 0; s < n && pass == 0; s++)
			next[s + 1] += next[s];
		if (pass == 0)
			memcpy(chain->row, next, sizeof(Size) * (n + 1));
	}
	pfree(next);
	pfree(codes);
}

/* ------------------------------------------------------------------------------------------------
 * sparse elimination
 * ------------------------------------------------------------------------------------------------ */

/* A neighbour of a state, with what leads there and back, and later the entries of M there. */
typedef struct Link
{
	int			to;
	double		out;			/* steps to it; then M(state, to) */
	double		in;				/* steps from it; then M(to, state) */
} Link;

typedef struct ChainNode
{
	Link	   *links;			/* to other states; those eliminated before it go by Compact() */
	int			n;
	int			allocated;
	int			degree;			/* links to states that are not eliminated yet */
	int			order;			/* when it is eliminated, or its place in the core; -1: not yet */
	int			prev;			/* in the list of states of one degree */
	int			next;
	double		pivot;
	double		diagonal;		/* M(state, state) */
} ChainNode;

typedef struct Elimination
{
	int			n;
	int			n_sparse;		/* states that are eliminated one by one, in by_order */
	ChainNode	   *nodes;
	int		   *by_order;
	int		   *by_degree;		/* first state of each degree, or -1 */
	int			least_degree;	/* none has less */
	int		   *place;			/* scratch: where a state is among the links of another, or -1 */
	double	   *ends;			/* by state, of the reduced chain */
	double	   *x[2];			/* right sides, and then solutions */
	int			n_core;
	int		   *core;			/* states of the core */
	double	   *matrix;			/* n_core x n_core */
} Elimination;

static void
Unlist(Elimination *e, int s)
{
	ChainNode	   *node = &e->nodes[s];

	if (node->prev >= 0)
		e->nodes[node->prev].next = node->next;
	else
		e->by_degree[node->degree] = node->next;
	if (node->next >= 0)
		e->nodes[node->next].prev = node->prev;
}

static void
Enlist(Elimination *e, int s)
{
	ChainNode	   *node = &e->nodes[s];

	node->prev = -1;
	node->next = e->by_degree[node->degree];
	if (node->next >= 0)
		e->nodes[node->next].prev = s;
	e->by_degree[node->degree] = s;
	e->least_degree = Min(e->least_degree, node->degree);
}

static void
AddLink(ChainNode *node, int to, double out, double in)
{
	if (node->n == node->allocated)
	{
		node->allocated = Max(2 * node->allocated, 4);
		node->links = node->links == NULL ? palloc(sizeof(Link) * node->allocated) :
			repalloc_huge(node->links, sizeof(Link) * node->allocated);
	}
	node->links[node->n++] = (Link) {to, out, in};
	node->degree++;
}

/* Drops the links to states that are eliminated. */
static void
Compact(const Elimination *e, ChainNode *node)
{
	int			n = 0;

	for (int i = 0; i < node->n; i++)
		if (e->nodes[node->links[i].to].order < 0)
			node->links[n++] = node->links[i];
	node->n = n;
}

/* Links each state with those that its steps lead to or come from. */
static void
MakeLinks(Elimination *e, const Chain *chain)
{
	int			n = chain->n;
	Size	   *next = AllocZero(sizeof(Size), n + 1);
	Size	   *row = AllocZero(sizeof(Size), n + 1);
	int		   *from = AllocZero(sizeof(int), chain->row[n]);
	double	   *steps = AllocZero(sizeof(double), chain->row[n]);

	/* the transitions by where they lead */
	for (Size t = 0; t < chain->row[n]; t++)
		row[chain->to[t] + 1]++;
	for (int s = 0; s < n; s++)
		row[s + 1] += row[s];
	memcpy(next, row, sizeof(Size) * (n + 1));
	for (int s = 0; s < n; s++)
		for (Size t = chain->row[s]; t < chain->row[s + 1]; t++)
		{
			from[next[chain->to[t]]] = s;
			steps[next[chain->to[t]]++] = chain->steps[t];
		}
	for (int s = 0; s < n; s++)
	{
		ChainNode  *node = &e->nodes[s];

		for (Size t = chain->row[s]; t < chain->row[s + 1]; t++)
		{
			e->place[chain->to[t]] = node->n;
			AddLink(node, chain->to[t], chain->steps[t], 0);
		}
		for (Size t = row[s]; t < row[s + 1]; t++)
			if (e->place[from[t]] >= 0)
				node->links[e->place[from[t]]].in = steps[t];
			else
				AddLink(node, from[t], 0, steps[t]);
		for (Size t = chain->row[s]; t < chain->row[s + 1]; t++)
			e->place[chain->to[t]] = -1;
	}
	pfree(next);
	pfree(row);
	pfree(from);
	pfree(steps);
}

static void
EliminationInit(Elimination *e, const Chain *chain)
{
	int			n = chain->n;

	memset(e, 0, sizeof(Elimination));
	e->n = n;
	e->nodes = AllocZero(sizeof(ChainNode), n);
	e->by_order = AllocZero(sizeof(int), n);
	e->by_degree = AllocZero(sizeof(int), n);
	e->place = AllocZero(sizeof(int), n);
	e->core = AllocZero(sizeof(int), n);
	e->ends = AllocZero(sizeof(double), n);
	for (int k = 0; k < 2; k++)
	{
		e->x[k] = AllocZero(sizeof(double), n);
		memcpy(e->x[k], k == 0 ? chain->conversions : chain->value, sizeof(double) * n);
	}
	memcpy(e->ends, chain->ends, sizeof(double) * n);
	for (int s = 0; s < n; s++)
	{
		e->place[s] = e->by_degree[s] = -1;
		e->nodes[s].order = -1;
	}
	MakeLinks(e, chain);
	e->least_degree = n;
	for (int s = 0; s < n; s++)
		Enlist(e, s);
}

/* Leads the steps from a neighbour to k on to where k leads. k has an order already, and is no neighbour more. */
static void
Bypass(Elimination *e, const ChainNode *gone, const Link *from, int k)
{
	ChainNode	   *node = &e->nodes[from->to];
	double		share = from->in / gone->pivot;

	Unlist(e, from->to);
	node->degree--;
	if (gone->n > 1)
		Compact(e, node);
	for (int i = 0; i < node->n && gone->n > 1; i++)
		e->place[node->links[i].to] = i;
	for (int i = 0; i < gone->n; i++)
	{
		const Link *on = &gone->links[i];
		double		back = on->in / gone->pivot * from->out;

		if (on->to == from->to)
			continue;
		if (e->place[on->to] < 0)
			AddLink(node, on->to, share * on->out, back);
		else
		{
			node->links[e->place[on->to]].out += share * on->out;
			node->links[e->place[on->to]].in += back;
		}
	}
	for (int i = 0; i < node->n && gone->n > 1; i++)
		e->place[node->links[i].to] = -1;
	e->ends[from->to] += share * e->ends[k];
	for (int r = 0; r < 2; r++)
		e->x[r][from->to] += share * e->x[r][k];
	Enlist(e, from->to);
}

/* Eliminates states of least degree until what is left is dense. False: from some state no end is reached. */
static bool
EliminateSparse(Elimination *e)
{
	int			left = e->n;

	while (left > 0)
	{
		ChainNode	   *node;
		int			k;

		CHECK_FOR_INTERRUPTS();
		while (e->by_degree[e->least_degree] < 0)
			e->least_degree++;
		if (left <= 32 || 3 * (int64) e->least_degree > left)
			break;
		k = e->by_degree[e->least_degree];
		node = &e->nodes[k];
		Unlist(e, k);
		Compact(e, node);
		node->order = e->n_sparse;
		e->by_order[e->n_sparse++] = k;
		left--;
		node->pivot = e->ends[k];
		for (int i = 0; i < node->n; i++)
			node->pivot += node->links[i].out;
		if (!(node->pivot > 0))
			return false;
		for (int i = 0; i < node->n; i++)
			Bypass(e, node, &node->links[i], k);
	}
	for (int s = 0; s < e->n; s++)
		if (e->nodes[s].order < 0)
		{
			Compact(e, &e->nodes[s]);
			e->core[e->n_core++] = s;
		}
	for (int i = 0; i < e->n_core; i++)
		e->nodes[e->core[i]].order = e->n_sparse + i;
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * dense elimination
 * ------------------------------------------------------------------------------------------------ */

/* to += factor * from, for n numbers. */
static inline void
AddMultiple(double *restrict to, const double *restrict from, double factor, int n)
{
	for (int i = 0; i < n; i++)
		to[i] += factor * from[i];
}

/* Four sums side by side, in an order that does not depend on the machine. */
static inline double
DotProduct(const double *a, const double *b, int n)
{
	double		sum[4] = {0};
	int			i = 0;

	for (; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++)
			sum[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/*
 * Eliminates state k of n: its row's steps go on from those of later states that lead to it. Rows below
 * `split` are done whole, later ones only up to that column. False: no end is reached.
 */
static bool
EliminateState(double *w, int n, int k, int split, double *ends, double *x[2], double *pivot)
{
	const double *row = w + (Size) k * n;

	*pivot = ends[k];
	for (int j = k + 1; j < n; j++)
		*pivot += row[j];
	if (!(*pivot > 0))
		return false;
	for (int i = k + 1; i < n; i++)
	{
		double	   *other = w + (Size) i * n;
		double		share = other[k] / *pivot;

		other[k] = share;
		if (share == 0)
			continue;
		AddMultiple(other + k + 1, row + k + 1, share, (i < split ? n : split) - k - 1);
		ends[i] += share * ends[k];
		for (int r = 0; r < 2 && x != NULL; r++)
			x[r][i] += share * x[r][k];
	}
	return true;
}

/*
 * Eliminates the first `count` of n states of a square matrix of steps (row by row, the diagonal
 * unused). Rows of eliminated states keep their steps to later ones, columns the shares that lead back
 * to them. States go in blocks, so that a large matrix is read once a block. False: from some state no
 * end is reached.
 */
static bool
EliminateDense(double *w, int n, int count, double *ends, double *x[2], double *pivots)
{
	for (int from = 0, to; from < count; from = to)
	{
		to = Min(from + DENSE_BLOCK, count);
		for (int k = from; k < to; k++)
			if (!EliminateState(w, n, k, to, ends, x, &pivots[k]))
				return false;
		for (int i = to; i < n; i++)
		{
			double	   *other = w + (Size) i * n;

			CHECK_FOR_INTERRUPTS();
			for (int k = from; k < to; k++)
				if (other[k] != 0)
					AddMultiple(other + to, w + (Size) k * n + to, other[k], n - to);
		}
	}
	return true;
}

/*
 * What the states from `to` on, whose M is known, bring to M of a block before them: rows[b] for its
 * rows, columns[b] for its columns, by the shares of the steps out of the block and back to it.
 */
static void
InvertBlock(const double *w, int n, int from, int to, const double *pivots, double *rows, double *columns)
{
	int			size = to - from;
	int			later = n - to;
	double	   *shares = AllocZero(sizeof(double), (Size) size * later);

	for (int b = 0; b < size; b++)
		for (int i = 0; i < later; i++)
			shares[(Size) b * later + i] = w[(Size) (to + i) * n + from + b];
	memset(rows, 0, sizeof(double) * size * later);
	for (int i = 0; i < later; i++)
	{
		const double *known = w + (Size) (to + i) * n + to;

		CHECK_FOR_INTERRUPTS();
		for (int b = 0; b < size; b++)
		{
			double		steps = w[(Size) (from + b) * n + to + i];

			if (steps != 0)
				AddMultiple(rows + (Size) b * later, known, steps / pivots[from + b], later);
			columns[(Size) b * later + i] = DotProduct(known, shares + (Size) b * later, later);
		}
	}
	pfree(shares);
}

/* M of state k, of which `later` columns and rows from `to` on are begun; those of the block before follow. */
static void
InvertState(double *w, int n, int k, int to, double pivot, const double *rows, const double *columns)
{
	double	   *row = w + (Size) k * n;
	double	   *steps = AllocZero(sizeof(double), n);
	double	   *shares = AllocZero(sizeof(double), n);
	double		diagonal = 1;

	for (int i = k + 1; i < n; i++)
	{
		steps[i] = row[i];
		shares[i] = w[(Size) i * n + k];
		row[i] = i < to ? 0 : rows[i - to];
	}
	for (int i = k + 1; i < to; i++)
		AddMultiple(row + to, w + (Size) i * n + to, steps[i] / pivot, n - to);
	for (int j = k + 1; j < to; j++)
		for (int i = k + 1; i < n; i++)
			row[j] += steps[i] / pivot * w[(Size) i * n + j];
	for (int i = k + 1; i < n; i++)
	{
		double	   *other = w + (Size) i * n;

		other[k] = i < to ? DotProduct(other + k + 1, shares + k + 1, n - k - 1) :
			columns[i - to] + DotProduct(other + k + 1, shares + k + 1, to - k - 1);
		diagonal += steps[i] * other[k];
	}
	row[k] = diagonal / pivot;
	pfree(steps);
	pfree(shares);
}

/* Turns the factors of a wholly eliminated matrix into M, backwards, in place and in blocks. */
static void
InvertDense(double *w, int n, const double *pivots)
{
	double	   *rows = AllocZero(sizeof(double), (Size) DENSE_BLOCK * n);
	double	   *columns = AllocZero(sizeof(double), (Size) DENSE_BLOCK * n);

	for (int to = n; to > 0; to = Max(to - DENSE_BLOCK, 0))
	{
		int			from = Max(to - DENSE_BLOCK, 0);

		InvertBlock(w, n, from, to, pivots, rows, columns);
		for (int k = to - 1; k >= from; k--)
			InvertState(w, n, k, to, pivots[k], rows + (Size) (k - from) * (n - to),
						columns + (Size) (k - from) * (n - to));
	}
	pfree(rows);
	pfree(columns);
}

/* The core's states: x, and where wanted M in the matrix. */
static bool
SolveCore(Elimination *e, bool with_m)
{
	int			n = e->n_core;
	double	   *ends = AllocZero(sizeof(double), n);
	double	   *pivots = AllocZero(sizeof(double), n);
	double	   *x[2];
	bool		good;

	e->matrix = AllocZero(sizeof(double), (Size) n * n);
	for (int r = 0; r < 2; r++)
		x[r] = AllocZero(sizeof(double), n);
	for (int i = 0; i < n; i++)
	{
		const ChainNode *node = &e->nodes[e->core[i]];

		ends[i] = e->ends[e->core[i]];
		for (int r = 0; r < 2; r++)
			x[r][i] = e->x[r][e->core[i]];
		for (int l = 0; l < node->n; l++)
			e->matrix[(Size) i * n + (e->nodes[node->links[l].to].order - e->n_sparse)] =
				node->links[l].out;
	}
	good = EliminateDense(e->matrix, n, n, ends, x, pivots);
	for (int k = n - 1; k >= 0 && good; k--)
		for (int r = 0; r < 2; r++)
		{
			double		sum = x[r][k];

			for (int j = k + 1; j < n; j++)
				sum += e->matrix[(Size) k * n + j] * x[r][j];
			x[r][k] = sum / pivots[k];
			e->x[r][e->core[k]] = x[r][k];
		}
	if (good && with_m)
	{
		InvertDense(e->matrix, n, pivots);
		for (int i = 0; i < n; i++)
			e->nodes[e->core[i]].diagonal = e->matrix[(Size) i * n + i];
	}
	pfree(ends);
	pfree(pivots);
	pfree(x[0]);
	pfree(x[1]);
	return good;
}

/* ------------------------------------------------------------------------------------------------
 * backwards through the sparse states
 * ------------------------------------------------------------------------------------------------ */

/*
 * M between the links of a state: m[i * n + j] is M(i, j). The links were all linked with each other
 * when the state was eliminated, so that the earlier one of a pair still has the entries of both ways.
 */
static void
GatherM(Elimination *e, const ChainNode *node, double *m)
{
	for (int i = 0; i < node->n; i++)
	{
		int			s = node->links[i].to;
		const ChainNode *other = &e->nodes[s];

		m[i * node->n + i] = other->diagonal;
		if (other->order >= e->n_sparse)
		{
			const double *row = e->matrix + (Size) (other->order - e->n_sparse) * e->n_core;

			for (int j = 0; j < node->n; j++)
				if (e->nodes[node->links[j].to].order >= e->n_sparse)
					m[i * node->n + j] = row[e->nodes[node->links[j].to].order - e->n_sparse];
			continue;
		}
		for (int l = 0; l < other->n; l++)
			e->place[other->links[l].to] = l;
		for (int j = 0; j < node->n; j++)
		{
			int			at = e->place[node->links[j].to];

			if (j == i || at < 0 || e->nodes[node->links[j].to].order < other->order)
				continue;
			m[i * node->n + j] = other->links[at].out;
			m[j * node->n + i] = other->links[at].in;
		}
		for (int l = 0; l < other->n; l++)
			e->place[other->links[l].to] = -1;
	}
}

static void
SolveBackwards(Elimination *e, bool with_m)
{
	double	   *m = NULL;
	Size		room = 0;

	for (int at = e->n_sparse - 1; at >= 0; at--)
	{
		int			k = e->by_order[at];
		ChainNode	   *node = &e->nodes[k];
		int			n = node->n;
		double	   *entries;

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < 2; r++)
		{
			double		sum = e->x[r][k];

			for (int i = 0; i < n; i++)
				sum += node->links[i].out * e->x[r][node->links[i].to];
			e->x[r][k] = sum / node->pivot;
		}
		if (!with_m)
			continue;
		if ((Size) n * n + 2 * n > room)
		{
			if (m != NULL)
				pfree(m);
			room = (Size) n * n + 2 * n;
			m = AllocZero(sizeof(double), room);
		}
		entries = m + (Size) n * n;
		GatherM(e, node, m);
		memset(entries, 0, sizeof(double) * 2 * n);
		node->diagonal = 1;
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
			{
				entries[j] += node->links[i].out * m[i * n + j];
				entries[n + i] += m[i * n + j] * node->links[j].in;
			}
		for (int i = 0; i < n; i++)
			node->diagonal += node->links[i].out * (entries[n + i] / node->pivot);
		for (int i = 0; i < n; i++)
		{
			node->links[i].out = entries[i] / node->pivot;
			node->links[i].in = entries[n + i] / node->pivot;
		}
		node->diagonal /= node->pivot;
	}
}

static const char *const no_end = "from some channel no end of a path is reached";

/* Solves the chain for x, and where wanted for the diagonal of M. */
static const char *
SolveChain(Elimination *e, const Chain *chain, bool with_m, const char **hint)
{
	EliminationInit(e, chain);
	if (!EliminateSparse(e))
		return no_end;
	if (e->n_core > MAX_DENSE_CORE)
	{
		*hint = "Give rare channels one name, such as (other).";
		return psprintf("%d of %d states lead to one another", e->n_core, e->n);
	}
	if (!SolveCore(e, with_m))
		return no_end;
	SolveBackwards(e, with_m);
	return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * depth 2: dense, in halves
 * ------------------------------------------------------------------------------------------------ */

/* Some states of the chain, reduced to them and the start, which comes last. */
typedef struct Block
{
	int			n;				/* states */
	int		   *states;
	double	   *w;				/* (n + 1) x (n + 1): steps between them; the last row is the start's */
	double	   *ends;			/* n + 1 */
} Block;

static void
BlockAlloc(Block *block, int n)
{
	block->n = n;
	block->states = AllocZero(sizeof(int), n);
	block->w = AllocZero(sizeof(double), (Size) (n + 1) * (n + 1));
	block->ends = AllocZero(sizeof(double), n + 1);
}

static void
BlockFree(Block *block)
{
	pfree(block->states);
	pfree(block->w);
	pfree(block->ends);
}

/* The block without its states at [from, to). */
static bool
BlockWithout(const Block *block, int from, int to, Block *rest)
{
	int			n = block->n;
	int			gone = to - from;
	int		   *order = AllocZero(sizeof(int), n + 1);
	double	   *w = AllocZero(sizeof(double), (Size) (n + 1) * (n + 1));
	double	   *ends = AllocZero(sizeof(double), n + 1);
	double	   *pivots = AllocZero(sizeof(double), gone);
	int			count = 0;
	bool		good;

	for (int i = from; i < to; i++)
		order[count++] = i;
	for (int i = 0; i <= n; i++)
		if (i < from || i >= to)
			order[count++] = i;
	for (int i = 0; i <= n; i++)
	{
		ends[i] = block->ends[order[i]];
		for (int j = 0; j <= n; j++)
			w[(Size) i * (n + 1) + j] = block->w[(Size) order[i] * (n + 1) + order[j]];
	}
	good = EliminateDense(w, n + 1, gone, ends, NULL, pivots);
	BlockAlloc(rest, n - gone);
	for (int i = gone; i <= n && good; i++)
	{
		if (i < n)
			rest->states[i - gone] = block->states[order[i]];
		rest->ends[i - gone] = ends[i];
		memcpy(rest->w + (Size) (i - gone) * (n - gone + 1), w + (Size) i * (n + 1) + gone,
			   sizeof(double) * (n - gone + 1));
	}
	pfree(order);
	pfree(w);
	pfree(ends);
	pfree(pivots);
	return good;
}

/* The effects of the channels in a block: what of x enters by each of them first. */
static bool
BlockEffects(const Chain *chain, const Block *block, double *const x[2], double *effects[2])
{
	int			n = block->n;
	int			middle = n / 2;
	Block		half;

	CHECK_FOR_INTERRUPTS();
	if (n == 0)
		return true;
	/* channels are not torn apart */
	if (chain->group[block->states[0]] == chain->group[block->states[n - 1]])
	{
		const double *start = block->w + (Size) n * (n + 1);

		for (int r = 0; r < 2; r++)
			for (int i = 0; i < n; i++)
				effects[r][chain->group[block->states[0]]] += start[i] * x[r][block->states[i]];
		return true;
	}
	while (middle > 0 &&
		   chain->group[block->states[middle]] == chain->group[block->states[middle - 1]])
		middle--;
	while (middle == 0 || chain->group[block->states[middle]] == chain->group[block->states[middle - 1]])
		middle++;
	for (int side = 0; side < 2; side++)
	{
		bool		good = BlockWithout(block, side == 0 ? middle : 0, side == 0 ? n : middle, &half) &&
			BlockEffects(chain, &half, x, effects);

		BlockFree(&half);
		if (!good)
			return false;
	}
	return true;
}

static bool
EffectsInHalves(const Chain *chain, double *const x[2], double *effects[2])
{
	Block		all;
	bool		good;

	BlockAlloc(&all, chain->n);
	for (int s = 0; s < chain->n; s++)
	{
		all.states[s] = s;
		all.ends[s] = chain->ends[s];
		all.w[(Size) chain->n * (chain->n + 1) + s] = chain->start[s];
		for (Size t = chain->row[s]; t < chain->row[s + 1]; t++)
			all.w[(Size) s * (chain->n + 1) + chain->to[t]] = chain->steps[t];
	}
	good = BlockEffects(chain, &all, x, effects);
	BlockFree(&all);
	return good;
}

/* ------------------------------------------------------------------------------------------------
 * depth 2: sparse, by iteration
 * ------------------------------------------------------------------------------------------------ */

/* One sweep over the rows, the states of one channel (or none: -1) left out. Returns the largest change. */
static double
Sweep(const Chain *chain, const double *out, const double *right, int without, double *y)
{
	double		change = 0;

	for (int s = chain->n - 1; s >= 0; s--)
	{
		double		sum = right[s];

		if (chain->group[s] == without)
			continue;
		for (Size t = chain->row[s]; t < chain->row[s + 1]; t++)
			sum += chain->steps[t] * y[chain->to[t]];
		sum /= out[s];
		change = Max(change, fabs(sum - y[s]));
		y[s] = sum;
	}
	return change;
}

/*
 * Iterates until what the sweeps to come can change, by the rate at which changes shrink, is nothing.
 * False when that takes too long.
 */
static bool
Iterate(const Chain *chain, const double *out, const double *right, int without, double *y,
		double *work)
{
	double		largest = 0;
	double		before = 0;

	for (int sweep = 0;; sweep++)
	{
		double		change = Sweep(chain, out, right, without, y);
		double		rate = before > 0 ? Min(change / before, 1 - 1e-9) : 1 - 1e-9;

		CHECK_FOR_INTERRUPTS();
		if (sweep == 0)
			for (int s = 0; s < chain->n; s++)
				largest = Max(largest, fabs(y[s]));
		*work += (double) chain->row[chain->n] + chain->n;
		/* changes of the last digit need not become less */
		if (change <= 1e-17 * largest || (change <= 1e-15 * largest && change >= before) ||
			(sweep > 3 && change * rate / (1 - rate) <= 1e-15 * largest))
			return true;
		if (*work > MAX_ITERATION_WORK)
			return false;
		before = change;
	}
}

/* What conversions, or their value, a chain without a channel has. */
static double
FromStart(const Chain *chain, const double *y, int without)
{
	double		sum = 0;

	for (int s = 0; s < chain->n; s++)
		if (chain->group[s] != without)
			sum += chain->start[s] * y[s];
	return sum;
}

static bool
EffectsByIteration(const Chain *chain, int n_channels, int n_sides, double *effects[2])
{
	double	   *out = AllocZero(sizeof(double), chain->n);
	double	   *y[2];
	double	   *z = AllocZero(sizeof(double), chain->n);
	double		work = 0;

	for (int s = 0; s < chain->n; s++)
	{
		out[s] = chain->ends[s];
		for (Size t = chain->row[s]; t < chain->row[s + 1]; t++)
			out[s] += chain->steps[t];
		if (!(out[s] > 0))
			return false;
	}
	for (int r = 0; r < n_sides; r++)
	{
		const double *right = r == 0 ? chain->conversions : chain->value;

		y[r] = AllocZero(sizeof(double), chain->n);
		if (!Iterate(chain, out, right, -1, y[r], &work))
			return false;
		for (int c = 0; c < n_channels; c++)
		{
			/* the whole chain's solution is close by; what enters the channel is lost */
			for (int s = 0; s < chain->n; s++)
				z[s] = chain->group[s] == c ? 0 : y[r][s];
			if (!Iterate(chain, out, right, c, z, &work))
				return false;
			effects[r][c] = Max(FromStart(chain, y[r], -1) - FromStart(chain, z, c), 0);
		}
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * all together
 * ------------------------------------------------------------------------------------------------ */

static const char *
EffectsOfChain(const Chain *chain, const JPathSums *sums, bool values, double *effects[2],
			   const char **hint)
{
	Elimination e;
	const char *error;

	if (sums->model == JPATHS_MARKOV_2 && chain->n > MAX_HALVED_STATES)
	{
		*hint = "Give rare channels one name, shorten the paths, or use depth 1.";
		return EffectsByIteration(chain, sums->n_channels, values ? 2 : 1, effects) ? NULL :
			psprintf("a chain of depth 2 with %d states does not come to rest", chain->n);
	}
	error = SolveChain(&e, chain, sums->model == JPATHS_MARKOV_1, hint);
	if (error != NULL)
		return error;
	if (sums->model == JPATHS_MARKOV_2)
		return EffectsInHalves(chain, e.x, effects) ? NULL : no_end;
	for (int r = 0; r < 2; r++)
		for (int s = 0; s < chain->n; s++)
			effects[r][chain->group[s]] = e.x[r][s] / e.nodes[s].diagonal;
	return NULL;
}

const char *
JMarkovSolve(const JPathSums *sums, JRemovalEffects *effects, const char **hint)
{
	Chain		chain;
	const char *error;
	double	   *lost[2];
	double		all[2];
	bool		values;

	*hint = NULL;
	ChainFrom(sums, &chain);
	all[0] = chain.all_conversions;
	all[1] = chain.all_value;
	values = !sums->has_negative && all[1] > 0;
	for (int r = 0; r < 2; r++)
		lost[r] = AllocZero(sizeof(double), sums->n_channels);
	effects->conversions = lost[0];
	effects->value = values ? lost[1] : NULL;
	if (!(all[0] > 0))
		return NULL;
	error = EffectsOfChain(&chain, sums, values, lost, hint);
	if (error != NULL)
		return error;
	/* the last digit of a sum may be one too many */
	for (int r = 0; r < 2; r++)
		for (int c = 0; c < sums->n_channels; c++)
			lost[r][c] = Min(lost[r][c] / all[r], 1);
	return NULL;
}
