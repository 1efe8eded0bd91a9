-- ---------------------------------------------------------------------------------------------
-- model: segments
--
-- Who is in a segment, and since when. Definitions stand in the option "segments"; stretches of time follow from
-- a person's events and profile alone (src/segments_core.c), so no clock is asked, and none ends because time
-- passes: its end is known before. Of a person whose events changed only the times are derived anew that the
-- change can reach; for that the store remembers, beside who is in (fact 0), what of a definition holds for ever
-- and since when (facts from 1): conditions on the profile, events and funnels without "last".
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._check_segments(segments jsonb, OUT profile_names text[], OUT asks_for_events boolean)
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'journey_check_segments';
COMMENT ON FUNCTION journey._check_segments(jsonb) IS 'internal: checks definitions of segments';

CREATE FUNCTION journey._segment_stretches(segments jsonb, timeline journey.timeline, first_at timestamptz,
    profile jsonb)
    RETURNS TABLE (segment text, fact integer, valid_from timestamptz, valid_to timestamptz)
    LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 2 AS 'MODULE_PATHNAME', 'journey_segment_stretches';
COMMENT ON FUNCTION journey._segment_stretches(jsonb, journey.timeline, timestamptz, jsonb) IS
    'internal: when a person is in segments';

CREATE FUNCTION journey._segment_stretches(segments jsonb, timeline journey.timeline, first_at timestamptz,
    profile jsonb, from_at timestamptz, to_at timestamptz, known_segment text[], known_fact integer[],
    known_from timestamptz[], known_to timestamptz[])
    RETURNS TABLE (segment text, fact integer, valid_from timestamptz, valid_to timestamptz)
    LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 2 AS 'MODULE_PATHNAME', 'journey_segment_stretches';
COMMENT ON FUNCTION journey._segment_stretches(jsonb, journey.timeline, timestamptz, jsonb, timestamptz, timestamptz,
    text[], integer[], timestamptz[], timestamptz[]) IS
    'internal: when a person is in segments, by what was known before events in a stretch of time changed';

CREATE FUNCTION journey._segment_window(segments jsonb, first_at timestamptz, profile jsonb, from_at timestamptz,
    to_at timestamptz, known_segment text[], known_fact integer[], known_from timestamptz[], known_to timestamptz[],
    OUT read_from timestamptz, OUT read_to timestamptz)
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'journey_segment_window';
COMMENT ON FUNCTION journey._segment_window(jsonb, timestamptz, jsonb, timestamptz, timestamptz, text[], integer[],
    timestamptz[], timestamptz[]) IS 'internal: which events of a person must be read for that';

