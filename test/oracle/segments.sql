-- Who is in which segment, in plain SQL. Read by model.sql.
--
-- Whether a person is in at an instant is asked condition by condition, at each instant at which the answer may change:
-- an event, and when it counts no more. Stretches are those between the changes.

-- A step that is a text, as a definition.
CREATE FUNCTION step_definition(step jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(step) = 'object' THEN step
                WHEN step #>> '{}' ~ '^(kind|page):'
                THEN jsonb_build_object(split_part(step #>> '{}', ':', 1), regexp_replace(step #>> '{}', '^[a-z]+:', ''))
                ELSE jsonb_build_object('event', step) END
$$;

-- The events of persons that are a step of some definition; `step` as it is written there.
CREATE TABLE step_event (
    step jsonb, person_id text COLLATE "C", at timestamptz, visitor_id text COLLATE "C", event_id text COLLATE "C");

-- What makes a condition on events or funnels hold: since when, and until when it counts.
CREATE TABLE reason (condition text, person_id text COLLATE "C", at timestamptz, until timestamptz);
CREATE INDEX ON reason (person_id, condition);

CREATE TABLE segment_profile (person_id text COLLATE "C", content jsonb);

-- What of a condition says which events it is about.
CREATE FUNCTION step_part(condition jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(key, value) FROM jsonb_each(condition) WHERE key = ANY ('{event,kind,page,where}')
$$;

-- All conditions of definitions, at whatever depth.
CREATE FUNCTION conditions(definition jsonb) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN NEXT definition;
    RETURN QUERY
        SELECT x
        FROM jsonb_array_elements(coalesce(definition -> 'all', definition -> 'any',
                                           jsonb_build_array(definition -> 'not'))) AS d,
            oracle.conditions(d) AS x
        WHERE definition ?| '{all,any,not}';
END
$$;

CREATE VIEW condition AS
SELECT DISTINCT c.c
FROM options AS o CROSS JOIN LATERAL jsonb_each(o.segments) AS d
CROSS JOIN LATERAL conditions(d.value) AS c (c);

CREATE FUNCTION profile_holds(content jsonb, conditions jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM jsonb_each(conditions) AS c
        CROSS JOIN LATERAL (SELECT content #> CASE WHEN content ? c.key THEN ARRAY[c.key] ELSE string_to_array(c.key, '.') END) AS v (value)
        WHERE NOT coalesce(CASE
            WHEN c.value ? 'exists' THEN (coalesce(v.value, 'null') <> 'null') = (c.value ->> 'exists')::boolean
            WHEN c.value ? '>' THEN jsonb_typeof(v.value) = 'number' AND (v.value)::numeric > (c.value ->> '>')::numeric
            WHEN c.value ? '<' THEN jsonb_typeof(v.value) = 'number' AND (v.value)::numeric < (c.value ->> '<')::numeric
            WHEN c.value = 'null' THEN coalesce(v.value, 'null') = 'null'
            ELSE v.value #>> '{}' = c.value #>> '{}' END, false))
$$;

CREATE FUNCTION segment_holds(c jsonb, person text, instant timestamptz, first_at timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    IF c ? 'all' THEN
        RETURN (SELECT bool_and(oracle.segment_holds(d, person, instant, first_at)) FROM jsonb_array_elements(c -> 'all') AS d);
    ELSIF c ? 'any' THEN
        RETURN (SELECT bool_or(oracle.segment_holds(d, person, instant, first_at)) FROM jsonb_array_elements(c -> 'any') AS d);
    ELSIF c ? 'not' THEN
        -- of who is not known yet nothing is missed
        RETURN NOT oracle.segment_holds(c -> 'not', person, instant, first_at)
           AND (instant >= first_at OR jsonb_path_exists(c, '$.**.profile'));
    ELSIF c ? 'profile' THEN
        RETURN oracle.profile_holds(
            (SELECT p.content FROM oracle.segment_profile AS p WHERE p.person_id = person), c -> 'profile');
    END IF;
    n := (SELECT count(*) FROM oracle.reason AS r
          WHERE r.person_id = person AND r.condition = md5(c::text) AND r.at <= instant AND instant < r.until);
    RETURN n >= coalesce((c ->> 'at_least')::int, CASE WHEN c ? 'at_most' THEN 0 ELSE 1 END)
       AND (NOT c ? 'at_most' OR n <= (c ->> 'at_most')::int AND instant >= first_at);
END
$$;

-- Who is in when, as it will be compared.
CREATE TABLE segment_stretch (segment text, person_id text COLLATE "C", valid_from timestamptz, valid_to timestamptz);

CREATE FUNCTION fill_segments() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE oracle.step_event, oracle.reason, oracle.segment_profile, oracle.segment_stretch;
    IF (SELECT segments = '{}' FROM oracle.options) THEN
        RETURN;
    END IF;
    INSERT INTO oracle.segment_profile
    SELECT p.content ->> 'person_id', p.content || jsonb_build_object(
               'conversions', coalesce(c.conversions, 0), 'first_converted_at', c.first_converted_at,
               'conversion_counts', coalesce(c.conversion_counts, '{}'))
    FROM oracle.profile AS p LEFT JOIN oracle.person_conversions AS c ON c.person_id = p.content ->> 'person_id';
    INSERT INTO oracle.step_event
    SELECT s.step, p.person_id, e.event_time, e.visitor_id, e.event_id
    FROM (
        SELECT DISTINCT x.step
        FROM oracle.condition AS c
        CROSS JOIN LATERAL (
            SELECT oracle.step_part(c.c)
            UNION ALL SELECT c.c -> 'without'
            UNION ALL SELECT * FROM jsonb_array_elements(c.c -> 'funnel')) AS x (step)
        WHERE x.step IS NOT NULL) AS s
    JOIN oracle.event AS e ON oracle.is_conversion(e, oracle.step_definition(s.step))
    JOIN oracle.person_event AS p USING (visitor_id, event_time, event_id);
    ANALYZE oracle.step_event;
    -- an event counts for so long, or until the other comes, at the same time too
    INSERT INTO oracle.reason
    SELECT md5(c.c::text), e.person_id, e.at, least(e.at + (c.c ->> 'last')::interval, 'infinity', (
               SELECT min(w.at) FROM oracle.step_event AS w
               WHERE w.step = c.c -> 'without' AND w.person_id = e.person_id AND w.at >= e.at))
    FROM oracle.condition AS c
    JOIN oracle.step_event AS e ON e.step = oracle.step_part(c.c)
    WHERE e.at >= coalesce((c.c ->> 'since')::timestamptz, '-infinity')
      AND e.at < coalesce((c.c ->> 'until')::timestamptz, 'infinity');
    -- of a funnel each step is a row of its own, at the time of the one before or later; its end counts
    INSERT INTO oracle.reason
    WITH RECURSIVE attempt AS (
        SELECT f.c, e.person_id, 1 AS n, e.at AS start, e.at, ARRAY[e.visitor_id || ' ' || e.event_id || ' ' || e.at] AS done
        FROM oracle.condition AS f JOIN oracle.step_event AS e ON e.step = f.c #> '{funnel,0}'
        WHERE e.at >= coalesce((f.c ->> 'since')::timestamptz, '-infinity')
          AND e.at < coalesce((f.c ->> 'until')::timestamptz, 'infinity')
        UNION
        SELECT a.c, a.person_id, a.n + 1, a.start, e.at, a.done || x.id
        FROM attempt AS a
        JOIN oracle.step_event AS e ON e.step = a.c #> ARRAY['funnel', a.n::text] AND e.person_id = a.person_id
        CROSS JOIN LATERAL (SELECT e.visitor_id || ' ' || e.event_id || ' ' || e.at AS id) AS x
        WHERE e.at >= a.at AND e.at <= a.start + coalesce((a.c ->> 'within')::interval, '7 days')
          AND x.id <> ALL (a.done))
    SELECT DISTINCT md5(a.c::text), a.person_id, a.at, coalesce(a.at + (a.c ->> 'last')::interval, 'infinity')
    FROM attempt AS a WHERE a.n = jsonb_array_length(a.c -> 'funnel');
    ANALYZE oracle.reason;
    INSERT INTO oracle.segment_stretch
    SELECT segment, person_id, nullif(min(at), '-infinity'), CASE WHEN NOT bool_or(next_at IS NULL) THEN max(next_at) END
    FROM (
        SELECT x.*, count(*) FILTER (WHERE NOT x.holds) OVER (PARTITION BY x.segment, x.person_id ORDER BY x.at) AS stretch
        FROM (
            SELECT d.key AS segment, p.person_id, i.at,
                   lead(i.at) OVER (PARTITION BY d.key, p.person_id ORDER BY i.at) AS next_at,
                   oracle.segment_holds(d.value, p.person_id, i.at, p.first_at) AS holds
            FROM oracle.options AS o CROSS JOIN LATERAL jsonb_each(o.segments) AS d
            CROSS JOIN (
                SELECT person_id, min(event_time) AS first_at
                FROM oracle.person_event WHERE kind <> 'users' GROUP BY person_id) AS p
            -- the answer changes when a reason comes or goes, and when a person is known
            CROSS JOIN LATERAL (
                SELECT '-infinity'::timestamptz
                UNION SELECT p.first_at
                UNION SELECT unnest(ARRAY[r.at, r.until]) FROM oracle.reason AS r
                WHERE r.person_id = p.person_id AND EXISTS (
                    SELECT FROM oracle.conditions(d.value) AS c WHERE r.condition = md5(c::text))) AS i (at)
            WHERE i.at < 'infinity') AS x) AS y
    WHERE holds
    GROUP BY segment, person_id, stretch;
END
$$;
