/*
 * catalog.c
 *		The catalog of models, and the change of user under which a model is maintained.
 *
 * Two kinds of doors, both without SECURITY DEFINER:
 *
 * journey_as_owner() stands behind the public functions on a model, journey.refresh() for one. It
 * runs journey._refresh() as the owner of the model's store, in a security-restricted operation
 * with pinned settings, just as REFRESH MATERIALIZED VIEW runs a view's query: what the owner's
 * views and functions do is done with the owner's rights, whoever calls, and cannot outlive the
 * call. It does so in a subtransaction, so that a failed call can leave a trace (progress.c).
 * journey_as_caller() does the same for functions that have no model yet, as the caller. An error
 * that passes one of them loses the context of the inner functions, which is kept for the log.
 *
 * journey._catalog() reads and writes the catalog's tables, on which nobody but the extension's
 * owner has rights; journey._get_model() and _lock_model() read one model's row of them. They
 * execute the fixed statements in here, and only after a look at who asks; no text from outside
 * is ever executed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "pg_journey_compat.h"
#include "progress.h"

/* The relation whose owner is the model's owner. */
#define STORE_RELATION "_segments"
/* The relation beside it that has a copy of what the catalog knows of the model. */
#define COPY_RELATION "_catalog_copy"

typedef struct Model
{
	NameData	name;
	NameData	schema;
	NameData	store;			/* the schema of its store */
	NameData	created_by;		/* counts only where the store is gone */
	Oid			owner;			/* InvalidOid where the store is gone */
} Model;

/* What SwitchUser() changed. On error the abort of the (sub)transaction restores it. */
typedef struct SavedUser
{
	Oid			userid;
	int			sec_context;
	int			nestlevel;
} SavedUser;

/*
 * Settings that change what a query means or how a value is written: a model must not depend on who
 * refreshes it.
 */
static const char *const pinned_settings[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"TimeZone", "UTC"},
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"standard_conforming_strings", "on"},
	{"array_nulls", "on"},
	{"xmloption", "content"},
	{"transform_null_equals", "off"},
	{"quote_all_identifiers", "off"},
};

/* Who may execute a statement of the catalog. */
typedef enum CatalogAccess
{
	ACCESS_ANYBODY,				/* it tells only whether a name is taken, or what readers may know */
	ACCESS_CREATOR,				/* owners of the store in the schema that the arguments name */
	ACCESS_OWNER				/* the model's owner */
} CatalogAccess;

typedef struct CatalogStatement
{
	const char *name;
	CatalogAccess access;
	const char *sql;			/* $1 model name, $2 arguments; gives a jsonb or nothing */
	bool		locks;			/* it writes, so it takes the model's row first */
	bool		copied;			/* what it writes goes into the copy beside the model, too */
} CatalogStatement;

/* After it a transaction with an older snapshot cannot lock the row any more: it would not see all. */
#define TOUCH_MODEL "UPDATE journey._model SET version = version WHERE model = $1"

#define SET_WATERMARKS(tables) \
	"UPDATE journey._source_table t" \
	" SET watermark_column = a.watermark_column, watermark = a.watermark, seen = a.seen," \
	" first_read_at = coalesce(t.first_read_at, transaction_timestamp())" \
	" FROM jsonb_populate_recordset(NULL::journey._source_table, " tables ") AS a" \
	" WHERE t.model = $1 AND t.table_id = a.table_id AND (t.first_read_at IS NULL" \
	" OR (t.watermark_column, t.watermark, t.seen)" \
	" IS DISTINCT FROM (a.watermark_column, a.watermark, a.seen))"

/* Without foreign keys, which a parallel restore would check too early. */
#define DELETE_DEPENDENTS \
	"WITH sources AS (DELETE FROM journey._source WHERE model = $1)," \
	" tables AS (DELETE FROM journey._source_table WHERE model = $1)," \
	" refreshes AS (DELETE FROM journey._refresh WHERE model = $1) "

