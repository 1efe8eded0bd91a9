/*
 * lists_core.c
 *		The lists that are compiled in, and how they are looked up.
 *
 * A list is a hash table with open addressing, made by src/lists/generate.pl. The hash of a key
 * runs from its last byte to its first: while a host is walked from its end, the hash of each
 * domain that it lies in is at hand when the walk arrives at that domain's first byte, so that
 * asking for all of them costs one pass.
 */
#include "lists_core.h"

typedef struct JListEntry
{
	uint32		offset;			/* of the key, in the pool */
	uint16		len;			/* of the key */
	uint16		value;
} JListEntry;

typedef struct JList
{
	const char *pool;			/* all keys, in lower case */
	const JListEntry *entries;
	const uint16 *slots;		/* number of an entry plus one, or 0 */
	uint32		mask;			/* number of slots less one */
	int			longest;		/* length of the longest key */
} JList;

typedef struct JReferrerPattern
{
	uint32		path;			/* offset in the pool */
	uint32		source;			/* offset in the pool */
	uint32		words;			/* offset in the pool */
	uint8		path_len;		/* 0: any path */
	uint8		source_len;
	uint8		words_len;
	uint8		kind;			/* a JReferrerKind */
	bool		deep;			/* means the subdomains too */
	bool		last;			/* of its host */
} JReferrerPattern;

#include "lists/lists_data.h"

#define HASH_START 2166136261U
#define HASH_STEP(h, c) (((h) ^ (c)) * 16777619U)

#define HOST_MAX 255			/* a longer one is in no list */

static uint32
Hash(JStr key)
{
	uint32		h = HASH_START;

	for (int i = key.len; i-- > 0;)
		h = HASH_STEP(h, JLower((unsigned char) key.data[i]));
	return h;
}

/* The value of a key whose hash is known; -1 if the list has none. Keys match in any ASCII case. */
static int
FindHashed(const JList *list, JStr key, uint32 hash)
{
	for (uint32 slot = hash & list->mask; list->slots[slot] != 0; slot = (slot + 1) & list->mask)
	{
		const JListEntry *entry = &list->entries[list->slots[slot] - 1];
		const char *known = list->pool + entry->offset;
		int			i = 0;

		if (entry->len != key.len)
			continue;
		if (memcmp(key.data, known, key.len) == 0)
			return entry->value;
		while (i < key.len && JLower((unsigned char) key.data[i]) == (unsigned char) known[i])
			i++;
		if (i == key.len)
			return entry->value;
	}
	return -1;
}

static int
Find(const JList *list, JStr key)
{
	if (JStrIsNull(key) || key.len > list->longest)
		return -1;
	return FindHashed(list, key, Hash(key));
}

/*
 * parameters
 */

bool
JParamMaybe(JStr name)
{
	return name.len > 0 && name.len < (int) lengthof(param_first_letters) &&
		(param_first_letters[name.len] >> (name.data[0] & 31) & 1);
}

JParam
JParamLookup(JStr name)
{
	int			value = Find(&param_list, name);

	if (value < 0)
		return (JParam) {JPARAM_OTHER, 0};
	return (JParam) {value >> 8, value & 0xff};
}

bool
JParamTracks(JStr name)
{
	if (JParamLookup(name).kind != JPARAM_OTHER)
		return true;
	for (int i = 0; i < (int) lengthof(tracking_prefixes); i++)
	{
		int			len = strlen(tracking_prefixes[i]);

		if (name.len > len && JStrIs((JStr) {name.data, len}, tracking_prefixes[i]))
			return true;
	}
	return false;
}

const JClickIdInfo *
JClickIdAt(int rank)
{
	Assert(rank >= 0 && rank < (int) lengthof(click_ids));
	return &click_ids[rank];
}

/*
 * hosts
 */

/* The flags of a public suffix, as generate.pl has them. */
#define SUFFIX_RULE 1
#define SUFFIX_WILDCARD 2
#define SUFFIX_EXCEPTION 4
#define SUFFIX_PRIVATE 8

static bool
IsNumeric(JStr label)
{
	for (int i = 0; i < label.len; i++)
	{
		if (label.data[i] < '0' || label.data[i] > '9')
			return false;
	}
	return label.len > 0;
}

/*
 * Walks from the end of the host as long as the list knows the domain: names on the way to a
 * longer rule are in it too. A top-level domain that the list does not have is a suffix of its
 * own. *icann is the length of the suffix without the list's private section.
 */
