/*
 * store.c
 *		Statements of a refresh, written for any model's relations.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "lib/stringinfo.h"

#include "journey_sql.h"

static bool
JIsWord(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Where a placeholder's name begins and ends, if there is one at this brace: {name} or {.name}. */
static const char *
JPlaceholder(const char *at, const char *end, const char **name)
{
	const char *p = at + 1;

	if (p < end && *p == '.')
		p++;
	*name = p;
	while (p < end && JIsWord(*p))
		p++;
	return p > *name && p < end && *p == '}' ? p : NULL;
}

/*
 * _bind(run, statement): {name} becomes the model's relation of this name, or in a shadow run its shadow,
 * _shadow_name; {.name} the relation itself. Names that begin with _ are of the store's schema. What stands in
 * their place is not looked at again: a schema's name may have braces.
 */
PG_FUNCTION_INFO_V1(journey_bind);
Datum
journey_bind(PG_FUNCTION_ARGS)
{
	HeapTupleHeader run = PG_GETARG_HEAPTUPLEHEADER(0);
	text	   *statement = PG_GETARG_TEXT_PP(1);
	const char *at = VARDATA_ANY(statement);
	const char *end = at + VARSIZE_ANY_EXHDR(statement);
	bool		isnull;
	Datum		schema = GetAttributeByName(run, "schema", &isnull);
	Datum		store;
	const char *public_prefix;
	const char *store_prefix;
	bool		shadow;
	StringInfoData out;

	if (isnull)
		PG_RETURN_NULL();
	store = GetAttributeByName(run, "store", &isnull);
	if (isnull)
		PG_RETURN_NULL();
	public_prefix = quote_identifier(NameStr(*DatumGetName(schema)));
	store_prefix = quote_identifier(NameStr(*DatumGetName(store)));
	shadow = DatumGetBool(GetAttributeByName(run, "shadow", &isnull)) && !isnull;
	initStringInfo(&out);
	while (at < end)
	{
		const char *open = memchr(at, '{', end - at);
		const char *name;
		const char *close;

		if (open == NULL)
			open = end;
		appendBinaryStringInfo(&out, at, open - at);
		if (open == end)
			break;
		close = JPlaceholder(open, end, &name);
		if (close == NULL)
		{
			appendStringInfoChar(&out, '{');
			at = open + 1;
			continue;
		}
		appendStringInfo(&out, "%s.",
						 *name == '_' || (shadow && open[1] != '.') ? store_prefix : public_prefix);
		if (shadow && open[1] != '.')
		{
			appendStringInfoString(&out, "_shadow_");
			if (*name == '_')
				name++;
		}
		appendBinaryStringInfo(&out, name, close - name);
		at = close + 1;
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
