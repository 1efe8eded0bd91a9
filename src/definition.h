/*
 * definition.h
 *		Documents that users write, for SQL: read or raised.
 */
#ifndef DEFINITION_H
#define DEFINITION_H

#include "condition_core.h"
#include "journey_sql.h"

/*
 * Reads a document, or raises an error that says "invalid <what>". All of it lies in the current
 * memory context. Strings are in the database's encoding. `root` is what paths begin with.
 */
extern JDef *JDefFromText(JStr text, const char *root, const char *what);
extern JDef *JDefFromJsonb(Jsonb *jsonb, const char *root, const char *what);

/* Raises the error if there is one. */
extern void JDefCheck(const JDefError *error, const char *what);

/* Whether the properties fulfil all conditions; NULL has no properties. */
extern bool JWhereHoldsJsonb(const JWhere *where, Jsonb *properties);

#endif							/* DEFINITION_H */
