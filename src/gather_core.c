/*
 * gather_core.c
 *		Brings the events of each visitor together, from rows in any order.
 *
 * Grouping millions of rows in one hash table costs a few cache misses for each. So the rows are first
 * dealt out, by a hash of their visitor, to partitions: that writes to the end of a few dozen places
 * and looks nothing up. Then the partitions are grouped one after the other, each in a hash table that
 * stays in the cache.
 *
 * Partitions serve memory too. When there is no more of it, the largest one goes to a file, with all
 * that still comes for it. It is read back once the ones in memory are done; if it does not fit even
 * then, it is dealt out again, by other bits. A visitor alone in a partition is not dealt out any more.
 */
#include "gather_core.h"

#include "common/hashfn.h"
#ifdef FRONTEND
#include "common/logging.h"

/* Outside the server there is one context, which is never emptied. */
typedef void *MemoryContext;
#define CurrentMemoryContext ((MemoryContext) NULL)
#define AllocSetContextCreate(parent, name, sizes) ((MemoryContext) (parent))
#define MemoryContextAllocZero(context, size) palloc0(size)
#define MemoryContextAllocHuge(context, size) palloc_extended(size, MCXT_ALLOC_HUGE)
#define MemoryContextDelete(context) ((void) (context))

static inline MemoryContext
MemoryContextSwitchTo(MemoryContext context)
{
	return context;
}
#else
#include "utils/memutils.h"
#endif

#define J_PART_BITS 6
#define J_PARTS (1 << J_PART_BITS)
#define J_MAX_LEVEL 8			/* hashes that are equal so often are equal altogether */

#define J_MIN_BLOCK ((Size) 8 * 1024)
#define J_MAX_BLOCK ((Size) 128 * 1024)

#if defined(__GNUC__) || defined(__clang__)
#define JPrefetch(p) __builtin_prefetch(p)
#else
#define JPrefetch(p) ((void) (p))
#endif

/* Rows, each behind its head. */
typedef struct JBlock
{
	struct JBlock *next;
	Size		size;			/* bytes that fit */
	Size		used;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} JBlock;

typedef struct JRowHead
{
	uint32		hash;			/* of the visitor */
	uint32		size;			/* of the row */
} JRowHead;

typedef struct JPartition
{
	JBlock	   *first;			/* in a file: the one that is written next */
	JBlock	   *last;
	Size		memory;			/* of its blocks */
	void	   *file;			/* NULL: all is in memory */
	Size		bytes;			/* of all rows */
	int64		rows;
	uint32		hash;			/* of its first row */
	bool		mixed;			/* has rows with another hash */
} JPartition;

struct JGather
{
	MemoryContext context;
	const JGatherFiles *files;
	Size		limit;
	Size		memory;			/* of all blocks in use */
	Size		block_size;
	JBlock	   *free;			/* blocks of that size */
	int			level;			/* how often its rows were dealt out before */
	JPartition	parts[J_PARTS];
};

/* What grouping takes for each row beside its bytes. */
typedef struct JItem
{
	int64		time;
	const char *row;
} JItem;

#define J_ROW_OVERHEAD (2 * sizeof(JItem) + sizeof(uint32))

/* ------------------------------------------------------------------------------------------------
 * dealing out
 * ------------------------------------------------------------------------------------------------ */

static JGather *
JGatherMakeAt(Size limit, const JGatherFiles *files, int level)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_journey gather",
												  ALLOCSET_DEFAULT_SIZES);
	JGather    *gather = MemoryContextAllocZero(context, sizeof(JGather));

	gather->context = context;
	gather->files = files;
	gather->limit = limit;
	/* the partitions' last blocks must not take a large part of the memory */
	gather->block_size = Min(Max(limit / (8 * J_PARTS), J_MIN_BLOCK), J_MAX_BLOCK);
	gather->level = level;
	return gather;
}

JGather *
JGatherMake(Size limit, const JGatherFiles *files)
{
	return JGatherMakeAt(limit, files, 0);
}

static JBlock *
JTakeBlock(JGather *gather, Size size)
{
	JBlock	   *block = gather->free;

	if (size <= gather->block_size && block != NULL)
		gather->free = block->next;
	else
	{
		size = Max(size, gather->block_size);
		block = MemoryContextAllocHuge(gather->context, offsetof(JBlock, data) + size);
		block->size = size;
	}
	block->next = NULL;
	block->used = 0;
	gather->memory += block->size;
	return block;
}

