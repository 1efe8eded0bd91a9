/*
 * identity_core.h
 *		Which ids may name a person.
 */
#ifndef IDENTITY_CORE_H
#define IDENTITY_CORE_H

#include "journey_core.h"

/* Values such as 'null' or '0000-0000' that many senders share and that must never join people. */
extern bool JIdIsBlocked(JStr id);

#endif							/* IDENTITY_CORE_H */
