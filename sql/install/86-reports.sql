-- ---------------------------------------------------------------------------------------------
-- reports on a model
--
-- They run with the caller's rights. Every report is one statement over the stored timelines: it
-- reads no raw rows, and each timeline once. Compiling such a statement takes longer than running it.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._funnel(timeline journey.timeline, steps text[], within interval, options jsonb,
    since timestamptz, until timestamptz)
RETURNS journey.funnel_result
AS 'MODULE_PATHNAME', 'funnel_between'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey._funnel(journey.timeline, text[], interval, jsonb, timestamptz, timestamptz) IS
    'internal: the funnel of attempts that start from since to before until';

CREATE FUNCTION journey._filter(timeline journey.timeline, step text, since timestamptz,
    until timestamptz, active boolean)
RETURNS journey.timeline
AS 'MODULE_PATHNAME', 'journey_filter'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey._filter(journey.timeline, text, timestamptz, timestamptz, boolean) IS
    'internal: the events of a timeline that are a step, in a stretch of time, not passive';

-- ---------------------------------------------------------------------------------------------
-- what a report reads
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey._reading AS (
    model        name,
    schema       name,
    store_schema name,
    time_zone    text,
    refreshed_at timestamptz,
    data_until   timestamptz,    -- up to which there is data: the newest event, unless said otherwise
    segments     jsonb,          -- definitions, by name
    segment      text            -- whose members alone are reported on, as they are then; NULL: all
);

-- Who is in a segment at a time, an expression, as a query.
CREATE FUNCTION journey._members_at(r journey._reading, segment text, at text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT m.person_id FROM %I.segment_members AS m WHERE m.segment = %L '
                  'AND %s >= coalesce(m.valid_from, ''-infinity'') AND %3$s < coalesce(m.valid_to, ''infinity'')',
                  r.schema, segment, at)
$$;
COMMENT ON FUNCTION journey._members_at(journey._reading, text, text) IS
    'internal: a query for who is in a segment';

-- The condition that a person is one of those whom a report is about.
CREATE FUNCTION journey._is_reported(r journey._reading, person text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN r.segment IS NULL THEN 'true'
                ELSE format('%s IN (%s)', person, journey._members_at(r, r.segment, format(
                         'timestamptz ''epoch'' + interval %L',
                         coalesce(extract(epoch FROM r.data_until), 0) || ' seconds'))) END
$$;
COMMENT ON FUNCTION journey._is_reported(journey._reading, text) IS
    'internal: the condition that a report is about a person';

-- The timelines of a model, as a query: person_id, visitor_id, session_id (NULL outside sessions),
-- started_at, events. A session may come in several rows. The one place that says where they lie.
CREATE FUNCTION journey._timelines(r journey._reading) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT l.person_id, l.visitor_id, l.session_id, l.started_at, l.events FROM %I.timelines AS l WHERE %s',
                  r.schema, journey._is_reported(r, 'l.person_id'::text))
$$;
COMMENT ON FUNCTION journey._timelines(journey._reading) IS 'internal: a query for the timelines of a model';

