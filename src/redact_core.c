/*
 * redact_core.c
 *		Rules for personal data: what they mean, and which one counts.
 */
#include "redact_core.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "common/hmac.h"
#include "common/jsonapi.h"
#include "common/sha2.h"

#include "lists_core.h"

/* Keys have at most these words, and words these bytes; what is longer no rule matches. */
#define MAX_WORDS 16
#define MAX_KEY_BYTES 120

/* A rule by key, or by the name of a parameter. */
typedef struct NameRule
{
	JStr		name;			/* words in lower case with blanks; of a parameter in lower case */
	JStr		below;			/* lower case; NULL: anywhere */
	bool		whole;			/* the key is just these words */
	bool		prefix;			/* of a parameter: its name begins so */
	JRedactAction action;
	int			next;			/* in its slot of the table: the rule before, or -1 */
} NameRule;

typedef struct PathRule
{
	JStr		path;
	JRedactAction action;
} PathRule;

/* What was decided for a key before. */
typedef struct CachedKey
{
	uint32		hash;
	uint8		len;			/* 0: free */
	bool		in_traits;
	uint8		action;
	char		key[45];
} CachedKey;

#define CACHE_SLOTS 1024
#define RULE_SLOTS 512

struct JRedactRules
{
	NameRule   *keys;
	int			n_keys;
	int			slots[RULE_SLOTS];	/* the last rule whose words have this hash, or -1 */
	int			max_words;		/* that a rule has */
	NameRule   *params;
	int			n_params;
	PathRule   *paths;
	int			n_paths;
	JRedactAction values[JVALUE_COUNT];
	JStr		secret;
	int			key_number;
	JStr		(*to_utf8) (JStr value);
	bool		(*keeps_name) (JStr param, const void *arg);	/* or NULL */
	const void *keeps_name_arg;
	CachedKey	cache[CACHE_SLOTS];
};

static const char *const action_names[] = {"keep", "drop", "mask", "pseudonym", "truncate", NULL};
static const char *const value_names[] = {"email", "card", "iban", "ssn", "phone", "ip", NULL};

/* --------------------------------------------------------------------------------------------
 * pseudonyms and addresses
 * --------------------------------------------------------------------------------------------
 */

bool
JPseudonym(JStr value, JStr key, const char *kind, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_hmac_ctx *ctx = pg_hmac_create(PG_SHA256);
	char	   *folded = NULL;
	bool		done;

	if (ctx == NULL)
		return false;
	if (strcmp(kind, "email") == 0)
	{
		/* an address is the same in any case */
		while (value.len > 0 && (unsigned char) value.data[0] <= ' ')
			value.data++, value.len--;
		while (value.len > 0 && (unsigned char) value.data[value.len - 1] <= ' ')
			value.len--;
		folded = palloc(value.len + 1);
		for (int i = 0; i < value.len; i++)
			folded[i] = JLower((unsigned char) value.data[i]);
		value.data = folded;
	}
	done = pg_hmac_init(ctx, (const uint8 *) key.data, key.len) >= 0 &&
		(kind[0] == '\0' || pg_hmac_update(ctx, (const uint8 *) kind, strlen(kind) + 1) >= 0) &&
		pg_hmac_update(ctx, (const uint8 *) value.data, value.len) >= 0 &&
		pg_hmac_final(ctx, digest, sizeof(digest)) >= 0;
	pg_hmac_free(ctx);
	for (int i = 0; done && i < (int) sizeof(digest); i++)
	{
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	if (folded != NULL)
		pfree(folded);
	return done;
}

bool
JMaskIp(JStr address, char *masked)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
	char		text[J_ADDRESS_LENGTH];
	unsigned char bytes[16];

	if (address.len >= J_ADDRESS_LENGTH)
		return false;
	memcpy(text, address.data, address.len);
	text[address.len] = '\0';
	if (inet_pton(AF_INET, text, bytes) == 1)
	{
		bytes[3] = 0;
		return inet_ntop(AF_INET, bytes, masked, J_ADDRESS_LENGTH) != NULL;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
	{
		bytes[15] = 0;
		return inet_ntop(AF_INET, bytes + 12, masked, J_ADDRESS_LENGTH) != NULL;
	}
	memset(bytes + 6, 0, 10);
	return inet_ntop(AF_INET6, bytes, masked, J_ADDRESS_LENGTH) != NULL;
}

/* --------------------------------------------------------------------------------------------
 * words of a key
 * --------------------------------------------------------------------------------------------
 */

static inline bool
IsUpper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool
IsLowerOrDigit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || IS_HIGHBIT_SET(c);
}