static const CatalogStatement catalog_statements[] = {
	{"exists", ACCESS_ANYBODY,
		"SELECT to_jsonb(EXISTS (SELECT FROM journey._model WHERE model = $1))"
	},
	/* what a report has to know: where the relations are that its caller must have rights on */
	{"read", ACCESS_ANYBODY,
		"SELECT jsonb_build_object('schema', schema, 'store_schema', store_schema, 'time_zone', coalesce(options->>'time_zone', 'UTC'),"
		" 'refreshed_at', refreshed_at, 'segments', options->'segments') FROM journey._model WHERE model = $1"
	},
	{"create", ACCESS_CREATOR,
		DELETE_DEPENDENTS
		"INSERT INTO journey._model (model, schema, store_schema, options, rules_version, relations,"
		" made_schema, made_store, created_by)"
		" SELECT $1, a.schema, a.store_schema, a.options, a.rules_version, a.relations, a.made_schema,"
		" a.made_store, a.created_by"
		" FROM jsonb_populate_record(NULL::journey._model, $2) AS a",
		false, true
	},
	/* after "create": the rest of what the copy beside a model says */
	{"adopt", ACCESS_OWNER,
		"WITH adopted AS ("
		"UPDATE journey._model m SET version = a.version, options_due = a.options_due,"
		" rebuild_due = a.rebuild_due, created_at = a.created_at, refreshed_at = a.refreshed_at"
		" FROM jsonb_populate_record(NULL::journey._model, $2->'model') AS a"
		" WHERE m.model = $1 AND m.version = 0 RETURNING m.model"
		"), sources AS ("
		"INSERT INTO journey._source (model, source, kind, source_schema, relation_name, event_kind,"
		" id_space, columns, options)"
		" SELECT d.model, a.source, a.kind, a.source_schema, a.relation_name, a.event_kind, a.id_space,"
		" a.columns, a.options"
		" FROM adopted d, jsonb_populate_recordset(NULL::journey._source, $2->'sources') AS a"
		"), tables AS ("
		"INSERT INTO journey._source_table (model, source, table_id, schema, relation, watermark_column,"
		" watermark, first_read_at)"
		" SELECT d.model, a.source, a.table_id, a.schema, a.relation, a.watermark_column, a.watermark,"
		" a.first_read_at"
		" FROM adopted d, jsonb_populate_recordset(NULL::journey._source_table, $2->'tables') AS a"
		") "
		"INSERT INTO journey._refresh (model, version, started_at, finished_at, counts, phases)"
		" SELECT d.model, a.version, a.started_at, a.finished_at, a.counts, a.phases"
		" FROM adopted d, jsonb_populate_record(NULL::journey._refresh, $2->'refresh') AS a"
		" WHERE jsonb_typeof($2->'refresh') = 'object'",
		true, true
	},
	{"drop", ACCESS_OWNER,
		DELETE_DEPENDENTS
		"DELETE FROM journey._model WHERE model = $1",
		true
	},
	{"get", ACCESS_OWNER,
		"SELECT to_jsonb(m) - 'statements' FROM journey._model m WHERE model = $1"
	},
	{"statements", ACCESS_OWNER,
		"SELECT statements FROM journey._model WHERE model = $1"
	},
	{"keep_statements", ACCESS_OWNER,
		"UPDATE journey._model SET statements = $2 WHERE model = $1",
		true
	},
	{"set", ACCESS_OWNER,
		"UPDATE journey._model SET options = $2->'options',"
		" options_due = nullif($2->'options_due', 'null'), rebuild_due = $2->>'rebuild_due',"
		" rules_version = ($2->>'rules_version')::int"
		" WHERE model = $1",
		true, true
	},
	{"rebuild_due", ACCESS_OWNER,
		"UPDATE journey._model SET rebuild_due = $2->>'reason' WHERE model = $1",
		true, true
	},
	{"add_source", ACCESS_OWNER,
		"WITH touched AS (" TOUCH_MODEL ") "
		"INSERT INTO journey._source (model, source, kind, source_schema, relation_name,"
		" event_kind, id_space, columns, options)"
		" SELECT $1,"
		" (SELECT coalesce(max(s.source), 0) + 1 FROM journey._source s WHERE s.model = $1),"
		" a.kind, a.source_schema, a.relation_name, a.event_kind, a.id_space, a.columns, a.options"
		" FROM jsonb_populate_record(NULL::journey._source, $2) AS a"
		" RETURNING to_jsonb(source)",
		true, true
	},
	{"set_schema", ACCESS_OWNER,
		"WITH touched AS (" TOUCH_MODEL ") "
		"UPDATE journey._source SET options = coalesce($2->'options', '{}')"
		" WHERE model = $1 AND kind = 'schema' AND source_schema = ($2->>'source_schema')::name"
		" RETURNING to_jsonb(source)",
		true, true
	},
	{"sources", ACCESS_OWNER,
		"SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY source), '[]')"
		" FROM journey._source s WHERE model = $1"
	},
	{"tables", ACCESS_OWNER,
		"SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY table_id), '[]')"
		" FROM (SELECT source, table_id, schema, relation, watermark_column, watermark, first_read_at, seen"
		" FROM journey._source_table WHERE model = $1) AS t"
	},
	/* what a reading has to know of the sources, and of each table but for its query */
	{"inputs", ACCESS_OWNER,
		"SELECT jsonb_build_object("
		"'sources', (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY source), '[]')"
		" FROM journey._source s WHERE model = $1),"
		" 'tables', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY table_id), '[]')"
		" FROM (SELECT source, table_id, schema, relation, watermark_column, watermark, first_read_at, seen,"
		" reader_key, reader FROM journey._source_table WHERE model = $1) AS t))"
	},
	{"reader_texts", ACCESS_OWNER,
		"SELECT coalesce(jsonb_object_agg(table_id, reader_text), '{}')"
		" FROM journey._source_table WHERE model = $1 AND $2 @> to_jsonb(table_id)"
	},
	{"readers", ACCESS_OWNER,
		"UPDATE journey._source_table t"
		" SET reader_key = a.reader_key, reader = a.reader, reader_text = a.reader_text"
		" FROM jsonb_populate_recordset(NULL::journey._source_table, $2) AS a"
		" WHERE t.model = $1 AND t.table_id = a.table_id",
		true
	},
	{"add_table", ACCESS_OWNER,
		"WITH touched AS (" TOUCH_MODEL ") "
		"INSERT INTO journey._source_table (model, source, table_id, schema, relation)"
		" SELECT $1, a.source,"
		" (SELECT coalesce(max(t.table_id), 0) + 1 FROM journey._source_table t"
		" WHERE t.model = $1),"
		" a.schema, a.relation"
		" FROM jsonb_populate_record(NULL::journey._source_table, $2) AS a"
		" RETURNING to_jsonb(table_id)",
		true, true
	},
	{"touch", ACCESS_OWNER,
		TOUCH_MODEL,
		true
	},
	{"watermarks", ACCESS_OWNER,
		SET_WATERMARKS("$2"),
		true, true
	},
	{"writers", ACCESS_OWNER,
		"UPDATE journey._model SET writers = $2 WHERE model = $1",
		true
	},
	{"refreshed", ACCESS_OWNER,
		"WITH done AS ("
		"UPDATE journey._model SET version = version + 1, refreshed_at = transaction_timestamp(),"
		" writers = coalesce(nullif($2->'writers', 'null'), writers)"
		" WHERE model = $1 RETURNING version"
		"), read AS ("
		SET_WATERMARKS("CASE jsonb_typeof($2->'watermarks') WHEN 'array' THEN $2->'watermarks' END")
		"), trimmed AS ("
		"DELETE FROM journey._refresh r USING done"
		" WHERE r.model = $1 AND r.version <= done.version - 10000"
		") "
		"INSERT INTO journey._refresh (model, version, started_at, finished_at, counts, phases)"
		" SELECT $1, done.version, a.started_at, clock_timestamp(), coalesce(a.counts, '{}'),"
		" coalesce(a.phases, '{}')"
		" FROM done, jsonb_populate_record(NULL::journey._refresh, $2) AS a"
		" RETURNING to_jsonb(version)",
		true, true
	},
};

