-- ---------------------------------------------------------------------------------------------
-- model: catalog
--
-- The tables of the catalog can be read by the owner of the database alone, for pg_dump. Others read them
-- through the views journey.models and journey.refresh_log, and all write them through
-- journey._catalog(), which look at who asks. They
-- hold names and no object ids, so that a dump restores them; but for what was seen under a snapshot,
-- which counts for nothing in another database. Nor have they foreign keys: a parallel restore fills
-- the tables of an extension in any order.
-- ---------------------------------------------------------------------------------------------

CREATE TABLE journey._model (
    model         name PRIMARY KEY,
    schema        name NOT NULL UNIQUE,
    store_schema  name NOT NULL UNIQUE,         -- where the relations lie whose names begin with _
    options       jsonb NOT NULL,               -- in force, as given: defaults are not stored
    options_due   jsonb,                        -- what journey.rebuild() will put in force
    version       bigint NOT NULL DEFAULT 0,    -- the number of the last refresh
    rules_version integer NOT NULL,             -- of the rules that the stored rows follow
    rebuild_due   text,                         -- why, or NULL
    writers       jsonb,                        -- transactions that wrote while the last one read,
                                                -- and the snapshot under which it did
    statements    jsonb,                        -- those of later refreshes that are long to write, with their key
    relations     text[] NOT NULL,              -- what create_model() made in the schemas
    made_schema   boolean NOT NULL,
    made_store    boolean NOT NULL,
    created_by    name NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT transaction_timestamp(),
    refreshed_at  timestamptz
);

CREATE TABLE journey._source (
    model         name NOT NULL,
    source        integer NOT NULL,
    kind          text NOT NULL,                -- schema, relation
    source_schema name NOT NULL,
    relation_name name,                         -- of a relation
    event_kind    text,                         -- of a relation: the kind of all its rows
    id_space      text NOT NULL,
    columns       jsonb NOT NULL,
    options       jsonb NOT NULL,
    PRIMARY KEY (model, source)
);

CREATE TABLE journey._source_table (
    model            name NOT NULL,
    source           integer NOT NULL,
    table_id         integer NOT NULL,
    schema           name NOT NULL,
    relation         name NOT NULL,
    watermark_column name,
    watermark        timestamptz,
    first_read_at    timestamptz,               -- NULL: seen, but not read yet
    seen             jsonb,                     -- which of its rows the last refresh has seen
    reader_key       text,                      -- of columns, options and release: what the next two are made of
    reader           jsonb,                     -- how its rows are read: what an input has of it
    reader_text      text[],                    -- the query that reads it, before and after the rows that it reads
    PRIMARY KEY (model, table_id),
    UNIQUE (model, source, schema, relation)
);

CREATE TABLE journey._refresh (
    model       name NOT NULL,
    version     bigint NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    counts      jsonb NOT NULL,                 -- rows_read, ...: bigint each
    phases      jsonb NOT NULL,                 -- milliseconds by phase
    PRIMARY KEY (model, version)
);

SELECT pg_catalog.pg_extension_config_dump('journey._model', '');
SELECT pg_catalog.pg_extension_config_dump('journey._source', '');
SELECT pg_catalog.pg_extension_config_dump('journey._source_table', '');
SELECT pg_catalog.pg_extension_config_dump('journey._refresh', '');

REVOKE ALL ON journey._model, journey._source, journey._source_table, journey._refresh FROM PUBLIC;
-- so that the owner of a database can dump it, who need not be a superuser
GRANT SELECT ON journey._model, journey._source, journey._source_table, journey._refresh
    TO pg_database_owner;

CREATE FUNCTION journey._catalog(statement text, model name, args jsonb) RETURNS jsonb
    LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '_catalog';
COMMENT ON FUNCTION journey._catalog(text, name, jsonb) IS
    'internal: executes a statement of the catalog for the owner of a model';

CREATE FUNCTION journey._get_model(model name) RETURNS journey._model
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '_get_model';
COMMENT ON FUNCTION journey._get_model(name) IS 'internal: the catalog''s row of a model';

