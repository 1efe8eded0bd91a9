/*
 * definition_core.c
 *		Reads JSON documents that users write, with jansson.
 *
 * jansson keeps numbers as doubles and 64-bit integers. So a look over the document, which also
 * bounds its depth, puts every number in quotes behind a NUL before jansson sees it; a NUL of the
 * document's own is refused, so that none can be mistaken. jansson then sees strings alone.
 *
 * Its allocator is ours during a call: it gives from a block that was allocated before, so that no
 * error can be raised and nothing leak between setting and restoring it.
 */
#include "definition_core.h"

#include <jansson.h>

#include "common/jsonapi.h"
#include "lib/stringinfo.h"

/* What stands around a number for jansson. */
#define NUMBER_BEFORE "\"\\u0000"
#define NUMBER_AROUND ((int) (sizeof(NUMBER_BEFORE) - 1 + 1))

/* A key of more bytes is not repeated in an error. */
#define MAX_QUOTED 64

/*
 * What jansson allocates during a call, one after the other; freeing does nothing. It is large enough
 * for any document (see Need()), since jansson does not look at the result where it lets a string grow:
 * an allocator that says NULL there would make it read beyond its buffer.
 */
static char *arena;
static Size arena_left;

#define ARENA_ALIGN 16
#define ARENA_ROUND(size) (((size) + ARENA_ALIGN - 1) & ~((size_t) ARENA_ALIGN - 1))

static void *
DefinitionMalloc(size_t size)
{
	void	   *p = arena;

	if (size > arena_left || ARENA_ROUND(size) > arena_left)
		return NULL;
	arena += ARENA_ROUND(size);
	arena_left -= ARENA_ROUND(size);
	return p;
}

static void
DefinitionFree(void *p)
{
}

/* --------------------------------------------------------------------------------------------
 * errors and paths
 * --------------------------------------------------------------------------------------------
 */

static void
AppendKey(StringInfo path, JStr key)
{
	bool		plain = key.len > 0;

	for (int i = 0; i < key.len; i++)
	{
		char		c = key.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || IS_HIGHBIT_SET(c) ||
			  (c >= '0' && c <= '9')))
			plain = false;
	}
	if (key.len > MAX_QUOTED)
		appendStringInfoString(path, "[...]");
	else if (plain)
		appendStringInfo(path, "%s%.*s", path->len > 0 ? "." : "", key.len, key.data);
	else
		appendStringInfo(path, "[\"%.*s\"]", key.len, key.data);
}

char *
JDefPath(const JDef *def)
{
	const JDef *nodes[J_DEFINITION_DEPTH + 1];
	int			n = 0;
	StringInfoData path;

	initStringInfo(&path);
	for (; def != NULL && def->parent != NULL && n < (int) lengthof(nodes); def = def->parent)
		nodes[n++] = def;
	if (def != NULL && def->root != NULL)
		appendStringInfoString(&path, def->root);
	while (n-- > 0)
	{
		if (JStrIsNull(nodes[n]->key))
			appendStringInfo(&path, "[%d]", nodes[n]->index);
		else
			AppendKey(&path, nodes[n]->key);
	}
	return path.data;
}

void
JDefFail(JDefError *error, const char *code, const JDef *at, const char *hint, const char *format,...)
{
	char		message[1024];
	va_list		args;

	if (error->code != NULL)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	error->code = code;
	error->path = JDefPath(at);
	error->message = pstrdup(message);
	error->hint = hint != NULL ? pstrdup(hint) : NULL;
	error->offset = -1;
}

char *
JDefNames(const char *const *names)
{
	StringInfoData list;

	initStringInfo(&list);
	for (; *names != NULL; names++)
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", *names);
	return list.data;
}