/*
 * What the catalog knows of a model, as its copy beside the model's tables says it: all but what was seen
 * under snapshots, which counts for nothing in another database. journey._adopt_model() reads it.
 */
static const char *const catalog_copy =
"SELECT jsonb_build_object('format', 1, 'model', to_jsonb(m) - '{writers,statements}'::text[],"
" 'sources', (SELECT coalesce(jsonb_agg(to_jsonb(s) - 'model' ORDER BY s.source), '[]')"
" FROM journey._source s WHERE s.model = m.model),"
" 'tables', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.table_id), '[]')"
" FROM (SELECT source, table_id, schema, relation, watermark_column, watermark, first_read_at"
" FROM journey._source_table WHERE model = m.model) AS t),"
" 'refresh', (SELECT to_jsonb(r) - 'model' FROM journey._refresh r"
" WHERE r.model = m.model AND r.version = m.version))"
" FROM journey._model m WHERE m.model = $1";

PG_FUNCTION_INFO_V1(journey_as_owner);
PG_FUNCTION_INFO_V1(journey_as_caller);
PG_FUNCTION_INFO_V1(journey_adopt_model);
PG_FUNCTION_INFO_V1(_catalog);
PG_FUNCTION_INFO_V1(_get_model);
PG_FUNCTION_INFO_V1(_lock_model);

