-- ---------------------------------------------------------------------------------------------
-- model: orders told twice
--
-- The amount of an order counts once per person. A session knows of the orders within it alone; what it has
-- of orders that count elsewhere stands here, so that events, sessions and profiles add up to the same.
--
-- The rule is in order_core.h: the amount of an order counts where an event of a name tells it first, one without an
-- order and a refund each time. Who has all facts in order remembers what was told (JOrders of profile_core.c, JPart of
-- part_core.c). Here is how an index and a sort tell the same: no fact of the person with an order, a name and an
-- amount of no less than zero like this one's is before it.
-- ---------------------------------------------------------------------------------------------

-- The condition that the amount of a fact counts: the order was not told before.
CREATE FUNCTION journey._counts_once(fact text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$(%1$s.order_id IS NULL OR %1$s.revenue < 0 OR NOT EXISTS (
            SELECT FROM {_facts} AS first
            WHERE first.person_id = %1$s.person_id AND first.order_id = %1$s.order_id
              AND first.name IS NOT DISTINCT FROM %1$s.name AND first.revenue >= 0
              AND first.event_time <= %1$s.event_time
              AND (first.event_time, first.event_id, first.visitor_id)
                  < (%1$s.event_time, %1$s.event_id, %1$s.visitor_id)))$sql$, fact)
$$;

-- The same as a column of a query over all facts: of those told alike, each time of its own, it is the first.
CREATE FUNCTION journey._counts_among_all(fact text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$(%1$s.order_id IS NULL OR %1$s.revenue < 0 OR 1 = row_number() OVER (
                PARTITION BY %1$s.person_id, %1$s.name, %1$s.order_id, %1$s.revenue < 0
                ORDER BY %1$s.event_time, %1$s.event_id, %1$s.visitor_id))$sql$, fact)
$$;

-- Adds to _changed_facts those that began or ceased to count: of an order that was told once more, or once less, the
-- first one is no more the first. It is among as many as came, and one.
CREATE FUNCTION journey._recount_orders(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._noted} (visitor_id, event_id, event_time, name, order_id, revenue, session_id, person_id, sign)
        SELECT f.visitor_id, f.event_id, f.event_time, o.name, o.order_id, f.revenue, f.session_id, o.person_id, 1
        FROM (
            SELECT c.person_id, c.name, c.order_id, count(*) FILTER (WHERE c.came) AS n
            FROM {._changed_facts} AS c
            WHERE c.order_id IS NOT NULL
            GROUP BY 1, 2, 3) AS o
        CROSS JOIN LATERAL (
            SELECT f.event_time, f.event_id, f.visitor_id, f.session_id, f.revenue
            FROM {_facts} AS f
            WHERE f.person_id = o.person_id AND f.order_id = o.order_id AND f.name IS NOT DISTINCT FROM o.name
              AND f.revenue >= 0
            ORDER BY f.event_time, f.event_id, f.visitor_id
            LIMIT 1 + o.n) AS f$sql$);
END
$$;

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
        NULL,
        -- sessions with a fact that changed, where one does not count, or did not
        format($sql$
            SELECT c.session_id
            FROM {._changed_facts} AS c JOIN {_repeats} AS o USING (session_id)
            UNION
            SELECT f.session_id
            FROM {._changed_facts} AS c
            CROSS JOIN LATERAL (
                SELECT f.*
                FROM {_facts} AS f
                WHERE f.visitor_id = c.visitor_id AND f.event_time = c.event_time AND f.event_id = c.event_id
                OFFSET 0) AS f      -- looked up before it is asked
            WHERE c.order_id IS NOT NULL AND f.session_id IS NOT NULL AND NOT %s$sql$, journey._counts_once('f'::text)),
        'o.session_id = s.session_id',
        format($sql$
            SELECT a.session_id, min(a.person_id),
                   journey._single_amount((journey._sum_facts(a.event_time, a.event_id, a.visitor_id, NULL::text,
                       NULL::text, a.revenue, a.currency, NULL::jsonb) FILTER (WHERE a.counts)).money),
                   array_agg(a.event_time ORDER BY a.event_time, a.event_id) FILTER (WHERE NOT a.counts),
                   array_agg(a.event_id::text ORDER BY a.event_time, a.event_id) FILTER (WHERE NOT a.counts)
            FROM (%s) AS a
            WHERE a.session_id IS NOT NULL
            GROUP BY a.session_id
            HAVING NOT bool_and(a.counts)$sql$,
            CASE WHEN (r).bulk THEN format($sql$
                SELECT f.*, %s AS counts
                FROM {_facts} AS f
                WHERE f.revenue IS NOT NULL$sql$, journey._counts_among_all('f'::text))
            ELSE format($sql$
                SELECT f.*, %s AS counts
                FROM scope AS p
                CROSS JOIN LATERAL (SELECT f.* FROM {_facts} AS f WHERE f.session_id = p.session_id OFFSET 0) AS f
                WHERE f.revenue IS NOT NULL$sql$, journey._counts_once('f'::text)) END),
        NULL)::journey._follower
$$;
COMMENT ON FUNCTION journey._repeats(journey._run) IS
    'internal: the relation of amounts of orders that count elsewhere';
COMMENT ON FUNCTION journey._counts_once(text) IS 'internal: the condition that the amount of a fact counts';
COMMENT ON FUNCTION journey._counts_among_all(text) IS
    'internal: whether the amount of a fact counts, in a query over all';
COMMENT ON FUNCTION journey._recount_orders(journey._run) IS 'internal: finds facts that began or ceased to count';
