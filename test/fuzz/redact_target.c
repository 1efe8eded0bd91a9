/*
 * redact_target.c
 *		Redaction of texts and URLs under any bytes, with the default sets and with rules from the input.
 *
 * The input is a text, or rules, a line feed and a text.
 */
#include "redact_core.h"

#include "arena.h"
#include "mb/pg_wchar.h"

/* The rules of the default sets. */
static JRedactRules *defaults[2];

static void
Prepare(void)
{
	static const char *const sets[] = {"\"gdpr\"", "\"hipaa\""};
	char		hex[J_PSEUDONYM_LENGTH];

	if (defaults[0] != NULL)
		return;
	/* a library of ciphers keeps what it allocates at its first use */
	Check(JPseudonym(JSTR_LIT("x"), JSTR_LIT("k"), "", hex), "no pseudonym");
	for (int i = 0; i < 2; i++)
	{
		JDefError	error = {0};
		JStr		name = {sets[i], (int32) strlen(sets[i])};

		defaults[i] = JRedactCompile(JDefRead(name, "", JDefMemory(name), &error), JSTR_LIT("key"), &error);
	}
}

static void
CheckText(JRedactRules *rules, JStr text, bool stable)
{
	StringInfoData once,
				twice;
	bool		valid = pg_encoding_verifymbstr(PG_UTF8, text.data, text.len) == text.len;
	int			start,
				end;
	JRedactValue kind;

	for (int from = 0; JFindValue(rules, text, from, &start, &end, &kind); from = end)
		Check(start >= from && end > start && end <= text.len, "a value is not within the text");
	for (int url = 0; url < 2; url++)
	{
		bool		changed;

		initStringInfo(&once);
		initStringInfo(&twice);
		changed = url ? JRedactUrl(rules, text, &once) : JRedactText(rules, text, &once);
		Check(changed || once.len == 0, "nothing changed, and something was written");
		if (!changed)
			continue;
		Check(!valid || pg_encoding_verifymbstr(PG_UTF8, once.data, once.len) == once.len,
			  "what is left is no UTF-8");
		/* what was masked is no value again: masks hold none */
		if (stable && !url)
			Check(JRedactWhole(rules, (JStr) {once.data, once.len}) != JVALUE_PHONE, "a phone number is left");
	}
	(void) JRedactMember(rules, text, text, true);
	(void) JRedactMember(rules, text, text, false);
	(void) JRedactParam(rules, text);
	(void) JRedactWhole(rules, text);
	for (int action = JREDACT_MASK; action <= JREDACT_TRUNCATE; action++)
	{
		initStringInfo(&once);
		JRedactScalar(rules, action, text, "", &once);
		Check(!valid || pg_encoding_verifymbstr(PG_UTF8, once.data, once.len) == once.len,
			  "what is left is no UTF-8");
	}
}

static void
Run(const uint8_t *data, size_t size)
{
	const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
	JStr		text = ArenaCopy(data, size);

	for (int i = 0; i < 2; i++)
		CheckText(defaults[i], text, true);
	if (line != NULL)
	{
		JDefError	error = {0};
		JStr		document = ArenaCopy(data, line - data);
		JDef	   *def = JDefRead(document, "", JDefMemory(document), &error);
		JRedactRules *rules = def == NULL ? NULL : JRedactCompile(def, JSTR_LIT("key"), &error);

		if (error.code == NULL)
			CheckText(rules, ArenaCopy(line + 1, size - (line - data) - 1), false);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Prepare();
	ArenaBegin();
	Run(data, size);
	ArenaEnd();
	return 0;
}