/* Becomes another user, with pinned settings. `flags` are added to the security context. */
static void
SwitchUser(SavedUser *saved, Oid userid, int flags)
{
	GetUserIdAndSecContext(&saved->userid, &saved->sec_context);
	SetUserIdAndSecContext(userid, saved->sec_context | flags);
	saved->nestlevel = NewGUCNestLevel();
	for (int i = 0; i < lengthof(pinned_settings); i++)
		(void) set_config_option(pinned_settings[i][0], pinned_settings[i][1],
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static void
RestoreUser(const SavedUser *saved)
{
	AtEOXact_GUC(false, saved->nestlevel);
	SetUserIdAndSecContext(saved->userid, saved->sec_context);
}

/* The owner of a relation, or InvalidOid where there is none. */
static Oid
RelationOwner(Oid relid)
{
	HeapTuple	tuple;
	Oid			owner;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* The owner of the catalog's tables: the one role that may read and write them. */
static Oid
CatalogOwner(void)
{
	Oid			owner;

	owner = RelationOwner(get_relname_relid("_model", get_namespace_oid("journey", false)));
	if (!OidIsValid(owner))
		elog(ERROR, "table journey._model is missing");
	return owner;
}

/*
 * The owner of the store in a schema; InvalidOid where there is none. The owner of the schema would be
 * no stand-in: whoever may create objects in a schema of another role could make a model there, drop
 * its store, and have what the model reads run as that role.
 */
static Oid
StoreOwner(const char *schema)
{
	Oid			namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ?
		RelationOwner(get_relname_relid(STORE_RELATION, namespace)) : InvalidOid;
}

/*
 * Executes a fixed statement as the owner of the catalog. $1 is the model's name; $2, where the
 * statement has one, is `args`. Needs an SPI connection; the result is in SPI_tuptable.
 */
static void
ExecuteAsCatalog(const char *sql, Name model, bool has_args, Jsonb *args)
{
	Oid			types[2] = {NAMEOID, JSONBOID};
	Datum		values[2] = {NameGetDatum(model), args ? JsonbPGetDatum(args) : (Datum) 0};
	char		nulls[2] = {' ', args ? ' ' : 'n'};
	SavedUser	saved;
	int			rc;

	SwitchUser(&saved, CatalogOwner(), SECURITY_LOCAL_USERID_CHANGE);
	rc = SPI_execute_with_args(sql, has_args ? 2 : 1, types, values, nulls, false, 0);
	RestoreUser(&saved);
	if (rc < 0)
		elog(ERROR, "could not execute a statement of the catalog: %s", SPI_result_code_string(rc));
}

/* Raises the error of a model that is not there. Needs an SPI connection, for the hint. */
static void
UnknownModel(Name model)
{
	char	   *known = NULL;

	if (SPI_execute("SELECT pg_catalog.string_agg(pg_catalog.format('\"%s\"', model), ', '"
					" ORDER BY model) FROM journey.models", false, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
		known = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", NameStr(*model)),
			 known ? errhint("Your models are %s.", known)
			 : errhint("Create one with journey.create_model().")));
}

/* A column of type name, of a row that has one. */
static void
CopyName(Name to, HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, SPI_fnumber(desc, column), &isnull);

	if (isnull)
		elog(ERROR, "column \"%s\" of a model is null", column);
	namestrcpy(to, NameStr(*DatumGetName(value)));
}

/*
 * Looks a model up, by its key and past the planner: a refresh asks some ten times. Under the snapshot of the
 * statement that follows, so that both see the same model. Needs an SPI connection.
 */
static void
LookUpModel(Name name, Model *model)
{
	Oid			schema = get_namespace_oid("journey", false);
	Relation	models = table_open(get_relname_relid("_model", schema), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, get_attnum(RelationGetRelid(models), "model"), BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(name));
	scan = systable_beginscan(models, get_relname_relid("_model_pkey", schema), true, snapshot, 1, &key);
	row = systable_getnext(scan);
	if (row != NULL)
	{
		namestrcpy(&model->name, NameStr(*name));
		CopyName(&model->schema, row, RelationGetDescr(models), "schema");
		CopyName(&model->created_by, row, RelationGetDescr(models), "created_by");
		CopyName(&model->store, row, RelationGetDescr(models), "store_schema");
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(models, AccessShareLock);
	if (row == NULL)
		UnknownModel(name);
	model->owner = StoreOwner(NameStr(model->store));
}

/* A model that is not in the catalog yet, with its store in a schema. */
static void
SetModel(Model *model, const char *name, const char *schema, const char *store)
{
	namestrcpy(&model->name, name);
	namestrcpy(&model->schema, schema);
	namestrcpy(&model->store, store);
	namestrcpy(&model->created_by, "");
	model->owner = StoreOwner(store);
}

static void
CheckSchemaExists(const Model *model, const char *schema)
{
	if (!OidIsValid(get_namespace_oid(schema, true)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" of model \"%s\" does not exist", schema, NameStr(model->name)),
				 errhint("Restore it, or forget the model with journey.drop_model().")));
}

/* Raises an error unless the current user has the rights of the model's owner; to drop it, its store is enough. */
static void
CheckOwner(const Model *model, bool drops)
{
	if (!drops)
		CheckSchemaExists(model, NameStr(model->schema));
	if (!OidIsValid(model->owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the store of model \"%s\" does not exist", NameStr(model->name)),
				 errdetail("It is relation \"%s\" in schema \"%s\".",
						   STORE_RELATION, NameStr(model->store)),
				 errhint("Restore it, or forget the model with journey.drop_model().")));
	if (!has_privs_of_role(GetUserId(), model->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", NameStr(model->name)),
				 errdetail("The model belongs to role \"%s\".",
						   GetUserNameFromId(model->owner, false)),
				 errhint("The owner lets others use it by granting them its role.")));
}

/* The owner of a schema that exists; of that of a new database's "public" the database's owner. */
static Oid
SchemaOwner(Oid schema)
{
	HeapTuple	tuple;
	Oid			owner;

	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	if (owner != ROLE_PG_DATABASE_OWNER)
		return owner;

	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Raises an error unless the owner of a schema of the model has the rights of the model's owner anyway: it
 * may drop any relation of the schema, and make another of the same name, which the model's functions
 * would then use with the rights of the model's owner, triggers and all.
 */
static void
CheckOneSchemaOwner(const Model *model, const char *schema)
{
	Oid			owner = SchemaOwner(get_namespace_oid(schema, false));

	if (!has_privs_of_role(owner, model->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("schema \"%s\" of model \"%s\" belongs to another role than the model",
						schema, NameStr(model->name)),
				 errdetail("Role \"%s\" could put relations of its own in place of those of role \"%s\".",
						   GetUserNameFromId(owner, false), GetUserNameFromId(model->owner, false)),
				 errhint("Give the schema and the relations in it to one role.")));
}

static void
CheckSchemaOwner(const Model *model)
{
	CheckOneSchemaOwner(model, NameStr(model->schema));
	CheckOneSchemaOwner(model, NameStr(model->store));
}

/* A model without a store is but a name: its creator or the catalog's owner may drop it. */
static void
CheckMayDropRemains(const Model *model)
{
	if (!has_privs_of_role(GetUserId(), CatalogOwner()) &&
		get_role_oid(NameStr(model->created_by), true) != GetUserId())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", NameStr(model->name)),
				 errdetail("Its store is gone, and it was created by role \"%s\".",
						   NameStr(model->created_by))));
}

