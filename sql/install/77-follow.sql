-- ---------------------------------------------------------------------------------------------
-- model: what follows from persons
--
-- The last round. Stitch hands over which sessions and runs changed (_changed_units), which facts (_changed_facts) and
-- which ids came to another person (_ids); what changed for whom (_person_changes) follows from them. Each relation of
-- the list below says in a query which of its rows lie within reach of that, and in another what they are now; here is
-- the one place that writes those that differ. How to add a relation is told in docs/development.md.
-- ---------------------------------------------------------------------------------------------

-- The relations that follow from persons, in the order in which they are derived: one may read those before.
CREATE FUNCTION journey._followers(r journey._run)
RETURNS SETOF journey._follower
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT * FROM journey._conversions(r)
    UNION ALL
    SELECT * FROM journey._attributed_touches(r)
    UNION ALL
    SELECT * FROM journey._profiles(r)
    UNION ALL
    SELECT * FROM journey._repeats(r)
    UNION ALL
    SELECT * FROM journey._segment_members(r)
$$;

-- All relations that are derived, with their keys; in this order they are compared and applied.
CREATE FUNCTION journey._derived()
RETURNS TABLE (relation text, key text[], public boolean, attributes text[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT relation, key, public, NULL::text[] FROM journey._stored()
    UNION ALL
    SELECT relation, key, public, attributes FROM journey._followers(NULL::journey._run)
$$;

CREATE FUNCTION journey._create_derived(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f journey._follower;
BEGIN
    PERFORM journey._create_stored(r);
    FOR f IN SELECT * FROM journey._followers(r) LOOP
        -- rows of persons change again and again: room for that in their pages
        EXECUTE journey._bind(r, format('CREATE %s TABLE {%s} (%s) WITH (fillfactor = %s)',
            CASE WHEN r.shadow THEN 'UNLOGGED' ELSE '' END, f.relation, f.columns,
            CASE f.relation WHEN 'profiles' THEN 85 ELSE 100 END));
    END LOOP;
END
$$;

-- Keys and indexes, made after a first load, which is faster without; once. Workers are for large tables alone: to
-- start them takes longer than to sort a small one.
CREATE FUNCTION journey._create_indexes(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET min_parallel_table_scan_size = '64MB'
AS $$
DECLARE
    f journey._follower;
BEGIN
    IF EXISTS (SELECT FROM pg_index WHERE indrelid = journey._bind(r, '{_sessions}'::text)::regclass) THEN
        RETURN;
    END IF;
    PERFORM journey._index_stored(r);
    FOR f IN SELECT * FROM journey._followers(r) LOOP
        EXECUTE journey._bind(r, format('ALTER TABLE {%s} ADD PRIMARY KEY (%s); %s', f.relation,
            (SELECT string_agg(quote_ident(k), ', ') FROM unnest(f.key) AS k), f.indexes));
    END LOOP;
END
$$;

-- The condition that rows of two aliases have one key.
CREATE FUNCTION journey._same_key(key text[], a text, b text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT string_agg(format('%s.%I = %s.%2$I', a, k, b), ' AND ') FROM unnest(key) AS k$$;

-- The assignments of an UPDATE of rows o by rows of another alias that differ: the content and, where the
-- relation has them, the numbers of the refresh that changed it.
CREATE FUNCTION journey._assignments(r journey._run, relation text, attributes text[], new text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('(%s) = ROW(%s)', format(content, ''), format(content, new || '.'))
        || coalesce((
               SELECT format(', version = %1$s.version, updated_at = %1$s.updated_at', new)
               FROM pg_attribute AS a
               WHERE a.attrelid = journey._bind(r, '{' || relation || '}')::regclass AND a.attname = 'version'), '')
        || CASE WHEN attributes IS NULL THEN '' ELSE format(
               ', attributes_version = CASE WHEN ROW(%1$s)::record *<> ROW(%2$s)::record'
               ' THEN %3$s.version ELSE o.attributes_version END',
               format(changes, 'o.'), format(changes, new || '.'), new) END
    FROM (SELECT journey._columns_of(r, relation, NULL::text[]) AS content,
                 journey._columns_of(r, relation, attributes) AS changes) AS c
$$;

-- The statement of a later run that derives the rows of a relation, writes those that differ and says how many. What
-- a relation of the store that is keyed by session says belongs to the session: whose changes, has changed with
-- this refresh. $1 is the run.
CREATE FUNCTION journey._follow_statement(r journey._run, f journey._follower)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN journey._bind(r, format($sql$
        WITH scope AS MATERIALIZED (%2$s),
        derived AS MATERIALIZED (%3$s),
        gone AS (
            DELETE FROM {%1$s} AS o
            USING scope AS s
            WHERE %4$s AND NOT EXISTS (SELECT FROM derived AS d WHERE %5$s)
            RETURNING o.*),
        put AS (
            INSERT INTO {%1$s} AS o (%12$s)
            SELECT * FROM derived
            ON CONFLICT (%6$s) DO UPDATE SET %7$s
            WHERE ROW(%8$s)::record *<> ROW(%9$s)::record
            RETURNING o.*)%10$s%11$s
        SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM put)$sql$,
        f.relation, f.scope, f.derived, f.within, journey._same_key(f.key, 'd'::text, 'o'::text),
        (SELECT string_agg(quote_ident(k), ', ') FROM unnest(f.key) AS k),
        journey._assignments(r, f.relation, f.attributes, 'excluded'::text),
        journey._compared_columns(r, f.relation, 'o.'::text),
        journey._compared_columns(r, f.relation, 'excluded.'::text),
        CASE WHEN f.key = '{session_id}' AND NOT f.public THEN $sql$,
        told AS (
            UPDATE {_sessions} AS t SET version = ($1).version, updated_at = ($1).at
            FROM (SELECT session_id FROM gone UNION SELECT session_id FROM put) AS c
            WHERE t.session_id = c.session_id
            RETURNING t.session_id, t.loose)$sql$ END,
        CASE WHEN (r.settings).keep_changes IS NOT NULL AND (f.relation = 'profiles'
                  OR f.key = '{session_id}' AND NOT f.public) THEN format($sql$,
        listed AS (
            INSERT INTO {._change_list} (version, changed_at, relation, key)
            SELECT ($1).version, ($1).at, %s)$sql$,
            CASE f.relation WHEN 'profiles' THEN $sql$'profiles', person_id
            FROM (SELECT person_id FROM gone UNION ALL SELECT person_id FROM put) AS c$sql$
            ELSE $sql$'sessions', session_id FROM told WHERE NOT loose$sql$ END) END,
        (SELECT string_agg(quote_ident(m.name), ', ' ORDER BY m.place)
         FROM journey._made_columns(journey._bind(r, format('{%s}', f.relation))::regclass) AS m)));
END
$$;
COMMENT ON FUNCTION journey._follow_statement(journey._run, journey._follower) IS
    'internal: the statement that brings a relation up to date';

-- These statements, as an array of objects. They are kept with the model, under a key of all that they are made of.
CREATE FUNCTION journey._follow_statements(r journey._run)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept jsonb := CASE WHEN NOT r.anew THEN journey._catalog('statements'::text, r.model, '{}'::jsonb) END;
    key text := md5(concat_ws(' ', (SELECT extversion FROM pg_extension WHERE extname = 'pg_journey'), r.schema, r.store,
                              r.settings));
BEGIN
    IF kept ->> 'key' = key THEN
        RETURN kept -> 'follow';
    END IF;
    kept := jsonb_build_object('key', key, 'follow', (
        SELECT jsonb_agg(jsonb_build_object('relation', f.relation, 'statement', journey._follow_statement(r, f)))
        FROM journey._followers(r) AS f WHERE f.scope IS NOT NULL));
    IF NOT r.anew THEN
        PERFORM journey._catalog('keep_statements'::text, r.model, kept);
    END IF;
    RETURN kept -> 'follow';
END
$$;
COMMENT ON FUNCTION journey._follow_statements(journey._run) IS
    'internal: the statements that bring relations up to date';

-- A first load, or a shadow run: all rows; how many.
CREATE FUNCTION journey._follow(r journey._run, f journey._follower)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n bigint := 0;
BEGIN
    IF f.derived IS NOT NULL THEN
        EXECUTE journey._bind(r, format('INSERT INTO {%s} %s', f.relation, f.derived)) USING r;
        GET DIAGNOSTICS n = ROW_COUNT;
    END IF;
    RETURN n;
END
$$;

-- All of them; how many profiles changed.
CREATE FUNCTION journey._follow_all(r journey._run)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f journey._follower;
    relation text;
    statement text;
    n bigint;
    profiles bigint;
    convert boolean;
    conversions CONSTANT text[] := '{_conversions,attributed_touches}';
BEGIN
    IF r.bulk THEN
        -- most models have none
        convert := r.conversions IS NOT NULL
            OR pg_relation_size(journey._bind(r, '{_conversion_records}'::text)::regclass) > 0;
        FOR f IN SELECT * FROM journey._followers(r) LOOP
            CONTINUE WHEN NOT convert AND f.relation = ANY (conversions);
            n := journey._follow(r, f);
            IF f.relation = 'profiles' THEN
                profiles := n + CASE WHEN convert THEN journey._count_conversions(r) ELSE 0 END;
            END IF;
        END LOOP;
        RETURN profiles;
    END IF;
    IF journey._is_large(r, '_ids'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._ids}'::text);
    END IF;
    convert := journey._find_conversions(r);
    FOR relation, statement IN
        SELECT s ->> 'relation', s ->> 'statement' FROM jsonb_array_elements(journey._follow_statements(r)) AS s
    LOOP
        CONTINUE WHEN NOT convert AND relation = ANY (conversions);
        EXECUTE statement INTO n USING r;
        IF relation = 'profiles' THEN
            profiles := n + CASE WHEN convert THEN journey._count_conversions(r) ELSE 0 END;
        END IF;
    END LOOP;
    RETURN profiles;
END
$$;