-- The column of profiles that a condition's name is, or begins with; NULL: there is none.
CREATE FUNCTION journey._profile_column(name text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c[1]
    FROM regexp_matches((journey._profiles(NULL::journey._run)).columns, '^\s*([a-z_]+) +[^,]+,?$', 'gn') AS c
    WHERE c[1] = split_part(name, '.', 1) AND c[1] <> ALL ('{version,attributes_version,updated_at}')
$$;
COMMENT ON FUNCTION journey._profile_column(text) IS 'internal: the column of profiles that a condition is about';

-- Raises an error unless definitions can be read, and ask for columns that profiles have.
CREATE FUNCTION journey._check_segment_option(segments jsonb) RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown text;
BEGIN
    SELECT n INTO unknown FROM unnest((journey._check_segments(segments)).profile_names) AS n
    WHERE journey._profile_column(n) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invalid segment: profiles have no column "%"', unknown
            USING ERRCODE = 'undefined_column',
                  HINT = 'A condition is about a column, such as is_identified or revenue, or a trait, such as '
                         'traits.plan.';
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_segment_option(jsonb) IS 'internal: checks an option';

-- The profile p as conditions see it.
CREATE FUNCTION journey._segment_profile(names text[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN names = '{}' THEN 'NULL::jsonb'
                ELSE format('CASE WHEN p.person_id IS NOT NULL THEN (SELECT to_jsonb(c) FROM (SELECT %s) AS c) END',
                            (SELECT string_agg(DISTINCT 'p.' || quote_ident(journey._profile_column(n)), ', ')
                             FROM unnest(names) AS n)) END
$$;
COMMENT ON FUNCTION journey._segment_profile(text[]) IS 'internal: an expression for what conditions ask of a profile';

-- The rows of all persons. $1 is the run. Events are not read where no segment asks for them.
CREATE FUNCTION journey._segment_member_rows(r journey._run)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT x.segment, t.person_id, x.fact, x.valid_from, x.valid_to
        FROM (SELECT s.person_id, min(s.started_at) AS first_at, %s AS events
              FROM {_sessions} AS s%s
              WHERE s.person_id IS NOT NULL GROUP BY s.person_id) AS t
        LEFT JOIN {profiles} AS p ON p.person_id = t.person_id
        CROSS JOIN LATERAL journey._segment_stretches(($1).segments, t.events, t.first_at, %s) AS x$sql$,
        CASE WHEN c.asks_for_events THEN 'journey.rollup(g.body)' ELSE 'NULL::journey.timeline' END,
        CASE WHEN c.asks_for_events THEN ' JOIN {_segments} AS g ON g.session_id = s.session_id' ELSE '' END,
        journey._segment_profile(c.profile_names))
    FROM journey._check_segments((r).segments) AS c
$$;
COMMENT ON FUNCTION journey._segment_member_rows(journey._run) IS 'internal: the query for who is in segments';

-- The rows of persons in `scope`, with the times between which events of theirs changed, or NULL. Events are
-- read from units that reach into the window: those of a day at most are found by when they began, longer ones by an
-- index of their own, and of these only the segments in the window are read. A session reaches for the timeout beyond
-- its end, which is its last active event: passive ones may follow until then.
CREATE FUNCTION journey._changed_member_rows(r journey._run)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT x.segment, c.person_id, x.fact, x.valid_from, x.valid_to
        FROM scope AS c
        CROSS JOIN LATERAL (
            SELECT s.started_at AS first_at FROM {_sessions} AS s WHERE s.person_id = c.person_id
            ORDER BY s.started_at LIMIT 1) AS f
        LEFT JOIN {profiles} AS p ON p.person_id = c.person_id
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(m.segment ORDER BY m.segment, m.fact, m.valid_from), '{}') AS segments,
                   coalesce(array_agg(m.fact ORDER BY m.segment, m.fact, m.valid_from), '{}') AS facts,
                   coalesce(array_agg(m.valid_from ORDER BY m.segment, m.fact, m.valid_from), '{}') AS froms,
                   coalesce(array_agg(m.valid_to ORDER BY m.segment, m.fact, m.valid_from), '{}') AS tos
            FROM {_segment_members} AS m WHERE m.person_id = c.person_id) AS k
        CROSS JOIN LATERAL (SELECT %1$s AS content OFFSET 0) AS q
        CROSS JOIN LATERAL journey._segment_window(($1).segments, f.first_at, q.content, c.from_at, c.to_at,
            k.segments, k.facts, k.froms, k.tos) AS w
        CROSS JOIN LATERAL (
            SELECT journey.rollup(g.body) AS events
            FROM (SELECT g.body
                  FROM {_sessions} AS s JOIN {_segments} AS g ON g.session_id = s.session_id
                  WHERE s.person_id = c.person_id AND s.ended_at - s.started_at <= interval '1 day'
                    AND s.started_at BETWEEN w.read_from - interval '1 day' - ($1).timeout AND w.read_to
                    AND s.ended_at >= w.read_from - ($1).timeout
                  UNION ALL
                  SELECT g.body
                  FROM {_sessions} AS s
                  JOIN {_segments} AS g ON g.visitor_id = s.visitor_id AND g.session_id = s.session_id
                  WHERE s.person_id = c.person_id AND s.ended_at - s.started_at > interval '1 day'
                    AND s.started_at <= w.read_to AND s.ended_at >= w.read_from - ($1).timeout
                    AND g.started_at BETWEEN coalesce((
                            SELECT b.started_at FROM {_segments} AS b
                            WHERE b.visitor_id = s.visitor_id AND b.started_at < greatest(w.read_from, s.started_at)
                            ORDER BY b.started_at DESC LIMIT 1), '-infinity')
                        AND least(w.read_to, s.ended_at + ($1).timeout)) AS g) AS e
        CROSS JOIN LATERAL journey._segment_stretches(($1).segments, e.events, f.first_at, q.content, c.from_at,
            c.to_at, k.segments, k.facts, k.froms, k.tos) AS x$sql$, journey._segment_profile(c.profile_names))
    FROM journey._check_segments((r).segments) AS c
$$;
COMMENT ON FUNCTION journey._changed_member_rows(journey._run) IS
    'internal: the query for who is in segments, of those who changed';

CREATE FUNCTION journey._segment_members(r journey._run)
RETURNS journey._follower
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW('_segment_members', '{segment,person_id,fact,valid_from}'::text[], true, $sql$
            segment    text COLLATE "C" NOT NULL,
            person_id  text COLLATE "C" NOT NULL,
            fact       integer NOT NULL,
            valid_from timestamptz NOT NULL,    -- -infinity: a profile that is in, nobody knows since when
            valid_to   timestamptz NOT NULL$sql$,
        -- those of persons for whom something changed
        'CREATE INDEX ON {_segment_members} (person_id)',
        -- passive events follow an end until the timeout; profiles tell of conversions, which may come and go while
        -- all else of the person stays
        CASE WHEN (r).segments IS NOT NULL THEN
            format($sql$SELECT person_id, min(from_at) AS from_at, max(to_at) + ($1).timeout AS to_at
                 FROM (SELECT person_id, from_at, to_at FROM {._person_changes} WHERE kind = 'unit'
                       UNION ALL
                       SELECT person_id, NULL, NULL FROM {._person_changes} WHERE kind <> 'unit'
                       UNION ALL
                       SELECT person_id, NULL, NULL FROM (%s) AS c) AS x
                 GROUP BY person_id$sql$, journey._converted_sides((r).anew)) END,
        'o.person_id = s.person_id',
        CASE WHEN (r).segments IS NOT NULL AND (r).bulk THEN journey._segment_member_rows(r)
             WHEN (r).segments IS NOT NULL THEN journey._changed_member_rows(r) END,
        NULL)::journey._follower
$$;
COMMENT ON FUNCTION journey._segment_members(journey._run) IS
    'internal: who is in segments, as it follows from persons';

CREATE FUNCTION journey._show_segments(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        CREATE VIEW {segment_members} AS
        SELECT m.segment, m.person_id, nullif(m.valid_from, '-infinity') AS valid_from,
               nullif(m.valid_to, 'infinity') AS valid_to,
               m.valid_from <= now() AND now() < m.valid_to AS is_member
        FROM {_segment_members} AS m
        WHERE m.fact = 0$sql$);
END
$$;
COMMENT ON FUNCTION journey._show_segments(journey._run) IS 'internal: makes the view of segments';
