/*
 * identity.c
 *		SQL functions on ids.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "identity_core.h"
#include "pg_journey_compat.h"

PG_FUNCTION_INFO_V1(_blocked_id);
PG_FUNCTION_INFO_V1(_clean_id);
PG_FUNCTION_INFO_V1(_visitor_id);
PG_FUNCTION_INFO_V1(_clean_email);

static JStr
TextStr(text *t)
{
	return (JStr) {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
}

/* _blocked_id(id text): whether it is no id. */
Datum
_blocked_id(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(JIdIsBlocked(TextStr(PG_GETARG_TEXT_PP(0))));
}

/* _clean_id(id text): the id as it is, NULL where it is none. */
Datum
_clean_id(PG_FUNCTION_ARGS)
{
	text	   *id = PG_GETARG_TEXT_PP(0);

	if (JIdIsBlocked(TextStr(id)))
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
		if (!JIdIsBlocked(TextStr(id)))
			PG_RETURN_TEXT_P(id);
	}
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	id = PG_GETARG_TEXT_PP(1);
	if (JIdIsBlocked(TextStr(id)))
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
	JStr		email = TextStr(PG_GETARG_TEXT_PP(0));
	char	   *buffer = palloc(email.len + 1);

	email = JEmailClean(email, buffer);
	if (JStrIsNull(email))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(email.data, email.len));
}