/*
 * The words of a key in lower case with single blanks: userEmail, user_email and "User Email" are
 * "user email", HTMLName is "html name". Returns the length, and where each word begins; 0 words
 * for what is too long.
 */
static int
SplitWords(JStr key, char *words, int *starts, int *n)
{
	int			len = 0;
	bool		gap = true;

	*n = 0;
	if (key.len > MAX_KEY_BYTES)
		return 0;
	for (int i = 0; i < key.len; i++)
	{
		char		c = key.data[i];

		if (!IsUpper(c) && !IsLowerOrDigit(c))
		{
			gap = true;
			continue;
		}
		if (IsUpper(c) && i > 0 &&
			(IsLowerOrDigit(key.data[i - 1]) ||
			 (IsUpper(key.data[i - 1]) && i + 1 < key.len && key.data[i + 1] >= 'a' && key.data[i + 1] <= 'z')))
			gap = true;
		if (gap)
		{
			if (*n == MAX_WORDS)
				return *n = 0;
			if (*n > 0)
				words[len++] = ' ';
			starts[(*n)++] = len;
			gap = false;
		}
		words[len++] = JLower((unsigned char) c);
	}
	return len;
}

static uint32
Hash(const char *data, int len)
{
	uint32		h = 2166136261U;

	for (int i = 0; i < len; i++)
		h = (h ^ (unsigned char) data[i]) * 16777619U;
	return h ^ (h >> 15);
}

bool
JRedactIsTraits(JStr key)
{
	return JStrEqual(key, JSTR_LIT("traits")) || JStrEqual(key, JSTR_LIT("userProperties"));
}

/* The last rule for some words of a key, NULL where there is none. */
static const NameRule *
FindRule(const JRedactRules *rules, JStr words, bool whole, bool in_traits)
{
	int			i = rules->slots[Hash(words.data, words.len) % RULE_SLOTS];

	for (; i >= 0; i = rules->keys[i].next)
	{
		const NameRule *rule = &rules->keys[i];

		if (JStrEqual(rule->name, words) && (whole || !rule->whole) &&
			(in_traits || JStrIsNull(rule->below)))
			return rule;
	}
	return NULL;
}

static JRedactAction
ActionOfKey(const JRedactRules *rules, JStr key, bool in_traits)
{
	char		words[2 * MAX_KEY_BYTES + 1];
	int			starts[MAX_WORDS + 1];
	int			n;
	int			len = SplitWords(key, words, starts, &n);

	starts[n] = len + 1;
	for (int width = Min(n, rules->max_words); width > 0; width--)
	{
		const NameRule *best = NULL;

		for (int i = 0; i + width <= n; i++)
		{
			JStr		some = {words + starts[i], starts[i + width] - 1 - starts[i]};
			const NameRule *rule = FindRule(rules, some, width == n, in_traits);

			if (rule != NULL && (best == NULL || rule > best))
				best = rule;
		}
		if (best != NULL)
			return best->action;
	}
	return JREDACT_NONE;
}

bool
JRedactHasPaths(const JRedactRules *rules)
{
	return rules->n_paths > 0;
}

bool
JRedactHasParams(const JRedactRules *rules)
{
	return rules->n_params > 0;
}