/* An error of reading. The path is where the bytes before `end` of the text for jansson lead to. */
static void
FailReading(JDefError *error, const char *code, const char *root, JStr text, int end, int32 offset,
			const char *message)
{
	struct
	{
		bool		object;
		int			index;		/* of the element */
		JStr		key;		/* the last string that a colon followed */
	}			level[J_DEFINITION_DEPTH + 1];
	int			depth = 0;
	JStr		last = JSTR_NULL;
	StringInfoData path;

	for (int i = 0; i < Min(end, text.len); i++)
	{
		char		c = text.data[i];

		if (c == '"')
		{
			int			start = ++i;

			while (i < text.len && text.data[i] != '"')
				i += text.data[i] == '\\' ? 2 : 1;
			last = (JStr) {text.data + start, Min(i, text.len) - start};
		}
		else if ((c == '{' || c == '[') && depth < (int) lengthof(level))
		{
			level[depth].object = c == '{';
			level[depth].key = JSTR_NULL;
			level[depth++].index = 0;
		}
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
		else if (c == ':' && depth > 0)
			level[depth - 1].key = last;
		else if (c == ',' && depth > 0)
		{
			level[depth - 1].index++;
			level[depth - 1].key = JSTR_NULL;
		}
	}
	initStringInfo(&path);
	appendStringInfoString(&path, root);
	for (int i = 0; i < depth; i++)
	{
		if (!level[i].object)
			appendStringInfo(&path, "[%d]", level[i].index);
		else if (JStrIsNull(level[i].key))
			break;
		else
			AppendKey(&path, level[i].key);
	}
	*error = (JDefError) {
		.code = code, .path = path.data, .message = message, .offset = offset
	};
}

/* --------------------------------------------------------------------------------------------
 * reading
 * --------------------------------------------------------------------------------------------
 */

/* A document on its way to jansson. */
typedef struct Reading
{
	JStr		given;
	char	   *text;			/* with numbers in quotes */
	int			len;
	int			values;			/* tokens that may be values: an upper bound */
	int			containers;		/* of these, arrays and objects */
	JDef	   *nodes;			/* room for that many */
	int			used;
	char	   *chars;			/* room for the bytes of all strings */
	const char *code;			/* what is wrong, or NULL */
	const char *message;
	int			offset;			/* where, in the document as given */
} Reading;

static bool
ReadingFails(Reading *reading, const char *code, int offset, const char *message)
{
	reading->code = code;
	reading->message = message;
	reading->offset = offset;
	return false;
}

static void
Put(Reading *reading, const char *data, int len)
{
	memcpy(reading->text + reading->len, data, len);
	reading->len += len;
}

/* Copies a string with its quotes; jansson will say what else is wrong with it. */
static bool
QuoteString(Reading *reading, int *i)
{
	JStr		s = reading->given;
	int			start = (*i)++;

	while (*i < s.len && s.data[*i] != '"')
	{
		if (s.data[*i] == '\0')
			return ReadingFails(reading, J_DEF_NUL, *i, "a NUL is not allowed");
		if (s.data[*i] == '\\')
		{
			if (s.len - *i >= 6 && memcmp(s.data + *i, "\\u0000", 6) == 0)
				return ReadingFails(reading, J_DEF_NUL, *i, "the escape \\u0000 is not allowed");
			(*i)++;
		}
		(*i)++;
	}
	if (*i >= s.len)
		return ReadingFails(reading, J_DEF_SYNTAX, s.len, "a string does not end");
	(*i)++;
	Put(reading, s.data + start, *i - start);
	return true;
}

static bool
QuoteNumber(Reading *reading, int *i)
{
	JStr		s = reading->given;
	int			start = *i;

	while (*i < s.len && s.data[*i] != '\0' && strchr("+-.0123456789eE", s.data[*i]) != NULL)
		(*i)++;
	if (*i - start > J_DEFINITION_DIGITS)
		return ReadingFails(reading, J_DEF_SIZE, start, "a number has too many digits");
	if (!IsValidJsonNumber(s.data + start, *i - start))
		return ReadingFails(reading, J_DEF_SYNTAX, start, "this is no number");
	Put(reading, NUMBER_BEFORE, strlen(NUMBER_BEFORE));
	Put(reading, s.data + start, *i - start);
	Put(reading, "\"", 1);
	return true;
}

