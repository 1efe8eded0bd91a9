/*
 * identity.c
 *		SQL functions on ids.
 */
#include "postgres.h"

#include "identity_core.h"
#include "identity_sql.h"
#include "journey_sql.h"

PG_FUNCTION_INFO_V1(_blocked_id);
PG_FUNCTION_INFO_V1(_clean_id);
PG_FUNCTION_INFO_V1(_visitor_id);
PG_FUNCTION_INFO_V1(_clean_email);

JStr
JEmailOfTraits(JStr traits, const char *key)
{
	Jsonb	   *jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
														   CStringGetDatum(pnstrdup(traits.data, traits.len))));
	JsonbValue	name = {.type = jbvString};
	JsonbValue *value;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		return JSTR_NULL;
	name.val.string.val = unconstify(char *, key);
	name.val.string.len = strlen(key);
	value = findJsonbValueFromContainer(&jsonb->root, JB_FOBJECT, &name);
	if (value == NULL || value->type != jbvString)
		return JSTR_NULL;
	return JEmailClean((JStr) {value->val.string.val, value->val.string.len},
					   palloc(value->val.string.len + 1));
}

/* _blocked_id(id text): whether it is no id. */
Datum
_blocked_id(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(JIdIsBlocked(JStrFromText(PG_GETARG_TEXT_PP(0))));
}

/* _clean_id(id text): the id as it is, NULL where it is none. */
Datum
_clean_id(PG_FUNCTION_ARGS)
{
	text	   *id = PG_GETARG_TEXT_PP(0);

	if (JIdIsBlocked(JStrFromText(id)))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(id);
}

/* _visitor_id(anonymous_id text, user_id text): the device, else 'user:' and the user, else NULL. */
Datum
_visitor_id(PG_FUNCTION_ARGS)
{
	text	   *id;
	text	   *result;
	int			len;

	if (!PG_ARGISNULL(0))
	{
		id = PG_GETARG_TEXT_PP(0);
		if (!JIdIsBlocked(JStrFromText(id)))
			PG_RETURN_TEXT_P(id);
	}
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	id = PG_GETARG_TEXT_PP(1);
	if (JIdIsBlocked(JStrFromText(id)))
		PG_RETURN_NULL();

	len = VARSIZE_ANY_EXHDR(id);
	result = palloc(VARHDRSZ + 5 + len);
	SET_VARSIZE(result, VARHDRSZ + 5 + len);
	memcpy(VARDATA(result), "user:", 5);
	memcpy(VARDATA(result) + 5, VARDATA_ANY(id), len);
	PG_RETURN_TEXT_P(result);
}

/* _clean_email(email text): the address in lower case, NULL where it is none. */
Datum
_clean_email(PG_FUNCTION_ARGS)
{
	JStr		email = JStrFromText(PG_GETARG_TEXT_PP(0));
	char	   *buffer = palloc(email.len + 1);

	email = JEmailClean(email, buffer);
	if (JStrIsNull(email))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(email.data, email.len));
}