/* The model's name, the first argument of every function here. */
static Name
ModelArgument(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model must not be null")));
	return PG_GETARG_NAME(argno);
}

/*
 * Calls journey._<name>(...), the namesake of the function being called, with the same arguments.
 * Needs an SPI connection; the result is in SPI_tuptable.
 */
static void
CallNamesake(FunctionCallInfo fcinfo, HeapTuple proc)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(proc);
	int			nargs = form->pronargs;
	Oid		   *types = form->proargtypes.values;
	Datum	   *values = palloc_array(Datum, nargs);
	char	   *nulls = palloc_array(char, nargs);
	char	   *name = psprintf("_%s", NameStr(form->proname));
	StringInfoData sql;
	int			rc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM %s(",
					 quote_qualified_identifier(get_namespace_name(form->pronamespace), name));
	for (int i = 0; i < nargs; i++)
	{
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
		values[i] = fcinfo->args[i].value;
		nulls[i] = fcinfo->args[i].isnull ? 'n' : ' ';
	}
	appendStringInfoChar(&sql, ')');

	rc = SPI_execute_with_args(sql.data, nargs, types, values, nulls, false, 0);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not call %s: %s", name, SPI_result_code_string(rc));
}

/* The caller of a set-returning function takes the rows in a tuplestore. */
static void
ReturnSet(FunctionCallInfo fcinfo, TupleDesc desc)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || !(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));

	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setDesc = desc != NULL ? CreateTupleDescCopy(desc)
		: CreateTupleDescCopy(SPI_tuptable->tupdesc);
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	MemoryContextSwitchTo(old);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
}

/* Raises an error unless the namesake returned the columns that the called function promises. */
static void
CheckColumns(TupleDesc promised, TupleDesc returned)
{
	bool		same = promised->natts == returned->natts;

	for (int i = 0; same && i < promised->natts; i++)
		same = TupleDescAttr(promised, i)->atttypid == TupleDescAttr(returned, i)->atttypid;
	if (!same)
		elog(ERROR, "a function and its namesake return different columns");
}

/* Hands the namesake's result to the caller: nothing, a set, a row or a value. */
static Datum
ReturnResult(FunctionCallInfo fcinfo)
{
	Oid			type;
	TupleDesc	desc = NULL;
	bool		composite;
	Datum		value;

	composite = get_call_result_type(fcinfo, &type, &desc) == TYPEFUNC_COMPOSITE;
	if (type == VOIDOID)
		PG_RETURN_VOID();
	if (composite)
		CheckColumns(desc, SPI_tuptable->tupdesc);
	else
		desc = NULL;
	if (fcinfo->flinfo->fn_retset)
	{
		ReturnSet(fcinfo, desc);
		return (Datum) 0;
	}
	if (SPI_processed != 1)
		PG_RETURN_NULL();
	if (composite)
		return HeapTupleHeaderGetDatum(SPI_returntuple(SPI_tuptable->vals[0],
													   BlessTupleDesc(desc)));

	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &fcinfo->isnull);
	if (!fcinfo->isnull)
	{
		int16		typlen;
		bool		typbyval;

		get_typlenbyval(type, &typlen, &typbyval);
		value = SPI_datumTransfer(value, typbyval, typlen);
	}
	return value;
}