/* The look over the document, without recursion. */
static bool
QuoteNumbers(Reading *reading)
{
	JStr		s = reading->given;
	int			depth = 0;

	for (int i = 0; i < s.len;)
	{
		char		c = s.data[i];

		if (reading->values > J_DEFINITION_VALUES)
			return ReadingFails(reading, J_DEF_SIZE, i, "it has more than 50,000 values");
		if (c == '"')
		{
			reading->values++;
			if (!QuoteString(reading, &i))
				return false;
		}
		else if (c == '-' || (c >= '0' && c <= '9'))
		{
			reading->values++;
			if (!QuoteNumber(reading, &i))
				return false;
		}
		else
		{
			if (c == '\0')
				return ReadingFails(reading, J_DEF_NUL, i, "a NUL is not allowed");
			if ((c == '{' || c == '[') && ++depth > J_DEFINITION_DEPTH)
				return ReadingFails(reading, J_DEF_DEPTH, i, "arrays and objects are nested too deep");
			if (c == '}' || c == ']')
				depth--;
			if (c == '{' || c == '[')
				reading->containers++;
			if (c == '{' || c == '[' || c == 't' || c == 'f' || c == 'n')
				reading->values++;
			Put(reading, &c, 1);
			i++;
		}
	}
	return true;
}

/* The place in the document as given of a place in the text for jansson. */
static int
GivenOffset(Reading *reading, int end)
{
	int			numbers = 0;

	for (int i = 0; i < Min(end, reading->len); i++)
	{
		if (reading->text[i] != '"')
			continue;
		if (reading->len - i > (int) strlen(NUMBER_BEFORE) &&
			memcmp(reading->text + i, NUMBER_BEFORE, strlen(NUMBER_BEFORE)) == 0)
			numbers++;
		for (i++; i < reading->len && reading->text[i] != '"'; i++)
			i += reading->text[i] == '\\';
	}
	return Max(0, Min(end - numbers * NUMBER_AROUND, reading->given.len));
}

static JStr
KeepChars(Reading *reading, const char *data, size_t len)
{
	JStr		kept = {reading->chars, (int32) len};

	memcpy(reading->chars, data, len);
	reading->chars += len;
	return kept;
}

/* Copies a value of jansson's into a node. Allocates nothing. */
static void
FillNode(Reading *reading, json_t *value, JDef *node)
{
	const char *data;
	size_t		len;
	json_t	   *item;
	const char *key;
	int			i = 0;

	switch (json_typeof(value))
	{
		case JSON_STRING:
			data = json_string_value(value);
			len = json_string_length(value);
			node->type = len > 0 && data[0] == '\0' ? JDEF_NUMBER : JDEF_STRING;
			node->text = node->type == JDEF_NUMBER ? KeepChars(reading, data + 1, len - 1) :
				KeepChars(reading, data, len);
			break;
		case JSON_ARRAY:
			node->type = JDEF_ARRAY;
			node->count = json_array_size(value);
			node->items = reading->nodes + reading->used;
			reading->used += node->count;
			for (; i < node->count; i++)
			{
				node->items[i].parent = node;
				node->items[i].index = i;
				FillNode(reading, json_array_get(value, i), &node->items[i]);
			}
			break;
		case JSON_OBJECT:
			node->type = JDEF_OBJECT;
			node->count = json_object_size(value);
			node->items = reading->nodes + reading->used;
			reading->used += node->count;
			json_object_foreach(value, key, item)
			{
				node->items[i].parent = node;
				node->items[i].index = i;
				node->items[i].key = KeepChars(reading, key, strlen(key));
				FillNode(reading, item, &node->items[i++]);
			}
			break;
		case JSON_TRUE:
		case JSON_FALSE:
			node->type = JDEF_BOOL;
			node->boolean = json_is_true(value);
			break;
		default:				/* a number never reaches jansson */
			node->type = JDEF_NULL;
			break;
	}
}

/*
 * What jansson can take for a document, by how it allocates. The bytes of each string stand in a
 * value and a key; a buffer doubles up to the longest. A value takes a struct, a place in a table that
 * doubles (so four places in all), as a key an entry; an array or object a struct and its first table.
 */
static Size
Need(const Reading *reading)
{
	return 4096 + ((Size) reading->len) * 8 + ((Size) reading->values) * 320 +
		((Size) reading->containers) * 384;
}

