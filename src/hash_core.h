/*
 * hash_core.h
 *		The forms in which ad platforms want e-mail addresses and phone numbers before they are hashed.
 */
#ifndef HASH_CORE_H
#define HASH_CORE_H

#include "journey_core.h"

typedef enum JPlatform
{
	JPLATFORM_GOOGLE,
	JPLATFORM_MICROSOFT,
	JPLATFORM_META,
	JPLATFORM_LINKEDIN,
	JPLATFORM_TIKTOK
} JPlatform;

/* False where no platform has this name. */
extern bool JPlatformFromName(JStr name, JPlatform *platform);

/* Whether a value, but for white space around it, is a SHA-256 in hex already: *hash is it. */
extern bool JIsHash(JStr value, JStr *hash);

/*
 * The normal form of an address in UTF-8, in new memory; JSTR_NULL where it is no address.
 */
extern JStr JEmailNormal(JStr email, JPlatform platform);

/*
 * The normal form of a phone number in UTF-8, in new memory: with the country's calling code.
 * `country` is an ISO 3166 code, for numbers without one; unknown and JSTR_NULL are none. JSTR_NULL
 * where it is no number, or one of no known country.
 */
extern JStr JPhoneNormal(JStr phone, JPlatform platform, JStr country);

#endif							/* HASH_CORE_H */