/*
 * Of an error that goes on to the caller of a door: takes the lines of what ran inside off its context,
 * which are of no use to a user, and puts them where the server's log shows them. Who sets
 * client_min_messages to debug1 sees all. To be called where the error was caught, by the level of messages
 * at the call.
 */
static void
HideInnerContext(ErrorData *error, int message_level)
{
	char	   *outer;
	const char *detail = error->detail_log != NULL ? error->detail_log : error->detail;
	size_t		outer_len;
	size_t		inner_len;

	if (error->context == NULL || message_level <= DEBUG1)
		return;
	outer = GetErrorContextStack();
	outer_len = outer != NULL ? strlen(outer) : 0;
	inner_len = strlen(error->context);
	if (outer_len > inner_len ||
		(outer_len > 0 && strcmp(error->context + inner_len - outer_len, outer) != 0))
		return;
	inner_len -= outer_len;
	while (inner_len > 0 && error->context[inner_len - 1] == '\n')
		inner_len--;
	if (inner_len == 0)
		return;

	error->detail_log = psprintf("%s%s%.*s", detail != NULL ? detail : "", detail != NULL ? "\n" : "",
								 (int) inner_len, error->context);
	error->context = outer_len > 0 ? outer : NULL;
}

/*
 * Calls the namesake as the model's owner. In a subtransaction, so that a failure can leave its
 * trace before the error goes on to the caller.
 */
static void
RunAsOwner(FunctionCallInfo fcinfo, HeapTuple proc, const Model *model)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	Oid			schema = get_namespace_oid(NameStr(model->store), true);
	SavedUser	saved;
	JCall		call;

	JCheckCall(NameStr(model->name));
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		JBeginCall(&call, NameStr(((Form_pg_proc) GETSTRUCT(proc))->proname),
				   NameStr(model->name));
		SwitchUser(&saved, model->owner, SECURITY_RESTRICTED_OPERATION);
		CallNamesake(fcinfo, proc);
		RestoreUser(&saved);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = resources;
		JEndCall(&call);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		JEndCall(&call);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = resources;
		JNoteFailure(&call, schema, error->sqlerrcode);
		ReThrowError(error);
	}
	PG_END_TRY();
}

/* Runs the namesake of a public function on a model that the catalog has. */
static void
RunOnModel(FunctionCallInfo fcinfo, HeapTuple proc)
{
	bool		drops = strcmp(NameStr(((Form_pg_proc) GETSTRUCT(proc))->proname), "drop_model") == 0;
	Model		model;

	LookUpModel(ModelArgument(fcinfo, 0), &model);
	if (OidIsValid(model.owner) || !drops)
	{
		CheckOwner(&model, drops);
		if (!drops)
			CheckSchemaOwner(&model);
	}
	else
	{
		CheckMayDropRemains(&model);
		model.owner = GetUserId();
	}
	RunAsOwner(fcinfo, proc, &model);
}

/* Runs the namesake of f(model name, schema name, store_schema name) on a model that has but these schemas. */
static void
RunOnSchema(FunctionCallInfo fcinfo, HeapTuple proc)
{
	Name		name = ModelArgument(fcinfo, 0);
	Model		model;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("schema must not be null")));
	SetModel(&model, NameStr(*name), NameStr(*PG_GETARG_NAME(1)),
			 PG_ARGISNULL(2) ? psprintf("%s_store", NameStr(*PG_GETARG_NAME(1))) : NameStr(*PG_GETARG_NAME(2)));
	CheckOwner(&model, false);
	CheckSchemaOwner(&model);
	RunAsOwner(fcinfo, proc, &model);
}

/* Runs the namesake as who calls, with pinned settings; what an error leaves, the caller's abort undoes. */
static void
RunAsCaller(FunctionCallInfo fcinfo, HeapTuple proc)
{
	SavedUser	saved;

	SwitchUser(&saved, GetUserId(), 0);
	CallNamesake(fcinfo, proc);
	RestoreUser(&saved);
}

/*
 * A public function: `run` leaves the result of its namesake in SPI_tuptable. All of them write,
 * journey.verify() into its scratch.
 */