static void
JGiveBlock(JGather *gather, JBlock *block)
{
	gather->memory -= block->size;
	if (block->size == gather->block_size)
	{
		block->next = gather->free;
		gather->free = block;
	}
	else
		pfree(block);
}

/* Gives back the blocks from `block` on. */
static void
JGiveBlocks(JGather *gather, JBlock *block)
{
	while (block != NULL)
	{
		JBlock	   *next = block->next;

		JGiveBlock(gather, block);
		block = next;
	}
}

/* Writes what a partition has in memory to its file. */
static void
JWritePartition(JGather *gather, JPartition *part)
{
	MemoryContext old = MemoryContextSwitchTo(gather->context);

	if (part->file == NULL)
		part->file = gather->files->create();
	for (JBlock *block = part->first; block != NULL; block = block->next)
	{
		gather->files->write(part->file, &block->used, sizeof(block->used));
		gather->files->write(part->file, block->data, block->used);
	}
	JGiveBlocks(gather, part->first);
	part->first = part->last = NULL;
	part->memory = 0;
	MemoryContextSwitchTo(old);
}

/* Makes room for `size` more bytes of blocks, if there is a partition to write out. */
static void
JMakeRoom(JGather *gather, Size size)
{
	while (gather->memory + size > gather->limit)
	{
		JPartition *largest = NULL;

		for (int i = 0; i < J_PARTS; i++)
		{
			JPartition *part = &gather->parts[i];

			if (part->file == NULL && part->memory > 0 &&
				(largest == NULL || part->memory > largest->memory))
				largest = part;
		}
		if (largest == NULL)
			break;
		JWritePartition(gather, largest);
	}
}

/* A new block at the end of a partition, with room for `size` bytes. */
static void
JAddBlock(JGather *gather, JPartition *part, Size size)
{
	JBlock	   *block;

	CHECK_FOR_INTERRUPTS();
	if (part->file != NULL)
		JWritePartition(gather, part);
	else
		JMakeRoom(gather, Max(size, gather->block_size));
	block = JTakeBlock(gather, size);
	if (part->last != NULL)
		part->last->next = block;
	else
		part->first = block;
	part->last = block;
	part->memory += block->size;
}

/* Room for a row of this hash and size; its head is written. */
static inline char *
JRowRoom(JGather *gather, uint32 hash, Size size)
{
	uint32		bits = gather->level == 0 ? hash : murmurhash32(hash + gather->level);
	JPartition *part = &gather->parts[bits >> (32 - J_PART_BITS)];
	JRowHead	head = {hash, (uint32) size};
	char	   *p;

	if (part->last == NULL || part->last->size - part->last->used < sizeof(head) + size)
		JAddBlock(gather, part, sizeof(head) + size);
	p = part->last->data + part->last->used;
	part->last->used += sizeof(head) + size;
	part->bytes += sizeof(head) + size;
	if (part->rows++ == 0)
		part->hash = hash;
	else if (part->hash != hash)
		part->mixed = true;
	memcpy(p, &head, sizeof(head));
	return p + sizeof(head);
}

bool
JGatherAdd(JGather *gather, const JRow *row)
{
	Size		size = JRowSize(row);
	uint32		hash = 0;

	if (size > MaxAllocSize)
		return false;
	if (row->mask & (1 << JF_VISITOR_ID))
		hash = hash_bytes((const unsigned char *) row->field[JF_VISITOR_ID].data,
						  row->field[JF_VISITOR_ID].len);
	(void) JRowPut(JRowRoom(gather, hash, size), row);
	return true;
}

/* Walks the rows of blocks. */
typedef struct JRowWalk
{
	const JBlock *block;
	Size		at;
} JRowWalk;

static inline const char *
JNextRow(JRowWalk *walk, JRowHead *head)
{
	const char *p;

	while (walk->block != NULL && walk->at == walk->block->used)
	{
		walk->block = walk->block->next;
		walk->at = 0;
	}
	if (walk->block == NULL)
		return NULL;
	p = walk->block->data + walk->at;
	memcpy(head, p, sizeof(*head));
	walk->at += sizeof(*head) + head->size;
	return p + sizeof(*head);
}