JRedactAction
JRedactMember(JRedactRules *rules, JStr path, JStr key, bool in_traits)
{
	uint32		hash;
	CachedKey  *cached;

	for (int i = rules->n_paths - 1; i >= 0 && !JStrIsNull(path); i--)
	{
		if (JStrEqual(rules->paths[i].path, path))
			return rules->paths[i].action;
	}
	if (key.len == 0 || key.len > (int) sizeof(cached->key))
		return ActionOfKey(rules, key, in_traits);
	hash = Hash(key.data, key.len) + in_traits;
	cached = &rules->cache[hash % CACHE_SLOTS];
	if (cached->len != key.len || cached->hash != hash || cached->in_traits != in_traits ||
		memcmp(cached->key, key.data, key.len) != 0)
	{
		cached->action = ActionOfKey(rules, key, in_traits);
		cached->hash = hash;
		cached->in_traits = in_traits;
		cached->len = key.len;
		memcpy(cached->key, key.data, key.len);
	}
	return cached->action;
}

JRedactAction
JRedactParam(const JRedactRules *rules, JStr name)
{
	for (int i = rules->n_params - 1; i >= 0; i--)
	{
		const NameRule *rule = &rules->params[i];

		if (name.len < rule->name.len || (!rule->prefix && name.len != rule->name.len))
			continue;
		for (int n = 0;; n++)
		{
			if (n == rule->name.len)
				return rule->action == JREDACT_DROP && rules->keeps_name != NULL &&
					rules->keeps_name(name, rules->keeps_name_arg) ?
					JREDACT_MASK : rule->action;
			if (JLower((unsigned char) name.data[n]) != (unsigned char) rule->name.data[n])
				break;
		}
	}
	return JREDACT_NONE;
}

JRedactAction
JRedactValueAction(const JRedactRules *rules, JRedactValue kind)
{
	return rules->values[kind];
}

void
JRedactSetKeptNames(JRedactRules *rules, bool (*keeps) (JStr name, const void *arg), const void *arg)
{
	rules->keeps_name = keeps;
	rules->keeps_name_arg = arg;
}

void
JRedactSetToUtf8(JRedactRules *rules, JStr (*to_utf8) (JStr value))
{
	rules->to_utf8 = to_utf8;
}

bool
JRedactHasSecret(const JRedactRules *rules)
{
	return !JStrIsNull(rules->secret);
}

/* --------------------------------------------------------------------------------------------
 * what becomes of a value
 * --------------------------------------------------------------------------------------------
 */

/* The year, where a value is a date or begins with one. */
static bool
IsDate(JStr value)
{
	if (value.len < 8)
		return false;
	for (int i = 0; i < 4; i++)
	{
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
	}
	return value.data[4] == '-' || value.data[4] == '/' || value.data[4] == '.';
}

/* Whether the first bytes are ASCII, so that cutting behind them cuts no character. */
static bool
BeginsAscii(JStr value, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (IS_HIGHBIT_SET(value.data[i]))
			return false;
	}
	return true;
}

void
JRedactScalar(const JRedactRules *rules, JRedactAction action, JStr value, const char *kind, StringInfo out)
{
	char		address[J_ADDRESS_LENGTH];
	char		hex[J_PSEUDONYM_LENGTH];
	const char *point;

	switch (action)
	{
		case JREDACT_PSEUDONYM:
			/* an address has one pseudonym, wherever it stands */
			if (value.len > 0 && memchr(value.data, '@', value.len) != NULL)
				kind = "email";
			if (rules->to_utf8 != NULL)
				value = rules->to_utf8(value);
			if (JStrIsNull(rules->secret) || !JPseudonym(value, rules->secret, kind, hex))
				appendStringInfoString(out, "[masked]");
			else
				appendStringInfo(out, "p%d_%.*s", rules->key_number, (int) sizeof(hex), hex);
			break;
		case JREDACT_TRUNCATE:
			if (JMaskIp(value, address))
				appendStringInfoString(out, address);
			else if (IsDate(value))
				appendBinaryStringInfo(out, value.data, 4);
			else if ((point = memchr(value.data, '.', value.len)) != NULL &&
					 IsValidJsonNumber(value.data, value.len))
				appendBinaryStringInfo(out, value.data, point - value.data);	/* degrees */
			else if (value.len > 3 && BeginsAscii(value, 3))
				appendBinaryStringInfo(out, value.data, 3);
			break;
		default:
			appendStringInfoString(out, kind[0] == '\0' ? "[masked]" : psprintf("[%s]", kind));
	}
}

