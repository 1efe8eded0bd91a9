-- ---------------------------------------------------------------------------------------------
-- model: segments
--
-- Who is in a segment, and since when. Definitions stand in the option "segments"; stretches of time follow from
-- a person's events and profile alone (src/segments_core.c), so no clock is asked, and none ends because time
-- passes: its end is known before. A person that changed is derived anew as a whole.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._check_segments(segments jsonb, OUT profile_names text[], OUT asks_for_events boolean)
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'journey_check_segments';
COMMENT ON FUNCTION journey._check_segments(jsonb) IS 'internal: checks definitions of segments';

CREATE FUNCTION journey._segment_stretches(segments jsonb, timeline journey.timeline, first_at timestamptz,
    profile jsonb)
    RETURNS TABLE (segment text, valid_from timestamptz, valid_to timestamptz)
    LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 2 AS 'MODULE_PATHNAME', 'journey_segment_stretches';
COMMENT ON FUNCTION journey._segment_stretches(jsonb, journey.timeline, timestamptz, jsonb) IS
    'internal: when a person is in segments';

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

-- The rows of all persons, or of those in `scope`. $1 is the run. The events of persons are not read where no
-- segment asks for them.
CREATE FUNCTION journey._segment_member_rows(r journey._run)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT x.segment, t.person_id, x.valid_from, x.valid_to
        FROM %1$s
        LEFT JOIN {profiles} AS p ON p.person_id = t.person_id
        CROSS JOIN LATERAL journey._segment_stretches(($1).segments, t.events, t.first_at, %2$s) AS x$sql$,
        CASE WHEN (r).bulk THEN format($sql$(
            SELECT s.person_id, min(s.started_at) AS first_at, %s AS events
            FROM %s WHERE s.person_id IS NOT NULL GROUP BY s.person_id) AS t$sql$, e.events, e.source)
        ELSE format($sql$scope AS c CROSS JOIN LATERAL (
            SELECT c.person_id, min(s.started_at) AS first_at, %s AS events
            FROM %s WHERE s.person_id = c.person_id HAVING count(*) > 0) AS t$sql$, e.events, e.source) END,
        CASE WHEN c.profile_names = '{}' THEN 'NULL::jsonb'
             ELSE format('CASE WHEN p.person_id IS NOT NULL THEN (SELECT to_jsonb(c) FROM (SELECT %s) AS c) END',
                         (SELECT string_agg(DISTINCT 'p.' || quote_ident(journey._profile_column(n)), ', ')
                          FROM unnest(c.profile_names) AS n)) END)
    FROM journey._check_segments((r).segments) AS c
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.asks_for_events THEN 'journey.rollup(g.body)' ELSE 'NULL::journey.timeline' END AS events,
               '{_sessions} AS s' || CASE WHEN c.asks_for_events
                   THEN ' JOIN {_segments} AS g ON g.session_id = s.session_id' ELSE '' END AS source) AS e
$$;
COMMENT ON FUNCTION journey._segment_member_rows(journey._run) IS 'internal: the query for who is in segments';

CREATE FUNCTION journey._segment_members(r journey._run)
RETURNS journey._follower
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW('_segment_members', '{segment,person_id,valid_from}'::text[], true, $sql$
            segment    text COLLATE "C" NOT NULL,
            person_id  text COLLATE "C" NOT NULL,
            valid_from timestamptz NOT NULL,    -- -infinity: a profile that is in, nobody knows since when
            valid_to   timestamptz NOT NULL$sql$,
        -- those of persons for whom something changed
        'CREATE INDEX ON {_segment_members} (person_id)',
        -- profiles tell of conversions, which may come and go while all else of the person stays
        CASE WHEN (r).segments IS NOT NULL THEN
            'SELECT person_id FROM {._person_changes} UNION SELECT person_id FROM {._converted}' END,
        'o.person_id = s.person_id',
        CASE WHEN (r).segments IS NOT NULL THEN journey._segment_member_rows(r) END,
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
        FROM {_segment_members} AS m$sql$);
END
$$;
COMMENT ON FUNCTION journey._show_segments(journey._run) IS 'internal: makes the view of segments';