/* ------------------------------------------------------------------------------------------------
 * grouping
 * ------------------------------------------------------------------------------------------------ */

/* A visitor of the partition; the id is a copy, so that all of them lie close together. */
typedef struct JVisitor
{
	JStr		id;
	uint32		hash;
	int			number;
	char		status;
} JVisitor;

#define SH_PREFIX visitors
#define SH_ELEMENT_TYPE JVisitor
#define SH_KEY_TYPE JStr
#define SH_KEY id
#define SH_HASH_KEY(tb, key) 0	/* always given */
#define SH_EQUAL(tb, a, b) JStrEqual(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_RAW_ALLOCATOR(size) palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Rows by visitor: those of visitor i are items[start[i] .. start[i + 1]). */
typedef struct JGroups
{
	int			n;
	int64	   *start;
	JItem	   *items;
} JGroups;

static JStr
JCopyStr(JStr s)
{
	char	   *copy;

	if (JStrIsNull(s))
		return s;
	copy = palloc(Max(s.len, 1));
	memcpy(copy, s.data, s.len);
	return (JStr) {copy, s.len};
}

static void
JGroupRows(const JPartition *part, JGroups *groups)
{
	visitors_hash *visitors = visitors_create(256, NULL);
	JItem	   *items = palloc_extended(sizeof(JItem) * part->rows, MCXT_ALLOC_HUGE);
	uint32	   *visitor_of = palloc_extended(sizeof(uint32) * part->rows, MCXT_ALLOC_HUGE);
	JRowWalk	walk = {part->first};
	JRowHead	head;
	const char *row;
	int64	   *next;
	int64		rows = 0;

	groups->n = 0;
	while ((row = JNextRow(&walk, &head)) != NULL)
	{
		JStr		id = JRowVisitor(row);
		bool		found;
		JVisitor   *visitor = visitors_insert_hash(visitors, id, head.hash, &found);

		CHECK_FOR_INTERRUPTS();

		if (!found)
		{
			visitor->id = JCopyStr(id);
			visitor->number = groups->n++;
		}
		visitor_of[rows] = visitor->number;
		items[rows++] = (JItem) {JRowTime(row), row};
	}
	Assert(rows == part->rows);
	visitors_destroy(visitors);

	/* counts stand two places on, so that one place on they can move from starts to ends */
	groups->start = palloc_extended(sizeof(int64) * (groups->n + 2),
									MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	groups->items = palloc_extended(sizeof(JItem) * rows, MCXT_ALLOC_HUGE);
	next = groups->start + 1;
	for (int64 i = 0; i < rows; i++)
		next[visitor_of[i] + 1]++;
	for (int i = 1; i <= groups->n; i++)
		next[i] += next[i - 1];
	for (int64 i = 0; i < rows; i++)
		groups->items[next[visitor_of[i]]++] = items[i];
	pfree(items);
	pfree(visitor_of);
}

static int
JCompareItems(const void *a, const void *b)
{
	int64		x = ((const JItem *) a)->time;
	int64		y = ((const JItem *) b)->time;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Most visitors have a few rows, and those of many come in order more often than not. */
static void
JSortItems(JItem *items, int64 n)
{
	int64		i = 1;

	while (i < n && items[i - 1].time <= items[i].time)
		i++;
	if (n > 64 && i < n)
	{
		qsort(items, n, sizeof(JItem), JCompareItems);
		return;
	}
	for (; i < n; i++)
	{
		JItem		item = items[i];
		int64		to = i;

		for (; to > 0 && items[to - 1].time > item.time; to--)
			items[to] = items[to - 1];
		items[to] = item;
	}
}

/* Calls back for each visitor of a partition whose rows are in memory. */
static void
JEmitPartition(JGather *gather, const JPartition *part, JGatherCallback callback, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(gather->context, "pg_journey groups",
												  ALLOCSET_DEFAULT_SIZES);
	JGroups		groups;
	JEvent	   *events = NULL;
	int64		allocated = 0;

	MemoryContextSwitchTo(context);
	JGroupRows(part, &groups);
	for (int v = 0; v < groups.n; v++)
	{
		JItem	   *items = groups.items + groups.start[v];
		int64		n = groups.start[v + 1] - groups.start[v];

		CHECK_FOR_INTERRUPTS();
		if (v + 1 < groups.n)
			for (int64 i = groups.start[v + 1]; i < Min(groups.start[v + 2], groups.start[v + 1] + 32); i++)
			{
				JPrefetch(groups.items[i].row);
				JPrefetch(groups.items[i].row + 64);
				JPrefetch(groups.items[i].row + 128);
			}
		if (n > JTIMELINE_MAX_EVENTS)
		{
			callback(NULL, (int) Min(n, PG_INT32_MAX), arg);
			continue;
		}
		if (n > allocated)
		{
			if (events != NULL)
				pfree(events);
			allocated = Max(n, Max(2 * allocated, 64));
			events = palloc_extended(sizeof(JEvent) * allocated, MCXT_ALLOC_HUGE);
		}
		JSortItems(items, n);
		for (int64 i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			(void) JRowGet(items[i].row, &events[i]);
		}
		MemoryContextSwitchTo(caller);
		callback(events, (int) n, arg);
		MemoryContextSwitchTo(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* ------------------------------------------------------------------------------------------------
 * the end
 * ------------------------------------------------------------------------------------------------ */

/* The next block of a partition's file, `left` bytes of rows before its end; NULL at it. */
static JBlock *
JReadBlock(JGather *gather, JPartition *part, Size *left)
{
	Size		used;
	JBlock	   *block;

	if (*left == 0)
		return NULL;
	CHECK_FOR_INTERRUPTS();
	gather->files->read(part->file, &used, sizeof(used));
	block = JTakeBlock(gather, used);
	gather->files->read(part->file, block->data, used);
	block->used = used;
	*left -= used;
	return block;
}

/* Deals out again what a file holds; what it is dealt into has all the memory. */
static void
JEmitAgain(JGather *gather, JPartition *part, JGatherCallback callback, void *arg)
{
	JGather    *again = JGatherMakeAt(gather->limit, gather->files, gather->level + 1);
	Size		left = part->bytes;
	JBlock	   *block;

	while ((block = gather->free) != NULL)
	{
		gather->free = block->next;
		pfree(block);
	}
	while ((block = JReadBlock(gather, part, &left)) != NULL)
	{
		JRowWalk	walk = {block};
		JRowHead	head;
		const char *row;

		while ((row = JNextRow(&walk, &head)) != NULL)
			memcpy(JRowRoom(again, head.hash, head.size), row, head.size);
		JGiveBlock(gather, block);
	}
	gather->files->close(part->file);
	JGatherFinish(again, callback, arg);
}

static void
JEmitFile(JGather *gather, JPartition *part, JGatherCallback callback, void *arg)
{
	Size		left = part->bytes;
	JBlock	   *block;

	gather->files->rewind(part->file);
	if (part->mixed && gather->level < J_MAX_LEVEL &&
		part->bytes + part->rows * J_ROW_OVERHEAD > gather->limit)
	{
		JEmitAgain(gather, part, callback, arg);
		return;
	}
	while ((block = JReadBlock(gather, part, &left)) != NULL)
	{
		if (part->last != NULL)
			part->last->next = block;
		else
			part->first = block;
		part->last = block;
	}
	gather->files->close(part->file);
	JEmitPartition(gather, part, callback, arg);
	JGiveBlocks(gather, part->first);
}

void
JGatherFinish(JGather *gather, JGatherCallback callback, void *arg)
{
	for (int i = 0; i < J_PARTS; i++)
		if (gather->parts[i].file != NULL)
			JWritePartition(gather, &gather->parts[i]);
	for (int i = 0; i < J_PARTS; i++)
		if (gather->parts[i].file == NULL && gather->parts[i].rows > 0)
		{
			JEmitPartition(gather, &gather->parts[i], callback, arg);
			JGiveBlocks(gather, gather->parts[i].first);
		}
	for (int i = 0; i < J_PARTS; i++)
		if (gather->parts[i].file != NULL)
			JEmitFile(gather, &gather->parts[i], callback, arg);
	MemoryContextDelete(gather->context);
}
