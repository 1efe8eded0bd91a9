/*
 * redact_core.h
 *		Takes personal data out of keys, texts and URLs, by rules.
 *
 * A rule names what it is about by a key (whole words of it, in whatever case they are joined), a
 * path, a parameter of a URL, or a pattern of values, and what becomes of it. Among rules for one
 * thing a path goes before a key, a key before a pattern; of several keys the one of more words, and
 * of the same the last.
 */
#ifndef REDACT_CORE_H
#define REDACT_CORE_H

#include "definition_core.h"

#include "lib/stringinfo.h"

typedef enum JRedactAction
{
	JREDACT_NONE,				/* no rule */
	JREDACT_KEEP,				/* stays, whatever other rules say */
	JREDACT_DROP,
	JREDACT_MASK,				/* no character of the value is left */
	JREDACT_PSEUDONYM,
	JREDACT_TRUNCATE			/* an address to its network, a date to its year, else 3 characters */
} JRedactAction;

/* Patterns of values, each with its check; see redact_text_core.c. */
typedef enum JRedactValue
{
	JVALUE_EMAIL,
	JVALUE_CARD,
	JVALUE_IBAN,
	JVALUE_SSN,
	JVALUE_PHONE,
	JVALUE_IP,
	JVALUE_COUNT
} JRedactValue;

typedef struct JRedactRules JRedactRules;

/* HMAC-SHA-256 in hex of a value, for the rules' key. Where it fails it returns false. */
#define J_PSEUDONYM_LENGTH 64
extern bool JPseudonym(JStr value, JStr key, const char *kind, char *hex);

/*
 * Compiles rules: the name of a set; an array of rules; or {"use": a set, "rules": [..],
 * "key_number": n}. `secret` is the key of pseudonyms, or NULL; a rule that needs it is refused
 * without it. All lies in the current memory context.
 */
extern JRedactRules *JRedactCompile(const JDef *document, JStr secret, JDefError *error);

/* How a value becomes UTF-8, of which pseudonyms are made; as it is where not set. */
extern void JRedactSetToUtf8(JRedactRules *rules, JStr (*to_utf8) (JStr value));

/* Parameters of URLs whose names stay, as "name=redacted", where a rule drops them. */
extern void JRedactSetKeptNames(JRedactRules *rules, bool (*keeps) (JStr name, const void *arg), const void *arg);

/* What a member of an object becomes by its key; `path` is where it stands, NULL where unknown. */
extern JRedactAction JRedactMember(JRedactRules *rules, JStr path, JStr key, bool in_traits);

/* Whether any rule asks for paths. */
extern bool JRedactHasPaths(const JRedactRules *rules);

/* Whether any rule is about parameters of URLs. */
extern bool JRedactHasParams(const JRedactRules *rules);

/* Whether a key begins what the sets call traits. */
extern bool JRedactIsTraits(JStr key);

/*
 * Appends a text without what the patterns find, URLs in it by JRedactUrl(). Returns false, and
 * appends nothing, if there is nothing to take out. The encoding is one in which bytes below 0x80
 * are ASCII.
 */
extern bool JRedactText(const JRedactRules *rules, JStr text, StringInfo out);

/* The same of a URL: user, parameters, parts of the path, one URL within a parameter. */
extern bool JRedactUrl(const JRedactRules *rules, JStr url, StringInfo out);

/* Appends what an action other than keep and drop makes of a value. */
extern void JRedactScalar(const JRedactRules *rules, JRedactAction action, JStr value, const char *kind,
						  StringInfo out);

/* The pattern that a whole value is of, or -1; for ids. */
extern int	JRedactWhole(const JRedactRules *rules, JStr value);
extern bool JRedactHasSecret(const JRedactRules *rules);

/* An address in text cut to its network, /24 or /48; false where it is none. */
#define J_ADDRESS_LENGTH 46
extern bool JMaskIp(JStr address, char *masked);

/* Where the next value of a pattern begins at or after `from`; false where there is none. */
extern bool JFindValue(const JRedactRules *rules, JStr text, int from, int *start, int *end,
					   JRedactValue *kind);
extern JRedactAction JRedactValueAction(const JRedactRules *rules, JRedactValue kind);

/* The action for a parameter of a URL, its name decoded. */
extern JRedactAction JRedactParam(const JRedactRules *rules, JStr name);

#endif							/* REDACT_CORE_H */
