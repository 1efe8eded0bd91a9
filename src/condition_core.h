/*
 * condition_core.h
 *		Conditions on the properties of an event, as definitions write them:
 *
 *	"where": {"plan": "pro", "total": {">": 100, "<=": 19.99}, "size": ["s", "m"], "vip": {"exists": true}}
 *
 * All must hold. A value alone is equality, an array is a list of which one must be equal, an
 * object has operators: =, !=, >, >=, <, <=, in, "not in", exists. A name is a key of the
 * properties; where there is no such key and it has dots, it is a path into nested objects.
 *
 * A condition with a number compares numbers, exactly (19.99 is 19.99): a property that is one, or
 * a string that spells one as JSON does. A condition with a string compares bytes with a string,
 * or with a number or boolean as JSON writes it. null equals what is null or absent. Where the
 * types do not fit, a condition does not hold; != and "not in" hold just where = and in do not.
 */
#ifndef CONDITION_CORE_H
#define CONDITION_CORE_H

#include "definition_core.h"

typedef enum JConditionOp
{
	JCOND_IN,					/* equal to one of the values */
	JCOND_GT,
	JCOND_GE,
	JCOND_LT,
	JCOND_LE,
	JCOND_EXISTS
} JConditionOp;

/* A value of a condition or of an event. A string's text is its value, a number's its token. */
typedef struct JConditionValue
{
	JDefType	type;			/* JDEF_NULL: absent or null */
	JStr		text;			/* of booleans too: true, false */
} JConditionValue;

typedef struct JCondition
{
	JStr		name;			/* of the property */
	JConditionOp op;
	bool		negated;
	int			n_values;
	JConditionValue *values;
} JCondition;

typedef struct JWhere
{
	int			n;
	JCondition *conditions;		/* all must hold */
} JWhere;

/*
 * Compiles a definition's "where"; an absent one holds always. Its strings are those of the
 * document. JWhereCopy() copies all into the current memory context.
 */
extern JWhere JWhereCompile(const JDef *where, JDefError *error);
extern JWhere JWhereCopy(const JWhere *where);

/* Whether a value fulfils one condition. */
extern bool JConditionHolds(const JCondition *condition, JConditionValue value);

/*
 * Whether the properties, a JSON object as text, fulfil all. NULL, and what is no object, has no
 * properties. Reads what jsonb prints without allocating; any text is safe.
 */
extern bool JWhereHolds(const JWhere *where, JStr properties);

/* The property of that name. A string is decoded if it must be. */
extern JConditionValue JPropertyOf(JStr properties, JStr name);

/* -1, 0, 1 of two numbers in JSON's form, without loss. */
extern int	JNumberCompare(JStr a, JStr b);

#endif							/* CONDITION_CORE_H */
