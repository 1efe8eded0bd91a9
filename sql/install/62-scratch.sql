-- ---------------------------------------------------------------------------------------------
-- model: scratch
--
-- What a run works on: filled and read in it, and emptied before the next. How large it is decides how it is emptied,
-- and whether a plan needs statistics of it.
-- ---------------------------------------------------------------------------------------------

-- The tables of scratch, but for the batch.
CREATE FUNCTION journey._scratch()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['_fresh', '_work', '_noted', '_changed_units', '_ids', '_converted']
$$;

-- A run empties its scratch, and analyzes what is large of it, itself; a vacuum would but keep the next one waiting.
-- That a table is empty the planner is told here.
CREATE FUNCTION journey._keep_from_vacuum(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY journey._scratch() LOOP
        EXECUTE journey._bind(r, format(
            'ALTER TABLE {.%1$s} SET (autovacuum_enabled = false); ANALYZE {.%1$s}', name));
    END LOOP;
END
$$;

-- What a run works on. Unlogged: nothing in it outlives the run.
CREATE FUNCTION journey._create_scratch(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        -- Events of a visitor that are merged: those that come and those that go. `extend` says how many segments
        -- behind the reach of them are read; NULL: they are split.
        CREATE UNLOGGED TABLE {._fresh} (
            visitor_id text COLLATE "C" NOT NULL,
            body       journey.timeline,        -- NULL: events only go
            removed    text[],                  -- ids of events that go before these come
            removed_at timestamptz[],           -- each the one at this time; NULL: all in reach
            reach      timestamptz[],           -- times of stored events that go
            extend     bigint DEFAULT 0);
        -- What the split gives: what becomes of segments. In a bulk run, which writes segments as it goes, whole units
        -- (`unit`), with their number and the ids that they name first and go by.
        CREATE UNLOGGED TABLE {._work} (
            LIKE journey._split_row,
            session_number bigint, first_ref text COLLATE "C", identity text COLLATE "C", aside boolean);
        -- What goes (sign is -1) and comes (1) of events and records one by one. Merge notes it with them; stitch says from
        -- whom it goes and to whom it comes, if it is a fact, and adds those that go from one person to another, and
        -- those that begin or cease to count.
        CREATE UNLOGGED TABLE {._noted} (
            LIKE journey._noted, sign int NOT NULL, session_id uuid, person_id text COLLATE "C");
        -- Ids that are named for the first time or no more, or may stand for another person: visitors whose device began
        -- or ceased to name one, and whose it was and is (both NULL: as it was). Of a visitor each stretch of time that
        -- came (person0 is NULL) or went.
        CREATE UNLOGGED TABLE {._ids} (
            ref text COLLATE "C" NOT NULL, visitors text[], person0 text COLLATE "C", person_id text COLLATE "C",
            from_at timestamptz NOT NULL DEFAULT '-infinity', to_at timestamptz NOT NULL DEFAULT 'infinity');
        -- The sessions and runs that changed, each as it is now and as it was: merge tells both, stitch the person. One
        -- that but went to another person has no touches here; of one that went there is the place. In a bulk
        -- run, session and person of those that go to another than their visitor.
        CREATE UNLOGGED TABLE {._changed_units} (
            LIKE journey._unit,
            p0 text COLLATE "C", p1 text COLLATE "C",                   -- person
            from0 timestamptz, from1 timestamptz,                       -- NULL: it came; it went
            to0 timestamptz, to1 timestamptz,
            s0 bigint, s1 bigint, e0 bigint, e1 bigint, v0 bigint, v1 bigint,   -- sessions, events, page views
            counts0 bytea, counts1 bytea,
            refs0 text[], identity0 text COLLATE "C", aside0 boolean);
        -- Conversions to derive anew: where the event lies (NULL: it came as a row, or went), and as the conversion was
        -- (NULL: there was none).
        CREATE UNLOGGED TABLE {._converted} (
            conversion_id text COLLATE "C" NOT NULL,
            visitor_id text COLLATE "C", event_time timestamptz, event_id text COLLATE "C",
            person_id text COLLATE "C", name text, converted_at timestamptz);
        -- Facts that came to a person, or went, and those that began or ceased to count; of one that counts once
        -- the order.
        CREATE VIEW {._changed_facts} AS
            SELECT person_id, event_time, event_id, visitor_id, session_id, sign > 0 AS came, name,
                   CASE WHEN revenue >= 0 THEN order_id END AS order_id
            FROM {._noted}
            WHERE person_id IS NOT NULL;
        -- What changed for whom, and when, by the tables above: all that follows from a person is derived anew by it.
        -- Kinds: unit, record (a row that is no event: of a users table), fact (one came, went or moved), identity (whom a
        -- visitor stands for).
        CREATE VIEW {._person_changes} AS
            SELECT p0 AS person_id, from0 AS from_at, to0 AS to_at, 'unit' AS kind
            FROM {._changed_units} WHERE p0 IS NOT NULL
            UNION ALL
            SELECT p1, from1, to1, 'unit' FROM {._changed_units}
            WHERE p1 IS NOT NULL AND (p0, from0, to0) IS DISTINCT FROM (p1, from1, to1)
            UNION ALL
            SELECT person_id, event_time, event_time, 'fact' FROM {._changed_facts}
            UNION ALL
            SELECT person_id, event_time, event_time, 'record' FROM {._changed_facts} WHERE session_id IS NULL
            UNION ALL
            SELECT person0, from_at, to_at, 'identity' FROM {._ids} WHERE person0 IS NOT NULL AND ref LIKE 'visitor:%'
            UNION ALL
            SELECT person_id, from_at, to_at, 'identity' FROM {._ids} WHERE person_id IS NOT NULL AND ref LIKE 'visitor:%';
        -- tables of conversions of which the reading has all rows; compared: all but those that records have as they are
        CREATE UNLOGGED TABLE {._whole_tables} (table_id integer NOT NULL, compared boolean NOT NULL);
    $sql$);
END
$$;

-- How much a relation of scratch takes. With up to _little_scratch() a plan does without statistics of it: the
-- planner knows its pages, and even a plan that looks at all of them for each of its rows, some hundred, is fast.
CREATE FUNCTION journey._scratch_size(r journey._run, name text)
RETURNS bigint
LANGUAGE sql STABLE
RETURN pg_catalog.pg_relation_size(journey._bind(r, pg_catalog.concat('{.', name, '}'))::pg_catalog.regclass);

CREATE FUNCTION journey._little_scratch()
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 32 * 1024;

-- Is it time to analyze one, after it was filled?
CREATE FUNCTION journey._is_large(r journey._run, name text)
RETURNS boolean
LANGUAGE sql STABLE
RETURN r.bulk OR journey._scratch_size(r, name) OPERATOR(pg_catalog.>) journey._little_scratch();

-- Empties relations of scratch, in one statement those that take little space. Before a run, since one that failed
-- leaves rows behind.
CREATE FUNCTION journey._clear_scratch(r journey._run, names text[] DEFAULT journey._scratch())
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
    relation text;
    size bigint;
    small text[] := '{}';
BEGIN
    FOREACH name IN ARRAY names LOOP
        relation := journey._bind(r, '{.' || name || '}');
        size := pg_relation_size(relation::regclass);
        IF size > 1024 * 1024 THEN
            PERFORM journey._empty(relation::regclass);
        ELSIF size > 0 THEN
            small := small || format('%I AS (DELETE FROM %s)', name, relation);
        END IF;
    END LOOP;
    IF small <> '{}' THEN
        EXECUTE format('WITH %s SELECT', array_to_string(small, ', '));
    END IF;
END
$$;

-- Gives back what a large run took, all that is not tiny: the next run, which may be small, is not to delete its
-- rows.
CREATE FUNCTION journey._trim_scratch(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
    large boolean := false;
BEGIN
    FOREACH name IN ARRAY journey._scratch() LOOP
        large := large OR journey._scratch_size(r, name) > 1024 * 1024;
    END LOOP;
    IF NOT large THEN
        RETURN;
    END IF;
    FOREACH name IN ARRAY journey._scratch() LOOP
        IF journey._scratch_size(r, name) > journey._little_scratch() THEN
            PERFORM journey._empty(journey._bind(r, '{.' || name || '}')::regclass);
        END IF;
    END LOOP;
END
$$;

-- Empties a relation of scratch. A DELETE leaves the old rows in the file until a vacuum. But a dump of
-- the database holds a lock on all tables for long, for which no refresh should wait. Analyzed, since the planner
-- takes a table of which it knows nothing for one of ten pages.
CREATE FUNCTION journey._empty(relation regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT', relation);
    EXECUTE format('TRUNCATE %s', relation);
    EXECUTE format('ANALYZE %s', relation);
EXCEPTION WHEN lock_not_available THEN
    EXECUTE format('DELETE FROM %s', relation);
END
$$;
COMMENT ON FUNCTION journey._empty(regclass) IS 'internal: empties a relation of scratch';

COMMENT ON FUNCTION journey._scratch IS 'internal: the names of the tables that a run works on';
COMMENT ON FUNCTION journey._keep_from_vacuum IS 'internal: tells autovacuum to leave scratch alone';
COMMENT ON FUNCTION journey._create_scratch IS 'internal: makes the relations of scratch';
COMMENT ON FUNCTION journey._scratch_size IS 'internal: bytes of a relation of scratch';
COMMENT ON FUNCTION journey._little_scratch IS 'internal: bytes of scratch that a plan needs no statistics of';
COMMENT ON FUNCTION journey._is_large IS 'internal: does a relation of scratch need statistics?';
COMMENT ON FUNCTION journey._clear_scratch IS 'internal: empties relations of scratch';
COMMENT ON FUNCTION journey._trim_scratch IS 'internal: empties the scratch that a large run took';