/* --------------------------------------------------------------------------------------------
 * compiling
 * --------------------------------------------------------------------------------------------
 */

/* Room for all the rules that a document can have. */
static JRedactRules *
NewRules(int room)
{
	JRedactRules *rules = palloc0_object(JRedactRules);

	rules->keys = palloc0_array(NameRule, room);
	rules->params = palloc0_array(NameRule, room);
	rules->paths = palloc0_array(PathRule, room);
	rules->key_number = 1;
	for (int i = 0; i < RULE_SLOTS; i++)
		rules->slots[i] = -1;
	return rules;
}

/* Adds a rule by key; false where it has no word, or too many. */
static bool
AddKey(JRedactRules *rules, JStr match, bool below_traits, JRedactAction action)
{
	NameRule   *rule = &rules->keys[rules->n_keys];
	char	   *words = palloc(2 * MAX_KEY_BYTES + 1);
	int			starts[MAX_WORDS + 1];
	int			n;
	int			slot;

	if (match.len > 0 && match.data[0] == '=')
	{
		rule->whole = true;
		match.data++, match.len--;
	}
	rule->name = (JStr) {words, SplitWords(match, words, starts, &n)};
	if (n == 0)
		return false;
	rule->below = below_traits ? JSTR_LIT("traits") : JSTR_NULL;
	rule->action = action;
	slot = Hash(words, rule->name.len) % RULE_SLOTS;
	rule->next = rules->slots[slot];
	rules->slots[slot] = rules->n_keys++;
	rules->max_words = Max(rules->max_words, n);
	return true;
}

static void
AddParam(JRedactRules *rules, JStr match, JRedactAction action)
{
	NameRule   *rule = &rules->params[rules->n_params++];
	char	   *name = palloc(match.len + 1);

	rule->prefix = match.len > 0 && match.data[match.len - 1] == '*';
	for (int i = 0; i < match.len; i++)
		name[i] = JLower((unsigned char) match.data[i]);
	rule->name = (JStr) {name, match.len - rule->prefix};
	rule->action = action;
}

static int
IndexOf(const char *const *names, const char *name)
{
	int			i = 0;

	while (names[i] != NULL && strcmp(names[i], name) != 0)
		i++;
	return i;
}

/* The rules of a set, by the bit that it has in the list. */
static void
AddSet(JRedactRules *rules, int set)
{
	int			n;
	const JRedactionRow *rows = JRedactionRows(&n);

	for (int i = 0; i < n; i++)
	{
		JStr		match = {rows[i].match, (int32) strlen(rows[i].match)};
		JRedactAction action = IndexOf(action_names, rows[i].action) + 1;

		if ((rows[i].sets & set) == 0)
			continue;
		switch (rows[i].kind[0] == 'p' ? rows[i].kind[3] : rows[i].kind[0])
		{
			case 'k':
				(void) AddKey(rules, match, rows[i].below[0] != '\0', action);
				break;
			case 'v':
				rules->values[IndexOf(value_names, rows[i].match)] = action;
				break;
			case 'h':			/* path */
				rules->paths[rules->n_paths++] = (PathRule) {match, action};
				break;
			default:			/* param */
				AddParam(rules, match, action);
		}
	}
}

static const char *const set_names[] = {"gdpr", "hipaa", "none", NULL};
static const int set_bits[] = {1, 2, 0};