CREATE FUNCTION journey._lock_model(model name, nowait boolean DEFAULT false) RETURNS journey._model
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '_lock_model';
COMMENT ON FUNCTION journey._lock_model(name, boolean) IS
    'internal: the catalog''s row of a model, locked until the transaction ends';

CREATE FUNCTION journey._phase(phase text) RETURNS timestamptz
    LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '_phase';
COMMENT ON FUNCTION journey._phase(text) IS
    'internal: shows a phase in pg_stat_activity and to the client; now';

CREATE FUNCTION journey._failure(number bigint) RETURNS text
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_failure';
COMMENT ON FUNCTION journey._failure(bigint) IS 'internal: a failure in words';

-- The last failure of a model: its call was rolled back, but the values of sequences were not. They
-- are NULL before the first one.
CREATE FUNCTION journey._last_failure(schema name, OUT failed_at timestamptz, OUT failure text)
    LANGUAGE sql STABLE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT timestamptz '2000-01-01 00:00:00+00' + f.microseconds * interval '1 microsecond',
       journey._failure(f.number)
  FROM (SELECT max(v.value) FILTER (WHERE c.relname = '_failed_at') AS microseconds,
               max(v.value) FILTER (WHERE c.relname = '_failure') AS number
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN LATERAL (
               SELECT CASE WHEN has_sequence_privilege(c.oid, 'SELECT')
                           THEN pg_sequence_last_value(c.oid) END AS value) AS v
         WHERE n.nspname = schema AND c.relkind = 'S'
           AND c.relname = ANY ('{_failed_at,_failure}'::name[])) AS f
 WHERE f.microseconds BETWEEN 0 AND 9000000000000000000
$$;
COMMENT ON FUNCTION journey._last_failure(name) IS 'internal: the last failure of a model';

-- Moves with every change of the rules, the lists or the stored form that changes derived rows.
CREATE FUNCTION journey._rules_version() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 2;
COMMENT ON FUNCTION journey._rules_version() IS
    'internal: the version of the rules of this release';

