/*
 * alias.c
 *		SQL wrapper of alias_core.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"

#include "alias_core.h"
#include "journey_sql.h"

/* _alias_ends(previous text[], next text[]): the canonical id of each previous one. */
PG_FUNCTION_INFO_V1(journey_alias_ends);
Datum
journey_alias_ends(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum	   *from;
	Datum	   *to;
	int			n,
				m;
	JAliasLink *links;

	InitMaterializedSRF(fcinfo, 0);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &from, NULL, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &to, NULL, &m);
	if (n != m)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("aliases must come in pairs")));
	links = palloc_array(JAliasLink, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		links[i].from = JStrFromText(DatumGetTextPP(from[i]));
		links[i].to = JStrFromText(DatumGetTextPP(to[i]));
	}
	if (!JAliasEnds(links, n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an id must not have two aliases")));
	for (int i = 0; i < n; i++)
	{
		Datum		values[2] = {JStrGetDatum(links[i].from), JStrGetDatum(links[i].end)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