static int
FindSuffix(JStr host, int *icann)
{
	uint32		hash = HASH_START;
	int			suffix = 0;
	int			parent = 0;
	bool		wildcard = false;
	bool		private_wildcard = false;
	bool		first = true;

	*icann = 0;
	if (host.len == 0 || host.data[0] == '[' || host.data[host.len - 1] == '.')
		return 0;

	for (int i = host.len; i-- > 0;)
	{
		JStr		domain = JStrFrom(host, i);
		int			flags;

		hash = HASH_STEP(hash, JLower((unsigned char) host.data[i]));
		if (i > 0 && host.data[i - 1] != '.')
			continue;
		if (first && IsNumeric(domain))
			return 0;
		flags = domain.len > suffix_list.longest ? -1 : FindHashed(&suffix_list, domain, hash);
		if (flags > 0 && (flags & SUFFIX_EXCEPTION))
		{
			*icann = Min(*icann, parent);
			return parent;
		}
		if (wildcard || (flags > 0 && (flags & SUFFIX_RULE)) || (first && i > 0))
			suffix = domain.len;
		if ((wildcard && !private_wildcard) ||
			(flags > 0 && (flags & SUFFIX_RULE) && !(flags & SUFFIX_PRIVATE)))
			*icann = domain.len;
		if (flags < 0)
			break;
		wildcard = (flags & SUFFIX_WILDCARD) != 0;
		private_wildcard = (flags & SUFFIX_PRIVATE) != 0;
		parent = domain.len;
		first = false;

		/* the dot */
		if (i > 0)
			hash = HASH_STEP(hash, (unsigned char) host.data[--i]);
	}
	return suffix;
}

int
JPublicSuffix(JStr host)
{
	int			icann;

	return FindSuffix(host, &icann);
}

/* The length of the suffix that a firm's site in a country has, google.co.uk and google.cat; else 0. */
static int
CountrySuffix(JStr host)
{
	int			icann;

	if (host.len < 4 ||
		(host.data[host.len - 3] != '.' && !JStrIs(JStrFrom(host, host.len - 4), ".cat")))
		return 0;
	(void) FindSuffix(host, &icann);
	return icann < host.len ? icann : 0;
}

bool
JIsTopLevel(JStr label)
{
	static const char *const reserved[] = {
		"example", "test", "invalid", "localhost", "local", "internal", "intranet", "lan", "home",
		"corp", "onion", "alt"
	};

	if (Find(&suffix_list, label) >= 0)
		return true;
	for (int i = 0; i < (int) lengthof(reserved); i++)
	{
		if (JStrIs(label, reserved[i]))
			return true;
	}
	return false;
}

/* The flags of the list of hosts, as generate.pl has them. */
#define HOST_PASSAGE 1			/* the host and its subdomains */
#define HOST_TENANTS 2			/* its subdomains other than www */
#define HOST_OAUTH 4
#define HOST_GOOGLE_ADS 8
#define HOST_CACHE 16			/* its subdomains */

/* The traits that the host has by the list, by itself and by the domains that it lies in. */
static int
TraitsOf(JStr host)
{
	uint32		hash = HASH_START;
	int			traits = 0;

	for (int i = host.len; i-- > 0;)
	{
		int			flags;
		bool		below = i > 0 && !JStrIs((JStr) {host.data, i - 1}, "www");

		hash = HASH_STEP(hash, JLower((unsigned char) host.data[i]));
		if (host.len - i > host_list.longest)
			break;
		if (i > 0 && host.data[i - 1] != '.')
			continue;
		flags = FindHashed(&host_list, JStrFrom(host, i), hash);
		if (flags < 0)
			continue;
		if ((flags & HOST_PASSAGE) || ((flags & HOST_TENANTS) && below))
			traits |= JHOST_PASSAGE;
		if (flags & HOST_OAUTH)
			traits |= JHOST_OAUTH;
		if (flags & HOST_GOOGLE_ADS)
			traits |= JHOST_GOOGLE_ADS;
		if ((flags & HOST_CACHE) && i > 0)
			traits |= JHOST_CACHE;
	}
	return traits;
}

int
JHostTraits(JStr host)
{
	int			traits = TraitsOf(host);
	int			suffix;
	char		key[HOST_MAX + 2];

	if (host.len == 0 || host.len > HOST_MAX || (suffix = CountrySuffix(host)) == 0)
		return traits;
	memcpy(key, host.data, host.len - suffix);
	memcpy(key + host.len - suffix, "{}", 2);
	return traits | TraitsOf((JStr) {key, host.len - suffix + 2});
}

