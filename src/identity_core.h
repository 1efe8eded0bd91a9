/*
 * identity_core.h
 *		Which values are ids at all.
 */
#ifndef IDENTITY_CORE_H
#define IDENTITY_CORE_H

#include "journey_core.h"

/* An id of more bytes would not fit an index. */
#define J_MAX_ID_BYTES 1024

/*
 * Whether a value is no id: empty, zeros and dashes alone, or one of the list of blocked values, in any
 * case and within any quotes, brackets and white space.
 */
extern bool JIdIsBlocked(JStr id);

/* Whether a value is one of those that the option "allow_ids" takes for ids all the same, as written. */
extern bool JIdIsAllowed(JStr id, const JStr *allowed, int n);

/*
 * Whether a string in lower case is local@domain, where the domain has a dot inside and neither part
 * begins or ends with one.
 */
extern bool JIsAddress(JStr s);

/* Whether it is a pseudonym as the option "redact" makes them: p1_ and 64 hexadecimal digits. */
extern bool JIsPseudonym(JStr s);

/*
 * The address in an e-mail trait, without white space around and in lower case (ASCII), written to
 * `buffer`, which has room for email.len bytes. JSTR_NULL where it is no address, or a blocked one. A pseudonym
 * stands for an address: of a trait that was none it was not kept.
 */
extern JStr JEmailClean(JStr email, char *buffer);

#endif							/* IDENTITY_CORE_H */