/* With jansson: the nodes, or the reason why not. */
static bool
Load(Reading *reading, char *block, Size size, json_error_t *error)
{
	json_malloc_t old_malloc;
	json_free_t old_free;
	json_t	   *value;

	json_get_alloc_funcs(&old_malloc, &old_free);
	json_set_alloc_funcs(DefinitionMalloc, DefinitionFree);
	arena = (char *) ARENA_ROUND((uintptr_t) block);
	arena_left = size - (arena - block);
	value = json_loadb(reading->text, reading->len,
					   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, error);
	if (value != NULL)
	{
		reading->used = 1;
		FillNode(reading, value, reading->nodes);
		json_decref(value);
	}
	json_set_alloc_funcs(old_malloc, old_free);
	return value != NULL;
}

/* jansson's reason in our words: its own repeats what the document holds. */
static void
Explain(Reading *reading, const json_error_t *error)
{
	int			offset = GivenOffset(reading, error->position);

	switch (json_error_code(error))
	{
		case json_error_out_of_memory:
			ReadingFails(reading, J_DEF_MEMORY, offset, "there is not enough memory to read it");
			break;
		case json_error_duplicate_key:
			ReadingFails(reading, J_DEF_DUPLICATE, offset, "a key stands twice in one object");
			break;
		case json_error_invalid_utf8:
			ReadingFails(reading, J_DEF_ENCODING, offset, "this is no UTF-8");
			break;
		case json_error_premature_end_of_input:
			ReadingFails(reading, J_DEF_SYNTAX, offset, "it ends too early");
			break;
		case json_error_end_of_input_expected:
			ReadingFails(reading, J_DEF_SYNTAX, offset, "something follows its end");
			break;
		default:
			ReadingFails(reading, J_DEF_SYNTAX, offset, "this is no JSON");
			break;
	}
}

Size
JDefMemory(JStr text)
{
	return ((Size) text.len) * 1024 + 65536;
}

JDef *
JDefRead(JStr text, const char *root, Size memory, JDefError *error)
{
	Reading		reading = {.given = text};
	json_error_t jansson;
	int			end;
	char	   *chars;
	char	   *block = NULL;
	bool		loaded = false;

	if (error->code != NULL)
		return NULL;
	if (text.len > J_DEFINITION_BYTES)
	{
		*error = (JDefError) {.code = J_DEF_SIZE, .path = root, .message = "it is longer than 1 MB", .offset = -1};
		return NULL;
	}
	/* a number of one digit and a comma take the most */
	reading.text = palloc(((Size) text.len) * (NUMBER_AROUND + 1) + 1);
	if (!QuoteNumbers(&reading))
		end = reading.len;
	else if (Need(&reading) > memory ||
			 (block = palloc_extended(Need(&reading), MCXT_ALLOC_NO_OOM)) == NULL)
	{
		end = 0;
		ReadingFails(&reading, J_DEF_MEMORY, 0, "there is not enough memory to read it");
	}
	else
	{
		reading.nodes = palloc0_array(JDef, reading.values + 1);
		reading.nodes->root = root;
		chars = reading.chars = palloc(reading.len + 1);
		loaded = Load(&reading, block, Need(&reading), &jansson);
		pfree(block);
		if (loaded)
		{
			pfree(reading.text);
			return reading.nodes;
		}
		Explain(&reading, &jansson);
		end = jansson.position;
		pfree(reading.nodes);
		pfree(chars);
	}
	FailReading(error, reading.code, root, (JStr) {reading.text, reading.len}, end, reading.offset,
				reading.message);
	pfree(reading.text);
	return NULL;
}

/* --------------------------------------------------------------------------------------------
 * access
 * --------------------------------------------------------------------------------------------
 */

static bool
KeyIs(JStr key, const char *name)
{
	return key.len == (int) strlen(name) && memcmp(key.data, name, key.len) == 0;
}

