/*
 * hash.c
 *		SQL functions that hash e-mail addresses and phone numbers as ad platforms want them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"

#include "hash_core.h"
#include "journey_sql.h"

static JPlatform
PlatformArg(FunctionCallInfo fcinfo, int arg)
{
	JPlatform	platform;
	JStr		name;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("platform must not be NULL")));
	name = JStrFromText(PG_GETARG_TEXT_PP(arg));
	if (!JPlatformFromName(name, &platform))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown platform \"%.*s\"", name.len, name.data),
				 errhint("Platforms are google, linkedin, meta, microsoft, tiktok.")));
	return platform;
}

/* An argument in UTF-8, of which platforms hash the bytes. */
static JStr
Utf8Arg(FunctionCallInfo fcinfo, int arg)
{
	text	   *value;

	if (PG_ARGISNULL(arg))
		return JSTR_NULL;
	value = PG_GETARG_TEXT_PP(arg);
	if (GetDatabaseEncoding() == PG_UTF8)
		return JStrFromText(value);
	return JStrFromCString(pg_server_to_any(text_to_cstring(value), VARSIZE_ANY_EXHDR(value), PG_UTF8));
}

/* 64 hex digits in small letters. */
static Datum
LowerHex(JStr hex)
{
	text	   *result = cstring_to_text_with_len(hex.data, hex.len);

	for (int i = 0; i < hex.len; i++)
		VARDATA(result)[i] = pg_ascii_tolower((unsigned char) VARDATA(result)[i]);
	PG_RETURN_TEXT_P(result);
}

static Datum
Sha256Hex(JStr normal)
{
	static const char digits[] = "0123456789abcdef";
	Datum		value = PointerGetDatum(cstring_to_text_with_len(normal.data, normal.len));
	bytea	   *hash = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, value));
	char		hex[64];

	for (int i = 0; i < 32; i++)
	{
		unsigned char byte = VARDATA_ANY(hash)[i];

		hex[2 * i] = digits[byte >> 4];
		hex[2 * i + 1] = digits[byte & 0xF];
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(hex, sizeof(hex)));
}

/* hash_email(email, platform) */
PG_FUNCTION_INFO_V1(journey_hash_email);
Datum
journey_hash_email(PG_FUNCTION_ARGS)
{
	JPlatform	platform = PlatformArg(fcinfo, 1);
	JStr		email = Utf8Arg(fcinfo, 0);
	JStr		hash;

	if (JStrIsNull(email))
		PG_RETURN_NULL();
	if (JIsHash(email, &hash))
		return LowerHex(hash);
	email = JEmailNormal(email, platform);
	if (JStrIsNull(email))
		PG_RETURN_NULL();
	return Sha256Hex(email);
}

/* hash_phone(phone, platform, country) */
PG_FUNCTION_INFO_V1(journey_hash_phone);
Datum
journey_hash_phone(PG_FUNCTION_ARGS)
{
	JPlatform	platform = PlatformArg(fcinfo, 1);
	JStr		phone = Utf8Arg(fcinfo, 0);
	JStr		hash;

	if (JStrIsNull(phone))
		PG_RETURN_NULL();
	if (JIsHash(phone, &hash))
		return LowerHex(hash);
	phone = JPhoneNormal(phone, platform, Utf8Arg(fcinfo, 2));
	if (JStrIsNull(phone))
		PG_RETURN_NULL();
	return Sha256Hex(phone);
}
