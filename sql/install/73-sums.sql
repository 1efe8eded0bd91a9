-- ---------------------------------------------------------------------------------------------
-- model: sums of facts
--
-- What a profile has of a person's facts, amounts by currency and the last value of each trait, follows from
-- all of them; but of most persons there are few. Of one with many the store has sums: each of the facts from
-- its place on to the next one's, in the order of time. Those of level 1 sum up facts, those of a level
-- above the sums below it; the one sum of the highest level is the person's. When a fact changes, the sums are
-- made anew that it lies in, one of each level, from what lies in them; the others stay. It is a tree as that
-- of an index: a sum that has come to hold too much is cut, one that holds nothing goes.
--
-- Sums are kept for speed alone. Without those of a person its facts are summed up, and sums made where they are
-- many; so the table is unlogged, and a rebuild empties it.
-- ---------------------------------------------------------------------------------------------

-- How many facts a sum gets; once it has more than twice as many it is cut.
CREATE FUNCTION journey._facts_of_sum()
RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN 64;

-- The same of the sums below it.
CREATE FUNCTION journey._sums_of_sum()
RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN 16;

CREATE FUNCTION journey._create_sums(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        CREATE UNLOGGED TABLE {._sums} (
            person_id  text COLLATE "C" NOT NULL,
            level      integer NOT NULL,
            event_time timestamptz NOT NULL,        -- from which place on; the first of a level from -infinity
            event_id   text COLLATE "C" NOT NULL,
            visitor_id text COLLATE "C" NOT NULL,
            facts      bigint,                      -- how many; NULL within a run: to be made anew
            money      jsonb,                       -- by currency what counts, NULL: nothing
            said       journey._said[],             -- of each trait the last, with the event that said it
            PRIMARY KEY (person_id, level, event_time, event_id, visitor_id));
        CREATE INDEX ON {._sums} (level) WHERE facts IS NULL$sql$);
END
$$;

-- Brings the sums up to date with _changed_facts.
CREATE FUNCTION journey._keep_sums(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    level integer := 1;
    n bigint;
    marked bigint;
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._sums} (person_id, level, event_time, event_id, visitor_id)
        SELECT c.person_id, 1, '-infinity', '', ''
        FROM (SELECT DISTINCT person_id FROM {._changed_facts} WHERE came) AS c
        WHERE NOT EXISTS (SELECT FROM {._sums} AS s WHERE s.person_id = c.person_id)
          AND (SELECT count(*) FROM (SELECT FROM {_facts} AS f WHERE f.person_id = c.person_id LIMIT 2 * $1 + 1) AS f)
              > 2 * $1$sql$) USING journey._facts_of_sum();
    GET DIAGNOSTICS n = ROW_COUNT;
    EXECUTE journey._bind(r, format($sql$
        WITH changed AS (
            SELECT c.person_id, 0 AS level, c.event_time, c.event_id, c.visitor_id FROM {._changed_facts} AS c)
        %s$sql$, journey._mark_sums('changed'::text)));
    GET DIAGNOSTICS marked = ROW_COUNT;
    WHILE n + marked > 0 LOOP
        EXECUTE journey._bind(r, journey._sum_anew(level)) INTO marked USING level, CASE WHEN level = 1
            THEN journey._facts_of_sum() ELSE journey._sums_of_sum() END;
        -- one level more where that one has several
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {._sums} (person_id, level, event_time, event_id, visitor_id)
            SELECT c.person_id, $1 + 1, '-infinity', '', ''
            FROM (SELECT DISTINCT person_id FROM {._changed_facts}) AS c
            CROSS JOIN LATERAL (
                SELECT FROM {._sums} AS s
                WHERE s.person_id = c.person_id AND s.level = $1 AND s.event_time > '-infinity' LIMIT 1) AS s
            ON CONFLICT DO NOTHING$sql$) USING level;
        GET DIAGNOSTICS n = ROW_COUNT;
        level := level + 1;
    END LOOP;
    IF level > 1 THEN
        EXECUTE journey._bind(r, $sql$
            DELETE FROM {._sums} AS s
            USING (
                SELECT c.person_id
                FROM (SELECT DISTINCT person_id FROM {._changed_facts} WHERE NOT came) AS c
                CROSS JOIN LATERAL (
                    SELECT x.facts FROM {._sums} AS x
                    WHERE x.person_id = c.person_id ORDER BY x.level DESC LIMIT 1) AS x
                WHERE x.facts <= $1) AS c
            WHERE s.person_id = c.person_id$sql$) USING journey._facts_of_sum();
    END IF;
END
$$;