const JDef *
JDefMember(const JDef *object, const char *key)
{
	if (object == NULL || object->type != JDEF_OBJECT)
		return NULL;
	for (int i = 0; i < object->count; i++)
	{
		const JDef *item = &object->items[i];

		if (KeyIs(item->key, key))
			return item->type == JDEF_NULL ? NULL : item;
	}
	return NULL;
}

const JDef *
JDefRequire(const JDef *object, const char *key, JDefError *error)
{
	const JDef *member = JDefMember(object, key);

	if (member == NULL)
		JDefFail(error, J_DEF_MISSING, object, NULL, "the key \"%s\" is missing", key);
	return member;
}

/* Whether a value can be read as that type: not absent, no error before; else sets the error. */
static bool
IsOfType(const JDef *def, JDefType type, const char *wanted, JDefError *error)
{
	if (def == NULL || error->code != NULL)
		return false;
	if (def->type == type)
		return true;
	JDefFail(error, J_DEF_TYPE, def, NULL, "it must be %s", wanted);
	return false;
}

void
JDefCheckKeys(const JDef *object, const char *const *known, JDefError *error)
{
	if (!IsOfType(object, JDEF_OBJECT, "an object", error))
		return;
	for (int i = 0; i < object->count; i++)
	{
		JStr		key = object->items[i].key;
		const char *const *name = known;

		while (*name != NULL && !KeyIs(key, *name))
			name++;
		if (*name == NULL)
		{
			char	   *hint = psprintf("Known keys are: %s.", JDefNames(known));

			if (key.len > MAX_QUOTED)
				JDefFail(error, J_DEF_UNKNOWN, object, hint, "a key is unknown");
			else
				JDefFail(error, J_DEF_UNKNOWN, object, hint, "the key \"%.*s\" is unknown",
						 key.len, key.data);
			return;
		}
	}
}

JStr
JDefString(const JDef *def, JDefError *error)
{
	return IsOfType(def, JDEF_STRING, "a string", error) ? def->text : JSTR_NULL;
}

JStr
JDefNumber(const JDef *def, JDefError *error)
{
	return IsOfType(def, JDEF_NUMBER, "a number", error) ? def->text : JSTR_NULL;
}

bool
JDefBool(const JDef *def, bool absent, JDefError *error)
{
	return IsOfType(def, JDEF_BOOL, "true or false", error) ? def->boolean : absent;
}

int64
JDefInteger(const JDef *def, int64 absent, int64 min, int64 max, JDefError *error)
{
	JStr		text = JDefNumber(def, error);
	char		digits[24];
	char	   *end;
	int64		value;

	if (JStrIsNull(text))
		return absent;
	errno = 0;
	if (text.len < (int) sizeof(digits))
	{
		memcpy(digits, text.data, text.len);
		digits[text.len] = '\0';
		value = strtoll(digits, &end, 10);
		if (errno == 0 && *end == '\0' && value >= min && value <= max)
			return value;
	}
	JDefFail(error, J_DEF_VALUE, def, NULL,
			 "it must be a whole number from " INT64_FORMAT " to " INT64_FORMAT, min, max);
	return absent;
}

int
JDefArray(const JDef *def, JDefError *error)
{
	return IsOfType(def, JDEF_ARRAY, "an array", error) ? def->count : 0;
}

int
JDefStrings(const JDef *def, JStr **strings, JDefError *error)
{
	const JDef *items = def;
	int			n = 1;

	*strings = NULL;
	if (def == NULL || error->code != NULL)
		return 0;
	if (def->type == JDEF_ARRAY)
	{
		items = def->items;
		n = def->count;
	}
	*strings = palloc_array(JStr, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*strings)[i] = JDefString(&items[i], error);
		if (error->code != NULL)
			return 0;
	}
	return n;
}

int
JDefChoice(const JDef *def, int absent, const char *const *names, JDefError *error)
{
	JStr		text = JDefString(def, error);

	if (JStrIsNull(text))
		return absent;
	for (int i = 0; names[i] != NULL; i++)
	{
		if (KeyIs(text, names[i]))
			return i;
	}
	JDefFail(error, J_DEF_VALUE, def, psprintf("Known values are: %s.", JDefNames(names)),
			 "its value is unknown");
	return absent;
}