static Datum
PassDoor(FunctionCallInfo fcinfo, void (*run) (FunctionCallInfo fcinfo, HeapTuple proc))
{
	MemoryContext context = CurrentMemoryContext;
	int			message_level = client_min_messages;
	volatile Datum result = (Datum) 0;

	PG_TRY();
	{
		HeapTuple	proc;

		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "could not connect to SPI");
		proc = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
		if (!HeapTupleIsValid(proc))
			elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
		if (RecoveryInProgress())
			ereport(ERROR,
					(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
					 errmsg("journey.%s() cannot run on a standby server",
							NameStr(((Form_pg_proc) GETSTRUCT(proc))->proname)),
					 errdetail("It writes, and a standby only repeats what its primary server writes."),
					 errhint("Call it on the primary server: the model's tables here follow those there.")));
		run(fcinfo, proc);
		result = ReturnResult(fcinfo);
		SPI_finish();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		HideInnerContext(error, message_level);
		ReThrowError(error);
	}
	PG_END_TRY();
	return result;
}

/*
 * Any public function on an existing model: f(model name, ...) runs _f(model name, ...) as the
 * owner of the model. The caller must have the owner's rights; EXECUTE cannot be granted for one
 * model alone, but the owner role can be granted.
 */
Datum
journey_as_owner(PG_FUNCTION_ARGS)
{
	return PassDoor(fcinfo, RunOnModel);
}

/* A public function that needs no model to be there: f(...) runs _f(...) as the caller. */
Datum
journey_as_caller(PG_FUNCTION_ARGS)
{
	return PassDoor(fcinfo, RunAsCaller);
}

/* adopt_model(model name, schema name): what it reads in the schema is the owner's, so it runs as the owner. */
Datum
journey_adopt_model(PG_FUNCTION_ARGS)
{
	return PassDoor(fcinfo, RunOnSchema);
}

/* The string of a key of an object; an error where it has none. */
static char *
StringArgument(Jsonb *args, const char *key, Name model)
{
	JsonbValue	buffer;
	JsonbValue *value = NULL;

	if (args != NULL && JB_ROOT_IS_OBJECT(args))
		value = getKeyJsonValueFromContainer(&args->root, key, strlen(key), &buffer);
	if (value == NULL || value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the %s of model \"%s\" is missing", key, NameStr(*model))));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/*
 * Raises an error unless the arguments of "create" name what is the caller's: a schema that no other role
 * owns, a store in it of a role whose rights the caller has, and relations of the store's owner.
 */
static void
CheckNewModel(Model *model, Name name, Jsonb *args)
{
	char	   *creator;
	char	   *foreign;
	char	   *schema = StringArgument(args, "schema", name);

	SetModel(model, NameStr(*name), schema, StringArgument(args, "store_schema", name));
	CheckOwner(model, false);
	CheckSchemaOwner(model);
	creator = StringArgument(args, "created_by", name);
	if (strcmp(creator, GetUserNameFromId(GetUserId(), false)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" does not create model \"%s\"", creator, NameStr(*name))));

	ExecuteAsCatalog("SELECT string_agg(quote_ident(r.name), ', ')"
					 " FROM jsonb_array_elements_text(CASE jsonb_typeof($2->'relations')"
					 " WHEN 'array' THEN $2->'relations' ELSE '[]' END) AS r(name)"
					 " WHERE NOT EXISTS (SELECT FROM pg_class s JOIN pg_class c USING (relowner)"
					 " WHERE s.relnamespace = to_regnamespace(quote_ident($2->>'store_schema'))"
					 " AND s.relname = '" STORE_RELATION "' AND c.relname = r.name"
					 " AND c.relnamespace = to_regnamespace(quote_ident($2->>CASE WHEN starts_with(r.name, '_')"
					 " THEN 'store_schema' ELSE 'schema' END)))",
					 name, true, args);
	foreign = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (foreign != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("relations of model \"%s\" are not in its schema, or have another owner",
						NameStr(*name)),
				 errdetail("They are %s.", foreign)));
}

/* Raises an error unless the current user may execute the statement for this model, which it looks up. */
static void
CheckCatalogAccess(const CatalogStatement *statement, Name name, Jsonb *args, Model *model)
{
	bool		drops;

	switch (statement->access)
	{
		case ACCESS_ANYBODY:
			break;
		case ACCESS_CREATOR:
			CheckNewModel(model, name, args);
			break;
		case ACCESS_OWNER:
			LookUpModel(name, model);
			drops = strcmp(statement->name, "drop") == 0;
			if (OidIsValid(model->owner) || !drops)
				CheckOwner(model, drops);
			else
				CheckMayDropRemains(model);
			break;
	}
}

/*
 * Checks the access, and of statements that write takes the model's row, so that the model that was
 * checked is the one that is written: it may be dropped while its row is waited for, and another of
 * that name be there. Ends with the row locked, or by the error of a model that is not there.
 */
