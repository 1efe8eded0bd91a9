/*
 * definition_core.h
 *		The one reader of JSON documents that users write: steps of a funnel, conversions, segments,
 *		rules of redaction.
 *
 * jansson reads the document, but nothing of it is left when JDefRead() returns: what the rest of
 * the code sees are nodes of our own, in one palloc'd block, that know where in the document they
 * stand. Numbers are kept as written: 19.99 is the text 19.99, and 20 digits stay 20 digits.
 *
 * All functions that take a JDefError do nothing but return a neutral value when it is already
 * set, so a caller reads the whole document and looks at the error once. An absent member (NULL)
 * reads as the neutral value too: NULL string, false, no elements.
 */
#ifndef DEFINITION_CORE_H
#define DEFINITION_CORE_H

#include "journey_core.h"

/* Limits of a document. */
#define J_DEFINITION_BYTES (1024 * 1024)
#define J_DEFINITION_DEPTH 32
#define J_DEFINITION_VALUES 50000
#define J_DEFINITION_DIGITS 1000	/* bytes of one number */

typedef enum JDefType
{
	JDEF_NULL,
	JDEF_BOOL,
	JDEF_NUMBER,
	JDEF_STRING,
	JDEF_ARRAY,
	JDEF_OBJECT
} JDefType;

typedef struct JDef
{
	JDefType	type;
	bool		boolean;		/* of a JDEF_BOOL */
	JStr		text;			/* of a string its value; of a number its token as written */
	JStr		key;			/* in its object, else NULL */
	int			index;			/* in its array or object, from 0 */
	int			count;			/* of elements or members */
	struct JDef *items;			/* these, one after the other, in the order of the document */
	const struct JDef *parent;	/* NULL for the document itself */
	const char *root;			/* what errors call the document; set where parent is NULL */
} JDef;

/* What is wrong with a document. code NULL: nothing yet. */
typedef struct JDefError
{
	const char *code;			/* one of J_DEF_* below */
	const char *path;			/* where: steps[2].where.total; empty for the document itself */
	const char *message;		/* what, as a sentence without the path */
	const char *hint;			/* what to do, or NULL */
	int32		offset;			/* of the byte where reading stopped, or -1 */
} JDefError;

#define J_DEF_SYNTAX "syntax"
#define J_DEF_DUPLICATE "duplicate_key"
#define J_DEF_ENCODING "encoding"
#define J_DEF_NUL "nul"
#define J_DEF_DEPTH "too_deep"
#define J_DEF_SIZE "too_large"
#define J_DEF_MEMORY "memory"
#define J_DEF_TYPE "type"
#define J_DEF_MISSING "missing"
#define J_DEF_UNKNOWN "unknown_key"
#define J_DEF_VALUE "value"

/*
 * Reads a document in UTF-8. `root` is what paths begin with, such as "steps[2]"; empty is fine.
 * jansson may be given at most `memory` bytes; JDefMemory() of them are enough for any document within
 * the limits. On failure returns NULL and sets the error.
 */
extern JDef *JDefRead(JStr text, const char *root, Size memory, JDefError *error);
extern Size JDefMemory(JStr text);

/* The member of that name; NULL where it is absent or null, or where `object` is NULL. */
extern const JDef *JDefMember(const JDef *object, const char *key);

/* The same, and an error where there is none. */
extern const JDef *JDefRequire(const JDef *object, const char *key, JDefError *error);

/* Refuses what is no object, or has another key than those of a list that ends with NULL. */
extern void JDefCheckKeys(const JDef *object, const char *const *known, JDefError *error);

extern JStr JDefString(const JDef *def, JDefError *error);
extern JStr JDefNumber(const JDef *def, JDefError *error);
extern bool JDefBool(const JDef *def, bool absent, JDefError *error);
extern int64 JDefInteger(const JDef *def, int64 absent, int64 min, int64 max, JDefError *error);

/* The number of elements; they are def->items. */
extern int	JDefArray(const JDef *def, JDefError *error);

/* The strings of an array, or one string alone; returns their number. */
extern int	JDefStrings(const JDef *def, JStr **strings, JDefError *error);

/* Which of the names (a list that ends with NULL) the string is. */
extern int	JDefChoice(const JDef *def, int absent, const char *const *names, JDefError *error);

/* Sets an error at that place, if none is set yet. The hint may be NULL. */
extern void JDefFail(JDefError *error, const char *code, const JDef *at, const char *hint,
					 const char *format,...) pg_attribute_printf(5, 6);

/* Where a node stands. */
extern char *JDefPath(const JDef *def);

/* A list of names that ends with NULL, with commas. */
extern char *JDefNames(const char *const *names);

#endif							/* DEFINITION_CORE_H */
