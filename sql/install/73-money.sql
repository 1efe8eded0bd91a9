-- ---------------------------------------------------------------------------------------------
-- model: orders told twice
--
-- The amount of an order counts once per person. A session knows of the orders within it alone; what it has
-- of orders that count elsewhere stands here, so that events, sessions and profiles add up to the same.
-- ---------------------------------------------------------------------------------------------

-- One row per session or run with amounts that do not count.
CREATE FUNCTION journey._repeats(r journey._run)
RETURNS journey._follower
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW('_repeats', '{session_id}'::text[], false, $sql$
            session_id  uuid NOT NULL,
            person_id   text COLLATE "C" NOT NULL,
            revenue     numeric,                    -- what the others of the session add up to
            event_times timestamptz[] NOT NULL,     -- of those that do not count
            event_ids   text[] NOT NULL$sql$,
        -- those of persons for whom something changed
        'CREATE INDEX ON {_repeats} (person_id)',
        'SELECT DISTINCT person_id FROM {._person_changes} WHERE kind = ''fact''',
        'o.person_id = s.person_id',
        format($sql$
            SELECT a.session_id, min(a.person_id),
                   CASE WHEN count(DISTINCT coalesce(a.currency, '')) FILTER (WHERE a.counts) = 1
                        THEN sum(a.revenue) FILTER (WHERE a.counts) END,
                   array_agg(a.event_time ORDER BY a.event_time, a.event_id) FILTER (WHERE NOT a.counts),
                   array_agg(a.event_id::text ORDER BY a.event_time, a.event_id) FILTER (WHERE NOT a.counts)
            FROM (
                SELECT f.*, f.order_id IS NULL OR f.revenue < 0 OR 1 = row_number() OVER (
                           PARTITION BY f.person_id, f.name, f.order_id, f.revenue < 0
                           ORDER BY f.event_time, f.event_id, f.visitor_id) AS counts
                FROM %s {_facts} AS f %s
                WHERE f.revenue IS NOT NULL) AS a
            WHERE a.session_id IS NOT NULL
            GROUP BY a.session_id
            HAVING NOT bool_and(a.counts)$sql$,
            CASE WHEN NOT (r).bulk THEN 'scope AS p JOIN' END,
            CASE WHEN NOT (r).bulk THEN 'ON f.person_id = p.person_id' END),
        NULL)::journey._follower
$$;
COMMENT ON FUNCTION journey._repeats(journey._run) IS
    'internal: the relation of amounts of orders that count elsewhere';