/* The first pattern from number `first` that the path begins with, of those for subdomains if `parent`. */
static const JReferrerPattern *
MatchPath(int first, JStr path, bool parent)
{
	if (first < 0)
		return NULL;
	for (const JReferrerPattern *p = &referrer_patterns[first];; p++)
	{
		const char *begin = pattern_pool + p->path;

		if ((p->deep || !parent) && path.len >= p->path_len &&
			memcmp(path.data, begin, p->path_len) == 0 &&
			(path.len == p->path_len || p->path_len == 0 || begin[p->path_len - 1] == '/' ||
			 path.data[p->path_len] == '/'))
			return p;
		if (p->last)
			return NULL;
	}
}

/* Looks a host up in which {} stands for the `cut` bytes at `at`. */
static const JReferrerPattern *
MatchWithHole(JStr host, int at, int cut, JStr path)
{
	char		key[HOST_MAX + 2];
	int			rest = host.len - at - cut;

	memcpy(key, host.data, at);
	memcpy(key + at, "{}", 2);
	memcpy(key + at + 2, host.data + at + cut, rest);
	return MatchPath(Find(&referrer_list, (JStr) {key, at + 2 + rest}), path, false);
}

/* Search engines that name a country: google.{} by its suffix, {}.bing.com by a label. */
static const JReferrerPattern *
MatchCountry(JStr host, JStr path)
{
	int			start = 0;
	int			suffix = CountrySuffix(host);

	if (suffix > 0)
	{
		const JReferrerPattern *p = MatchWithHole(host, host.len - suffix, suffix, path);

		if (p != NULL)
			return p;
	}
	for (int i = 0; i < host.len; i++)
	{
		if (host.data[i] != '.')
			continue;
		if (i - start == 2)
			return MatchWithHole(host, start, 2, path);
		start = i + 1;
	}
	return NULL;
}

/* The nearest domain above the host whose pattern means its subdomains too. */
static const JReferrerPattern *
MatchParent(JStr host, JStr path)
{
	for (int i = 1; i < host.len; i++)
	{
		const JReferrerPattern *p;

		if (host.data[i - 1] != '.')
			continue;
		p = MatchPath(Find(&referrer_list, JStrFrom(host, i)), path, true);
		if (p != NULL)
			return p;
	}
	return NULL;
}

/*
 * The length, with its dot, of a first label by which a site has the same pages for phones, old
 * browsers and the like; 0 if it is none.
 */
static int
VariantLabel(JStr host)
{
	static const char *const labels[] = {
		"m", "mobile", "mobil", "wap", "touch", "html", "lite", "ipv4", "ipv6", "safe", "start",
		"encrypted"
	};
	JStr		label = host;

	label.len = 0;
	while (label.len < host.len && host.data[label.len] != '.')
		label.len++;
	if (label.len == host.len || label.len > 9)
		return 0;
	for (int i = 0; i < (int) lengthof(labels); i++)
	{
		if (JLower((unsigned char) label.data[0]) == (unsigned char) labels[i][0] &&
			JStrIs(label, labels[i]))
			return label.len + 1;
	}
	if (label.len >= 3 && JStrIs((JStr) {label.data, 3}, "www") &&
		(label.len == 3 || IsNumeric(JStrFrom(label, 3))))
		return label.len + 1;
	return 0;
}

JReferrerKind
JReferrerLookup(JStr host, JStr path, JStr *source, JStr *words)
{
	const JReferrerPattern *p = NULL;
	JStr		variant;
	int			label;

	if (host.len > 4 && JStrIs((JStr) {host.data, 4}, "www."))
		host = JStrFrom(host, 4);
	if (host.len == 0 || host.len > HOST_MAX)
		return JREFERRER_OTHER;
	if (JStrIsNull(path))
		path = JSTR_LIT("");

	variant = host;
	do
	{
		p = MatchPath(Find(&referrer_list, variant), path, false);
		if (p == NULL)
			p = MatchCountry(variant, path);
		label = VariantLabel(variant);
		variant = JStrFrom(variant, label);
	} while (p == NULL && label > 0);
	if (p == NULL)
		p = MatchParent(host, path);
	if (p == NULL)
		return JREFERRER_OTHER;
	*source = (JStr) {pattern_pool + p->source, p->source_len};
	*words = (JStr) {pattern_pool + p->words, p->words_len};
	return p->kind;
}

bool
JIsAssistantName(JStr source)
{
	return Find(&assistant_list, source) >= 0;
}

JSourceCategory
JSourceCategoryOf(JStr source)
{
	int			value = Find(&source_list, source);

	if (value < 0 && source.len > 4 && JStrIs((JStr) {source.data, 4}, "www."))
		value = Find(&source_list, JStrFrom(source, 4));
	return value < 0 ? JCATEGORY_NONE : value;
}

const JRedactionRow *
JRedactionRows(int *n)
{
	*n = lengthof(redaction_rows);
	return redaction_rows;
}