/* One rule that a user wrote: {"key": .., "action": ..}. */
static void
AddRule(JRedactRules *rules, const JDef *rule, JDefError *error)
{
	static const char *const known[] = {"key", "path", "param", "value", "below", "action", NULL};
	static const char *const below_names[] = {"traits", NULL};
	const char *const *kind = known;
	const JDef *subject = NULL;
	const JDef *action_def;
	JRedactAction action;
	JStr	   *names;
	int			n;
	int			below;

	JDefCheckKeys(rule, known, error);
	action_def = JDefRequire(rule, "action", error);
	action = JDefChoice(action_def, 0, action_names, error) + 1;
	below = JDefChoice(JDefMember(rule, "below"), -1, below_names, error);
	for (int i = 0; i < 4 && subject == NULL; i++)
	{
		kind = &known[i];
		subject = JDefMember(rule, *kind);
	}
	if (subject == NULL)
		JDefFail(error, J_DEF_MISSING, rule, "Give one of: key, path, param, value.",
				 "it does not say what it is about");
	for (int i = 0; i < 4; i++)
	{
		if (subject != NULL && &known[i] != kind && JDefMember(rule, known[i]) != NULL)
			JDefFail(error, J_DEF_VALUE, rule, "Make two rules of it.", "it is about more than one thing");
	}
	if (below >= 0 && strcmp(*kind, "key") != 0)
		JDefFail(error, J_DEF_VALUE, JDefMember(rule, "below"), NULL, "only a rule by key can have it");
	if (action == JREDACT_PSEUDONYM && JStrIsNull(rules->secret))
		JDefFail(error, J_DEF_VALUE, action_def, "Give the key of the pseudonyms as the last argument.",
				 "a pseudonym needs a key");
	n = JDefStrings(subject, &names, error);
	for (int i = 0; i < n && error->code == NULL; i++)
	{
		const JDef *at = subject->type == JDEF_ARRAY ? &subject->items[i] : subject;

		if (names[i].len == 0)
			JDefFail(error, J_DEF_VALUE, at, NULL, "it must not be empty");
		else if (strcmp(*kind, "key") == 0 && !AddKey(rules, names[i], below >= 0, action))
			JDefFail(error, J_DEF_VALUE, at, NULL, "it must have one to 16 words");
		else if (strcmp(*kind, "param") == 0)
			AddParam(rules, names[i], action);
		else if (strcmp(*kind, "path") == 0)
			rules->paths[rules->n_paths++] = (PathRule) {names[i], action};
		else if (strcmp(*kind, "value") == 0)
			rules->values[JDefChoice(at, 0, value_names, error)] = action;
	}
}

/* How many rules a list can make: one for each name. */
static int
CountNames(const JDef *def)
{
	int			n = def->type == JDEF_STRING;

	for (int i = 0; i < def->count; i++)
		n += CountNames(&def->items[i]);
	return n;
}

JRedactRules *
JRedactCompile(const JDef *document, JStr secret, JDefError *error)
{
	static const char *const known[] = {"use", "rules", "key_number", NULL};
	JRedactRules *rules;
	const JDef *set = document;
	const JDef *list = NULL;
	int			which = 2;
	int			n;

	(void) JRedactionRows(&n);
	rules = NewRules(n + CountNames(document) + 1);
	rules->secret = secret;
	if (document->type == JDEF_ARRAY)
	{
		set = NULL;
		list = document;
	}
	else if (document->type == JDEF_OBJECT)
	{
		JDefCheckKeys(document, known, error);
		set = JDefMember(document, "use");
		list = JDefMember(document, "rules");
		rules->key_number = JDefInteger(JDefMember(document, "key_number"), 1, 1, 999999, error);
	}
	else if (document->type != JDEF_STRING)
		JDefFail(error, J_DEF_TYPE, document, "Sets are: gdpr, hipaa, none.",
				 "rules are the name of a set, an array of rules, or an object with \"use\" and \"rules\"");
	if (set != NULL)
		which = JDefChoice(set, which, set_names, error);
	AddSet(rules, set_bits[which]);
	n = list == NULL ? 0 : JDefArray(list, error);
	for (int i = 0; i < n; i++)
		AddRule(rules, &list->items[i], error);
	return rules;
}