-- Raises an error unless the caller may read relations of the model.
CREATE FUNCTION journey._check_reader(model name, schema name, relations text[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text;
BEGIN
    IF NOT coalesce(has_schema_privilege(to_regnamespace(quote_ident(schema)), 'USAGE'), true) THEN
        RAISE EXCEPTION 'permission denied for schema "%" of model "%"', schema, model
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('Its owner may GRANT USAGE ON SCHEMA %I TO %I.', schema, current_user);
    END IF;
    SELECT string_agg(format('%I.%I', schema, name), ', ' ORDER BY n) INTO missing
    FROM unnest(relations) WITH ORDINALITY AS r (name, n)
    WHERE NOT has_table_privilege(to_regclass(format('%I.%I', schema, name)), 'SELECT');
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'permission denied for what the report reads of model "%"', model
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('Its owner may GRANT SELECT ON %s TO %I.', missing, current_user);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_reader(name, name, text[]) IS
    'internal: checks that the caller may read relations of a model';

-- Checks a time of an option; without a zone it is in UTC.
CREATE FUNCTION journey._option_time(options jsonb, option text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result timestamptz := journey._try_timestamptz(options ->> option);
BEGIN
    IF result IS NULL AND jsonb_typeof(options -> option) <> 'null' THEN
        PERFORM journey._bad_option(option, options -> option, 'a time, such as "2026-01-31T12:00:00Z"'::text);
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._option_time(jsonb, text) IS 'internal: a time among options';

-- Checks a length of time of an option.
CREATE FUNCTION journey._option_interval(options jsonb, option text) RETURNS interval
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(jsonb_typeof(options -> option), 'null') = 'null' THEN
        RETURN NULL;
    END IF;
    PERFORM journey._check_interval(option, options -> option, true);
    RETURN journey._fixed_interval((options ->> option)::interval);
END
$$;
COMMENT ON FUNCTION journey._option_interval(jsonb, text) IS 'internal: a length of time among options';

CREATE FUNCTION journey._option_boolean(options jsonb, option text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(jsonb_typeof(options -> option), 'null') <> ALL (ARRAY['null', 'boolean']) THEN
        PERFORM journey._bad_option(option, options -> option, 'true or false'::text);
    END IF;
    RETURN coalesce((options -> option)::text = 'true', false);
END
$$;
COMMENT ON FUNCTION journey._option_boolean(jsonb, text) IS 'internal: true or false among options';

-- Checks an option that is one of a few words; the first is the default.
CREATE FUNCTION journey._option_word(options jsonb, option text, words text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    word text := options ->> option;
BEGIN
    IF word <> ALL (words) THEN
        PERFORM journey._bad_option(option, options -> option, 'one of ' || array_to_string(words, ', '));
    END IF;
    RETURN coalesce(word, words[1]);
END
$$;
COMMENT ON FUNCTION journey._option_word(jsonb, text, text[]) IS 'internal: a word among options';

CREATE FUNCTION journey._option_count(options jsonb, option text, standard integer) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(jsonb_typeof(options -> option), 'null') = 'null' THEN
        RETURN standard;
    END IF;
    IF options ->> option !~ '^[1-9][0-9]{0,5}$' OR jsonb_typeof(options -> option) <> 'number' THEN
        PERFORM journey._bad_option(option, options -> option, 'a whole number from 1 to 999999'::text);
    END IF;
    RETURN (options ->> option)::integer;
END
$$;
COMMENT ON FUNCTION journey._option_count(jsonb, text, integer) IS 'internal: a number among options';

-- Where a report on a model reads, once its options are checked: `known`, and data_until in all.
CREATE FUNCTION journey._read_model(model name, options jsonb, known text[]) RETURNS journey._reading
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._reading;
BEGIN
    r := jsonb_populate_record(NULL::journey._reading, journey._catalog('read'::text, model, NULL::jsonb));
    IF r.schema IS NULL THEN
        PERFORM journey._get_model(model);      -- which tells of a model that is not there
    END IF;
    r.model := model;
    PERFORM journey._check_keys(coalesce(options, 'null'), known || '{data_until,segment}');
    r.data_until := journey._option_time(options, 'data_until'::text);
    r.segment := options ->> 'segment';
    PERFORM journey._check_reader(model, r.schema, '{sessions,profiles,timelines}'::text[]);
    IF r.segment IS NOT NULL THEN
        PERFORM journey._check_segment(model, r.segment, r.segments);
        PERFORM journey._check_reader(model, r.schema, '{segment_members}'::text[]);
    END IF;
    IF r.data_until IS NULL THEN
        EXECUTE format('SELECT greatest((SELECT max(ended_at) FROM %1$I.sessions), '
                       '(SELECT max(e.event_time) FROM %1$I.timelines AS t, journey.events(t.events) AS e '
                       'WHERE t.session_id IS NULL))', r.schema) INTO r.data_until;
    END IF;
    RETURN r;
END
$$;
COMMENT ON FUNCTION journey._read_model(name, jsonb, text[]) IS 'internal: where a report on a model reads';

-- The whole timeline of each person, or session by session, as a query. Of what is unbounded a bound is NULL.
CREATE FUNCTION journey._units(r journey._reading, per text, sessions_since text, sessions_until text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT t.person_id, %s AS session_id, journey.rollup(t.events) AS events FROM (%s) AS t '
                  'WHERE %s%s%s GROUP BY 1, 2',
                  CASE per WHEN 'session' THEN 't.session_id' ELSE 'NULL::uuid' END, journey._timelines(r),
                  CASE per WHEN 'session' THEN 't.session_id IS NOT NULL' ELSE 't.person_id IS NOT NULL' END,
                  ' AND t.started_at >= ' || sessions_since, ' AND t.started_at < ' || sessions_until)
$$;
COMMENT ON FUNCTION journey._units(journey._reading, text, text, text) IS
    'internal: a query for the timelines of persons, or of sessions';

-- ---------------------------------------------------------------------------------------------
-- segments
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.segment_members_at(model name, segment text, at timestamptz DEFAULT NULL)
RETURNS TABLE (person_id text, valid_from timestamptz, valid_to timestamptz)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._reading := journey._read_model(model, jsonb_build_object('segment', coalesce(segment, '')), '{}'::text[]);
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT m.person_id, m.valid_from, m.valid_to
        FROM %I.segment_members AS m
        WHERE m.segment = $1 AND $2 >= coalesce(m.valid_from, '-infinity') AND $2 < coalesce(m.valid_to, 'infinity')
        $sql$, r.schema)
    USING segment, coalesce(at, r.data_until);
END
$$;
COMMENT ON FUNCTION journey.segment_members_at(name, text, timestamptz) IS
    'who is in a segment of a model at a time, without one at that of the newest event';

-- ---------------------------------------------------------------------------------------------
-- by: a column of sessions or profiles, or a trait
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._has_column(schema name, relation text, name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = to_regclass(format('%I.%I', schema, relation)) AND attname = name
                     AND attnum > 0 AND NOT attisdropped)
$$;
COMMENT ON FUNCTION journey._has_column(name, text, text) IS 'internal: whether a relation has a column';

-- The value of `by` for a row `d` with person_id, session_id and the time `at`: an expression, and what is
-- joined for it. Without a prefix a column of sessions comes before one of profiles. Of a property, it is that of
-- the row's `properties`.
CREATE FUNCTION journey._by(r journey._reading, by text, OUT value text, OUT source text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place text := substring(by FROM '^(sessions|profiles|traits|segments|properties)\.');
    name text := substring(by FROM '^(?:sessions\.|profiles\.|traits\.|segments\.|properties\.)?(.*)$');
BEGIN
    IF by IS NULL THEN
        value := 'NULL::text';
        source := '';
    ELSIF place IS NULL AND journey._has_column(r.schema, 'sessions'::text, name) THEN
        place := 'sessions';
    ELSIF place IS NULL AND journey._has_column(r.schema, 'profiles'::text, name) THEN
        place := 'profiles';
    ELSIF place IS NULL OR place IN ('sessions', 'profiles') AND NOT journey._has_column(r.schema, place, name) THEN
        RAISE EXCEPTION 'there is no column "%" to break a report down by', by
            USING ERRCODE = 'undefined_column',
                  HINT = 'It is a column of sessions or profiles, such as channel or profiles.first_touch_channel, '
                         'a trait, such as traits.plan, a segment, such as segments.active, or a property of the '
                         'event, such as properties.plan.';
    END IF;
    IF place = 'segments' THEN
        PERFORM journey._check_segment(r.model, name, r.segments);
        PERFORM journey._check_reader(r.model, r.schema, '{segment_members}'::text[]);
        value := format('EXISTS (%s AND m.person_id = d.person_id)::text',
                        journey._members_at(r, name, 'd.at'::text));
        source := '';
    ELSIF place = 'properties' THEN
        value := format('d.properties ->> %L', name);
        source := '';
    ELSIF place = 'sessions' THEN
        value := format('x.%I::text', name);
        source := format('LEFT JOIN LATERAL (SELECT s.* FROM %1$I.sessions AS s '
                         'WHERE s.person_id = d.person_id AND CASE WHEN d.session_id IS NULL '
                         'THEN s.started_at <= d.at AND s.ended_at >= d.at ELSE s.session_id = d.session_id END '
                         'ORDER BY s.started_at DESC, s.session_id LIMIT 1) AS x ON true', r.schema);
    ELSIF by IS NOT NULL THEN
        value := CASE place WHEN 'traits' THEN format('x.traits ->> %L', name) ELSE format('x.%I::text', name) END;
        source := format('LEFT JOIN %I.profiles AS x ON x.person_id = d.person_id', r.schema);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._by(journey._reading, text) IS
    'internal: how a report finds the value that it is broken down by';

-- The properties of a timeline's first event at a time that is a step, as an expression, where a report is broken
-- down by one of them.
CREATE FUNCTION journey._properties_at(by text, events text, step text, at text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN by LIKE 'properties.%' THEN format(
        'CASE WHEN %3$s IS NOT NULL THEN (SELECT e.properties '
        'FROM journey.events(journey._filter(%1$s, %2$s, %3$s, %3$s + interval ''1 microsecond'', false)) AS e '
        'ORDER BY e.event_id, e.visitor_id LIMIT 1) END', events, step, at) ELSE 'NULL::jsonb' END
$$;
COMMENT ON FUNCTION journey._properties_at(text, text, text, text) IS
    'internal: the expression for the properties of a step''s event';

-- ---------------------------------------------------------------------------------------------
-- funnel_report
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.funnel_report(model name, steps text[], within interval DEFAULT '7 days',
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, by text DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS TABLE (value text, step integer, name text, persons bigint, share numeric,
    share_of_previous numeric, dropped bigint, still_open bigint, closed_share numeric,
    median_seconds numeric, median_seconds_from_start numeric)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options,
        '{per,at,strict_order,strict_increase,once,any_order,exclude}'::text[]);
    per text := journey._option_word(options, 'per'::text, '{person,session}'::text[]);
    at text := coalesce(options ->> 'at', '1');
    asked jsonb := options - '{per,at,data_until,segment}'::text[] || coalesce(jsonb_build_object('until',
        to_char(r.data_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), '{}');
    b record := journey._by(r, by);
    -- of which step the event is in question
    place text := CASE at WHEN 'last' THEN 'f.steps' WHEN 'first_defined' THEN '1' WHEN 'last_defined' THEN '1' ELSE at END;
    step text := CASE WHEN options -> 'any_order' = 'true' THEN 'NULL::text' ELSE '$1[%s]' END;
    properties text := journey._properties_at(by, 'u.events'::text, format(step, place), format('f.times[%s]', place));
BEGIN
    -- what is wrong with the funnel is said though there be nobody in it
    PERFORM journey._funnel(NULL::journey.timeline, steps, within, asked, since, until);
    IF at IN ('first_defined', 'last_defined') AND by LIKE 'properties.%' THEN
        -- of the first step, or the last, whose event has the property
        properties := format('(SELECT x.p FROM generate_subscripts(f.times, 1) AS k CROSS JOIN LATERAL (SELECT %s AS p) AS x '
                             'WHERE x.p ->> %L IS NOT NULL ORDER BY k %s LIMIT 1)',
                             journey._properties_at(by, 'u.events'::text, format(step, 'k'), 'f.times[k]'::text),
                             substr(by, length('properties.') + 1), CASE at WHEN 'last_defined' THEN 'DESC' ELSE '' END);
    ELSIF at !~ '^([1-9][0-9]?|last)$' THEN
        PERFORM journey._bad_option('at'::text, options -> 'at',
            'the number of a step, or "last"; of a property also "first_defined" or "last_defined"'::text);
    END IF;
    RETURN QUERY EXECUTE format($sql$
        WITH done AS MATERIALIZED (
            SELECT u.person_id, u.session_id, f.steps, f.times, f.is_open, f.times[%5$s] AS at, %6$s AS properties
            FROM (%1$s) AS u
            CROSS JOIN LATERAL journey._funnel(u.events, $1, $2, $3, $4, $5) AS f
            WHERE f.steps > 0
        ), placed AS (
            SELECT d.*, %2$s AS value FROM done AS d %3$s
        ), sums AS (
            SELECT p.value, n.step, count(*) AS starts,
                   count(*) FILTER (WHERE p.steps >= n.step) AS persons,
                   count(*) FILTER (WHERE p.steps >= n.step - 1) AS previous,
                   count(*) FILTER (WHERE p.steps = n.step - 1 AND NOT coalesce(p.is_open, true)) AS dropped,
                   count(*) FILTER (WHERE p.steps = n.step - 1 AND coalesce(p.is_open, true)) AS still_open,
                   count(*) FILTER (WHERE NOT coalesce(p.is_open, true)) AS closed,
                   count(*) FILTER (WHERE NOT coalesce(p.is_open, true) AND p.steps >= n.step) AS closed_persons,
                   percentile_cont(0.5::float8) WITHIN GROUP (
                       ORDER BY extract(epoch FROM p.times[n.step] - p.times[n.step - 1])::float8) AS seconds,
                   percentile_cont(0.5::float8) WITHIN GROUP (
                       ORDER BY extract(epoch FROM p.times[n.step] - p.times[1])::float8) AS from_start
            FROM placed AS p CROSS JOIN generate_series(1, cardinality($1)) AS n (step)
            GROUP BY p.value, n.step
            UNION ALL
            SELECT NULL, n.step, 0, 0, 0, 0, 0, 0, 0, NULL, NULL
            FROM generate_series(1, cardinality($1)) AS n (step)
            WHERE %4$s AND NOT EXISTS (SELECT FROM done)
        )
        SELECT value, step, $1[step], persons, round(persons::numeric / nullif(starts, 0), 6),
               CASE WHEN step > 1 THEN round(persons::numeric / nullif(previous, 0), 6) END,
               dropped, still_open, round(closed_persons::numeric / nullif(closed, 0), 6),
               CASE WHEN step > 1 THEN round(seconds::numeric, 6) END,
               CASE WHEN step > 1 THEN round(from_start::numeric, 6) END
        FROM sums
        ORDER BY max(starts) OVER (PARTITION BY value) DESC, value, step
        $sql$, journey._units(r, per, NULL::text, CASE WHEN per = 'session' THEN '$5' ELSE '$5 + $2' END),
        b.value, b.source, (by IS NULL)::text, place, properties)
    USING steps, within, asked, since, coalesce(until, 'infinity');
END
$$;
COMMENT ON FUNCTION journey.funnel_report(name, text[], interval, timestamptz, timestamptz, text, jsonb) IS
    'how many persons, or sessions, of a model come to each step of a funnel, and how fast';

-- ---------------------------------------------------------------------------------------------
-- retention_report, lifecycle_report
-- ---------------------------------------------------------------------------------------------

-- A unit of time: what date_trunc() calls it, how long it is, by how much its weeks begin earlier, and
-- whether it is one of the calendar. Others are cohorts of the calendar unit that is not longer.
CREATE TYPE journey._unit_of_time AS (
    name        text,
    length      interval,
    shift       interval,
    is_calendar boolean
);

CREATE FUNCTION journey._unit_of_time(unit text, OUT name text, OUT length interval, OUT shift interval,
    OUT is_calendar boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM journey.stickiness(NULL::journey.timeline, unit);   -- which raises the error of one that is none
    is_calendar := unit !~ '^[0-9]';
    name := CASE WHEN unit = 'sunday_week' THEN 'week' ELSE unit END;
    length := CASE WHEN unit = 'quarter' THEN interval '3 months'
                   WHEN is_calendar THEN ('1 ' || name)::interval
                   ELSE journey._fixed_interval(unit::interval) END;
    shift := CASE WHEN unit = 'sunday_week' THEN interval '1 day' ELSE interval '0' END;
    IF NOT is_calendar THEN
        name := CASE WHEN length < interval '24 hours' THEN 'hour' WHEN length < interval '168 hours' THEN 'day'
                     WHEN length < interval '672 hours' THEN 'week' ELSE 'month' END;
    END IF;
END
$$;
COMMENT ON FUNCTION journey._unit_of_time(text) IS 'internal: a unit of time, taken apart';

-- The local time at which the period of an expression's time begins, as an expression.
CREATE FUNCTION journey._period_of(expression text, name text, shift interval, time_zone text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('date_trunc(%1$L, (%3$s) AT TIME ZONE %2$L + interval %4$L) - interval %4$L',
                  name, time_zone, expression, shift)
$$;
COMMENT ON FUNCTION journey._period_of(text, text, interval, text) IS
    'internal: the expression for the begin of a period';

-- When so many periods after that of c.cohort are over, as an expression. Hours are counted, also where
-- clocks are put back; lengths begin with each first event, so the last of the cohort counts for an end.
CREATE FUNCTION journey._period_edge(u journey._unit_of_time, unit text, time_zone text, n text, is_end boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN u.is_calendar AND u.name <> 'hour' THEN
            format('(c.cohort + (%s) * interval %L) AT TIME ZONE %L', n, u.length, time_zone)
        WHEN u.is_calendar OR NOT is_end THEN
            format('c.cohort AT TIME ZONE %L + (%s) * interval %L', time_zone, n, u.length)
        ELSE format('(c.cohort + interval %L) AT TIME ZONE %L + (%s) * interval %L', '1 ' || u.name, time_zone, n,
            u.length)
    END
$$;
COMMENT ON FUNCTION journey._period_edge(journey._unit_of_time, text, text, text, boolean) IS
    'internal: the expression for the begin or end of a period after a cohort';

CREATE FUNCTION journey.retention_report(model name, first_step text DEFAULT NULL,
    return_step text DEFAULT NULL, unit text DEFAULT 'week', periods integer DEFAULT 8,
    by text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS TABLE (value text, cohort timestamp, persons bigint, period integer, returned bigint,
    share numeric, is_complete boolean, is_cut boolean)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options, '{rolling,first}'::text[]);
    rolling boolean := journey._option_boolean(options, 'rolling'::text);
    first text := journey._option_word(options, 'first'::text, '{ever,in_range,each_period}'::text[]);
    u journey._unit_of_time := journey._unit_of_time(unit);
    b record := journey._by(r, by);
    back text := coalesce(return_step, first_step, '*');
    -- how far to look: for "in this period or later" to the end of the data
    reach integer := periods;
BEGIN
    IF first_step IS NULL AND return_step IS NOT NULL THEN
        RAISE EXCEPTION 'return_step needs a first_step'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Without both, any active event counts.';
    END IF;
    IF rolling THEN
        EXECUTE format('SELECT least(10000, greatest($1, 1 + ceil(extract(epoch FROM $2 - min(started_at)) / '
                       'extract(epoch FROM $3))::integer)) FROM %I.timelines', r.schema)
            INTO reach USING periods, r.data_until, u.length;
        reach := coalesce(reach, periods);
    END IF;
    PERFORM journey.retention(NULL::journey.timeline, coalesce(first_step, '*'), back, periods, unit, r.time_zone);
    RETURN QUERY EXECUTE format($sql$
        WITH done AS MATERIALIZED (
            SELECT x.person_id, NULL::uuid AS session_id, x.at, %4$s AS cohort,
                   journey.retention(x.events, $1, $2, $3, $4, $5) AS back, %7$s AS properties
            FROM (SELECT p.person_id, %8$s
                  FROM (SELECT u.person_id, journey._filter(u.events, NULL::text, $8, NULL::timestamptz,
                      $10) AS events
                        FROM (%1$s) AS u OFFSET 0) AS p %9$s OFFSET 0) AS x
            WHERE x.at >= coalesce($6, '-infinity') AND x.at < coalesce($7, 'infinity')
        ), placed AS (
            SELECT d.cohort, d.back, (array_positions(d.back, true))[cardinality(array_positions(d.back,
                true))] - 1 AS latest,
                   %2$s AS value
            FROM done AS d %3$s
        ), cells AS (
            SELECT p.value, p.cohort, k.period, count(*) AS persons,
                   count(*) FILTER (WHERE CASE WHEN $9 THEN p.latest >= k.period ELSE p.back[k.period + 1] END) AS
                       returned
            FROM placed AS p CROSS JOIN generate_series(0, $11) AS k (period)
            GROUP BY p.value, p.cohort, k.period
        ), timed AS (
            SELECT c.*, %5$s AS begins, %6$s AS ends FROM cells AS c
        )
        SELECT value, cohort, persons, period, CASE WHEN begins <= $12 THEN returned END,
               CASE WHEN ends <= $12 THEN round(returned::numeric / persons, 6) END, ends <= $12,
               cohort AT TIME ZONE $5 < coalesce($6, '-infinity')
                   OR (cohort + $13) AT TIME ZONE $5 > least($7, $12)
        FROM timed
        ORDER BY value, cohort, period
        $sql$,
        journey._units(r, 'person'::text, NULL::text, NULL::text), b.value, b.source,
        journey._period_of('x.at'::text, u.name, u.shift, r.time_zone),
        journey._period_edge(u, unit, r.time_zone, 'c.period'::text, false),
        journey._period_edge(u, unit, r.time_zone, 'c.period + 1'::text, true),
        journey._properties_at(by, 'x.events'::text, '$1'::text, 'x.at'::text),
        CASE first WHEN 'each_period' THEN
            'journey._filter(p.events, NULL::text, a.at, NULL::timestamptz, false) AS events, a.at'
        ELSE 'p.events, journey.first_at(p.events, $1) AS at' END,
        -- a person is in the cohort of each period that has such an event of theirs, from the first one in it on
        CASE first WHEN 'each_period' THEN format(
            'CROSS JOIN LATERAL (SELECT min(e.event_time) AS at '
            'FROM journey.events(journey._filter(p.events, $1, $6, $7, false)) AS e GROUP BY %s) AS a',
            journey._period_of('e.event_time'::text, u.name, u.shift, r.time_zone)) ELSE '' END)
    USING coalesce(first_step, '*'), back, reach, unit, r.time_zone, since, until,
          CASE WHEN first = 'in_range' THEN since END, rolling, first_step IS NULL, periods, r.data_until,
          CASE WHEN u.is_calendar THEN u.length ELSE ('1 ' || u.name)::interval END;
END
$$;
COMMENT ON FUNCTION journey.retention_report(name, text, text, text, integer, text, timestamptz, timestamptz,
    jsonb) IS
    'how many of those who did something first in a period return in the next ones';

CREATE FUNCTION journey.lifecycle_report(model name, step text DEFAULT NULL, unit text DEFAULT 'week',
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS TABLE (period timestamp, active_persons bigint, new_persons bigint, returning_persons bigint,
    resurrected_persons bigint, dormant_persons bigint, is_complete boolean)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 50
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options, '{}'::text[]);
    u journey._unit_of_time := journey._unit_of_time(unit);
    reach integer;
BEGIN
    IF NOT u.is_calendar THEN
        RAISE EXCEPTION 'a lifecycle has periods of the calendar, not of %', unit
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Units are hour, day, week, sunday_week, month, quarter, year.';
    END IF;
    PERFORM journey.first_at(NULL::journey.timeline, coalesce(step, '*'));
    EXECUTE format('SELECT 1 + ceil(extract(epoch FROM $1 - min(started_at)) / extract(epoch FROM $2))::integer '
                   'FROM %I.timelines', r.schema) INTO reach USING r.data_until, u.length;
    RETURN QUERY EXECUTE format($sql$
        WITH done AS (
            SELECT x.person_id, %2$s AS first, journey.retention(x.events, $1, $1, $2, $3, $4) AS back
            FROM (SELECT p.person_id, p.events, journey.first_at(p.events, $1) AS at
                  FROM (SELECT u.person_id, journey._filter(u.events, NULL::text, NULL::timestamptz,
                      NULL::timestamptz, $5) AS events
                        FROM (%1$s) AS u OFFSET 0) AS p OFFSET 0) AS x
            WHERE x.at IS NOT NULL
        ), active AS (
            SELECT d.person_id, d.first + (k.n - 1) * $6 AS period
            FROM done AS d CROSS JOIN LATERAL unnest(d.back) WITH ORDINALITY AS k (back, n)
            WHERE k.back OR k.n = 1
        ), followed AS MATERIALIZED (
            SELECT a.period, lag(a.period) OVER w AS before, lead(a.period) OVER w AS after
            FROM active AS a WINDOW w AS (PARTITION BY a.person_id ORDER BY a.period)
        ), sums AS (
            SELECT period, count(*) AS active, count(*) FILTER (WHERE before IS NULL) AS new,
                   count(*) FILTER (WHERE before + $6 = period) AS again,
                   count(*) FILTER (WHERE before + $6 < period) AS resurrected
            FROM followed GROUP BY period
        ), dormant AS (
            SELECT period + $6 AS period, count(*) AS dormant
            FROM followed WHERE after IS DISTINCT FROM period + $6 GROUP BY 1
        ), calendar AS (
            SELECT generate_series(min(period), greatest(max(period), %3$s), $6) AS period FROM sums
        ), timed AS (
            SELECT c.period, (c.period + $6) AT TIME ZONE $4 <= $7 AS is_complete FROM calendar AS c
        )
        SELECT t.period, coalesce(s.active, 0), coalesce(s.new, 0), coalesce(s.again, 0),
               coalesce(s.resurrected, 0), CASE WHEN t.is_complete THEN coalesce(d.dormant, 0) END, t.is_complete
        FROM timed AS t LEFT JOIN sums AS s USING (period) LEFT JOIN dormant AS d USING (period)
        WHERE (t.period + $6) AT TIME ZONE $4 > coalesce($8, '-infinity')
          AND t.period AT TIME ZONE $4 < coalesce($9, 'infinity')
        ORDER BY t.period
        $sql$,
        journey._units(r, 'person'::text, NULL::text, NULL::text),
        journey._period_of('x.at'::text, u.name, u.shift, r.time_zone),
        journey._period_of('$7'::text, u.name, u.shift, r.time_zone))
    USING coalesce(step, '*'), least(coalesce(reach, 0), 10000), unit, r.time_zone, step IS NULL, u.length,
          r.data_until, since, until;
END
$$;
COMMENT ON FUNCTION journey.lifecycle_report(name, text, text, timestamptz, timestamptz, jsonb) IS
    'how many persons are new, return, come back after a pause, and stay away, period by period';

-- ---------------------------------------------------------------------------------------------
-- paths_report, top_paths_report, page_report
-- ---------------------------------------------------------------------------------------------

-- The query of the paths of a report: person_id, session_id, path. $1 start_at, $2 end_at, $3 depth,
-- $4 options of journey.paths(), $5 since, $6 until, which bound the session, or the first event of the path.
CREATE FUNCTION journey._paths_of(r journey._reading, per text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE per
        WHEN 'session' THEN format(
            'SELECT u.person_id, u.session_id, journey.paths(u.events, $1, $2, $3, $4) AS path FROM (%s) AS u',
            journey._units(r, per, $q$coalesce($5, '-infinity')$q$::text, $q$coalesce($6, 'infinity')$q$::text))
        ELSE format(
            'SELECT p.person_id, NULL::uuid AS session_id, journey.paths(p.events, $1, $2, $3, $4) AS path '
            'FROM (SELECT u.person_id, journey._filter(u.events, NULL::text, $5, NULL::timestamptz, false) AS events '
            'FROM (%s) AS u OFFSET 0) AS p '
            'WHERE $6 IS NULL OR journey.first_at(p.events, coalesce($1, $2, ''*'')) < $6',
            journey._units(r, per, NULL::text, NULL::text))
    END
$$;
COMMENT ON FUNCTION journey._paths_of(journey._reading, text) IS 'internal: the query for the paths of a report';

-- Options of journey.paths() among those of a report.
CREATE FUNCTION journey._path_options(options jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(options) WHERE key = ANY
        ('{of,repeats}'::text[])
$$;
COMMENT ON FUNCTION journey._path_options(jsonb) IS 'internal: the options of paths among those of a report';

CREATE FUNCTION journey.paths_report(model name, start_at text DEFAULT NULL, end_at text DEFAULT NULL,
    depth integer DEFAULT 5, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS TABLE (step integer, source text, target text, persons bigint, share numeric, is_end boolean)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options, '{per,nodes,of,repeats}'::text[]);
    per text := journey._option_word(options, 'per'::text, '{person,session}'::text[]);
    nodes integer := journey._option_count(options, 'nodes'::text, 10);
BEGIN
    PERFORM journey.paths(NULL::journey.timeline, start_at, end_at, depth, journey._path_options(options));
    RETURN QUERY EXECUTE format($sql$
        WITH taken AS MATERIALIZED (
            SELECT row_number() OVER () AS id, q.path FROM (%s) AS q WHERE q.path <> '{}'
        ), seen AS (
            -- up to an end they are numbered from it backwards
            SELECT t.id, l.label,
                   CASE WHEN $1 IS NULL AND $2 IS NOT NULL THEN l.n - cardinality(t.path) - 1 ELSE l.n END AS step,
                   l.n = cardinality(t.path) AS is_last
            FROM taken AS t CROSS JOIN LATERAL unnest(t.path) WITH ORDINALITY AS l (label, n)
        ), counted AS (
            SELECT s.*, count(*) OVER (PARTITION BY s.step, s.label) AS persons FROM seen AS s
        ), ranked AS (
            SELECT c.*, dense_rank() OVER (PARTITION BY c.step ORDER BY c.persons DESC, c.label COLLATE "C") AS rank
            FROM counted AS c
        ), named AS (
            SELECT r.id, r.step, r.is_last, CASE WHEN r.rank <= $7 THEN r.label ELSE '(other)' END AS label FROM
                ranked AS r
        ), followed AS (
            SELECT n.step, n.is_last, n.label AS source, lead(n.label) OVER (PARTITION BY n.id ORDER BY n.step) AS
                next
            FROM named AS n
        ), edges AS (
            SELECT f.step, f.source, coalesce(f.next, '(ended here)') AS target, f.next IS NULL AS is_end
            FROM followed AS f
            WHERE f.next IS NOT NULL OR f.is_last AND $2 IS NULL AND f.step < $3
        )
        SELECT e.step::integer, e.source, e.target, count(*),
               round(count(*)::numeric / (SELECT count(*) FROM taken), 6), e.is_end
        FROM edges AS e
        GROUP BY e.step, e.source, e.target, e.is_end
        ORDER BY e.step, count(*) DESC, e.source COLLATE "C", e.is_end, e.target COLLATE "C"
        $sql$, journey._paths_of(r, per))
    USING start_at, end_at, depth, journey._path_options(options), since, until, nodes;
END
$$;
COMMENT ON FUNCTION journey.paths_report(name, text, text, integer, timestamptz, timestamptz, jsonb) IS
    'how many persons, or sessions, of a model go from one thing to the next, and where they end';

CREATE FUNCTION journey.top_paths_report(model name, start_at text DEFAULT NULL, end_at text DEFAULT NULL,
    depth integer DEFAULT 5, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS TABLE (path text[], persons bigint, share numeric)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options, '{per,of,repeats}'::text[]);
    per text := journey._option_word(options, 'per'::text, '{person,session}'::text[]);
BEGIN
    PERFORM journey.paths(NULL::journey.timeline, start_at, end_at, depth, journey._path_options(options));
    RETURN QUERY EXECUTE format($sql$
        SELECT q.path, count(*), round(count(*) / sum(count(*)) OVER (), 6)
        FROM (%s) AS q WHERE q.path <> '{}'
        GROUP BY q.path
        ORDER BY count(*) DESC, q.path COLLATE "C"
        $sql$, journey._paths_of(r, per))
    USING start_at, end_at, depth, journey._path_options(options), since, until;
END
$$;
COMMENT ON FUNCTION journey.top_paths_report(name, text, text, integer, timestamptz, timestamptz, jsonb) IS
    'the paths of the persons, or sessions, of a model, the most frequent first';

CREATE FUNCTION journey.page_report(model name, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
    by text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS TABLE (value text, page text, views bigint, sessions bigint, persons bigint, entries bigint,
    exits bigint, bounces bigint, bounce_rate numeric, exit_rate numeric, mean_seconds numeric,
    median_seconds numeric)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options, '{}'::text[]);
    b record := journey._by(r, by);
BEGIN
    RETURN QUERY EXECUTE format($sql$
        WITH seen AS (
            SELECT t.person_id, t.session_id, t.started_at, e.event_time, e.event_id, %5$s AS properties,
                   CASE WHEN e.kind = 'screen' THEN coalesce(e.name, e.url)
                        ELSE coalesce(journey.url_path(e.url),
                            CASE WHEN journey.url_host(e.url) IS NOT NULL THEN '/' END,
                                      e.url, e.name) END AS page
            FROM (%1$s) AS t CROSS JOIN LATERAL journey.events(t.events) AS e
            WHERE t.session_id IS NOT NULL AND t.started_at >= coalesce($1, '-infinity')
              AND t.started_at < coalesce($2, 'infinity') AND e.kind = ANY ('{page,screen}'::text[])
        ), walked AS (
            SELECT s.*, row_number() OVER w = 1 AS is_entry, lead(s.event_time) OVER w AS next_at
            FROM seen AS s WINDOW w AS (PARTITION BY s.session_id ORDER BY s.event_time, s.event_id)
        ), d AS (
            -- of the last page the time until the session's last event, if there is one behind it
            SELECT w.person_id, w.session_id, w.started_at AS at, w.properties, w.page, w.is_entry, w.next_at IS NULL AS is_exit,
                   v.is_bounce,
                   extract(epoch FROM coalesce(w.next_at, nullif(v.ended_at, w.event_time)) - w.event_time) AS seconds
            FROM walked AS w JOIN %2$I.sessions AS v USING (session_id)
        ), placed AS (
            SELECT d.*, %3$s AS value FROM d %4$s
        )
        SELECT value, page, count(*), count(DISTINCT session_id), count(DISTINCT person_id),
               count(*) FILTER (WHERE is_entry), count(*) FILTER (WHERE is_exit),
               count(*) FILTER (WHERE is_entry AND is_bounce),
               round(count(*) FILTER (WHERE is_entry AND is_bounce)::numeric
                     / nullif(count(*) FILTER (WHERE is_entry), 0), 6),
               round(count(*) FILTER (WHERE is_exit)::numeric / count(*), 6),
               round(avg(seconds), 6),
               round((percentile_cont(0.5::float8) WITHIN GROUP (ORDER BY seconds::float8))::numeric, 6)
        FROM placed
        GROUP BY value, page
        ORDER BY value, count(*) DESC, page COLLATE "C"
        $sql$, journey._timelines(r), r.schema, b.value, b.source,
        CASE WHEN by LIKE 'properties.%' THEN 'e.properties' ELSE 'NULL::jsonb' END)
    USING since, until;
END
$$;
COMMENT ON FUNCTION journey.page_report(name, timestamptz, timestamptz, text, jsonb) IS
    'views, entries, exits, bounces and time of each page of a model';

-- ---------------------------------------------------------------------------------------------
-- experiment_report
-- ---------------------------------------------------------------------------------------------

-- The query for the exposed persons. $1 exposure, $2 the property that names the variant, $3 goals, $4 since,
-- $5 until, $6 within, $7 return_from, $8 return_to, $9 return_step, $10 cuped, $11 data_until.
CREATE FUNCTION journey._exposed(r journey._reading, goals integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT u.person_id, x.variant, x.several, x.at, g.converted,
               x.at + $6 > $11 AS is_open,
               -- who came back is known once the time to do so is over
               CASE WHEN x.at + $8 <= $11 THEN journey.first_at(journey._filter(u.events, $9, x.at + $7, x.at + $8,
                        $9 IS NULL), '*'::text) IS NOT NULL END AS returned,
               m.paid, m.paid_before
        FROM (%1$s) AS u
        CROSS JOIN LATERAL (
            SELECT (array_agg(e.variant ORDER BY e.event_time, e.event_id, e.visitor_id))[1] AS variant,
                   min(e.event_time) AS at, count(DISTINCT e.variant) > 1 AS several
            FROM (SELECT e.event_time, e.event_id, e.visitor_id, e.properties ->> $2 AS variant
                  FROM journey.events(journey._filter(u.events, $1, $4, $5, false)) AS e) AS e
            WHERE e.variant <> '') AS x
        CROSS JOIN LATERAL (
            SELECT %2$s AS converted
            FROM (SELECT journey._filter(u.events, NULL::text, x.at,
                         x.at + $6 + interval '1 microsecond', false) AS events OFFSET 0) AS f) AS g
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(c.currency, c.paid) FILTER (WHERE c.paid IS NOT NULL) AS paid,
                   jsonb_object_agg(c.currency, c.paid_before) FILTER (WHERE c.paid_before IS NOT NULL) AS paid_before
            FROM (SELECT o.currency,
                         sum(o.revenue) FILTER (WHERE o.event_time BETWEEN x.at AND coalesce(x.at + $6,
                             'infinity')) AS paid,
                         sum(o.revenue) FILTER (WHERE o.event_time >= x.at - $10
                             AND o.event_time < x.at) AS paid_before
                  -- what was told twice of an order counts once, as in profiles
                  FROM (SELECT coalesce(e.currency, '') AS currency, e.revenue, e.event_time,
                               e.order_id IS NULL OR e.revenue < 0 OR 1 = row_number() OVER (
                                   PARTITION BY e.name, e.order_id, e.revenue < 0
                                   ORDER BY e.event_time, e.event_id, e.visitor_id) AS counts
                        FROM journey.events(u.events) AS e
                        WHERE e.revenue IS NOT NULL AND x.variant IS NOT NULL) AS o
                  WHERE o.counts
                  GROUP BY o.currency) AS c) AS m
        WHERE x.variant IS NOT NULL
        $sql$, journey._units(r, 'person'::text, NULL::text, NULL::text),
        coalesce((SELECT 'ARRAY[' || string_agg(format('journey.first_at(f.events, $3[%s]) IS NOT NULL', n),
            ', ' ORDER BY n)
                         || ']' FROM generate_series(1, least(goals, 100)) AS n), '''{}''::boolean[]'))
$$;
COMMENT ON FUNCTION journey._exposed(journey._reading, integer) IS 'internal: the query for who was exposed';

-- What is to be said of how persons came into the variants.
CREATE FUNCTION journey._exposure_message(ratio text, several bigint, persons bigint, unplanned text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat_ws(' ', ratio,
        CASE WHEN several > 10 AND several > persons * 0.01 THEN
            format('%s of %s persons were exposed to several variants, more than one in a hundred: the assignment '
                'may be broken.',
                   several, persons)
             WHEN several > 0 THEN format('%s of %s persons were exposed to several variants.', several, persons) END,
        CASE WHEN cardinality(unplanned) > 0 THEN
            format('Without a planned weight, and not tested: %s.', array_to_string(unplanned, ', ')) END)
$$;
COMMENT ON FUNCTION journey._exposure_message(text, bigint, bigint, text[]) IS
    'internal: sentences on the variants of an experiment';

-- Checks the weights of variants: {"control": 50, "test": 50}.
CREATE FUNCTION journey._check_weights(weights jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(weights) <> 'object' OR EXISTS (
           SELECT FROM jsonb_each(CASE jsonb_typeof(weights) WHEN 'object' THEN weights ELSE '{}' END) AS w
           WHERE jsonb_typeof(w.value) <> 'number' OR (w.value)::numeric < 0) THEN
        RAISE EXCEPTION 'weights must be an object of a number for each variant, not %', weights
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Write {"control": 50, "test": 50}.';
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_weights(jsonb) IS 'internal: checks the weights of variants';

CREATE FUNCTION journey.experiment_report(model name, exposure text, variant text, goals text[],
    weights jsonb DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS TABLE (metric text, goal text, variant_name text, is_control boolean, persons bigint,
    several_variants bigint, converted bigint, still_open bigint, rate double precision,
    mean double precision, difference double precision, lower double precision, upper double precision,
    lift double precision, statistic double precision, p_value double precision,
    fisher_p_value double precision, comparisons integer, message text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options,
        '{control,several,within,return_step,return_from,return_to,cuped,confidence}'::text[]);
    several text := journey._option_word(options, 'several'::text, '{first,leave_out}'::text[]);
    window_length interval := journey._option_interval(options, 'within'::text);
    return_from interval := coalesce(journey._option_interval(options, 'return_from'::text), interval '24 hours');
    return_to interval := coalesce(journey._option_interval(options, 'return_to'::text), interval '192 hours');
    cuped interval := journey._option_interval(options, 'cuped'::text);
    confidence double precision := coalesce((options ->> 'confidence')::double precision, 0.95);
    return_step text := options ->> 'return_step';
BEGIN
    PERFORM journey._check_weights(weights);
    PERFORM journey._funnel(NULL::journey.timeline, exposure || goals, interval '0', '{}'::jsonb,
                            NULL::timestamptz, NULL::timestamptz);
    PERFORM journey.first_at(NULL::journey.timeline, coalesce(return_step, '*'));
    IF variant IS NULL THEN
        RAISE EXCEPTION 'variant must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'It is the property of the exposure that names the '
                'variant.';
    END IF;
    RETURN QUERY EXECUTE format($sql$
        WITH exposed AS MATERIALIZED (%s
        ), counted AS (
            SELECT e.* FROM exposed AS e WHERE NOT ($13 AND e.several)
        ), variants AS (
            SELECT v.variant, count(c.person_id) AS persons,
                   (SELECT count(*) FROM exposed AS e WHERE e.variant = v.variant AND e.several) AS several,
                   CASE WHEN $12 IS NULL THEN 1 ELSE coalesce(($12 ->> v.variant)::float8, 0) END AS weight
            FROM (SELECT variant FROM exposed UNION SELECT jsonb_object_keys($12)) AS v
            LEFT JOIN counted AS c USING (variant)
            GROUP BY v.variant
        ), planned AS (
            SELECT v.*, count(*) OVER () AS n,
                   v.variant = coalesce($14, (SELECT x.variant FROM variants AS x WHERE x.weight > 0
                                              ORDER BY lower(x.variant) <> 'control',
                                                  x.variant COLLATE "C" LIMIT 1)) AS is_control
            FROM variants AS v
        ), ratio AS (
            SELECT s.*, (SELECT coalesce(array_agg(v.variant ORDER BY v.variant COLLATE "C"), '{}')
                         FROM variants AS v WHERE v.weight = 0 AND v.persons > 0) AS unplanned
            FROM (SELECT array_agg(v.persons ORDER BY v.variant COLLATE "C") AS counts,
                         array_agg(v.weight ORDER BY v.variant COLLATE "C") AS weights FROM variants AS v
                  HAVING count(*) FILTER (WHERE v.weight > 0) > 1) AS a
            CROSS JOIN LATERAL journey.sample_ratio(a.counts, a.weights) AS s
        ), metrics AS (
            SELECT 1 AS place, 'conversion' AS metric, n::text AS goal, c.variant, count(*) AS persons,
                   count(*) FILTER (WHERE c.converted[n]) AS converted,
                   count(*) FILTER (WHERE c.is_open AND NOT c.converted[n]) AS still_open,
                   NULL::float8 AS mean, NULL::float8 AS variance
            FROM counted AS c CROSS JOIN generate_series(1, cardinality($3)) AS n
            GROUP BY n, c.variant
            UNION ALL
            SELECT 2, 'retention', NULL, c.variant, count(c.returned), count(*) FILTER (WHERE c.returned),
                   count(*) FILTER (WHERE c.returned IS NULL), NULL, NULL
            FROM counted AS c GROUP BY c.variant
            UNION ALL
            SELECT 3, 'revenue', k.currency, c.variant, count(*), NULL, NULL, avg(k.paid), var_samp(k.paid)
            FROM counted AS c CROSS JOIN LATERAL (
                SELECT a.currency, coalesce((c.paid ->> a.currency)::float8, 0) AS paid
                FROM (SELECT DISTINCT jsonb_object_keys(e.paid) AS currency FROM counted AS e) AS a) AS k
            GROUP BY k.currency, c.variant
            UNION ALL
            SELECT 4, 'revenue_cuped', k.currency, k.variant, count(*), NULL, NULL, avg(k.adjusted),
                var_samp(k.adjusted)
            FROM (SELECT a.currency, a.variant,
                         a.paid - coalesce(covar_samp(a.paid, a.before) OVER w / nullif(var_samp(a.before) OVER w,
                             0), 0)
                                  * (a.before - avg(a.before) OVER w) AS adjusted
                  FROM (SELECT k.currency, c.variant, coalesce((c.paid ->> k.currency)::float8, 0) AS paid,
                               coalesce((c.paid_before ->> k.currency)::float8, 0) AS before
                        FROM counted AS c CROSS JOIN (
                            SELECT DISTINCT jsonb_object_keys(e.paid) AS currency FROM counted AS e) AS k) AS a
                  WINDOW w AS (PARTITION BY a.currency)) AS k
            WHERE $10 IS NOT NULL
            GROUP BY k.currency, k.variant
        ), compared AS (
            SELECT m.*, p.is_control, p.weight > 0 AND NOT p.is_control AS is_tested,
                   z.persons AS control_persons, z.converted AS control_converted, z.mean AS control_mean,
                   z.variance AS control_variance
            FROM metrics AS m JOIN planned AS p USING (variant)
            LEFT JOIN (metrics AS z JOIN planned AS q ON q.variant = z.variant AND q.is_control)
                ON z.place = m.place AND z.goal IS NOT DISTINCT FROM m.goal AND p.weight > 0 AND NOT p.is_control
        )
        (SELECT 'exposure', NULL, p.variant, p.is_control, p.persons, p.several, NULL::bigint, NULL::bigint,
               p.persons::float8 / nullif(sum(p.persons) OVER (), 0)::float8, NULL::float8, NULL::float8,
                   NULL::float8,
               NULL::float8, NULL::float8, s.chi_square, s.p_value, NULL::float8,
               (SELECT count(*) FROM compared WHERE is_tested AND control_persons IS NOT NULL)::integer,
               nullif(journey._exposure_message(s.message, sum(p.several) OVER ()::bigint,
                   (SELECT count(*) FROM exposed), s.unplanned), '')
        FROM planned AS p LEFT JOIN ratio AS s ON true
        ORDER BY NOT p.is_control, p.variant COLLATE "C")
        UNION ALL
        (SELECT c.metric, CASE c.place WHEN 1 THEN $3[c.goal::integer] WHEN 2 THEN $9 ELSE nullif(c.goal, '') END,
               c.variant, c.is_control, c.persons, NULL, c.converted, c.still_open,
               c.converted::float8 / nullif(c.persons, 0), c.mean,
               coalesce(t.difference, w.difference), coalesce(t.lower, w.lower), coalesce(t.upper, w.upper),
               CASE WHEN c.place < 3 THEN t.lift ELSE w.difference / nullif(c.control_mean, 0) END,
               coalesce(t.z, w.t), coalesce(t.p_value, w.p_value), f.p_value,
               (SELECT count(*) FROM compared WHERE is_tested AND control_persons IS NOT NULL)::integer,
               CASE WHEN c.place < 3 AND c.persons = 0 THEN 'Nobody''s time to return is over yet.' END
        FROM compared AS c
        LEFT JOIN LATERAL journey.two_proportions(c.persons, c.converted, c.control_persons, c.control_converted,
            $15) AS t
            ON c.place < 3 AND c.is_tested
        LEFT JOIN LATERAL journey.fisher_exact(c.converted, c.persons - c.converted, c.control_converted,
            c.control_persons - c.control_converted) AS f ON c.place < 3 AND c.is_tested
        LEFT JOIN LATERAL journey.welch_t(c.persons, c.mean, c.variance, c.control_persons, c.control_mean,
            c.control_variance, $15) AS w
            ON c.place > 2 AND c.is_tested AND c.persons > 1 AND c.control_persons > 1
        ORDER BY c.place, c.goal, NOT c.is_control, c.variant COLLATE "C")
        $sql$, journey._exposed(r, coalesce(cardinality(goals), 0)))
    USING exposure, variant, coalesce(goals, '{}'), since, until, window_length, return_from, return_to, return_step,
          cuped, r.data_until, weights, several = 'leave_out', options ->> 'control', confidence;
END
$$;
COMMENT ON FUNCTION journey.experiment_report(name, text, text, text[], jsonb, timestamptz, timestamptz, jsonb) IS
    'persons, conversion, retention and revenue per variant of an experiment, with their differences';

COMMENT ON TYPE journey._reading IS 'internal: what a report reads';
COMMENT ON TYPE journey._unit_of_time IS 'internal: a unit of time';