-- Why a model is to be rebuilt, or NULL: what its options or sources call for, else rules of an earlier release.
CREATE FUNCTION journey._rebuild_due(due text, rules_version integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(due, CASE WHEN rules_version OPERATOR(pg_catalog.<>) journey._rules_version()
                              THEN 'the rules changed with an upgrade' END);
COMMENT ON FUNCTION journey._rebuild_due(text, integer) IS
    'internal: why a rebuild is due';

-- ---------------------------------------------------------------------------------------------
-- model: views
-- ---------------------------------------------------------------------------------------------

-- What owners write into the catalog's rows of their models must not be an error of all who look at these views:
-- a count of a refresh, NULL where it is none.
CREATE FUNCTION journey._logged(counts jsonb, name text) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (counts OPERATOR(pg_catalog.->>) name) OPERATOR(pg_catalog.~) '^[0-9]{1,18}$'::pg_catalog.text
                THEN (counts OPERATOR(pg_catalog.->>) name)::pg_catalog.int8 END;
COMMENT ON FUNCTION journey._logged(jsonb, text) IS 'internal: a count of a refresh';

-- The owner of a model is the owner of its store, as in src/catalog.c.
CREATE VIEW journey.models WITH (security_barrier) AS
SELECT m.model,
       m.schema,
       pg_catalog.pg_get_userbyid(o.owner) AS owner,
       m.version,
       m.refreshed_at,
       CASE WHEN pg_catalog.isfinite(m.refreshed_at)
            THEN pg_catalog.now() OPERATOR(pg_catalog.-) m.refreshed_at END AS lag,
       t.loaded_until,
       f.failure AS last_error,
       f.failed_at AS last_error_at,
       journey._rebuild_due(m.rebuild_due, m.rules_version) AS rebuild_due,
       m.options,
       m.options_due,
       s.sources,
       m.created_at,
       m.store_schema
  FROM journey._model m
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) m.store_schema
  LEFT JOIN pg_catalog.pg_class c
         ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
        AND c.relname OPERATOR(pg_catalog.=) '_segments'::pg_catalog.name
  CROSS JOIN LATERAL (
      SELECT COALESCE(c.relowner,
                      (SELECT r.oid FROM pg_catalog.pg_roles r
                        WHERE r.rolname OPERATOR(pg_catalog.=) m.created_by),
                      (SELECT k.relowner FROM pg_catalog.pg_class k
                        WHERE k.oid OPERATOR(pg_catalog.=) 'journey._model'::pg_catalog.regclass)
             ) AS owner) o
  CROSS JOIN LATERAL (
      SELECT COALESCE(pg_catalog.jsonb_agg(
                 pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
                     'schema', x.source_schema, 'relation', x.relation_name, 'kind', x.event_kind,
                     'id_space', x.id_space))
                 OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
                     'columns', x.columns, 'options', x.options)
                 ORDER BY x.source), '[]'::pg_catalog.jsonb) AS sources
        FROM journey._source x WHERE x.model OPERATOR(pg_catalog.=) m.model) s
  CROSS JOIN LATERAL (
      SELECT pg_catalog.max(x.watermark) AS loaded_until
        FROM journey._source_table x WHERE x.model OPERATOR(pg_catalog.=) m.model) t
  -- what failed before the last call that succeeded is of no more interest
  LEFT JOIN LATERAL (
      SELECT x.failure, x.failed_at
        FROM journey._last_failure(m.store_schema) AS x
       WHERE x.failed_at OPERATOR(pg_catalog.>) COALESCE(
                 (SELECT r.finished_at FROM journey._refresh r
                   WHERE r.model OPERATOR(pg_catalog.=) m.model
                     AND r.version OPERATOR(pg_catalog.=) m.version),
                 '-infinity'::pg_catalog.timestamptz)) AS f ON true
 WHERE pg_catalog.pg_has_role(o.owner, 'USAGE'::pg_catalog.text)
    OR pg_catalog.pg_has_role('pg_monitor'::pg_catalog.name, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW journey.models IS
    'the models that the current role may refresh, with their state; all for members of pg_monitor';
COMMENT ON COLUMN journey.models.version IS 'the number of the last refresh';
COMMENT ON COLUMN journey.models.lag IS 'time since the last refresh began';
COMMENT ON COLUMN journey.models.loaded_until IS 'the newest load time that a refresh has read';
COMMENT ON COLUMN journey.models.last_error IS
    'SQLSTATE and phase of the call that failed last, NULL if none did since the last refresh';
COMMENT ON COLUMN journey.models.last_error_at IS 'when it failed';
COMMENT ON COLUMN journey.models.rebuild_due IS 'why journey.rebuild() is due, or NULL';
COMMENT ON COLUMN journey.models.options IS 'options in force, without the defaults';
COMMENT ON COLUMN journey.models.options_due IS 'options that journey.rebuild() will put in force';

CREATE VIEW journey.refresh_log WITH (security_barrier) AS
SELECT r.model, r.version, r.started_at, r.finished_at,
       CASE WHEN r.started_at OPERATOR(pg_catalog.>=) '2000-01-01 00:00:00+00'::pg_catalog.timestamptz
                 AND r.finished_at OPERATOR(pg_catalog.<) '10000-01-01 00:00:00+00'::pg_catalog.timestamptz
            THEN pg_catalog.date_part('epoch', r.finished_at OPERATOR(pg_catalog.-) r.started_at)
                 OPERATOR(pg_catalog.*) 1000 END AS milliseconds,
       journey._logged(r.counts, 'rows_read'::text) AS rows_read,
       journey._logged(r.counts, 'new'::text) AS new,
       journey._logged(r.counts, 'duplicate'::text) AS duplicate,
       journey._logged(r.counts, 'excluded'::text) AS excluded,
       journey._logged(r.counts, 'rejected'::text) AS rejected,
       journey._logged(r.counts, 'sessions_changed'::text) AS sessions_changed,
       journey._logged(r.counts, 'profiles_changed'::text) AS profiles_changed,
       r.phases
  FROM journey._refresh r
 WHERE EXISTS (SELECT FROM journey.models m WHERE m.model OPERATOR(pg_catalog.=) r.model);
COMMENT ON VIEW journey.refresh_log IS
    'one row per refresh of the models in journey.models (the last 10,000 of each)';
COMMENT ON COLUMN journey.refresh_log.phases IS 'milliseconds by phase';

GRANT SELECT ON journey.models, journey.refresh_log TO PUBLIC;

-- ---------------------------------------------------------------------------------------------
-- model: options
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._try_timestamptz(value text) RETURNS timestamptz
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_try_timestamptz';
COMMENT ON FUNCTION journey._try_timestamptz(text) IS 'internal: an ISO 8601 time, else NULL';

-- The settings that a model's options give, with the defaults filled in and typed.
CREATE TYPE journey._settings AS (
    timeout               interval,
    new_campaign          boolean,
    midnight              text,
    max_duration          interval,
    session_key           boolean,
    user_change           boolean,
    passive_events        text[],
    stitch                text,
    max_users_per_visitor integer,
    email_trait           text,
    internal_hosts        text[],
    ignored_referrers     text[],
    channel_rules         jsonb,
    referrers             jsonb,
    click_ids             jsonb,
    internal_users        text[],
    allow_ids             text[],
    lookback              interval,
    conversions           jsonb,
    segments              jsonb,
    attribution           jsonb,
    time_zone             text,
    profiles              text,
    keep_properties       text[],
    exclude               jsonb,
    revenue               jsonb,
    earliest              timestamptz,
    max_future            interval,
    overlap               interval,
    index_sources         boolean,
    capture               text,
    ignore_deletes        boolean,
    keep_changes          interval,
    redact                jsonb
);

-- All options. effect: fixed (by create_model), rebuild (in force after the next rebuild), refresh (after the next
-- refresh), read (for rows read from now on), none (on derived rows).
CREATE FUNCTION journey._options()
    RETURNS TABLE (option text, type text, effect text, standard jsonb)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE -- of this form it is inlined
BEGIN ATOMIC
VALUES ('schema',                'name',        'fixed',   NULL::pg_catalog.jsonb),
       ('timeout',               'interval',    'rebuild', '"30 minutes"'),
       ('new_campaign',          'boolean',     'rebuild', 'false'),
       ('midnight',              'zone',        'rebuild', NULL),
       ('max_duration',          'interval',    'rebuild', NULL),
       ('session_key',           'boolean',     'rebuild', 'false'),
       ('user_change',           'boolean',     'rebuild', 'true'),
       ('passive_events',        'texts',       'rebuild', '[]'),
       ('stitch',                'stitch',      'rebuild', '"interval"'),
       ('max_users_per_visitor', 'count',       'rebuild', '5'),
       ('email_trait',           'text',        'rebuild', '"email"'),
       ('internal_hosts',        'hosts',       'rebuild', '[]'),
       ('ignored_referrers',     'hosts',       'rebuild', '[]'),
       ('channel_rules',         'own list',    'rebuild', '[]'),
       ('referrers',             'own list',    'rebuild', '[]'),
       ('click_ids',             'own list',    'rebuild', '[]'),
       ('internal_users',        'texts',       'rebuild', '[]'),
       ('lookback',              'interval',    'refresh', '"90 days"'),
       ('conversions',           'conversions', 'rebuild', '[]'), -- or refresh: see _changed_options()
       ('segments',              'segments',    'rebuild', '{}'),
       ('attribution',           'attribution', 'refresh', '{}'),
       ('time_zone',             'zone',        'rebuild', '"UTC"'),
       ('profiles',              'profiles',    'rebuild', '"all"'),
       ('keep_properties',       'columns',     'rebuild', '[
           "device_type", "os_name", "browser", "locale", "country"]'),
       ('exclude',               'patterns',    'read',    '{}'),
       ('allow_ids',             'texts',       'read',    '[]'),
       ('revenue',               'revenue',     'read',    '{
           "Order Completed": ["revenue", "total"], "Order Refunded": "-total",
           "Order Cancelled": "-total"}'),
       ('earliest',              'time',        'read',    '"2000-01-01 00:00:00+00"'),
       ('max_future',            'span',        'read',    '"1 day"'),
       ('overlap',               'span',        'none',    NULL),
       ('index_sources',         'boolean',     'none',    'false'),
       ('capture',               'capture',     'none',    '"refresh"'),
       ('ignore_deletes',        'boolean',     'none',    'false'),
       ('keep_changes',          'span',        'none',    NULL),
       ('currency',              'unsupported', 'rebuild', NULL),
       ('rates',                 'unsupported', 'rebuild', NULL),
       ('redact',                'redact',      'read',    NULL),
       ('store_schema',          'name',        'fixed',   NULL);
END;
COMMENT ON FUNCTION journey._options() IS 'internal: the options of a model';

-- Raises the error of an option with a wrong value.
CREATE FUNCTION journey._bad_option(option text, value jsonb, wanted text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'invalid value for option "%": %', option, value
        USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It must be %s.', wanted);
END
$$;
COMMENT ON FUNCTION journey._bad_option(text, jsonb, text) IS 'internal: raises an error';

CREATE FUNCTION journey._is_texts(value jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN jsonb_typeof(value) = 'array'
            THEN NOT EXISTS (SELECT FROM jsonb_array_elements(value) AS e(item)
                              WHERE jsonb_typeof(item) <> 'string' OR item #>> '{}' = '')
            ELSE false END
$$;
COMMENT ON FUNCTION journey._is_texts(jsonb) IS 'internal: whether it is an array of strings';

CREATE FUNCTION journey._check_interval(option text, value jsonb, zero boolean) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    span interval;
BEGIN
    IF jsonb_typeof(value) = 'string' THEN
        BEGIN
            span := (value #>> '{}')::interval;
        EXCEPTION WHEN data_exception THEN
            span := NULL;
        END;
    END IF;
    IF extract(year FROM span) <> 0 OR extract(month FROM span) <> 0 THEN
        PERFORM journey._bad_option(option, value,
            'an interval of fixed length: days, hours, minutes, seconds; months and years vary'::text);
    END IF;
    IF (span > interval '0' OR (zero AND span = interval '0')) IS NOT TRUE THEN
        PERFORM journey._bad_option(option, value, format(
            'a string with %s interval, such as "30 minutes"',
            CASE WHEN zero THEN 'a non-negative' ELSE 'a positive' END));
    END IF;
    IF span > interval '365000 days' THEN
        PERFORM journey._bad_option(option, value, 'an interval of at most 365000 days'::text);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_interval(text, jsonb, boolean) IS 'internal: checks an option';

-- The column of sessions for a property of keep_properties; place is first or last.
CREATE FUNCTION journey._kept_column(place text, property text) RETURNS name
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT (place || '_' || property)::name$$;
COMMENT ON FUNCTION journey._kept_column(text, text) IS
    'internal: the name of a column, cut to its length';

-- Raises an error unless `options` is an object whose keys are all in `known`.
CREATE FUNCTION journey._check_keys(options jsonb, known text[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown text;
BEGIN
    IF (jsonb_typeof(options) = 'object') IS NOT TRUE THEN
        RAISE EXCEPTION 'options must be a JSON object, not %', coalesce(options::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT key INTO unknown FROM jsonb_object_keys(options) AS key WHERE key <> ALL (known) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'unknown option "%"', unknown
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Options here are %s.', array_to_string(known, ', '));
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_keys(jsonb, text[]) IS 'internal: checks the names of options';

-- A day is 24 hours: the interval in seconds alone.
CREATE FUNCTION journey._fixed_interval(span interval) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.make_interval(secs => EXTRACT(epoch FROM span)::pg_catalog.float8);
COMMENT ON FUNCTION journey._fixed_interval(interval) IS 'internal: an interval without days';

CREATE FUNCTION journey._settings(options jsonb) RETURNS journey._settings
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s journey._settings;
BEGIN
    s := jsonb_populate_record(NULL::journey._settings,
             (SELECT jsonb_object_agg(o.option, CASE WHEN o.type = 'time'
                         THEN to_jsonb(journey._try_timestamptz(x.value #>> '{}')) ELSE x.value END)
                FROM journey._options() AS o
               CROSS JOIN LATERAL (SELECT coalesce(options -> o.option, o.standard) AS value) AS x));
    s.timeout := journey._fixed_interval(s.timeout);
    s.max_duration := journey._fixed_interval(s.max_duration);
    s.lookback := journey._fixed_interval(s.lookback);
    s.max_future := journey._fixed_interval(s.max_future);
    s.overlap := journey._fixed_interval(s.overlap);
    RETURN s;
END
$$;
COMMENT ON FUNCTION journey._settings(jsonb) IS
    'internal: the settings that a model''s options give';

-- ---------------------------------------------------------------------------------------------
-- model: schemas, and changes of options
-- ---------------------------------------------------------------------------------------------

-- The names that analysts know: a schema that has one is not taken over; nor for a store one with such names as
-- that has.
CREATE FUNCTION journey._public_relations() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY['sessions', 'touches', 'identities', 'profiles', 'profiles_masked', 'profile_changes',
                 'conversions', 'attributed_touches', 'segment_members', 'exports', 'events', 'page_views', 'timelines',
                 'rejected_events', 'changes']::pg_catalog.text[];
COMMENT ON FUNCTION journey._public_relations() IS 'internal: names of a model''s relations';

CREATE FUNCTION journey._relations_in(schema name) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(array_agg(c.relname::text ORDER BY c.relname), '{}')
  FROM pg_class c
 WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = _relations_in.schema)
   AND c.relkind = ANY ('{r,p,v,m,f,S}'::"char"[])
$$;
COMMENT ON FUNCTION journey._relations_in(name) IS 'internal: the relations of a schema';

-- Raises an error unless the current role, and who has its rights anyway, alone may create in a schema: others
-- could put objects there in place of a model's.
CREATE FUNCTION journey._check_creators(schema name) RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    creators text;
    revoke text;
BEGIN
    SELECT string_agg(a.name, ', ' ORDER BY a.name),
           string_agg(format('REVOKE CREATE ON SCHEMA %I FROM %s;', schema, a.name), ' ' ORDER BY a.name)
               FILTER (WHERE NOT a.owns)
      INTO creators, revoke
      FROM (SELECT x.grantee AS oid, false AS owns,
                   CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END AS name
              FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) AS x
             WHERE n.nspname = schema AND x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner
             UNION
            SELECT r.oid, true, quote_ident(r.rolname)
              FROM pg_namespace n
              JOIN pg_database d ON d.datname = current_database()
              -- of a database's schema "public" the owner of the database
              JOIN pg_roles r ON r.oid = CASE pg_get_userbyid(n.nspowner) WHEN 'pg_database_owner'
                                              THEN d.datdba ELSE n.nspowner END
             WHERE n.nspname = schema) AS a
     WHERE a.oid = 0 OR NOT pg_has_role(a.oid, current_user, 'USAGE');
    IF creators IS NOT NULL THEN
        RAISE EXCEPTION 'other roles may create objects in schema "%"', schema
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('They are %s, and could put something in place of what the model makes.',
                                  creators),
                  HINT = 'Give the model others with the options "schema" and "store_schema"'
                         || coalesce(', or: ' || revoke, '.');
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_creators(name) IS
    'internal: checks that no other role may create in a schema';

-- Makes a schema of the model, or takes one in which none of our names is used. True if it was made.
CREATE FUNCTION journey._make_schema(model name, schema name, option text) RETURNS boolean
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken text;
BEGIN
    IF schema = 'journey' THEN
        RAISE EXCEPTION 'schema "journey" is the extension''s own'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Give the model another name, or another schema with the option "%s".', option);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = schema) THEN
        BEGIN
            EXECUTE format('CREATE SCHEMA %I', schema);
        EXCEPTION WHEN insufficient_privilege THEN
            IF option = 'schema' THEN
                RAISE;
            END IF;
            RAISE EXCEPTION 'permission denied for database %', current_database()
                USING ERRCODE = 'insufficient_privilege',
                      DETAIL = format('Schema %I is not there.', schema),
                      HINT = format('Who may: CREATE SCHEMA %I AUTHORIZATION %I;', schema, current_user);
        WHEN unique_violation OR duplicate_schema THEN -- by another session, at this moment
            IF journey._catalog('exists'::text, model, '{}'::jsonb) = 'true' THEN
                RAISE EXCEPTION 'model "%" already exists', model USING ERRCODE = 'duplicate_object';
            END IF;
            RAISE EXCEPTION 'schema "%" already exists', schema
                USING ERRCODE = 'duplicate_schema',
                      DETAIL = 'Another session has made it at this moment.';
        END;
        EXECUTE format('COMMENT ON SCHEMA %I IS %L', schema,
                       format(CASE option WHEN 'schema' THEN 'model "%s" of pg_journey'
                                          ELSE 'store of model "%s" of pg_journey' END, model));
        -- default privileges of the role may let others in
        PERFORM journey._check_creators(schema);
        RETURN true;
    END IF;
    SELECT string_agg(quote_ident(r), ', ') INTO taken
      FROM unnest(journey._relations_in(schema)) AS r
     WHERE CASE option WHEN 'schema' THEN r = ANY (journey._public_relations()) ELSE r LIKE '\_%' END;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'schema "%" already has relations of names that a model needs', schema
            USING ERRCODE = 'duplicate_table', DETAIL = format('They are %s.', taken),
                  HINT = format('Give the model a schema of its own with the option "%s".', option);
    END IF;
    IF NOT has_schema_privilege(schema, 'CREATE') THEN
        RAISE EXCEPTION 'permission denied for schema %', quote_ident(schema)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM journey._check_creators(schema);
    IF EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = schema AND p.proname = '_note_changes') THEN
        RAISE EXCEPTION 'schema "%" already has a function "_note_changes", a name that a model needs', schema
            USING ERRCODE = 'duplicate_function',
                  HINT = format('Drop it, or give the model a schema of its own with the option "%s".', option);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION journey._make_schema(name, name, text) IS 'internal: makes a schema of a model';

-- The schema of the store: that of the option, else the model's with _store behind its name. A name that would
-- be cut could be another's.
CREATE FUNCTION journey._store_schema(schema name, options jsonb) RETURNS name
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    store text := coalesce(options ->> 'store_schema', schema || '_store');
BEGIN
    IF octet_length(store) > 63 THEN
        RAISE EXCEPTION 'the name of the store''s schema "%" is too long', store
            USING ERRCODE = 'name_too_long', HINT = 'Give another with the option "store_schema".';
    ELSIF store = schema THEN
        RAISE EXCEPTION 'schema and store of a model cannot be one schema, "%"', schema
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give another with the option "store_schema".';
    END IF;
    RETURN store;
END
$$;
COMMENT ON FUNCTION journey._store_schema(name, jsonb) IS 'internal: the schema of a model''s store';

-- What was set and is due at the rebuild stays due; null takes an option back to its default.
CREATE FUNCTION journey._merge_options(old jsonb, given jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(jsonb_object_agg(key, value) FILTER (WHERE value <> 'null'), '{}')
  FROM jsonb_each(old || given)
$$;
COMMENT ON FUNCTION journey._merge_options(jsonb, jsonb) IS 'internal: options, changed';

-- What the definitions of conversions say of events. The rest concerns conversions that the store knows.
CREATE FUNCTION journey._event_definitions(conversions jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(jsonb_agg(d.value - '{lookback,count}'::text[] ORDER BY d.n), '[]')
  FROM jsonb_array_elements(conversions) WITH ORDINALITY AS d (value, n)
 WHERE d.value ?| '{event,kind,page,host,where}'
$$;
COMMENT ON FUNCTION journey._event_definitions(jsonb) IS 'internal: which events are conversions';

-- The options of `wanted` that differ from those in force, in the order of the list. Of conversions, which events
-- they are takes effect with a rebuild, how they are looked at with a refresh.
CREATE FUNCTION journey._changed_options(m journey._model, wanted jsonb, effects text[])
    RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(array_agg(o.option), '{}')
  FROM journey._options() AS o
 CROSS JOIN LATERAL (
       SELECT coalesce(m.options -> o.option, o.standard) AS old, coalesce(wanted -> o.option, o.standard) AS new) AS v
 WHERE v.old IS DISTINCT FROM v.new
   AND CASE WHEN o.option = 'conversions'
                 AND journey._event_definitions(v.old) = journey._event_definitions(v.new)
            THEN 'refresh' ELSE o.effect END = ANY (effects)
$$;
COMMENT ON FUNCTION journey._changed_options(journey._model, jsonb, text[]) IS
    'internal: the options that differ';

-- What a refresh does first: options that wait for it alone are in force. Whether there were any.
CREATE FUNCTION journey._apply_refresh_options(m journey._model) RETURNS boolean
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    soon text[] := CASE WHEN m.options_due IS NULL THEN '{}'
                        ELSE journey._changed_options(m, m.options_due, '{refresh}'::text[]) END;
    now_in_force jsonb;
BEGIN
    IF soon <> '{}' THEN
        SELECT journey._merge_options(m.options, jsonb_object_agg(o, coalesce(m.options_due -> o, 'null')))
          INTO now_in_force FROM unnest(soon) AS o;
        PERFORM journey._catalog('set'::text, m.model, jsonb_build_object(
            'options', now_in_force, 'options_due', nullif(m.options_due, now_in_force),
            'rebuild_due', m.rebuild_due, 'rules_version', m.rules_version));
    END IF;
    RETURN soon <> '{}';
END
$$;
COMMENT ON FUNCTION journey._apply_refresh_options(journey._model) IS
    'internal: puts in force what waits for a refresh';

-- What a rebuild does first: the options that were due, and the rules of this release, are in
-- force. Options of reading are so for all rows only if it reads from the sources.
CREATE FUNCTION journey._apply_options(m journey._model, from_sources boolean DEFAULT true)
    RETURNS journey._model
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM journey._catalog('set'::text, m.model, jsonb_build_object(
        'options', coalesce(m.options_due, m.options), 'options_due', NULL,
        'rebuild_due', CASE WHEN NOT from_sources THEN
                           substring(m.rebuild_due FROM 'rows read before keep the old .*') END,
        'rules_version', journey._rules_version()));
    RETURN journey._get_model(m.model);
END
$$;
COMMENT ON FUNCTION journey._apply_options(journey._model, boolean) IS
    'internal: puts in force what waits for a rebuild';

-- Drops those of the names that are relations of one of the kinds; views go before what they show.
CREATE FUNCTION journey._drop_relations(schema name, names text[], kinds "char"[], command text)
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    list text;
BEGIN
    SELECT string_agg(format('%I.%I', schema, c.relname), ', ' ORDER BY c.relname) INTO list
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = schema AND c.relname = ANY (names) AND c.relkind = ANY (kinds);
    IF list IS NOT NULL THEN
        EXECUTE format('%s %s', command, list);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._drop_relations(name, text[], "char"[], text) IS
    'internal: drops relations of a model';

COMMENT ON TYPE journey._settings IS 'internal: the settings of a model';