-- The end of a statement that marks sums for making anew: those in which the places of a query lie that it has under
-- this name, each in one of the next level.
CREATE FUNCTION journey._mark_sums(places text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        UPDATE {._sums} AS s SET facts = NULL
        FROM (
            SELECT DISTINCT p.person_id, p.level + 1 AS level, o.event_time, o.event_id, o.visitor_id
            FROM %s AS p
            CROSS JOIN LATERAL (
                SELECT o.event_time, o.event_id, o.visitor_id
                FROM {._sums} AS o
                WHERE o.person_id = p.person_id AND o.level = p.level + 1
                  AND (o.event_time, o.event_id, o.visitor_id) <= (p.event_time, p.event_id, p.visitor_id)
                ORDER BY o.event_time DESC, o.event_id DESC, o.visitor_id DESC
                LIMIT 1) AS o) AS o
        WHERE s.person_id = o.person_id AND s.level = o.level AND s.event_time = o.event_time
          AND s.event_id = o.event_id AND s.visitor_id = o.visitor_id AND s.facts IS NOT NULL$sql$, places)
$$;

-- The sums of a level, $1, each with the place at which it ends.
CREATE FUNCTION journey._sums_of_level()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT $sql$
            SELECT row_number() OVER () AS n, s.*, coalesce(e.event_time, 'infinity') AS end_time,
                   coalesce(e.event_id, '') AS end_id, coalesce(e.visitor_id, '') AS end_visitor
            FROM {._sums} AS s
            LEFT JOIN LATERAL (
                SELECT e.event_time, e.event_id, e.visitor_id
                FROM {._sums} AS e
                WHERE e.person_id = s.person_id AND e.level = s.level
                  AND (e.event_time, e.event_id, e.visitor_id) > (s.event_time, s.event_id, s.visitor_id)
                ORDER BY e.event_time, e.event_id, e.visitor_id
                LIMIT 1) AS e ON true
            WHERE s.level = $1$sql$
$$;

-- What lies in sums d of a level: facts, of which each has its amount where it counts, or the sums below.
CREATE FUNCTION journey._summands(level integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
            SELECT e.event_time, e.event_id, e.visitor_id, %s
            FROM %s AS e
            WHERE e.person_id = d.person_id %s AND e.event_time BETWEEN d.event_time AND d.end_time
              AND (e.event_time, e.event_id, e.visitor_id) >= (d.event_time, d.event_id, d.visitor_id)
              AND (e.event_time, e.event_id, e.visitor_id) < (d.end_time, d.end_id, d.end_visitor)$sql$,
        CASE WHEN level = 1 THEN format('CASE WHEN %s THEN e.revenue END AS revenue, e.currency, e.traits',
                                        journey._counts_once('e'::text))
             ELSE 'ROW(e.facts, e.money, e.said)::journey._sum AS sum' END,
        CASE WHEN level = 1 THEN '{_facts}' ELSE '{._sums}' END,
        CASE WHEN level = 1 THEN '' ELSE 'AND e.level = d.level - 1' END)
$$;

-- What they add up to, as a query with a row for each value of `keys`.
CREATE FUNCTION journey._summed(level integer, summands text, keys text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT %2$s, (g.sum).facts, (g.sum).money, (g.sum).said
        FROM (SELECT %2$s, %3$s AS sum FROM %1$s AS e GROUP BY %2$s OFFSET 0) AS g$sql$, summands, keys,
        CASE WHEN level = 1 THEN $sql$journey._sum_facts(e.event_time, e.event_id, e.visitor_id, NULL::text, NULL::text,
            e.revenue, e.currency, e.traits)$sql$ ELSE 'journey._merge_sums(e.sum)' END)
$$;

-- The statement that makes marked sums of a level, $1, anew, cuts those that hold more than twice $2, and marks those
-- of the next level in which they lie; how many there are.
CREATE FUNCTION journey._sum_anew(level integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        WITH dirty AS MATERIALIZED (%4$s AND s.facts IS NULL),
        held AS MATERIALIZED (
            SELECT h.*, CASE WHEN h.among > 2 * $2 THEN h.i / $2 ELSE 0 END AS piece
            FROM (
                SELECT d.n, e.*, count(*) OVER (PARTITION BY d.n) AS among,
                       row_number() OVER (PARTITION BY d.n ORDER BY e.event_time, e.event_id, e.visitor_id) - 1 AS i
                FROM dirty AS d
                CROSS JOIN LATERAL (%1$s) AS e) AS h),
        places AS MATERIALIZED (
            SELECT d.n, d.person_id, d.level, 0 AS piece, d.event_time, d.event_id, d.visitor_id
            FROM dirty AS d
            UNION ALL
            SELECT d.n, d.person_id, d.level, h.piece, h.event_time, h.event_id, h.visitor_id
            FROM held AS h JOIN dirty AS d USING (n)
            WHERE h.piece > 0 AND h.i = h.piece * $2),
        gone AS (
            DELETE FROM {._sums} AS s
            USING dirty AS d
            WHERE s.person_id = d.person_id AND s.level = d.level AND s.event_time = d.event_time
              AND s.event_id = d.event_id AND s.visitor_id = d.visitor_id AND d.event_time > '-infinity'
              AND NOT EXISTS (SELECT FROM held AS h WHERE h.n = d.n)),
        put AS (
            INSERT INTO {._sums} AS s (person_id, level, event_time, event_id, visitor_id, facts, money, said)
            SELECT p.person_id, p.level, p.event_time, p.event_id, p.visitor_id, coalesce(x.facts, 0), x.money, x.said
            FROM places AS p
            LEFT JOIN (%2$s) AS x USING (n, piece)
            WHERE x.facts > 0 OR p.event_time = '-infinity'
            ON CONFLICT (person_id, level, event_time, event_id, visitor_id) DO UPDATE
            SET facts = excluded.facts, money = excluded.money, said = excluded.said),
        marked AS (%3$s)
        SELECT count(*) FROM dirty$sql$,
        journey._summands(level), journey._summed(level, 'held'::text, 'n, piece'::text), journey._mark_sums('places'::text),
        journey._sums_of_level())