static void
EnterCatalog(const CatalogStatement *statement, Name name, Jsonb *args, Model *model)
{
	bool		locked = !statement->locks;

	CheckCatalogAccess(statement, name, args, model);
	while (!locked)
	{
		ExecuteAsCatalog("SELECT FROM journey._model WHERE model = $1 FOR UPDATE", name, false, NULL);
		locked = SPI_processed == 1;
		CheckCatalogAccess(statement, name, args, model);
	}
}

/*
 * Brings the copy of the catalog beside the model's tables up to date, as the model's owner: with it the
 * tables can be taken in where there is no catalog. Where the owner has dropped the copy, or another role has
 * put a relation in its place, there is none.
 */
static void
CopyCatalog(const Model *model)
{
	Oid			schema = get_namespace_oid(NameStr(model->store), false);
	NameData	name = model->name;
	Oid			type = JSONBOID;
	Datum		copy;
	bool		isnull;
	SavedUser	saved;

	if (RelationOwner(get_relname_relid(COPY_RELATION, schema)) != model->owner)
		return;
	ExecuteAsCatalog(catalog_copy, &name, false, NULL);
	if (SPI_processed != 1)
		return;
	copy = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SwitchUser(&saved, model->owner, SECURITY_RESTRICTED_OPERATION);
	SPI_execute_with_args(psprintf("UPDATE %s SET catalog = $1",
								   quote_qualified_identifier(NameStr(model->store), COPY_RELATION)),
						  1, &type, &copy, NULL, false, 0);
	RestoreUser(&saved);
}

/* The statement of the list above that has a name. */
static const CatalogStatement *
FindStatement(const char *name)
{
	for (int i = 0; i < lengthof(catalog_statements); i++)
		if (strcmp(catalog_statements[i].name, name) == 0)
			return &catalog_statements[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the catalog has no statement \"%s\"", name)));
}

/* _catalog(statement text, model name, args jsonb): executes a statement of the list above. */
Datum
_catalog(PG_FUNCTION_ARGS)
{
	const CatalogStatement *statement =
		FindStatement(PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Name		name = ModelArgument(fcinfo, 1);
	Jsonb	   *args = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	Model		model;
	Datum		result = (Datum) 0;
	bool		isnull = true;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	EnterCatalog(statement, name, args, &model);
	ExecuteAsCatalog(statement->sql, name, strstr(statement->sql, "$2") != NULL, args);
	if (SPI_tuptable != NULL && SPI_processed == 1)
		result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		result = SPI_datumTransfer(result, false, -1);
	if (statement->copied)
		CopyCatalog(&model);
	SPI_finish();

	if (isnull)
		PG_RETURN_NULL();
	return result;
}

/* The row of a model, as journey._model. Finishes the SPI connection. */
static Datum
FetchModel(const char *sql, Name name)
{
	Datum		row;
	Datum		result;
	bool		isnull;

	ExecuteAsCatalog(sql, name, false, NULL);
	if (SPI_processed != 1)
		UnknownModel(name);
	row = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	result = SPI_datumTransfer(row, false, -1);
	SPI_finish();
	return result;
}

/* _get_model(model name): the model's row, without a lock. */
Datum
_get_model(PG_FUNCTION_ARGS)
{
	Name		name = ModelArgument(fcinfo, 0);
	Model		model;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	LookUpModel(name, &model);
	CheckOwner(&model, true);
	return FetchModel("SELECT m FROM journey._model m WHERE model = $1", name);
}

/*
 * Locking a model's row failed. Says so in words of the model, if the reason is another refresh;
 * the transaction is lost in any case, so no subtransaction is needed.
 */
static void
ReportLockFailure(Name name, MemoryContext context)
{
	ErrorData  *edata;

	MemoryContextSwitchTo(context);
	edata = CopyErrorData();
	if (edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("model \"%s\" is being refreshed or changed by another session",
						NameStr(*name)),
				 errhint("Wait for it, or call without nowait.")));
	}
	if (edata->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE)
	{
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("model \"%s\" was refreshed or changed after this transaction began",
						NameStr(*name)),
				 errhint("Run the transaction again, or at isolation level READ COMMITTED.")));
	}
	ReThrowError(edata);
}

/* _lock_model(model name, nowait boolean): the model's row, locked until the transaction ends. */
Datum
_lock_model(PG_FUNCTION_ARGS)
{
	Name		name = ModelArgument(fcinfo, 0);
	bool		nowait = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	MemoryContext context = CurrentMemoryContext;
	Model		model;
	Datum		result = (Datum) 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	LookUpModel(name, &model);
	CheckOwner(&model, true);
	PG_TRY();
	{
		result = FetchModel(nowait
							? "SELECT m FROM journey._model m WHERE model = $1 FOR UPDATE NOWAIT"
							: "SELECT m FROM journey._model m WHERE model = $1 FOR UPDATE",
							name);
	}
	PG_CATCH();
	{
		ReportLockFailure(name, context);
	}
	PG_END_TRY();
	return result;
}
