/*
 * arena.c
 *		What the fuzzers of libFuzzer share: memory that ends with an input, and a check that fails.
 *
 * In the server a memory context frees what a core leaves; here the sanitizer's hooks note every
 * block that is allocated between ArenaBegin() and ArenaEnd() and not freed: in their thread, as libFuzzer
 * has another that watches the memory.
 */
#include "arena.h"

/* Of the address sanitizer; a compiler may have it without its header. */
extern int	__sanitizer_install_malloc_and_free_hooks(void (*on_malloc) (const volatile void *, size_t),
													  void (*on_free) (const volatile void *))
			__attribute__((weak));

#define SLOTS (1 << 20)

static const volatile void *blocks[SLOTS];	/* open addressing; NULL is free, itself is removed */
static uint32 used[SLOTS];		/* the slots that are not free, so that no other is looked at */
static __thread bool noting;
static int	noted;

#define REMOVED ((const volatile void *) blocks)

static inline uint32
SlotOf(const volatile void *pointer)
{
	return (uint32) (((uintptr_t) pointer >> 4) * UINT64CONST(0x9E3779B97F4A7C15) >> 44);
}

static void
NoteMalloc(const volatile void *pointer, size_t size)
{
	uint32		slot = SlotOf(pointer);

	if (!noting || pointer == NULL || noted > SLOTS / 2)
		return;
	while (blocks[slot] != NULL && blocks[slot] != REMOVED)
		slot = (slot + 1) % SLOTS;
	if (blocks[slot] == NULL)
		used[noted++] = slot;
	blocks[slot] = pointer;
}

static void
NoteFree(const volatile void *pointer)
{
	if (!noting || pointer == NULL)
		return;
	for (uint32 slot = SlotOf(pointer); blocks[slot] != NULL; slot = (slot + 1) % SLOTS)
	{
		if (blocks[slot] == pointer)
		{
			blocks[slot] = REMOVED;
			return;
		}
	}
}

void
ArenaBegin(void)
{
	static bool installed;

	if (!installed && __sanitizer_install_malloc_and_free_hooks != NULL)
		__sanitizer_install_malloc_and_free_hooks(NoteMalloc, NoteFree);
	installed = true;
	noting = true;
}

void
ArenaEnd(void)
{
	noting = false;
	for (int i = 0; i < noted; i++)
	{
		if (blocks[used[i]] != REMOVED)
			free((void *) blocks[used[i]]);
		blocks[used[i]] = NULL;
	}
	noted = 0;
}

JStr
ArenaCopy(const void *data, size_t size)
{
	char	   *copy = malloc(size);

	if (size > 0)
		memcpy(copy, data, size);
	return (JStr) {copy, (int32) size};
}

/* As url.c has it for a database in UTF-8. */
extern int	JFromUtf8(const char *utf8, int len, char *dest);

int
JFromUtf8(const char *utf8, int len, char *dest)
{
	memcpy(dest, utf8, len);
	return len;
}

void
Check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}