$$;

-- After a first load: the sums of persons with many facts. Whose facts are mostly no events gets them when one changes.
CREATE FUNCTION journey._sum_all(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM journey._clear_scratch(r, '{_noted}'::text[]);
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._noted} (person_id, event_time, event_id, visitor_id, sign)
        SELECT p.person_id, '-infinity', '', '', 1 FROM {profiles} AS p WHERE p.events > 2 * $1$sql$)
    USING journey._facts_of_sum();
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n > 0 THEN
        PERFORM journey._keep_sums(r);
        EXECUTE journey._bind(r, 'ANALYZE {._sums} (person_id, level, event_time)'::text);
    END IF;
END
$$;

-- One row for each sum that is not as the facts derived anew give it.
CREATE FUNCTION journey._sum_differences(r journey._run)
RETURNS TABLE (relation text, key jsonb, problem text, stored jsonb, derived jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    levels integer;
BEGIN
    EXECUTE journey._bind(r, 'SELECT coalesce(max(level), 0) FROM {._sums}'::text) INTO levels;
    IF levels > 0 THEN
        -- facts derived anew have none, and each of very many would be looked for among all
        EXECUTE journey._bind(r, $sql$
            CREATE INDEX ON {_facts} (person_id, event_time);
            CREATE INDEX ON {_facts} (person_id, order_id, event_time) WHERE order_id IS NOT NULL;
            ANALYZE {_facts} (person_id, order_id, event_time)$sql$);
    END IF;
    FOR level IN 1 .. levels LOOP
        RETURN QUERY EXECUTE journey._bind(r, format($sql$
            WITH d AS MATERIALIZED (%1$s),
            held AS MATERIALIZED (SELECT d.n, e.* FROM d CROSS JOIN LATERAL (%2$s) AS e)
            SELECT 'sums', jsonb_build_object('person_id', d.person_id, 'level', d.level, 'from', d.event_time),
                   'different', NULL::jsonb, NULL::jsonb
            FROM d LEFT JOIN (%3$s) AS x USING (n)
            WHERE ROW(d.facts, d.money, d.said)::record *<> ROW(coalesce(x.facts, 0), x.money, x.said)::record$sql$,
            journey._sums_of_level(), journey._summands(level), journey._summed(level, 'held'::text, 'n'::text))) USING level;
    END LOOP;
END
$$;

COMMENT ON FUNCTION journey._facts_of_sum() IS 'internal: how many facts a sum gets';
COMMENT ON FUNCTION journey._sums_of_sum() IS 'internal: how many sums a sum gets';
COMMENT ON FUNCTION journey._create_sums(journey._run) IS 'internal: makes the table of sums';
COMMENT ON FUNCTION journey._keep_sums(journey._run) IS 'internal: brings sums up to date with the facts that changed';
COMMENT ON FUNCTION journey._mark_sums(text) IS 'internal: the statement that marks sums for making anew';
COMMENT ON FUNCTION journey._sums_of_level() IS 'internal: the query for the sums of a level, and where they end';
COMMENT ON FUNCTION journey._summands(integer) IS 'internal: the query for what lies in sums of a level';
COMMENT ON FUNCTION journey._summed(integer, text, text) IS 'internal: the query for what summands add up to';
COMMENT ON FUNCTION journey._sum_anew(integer) IS 'internal: the statement that makes marked sums of a level anew';
COMMENT ON FUNCTION journey._sum_all(journey._run) IS 'internal: makes the sums after a first load';
COMMENT ON FUNCTION journey._sum_differences(journey._run) IS 'internal: sums that are not as derived anew';
