/*
 * identity_sql.h
 *		What other rooms' wrappers need of the identity room.
 */
#ifndef IDENTITY_SQL_H
#define IDENTITY_SQL_H

#include "journey_core.h"

/* The cleaned e-mail that traits (the text of a jsonb) hold under this key, or NULL. */
extern JStr JEmailOfTraits(JStr traits, const char *key);

#endif							/* IDENTITY_SQL_H */
