/*
 * definition_target.c
 *		The reader of definitions and their conditions under any bytes; jansson says what is JSON.
 *
 * The input is a document, a line feed, and properties.
 */
#include "condition_core.h"

#include <jansson.h>

#include "arena.h"

static void
CheckError(const JDefError *error)
{
	Check(error->path != NULL && error->message != NULL, "an error says nothing");
}

/* Every node knows where it stands. */
static void
CheckNode(const JDef *def, const JDef *parent, int depth)
{
	Check(def->parent == parent && depth <= J_DEFINITION_DEPTH, "a node is lost");
	if (depth < 4)
		(void) JDefPath(def);
	for (int i = 0; i < def->count; i++)
		CheckNode(&def->items[i], def, depth + 1);
}

static void
Compare(JStr document, const JDef *def, const JDefError *ours)
{
	json_error_t error;
	json_t	   *value = json_loadb(document.data, document.len,
								   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);

	if (def == NULL && (strcmp(ours->code, J_DEF_SIZE) == 0 || strcmp(ours->code, J_DEF_DEPTH) == 0 ||
						strcmp(ours->code, J_DEF_NUL) == 0))
		;
	else if (value == NULL && json_error_code(&error) == json_error_numeric_overflow)
		;
	else
		Check((def != NULL) == (value != NULL), "jansson reads what we do not, or the other way round");
	json_decref(value);
}

static void
Run(const uint8_t *data, size_t size)
{
	const uint8_t *line = size > 0 ? memrchr(data, '\n', size) : NULL;
	size_t		len = line == NULL ? size : (size_t) (line - data);
	JStr		document = ArenaCopy(data, len);
	JStr		properties = line == NULL ? JSTR_NULL : ArenaCopy(line + 1, size - len - 1);
	JDefError	error = {0};
	JDefError	short_error = {0};
	json_malloc_t malloc_now;
	json_free_t free_now;
	JDef	   *def = JDefRead(document, "steps[2]", JDefMemory(document), &error);

	if (def == NULL)
		CheckError(&error);
	else
		CheckNode(def, NULL, 0);
	Check(def != NULL || strcmp(error.code, J_DEF_MEMORY) != 0, "jansson takes more than was thought");
	Compare(document, def, &error);

	/* with less memory it is read, or there is an error; never a crash */
	if (JDefRead(document, "", size > 0 ? data[0] * (Size) 64 : 0, &short_error) == NULL)
		CheckError(&short_error);
	json_get_alloc_funcs(&malloc_now, &free_now);
	Check(malloc_now == malloc && free_now == free, "the allocator of jansson is not its own again");

	if (def != NULL)
	{
		JWhere		where = JWhereCompile(def, &error);

		if (error.code != NULL)
			CheckError(&error);
		else
		{
			JWhere		copy = JWhereCopy(&where);

			Check(JWhereHolds(&where, properties) == JWhereHolds(&copy, properties), "a copy differs");
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ArenaBegin();
	Run(data, size);
	ArenaEnd();
	return 0;
}
