
-- ---------------------------------------------------------------------------------------------
-- attribution: what a model's conversions were earned by
--
-- Functions over the relations conversions, attributed_touches and touches of a model, with the rights of who
-- asks.
-- ---------------------------------------------------------------------------------------------

-- Raises an error unless `by` is one of these.
CREATE FUNCTION journey._check_by(by text, known text[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (by = ANY (known)) IS NOT TRUE THEN
        RAISE EXCEPTION 'cannot report by %', coalesce(quote_literal(by), 'null')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('It is one of %s.', array_to_string(known, ', '));
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_by(text, text[]) IS 'internal: checks an argument';

-- Where a report on conversions reads. Of whom it is, and by what of a person, is asked of what other reports read;
-- where neither is asked for, that must not be readable.
CREATE FUNCTION journey._read_conversions(model name, options jsonb, by_person boolean) RETURNS journey._reading
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._reading;
BEGIN
    IF by_person OR coalesce(options, 'null') <> '{}' THEN
        RETURN journey._read_model(model, options, '{}'::text[]);
    END IF;
    r.model := model;
    r.schema := journey._feed_schema(model);
    RETURN r;
END
$$;
COMMENT ON FUNCTION journey._read_conversions(name, jsonb, boolean) IS 'internal: where a report on conversions reads';

CREATE TYPE journey.conversion_path AS (
    path        text[],
    conversions bigint,
    value       numeric,
    nulls       bigint,
    avg_days    numeric
);
COMMENT ON TYPE journey.conversion_path IS 'a path of touches, how often it led to a conversion, and how often to none';

CREATE FUNCTION journey.paths_to_conversion(model name, name text DEFAULT NULL, since timestamptz DEFAULT NULL,
    until timestamptz DEFAULT NULL, by text DEFAULT 'channel', transform text DEFAULT 'exposure_path',
    args text[] DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS SETOF journey.conversion_path
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._reading := journey._read_conversions(model, options, false);
BEGIN
    PERFORM journey._check_by(by, '{channel,campaign,source}'::text[]);
    PERFORM journey.transform_path('{}'::text[], transform, args);
    RETURN QUERY EXECUTE format($sql$
        WITH converted AS (
            SELECT c.conversion_id, c.person_id, c.converted_at, c.value,
                   array_agg(coalesce(a.%2$I, '(not set)') ORDER BY a.position) AS path,
                   max(a.days_before) AS days
            FROM %1$I.conversions AS c JOIN %1$I.attributed_touches AS a USING (conversion_id)
            WHERE ($1 IS NULL OR c.name = $1) AND ($2 IS NULL OR c.converted_at >= $2)
              AND ($3 IS NULL OR c.converted_at < $3) AND %3$s
            GROUP BY c.conversion_id, c.person_id, c.converted_at, c.value),
        -- persons who did not convert at all, with their touches of that time
        others AS (
            SELECT t.person_id, array_agg(coalesce(t.%2$I, '(not set)') ORDER BY t.touched_at, t.touch_id) AS path
            FROM %1$I.touches AS t
            WHERE ($2 IS NULL OR t.touched_at >= $2) AND ($3 IS NULL OR t.touched_at < $3) AND %4$s
              AND NOT EXISTS (
                  SELECT FROM %1$I.conversions AS c
                  WHERE c.person_id = t.person_id AND ($1 IS NULL OR c.name = $1))
            GROUP BY t.person_id)
        SELECT journey.transform_path(x.path, $4, $5), count(x.days), sum(x.value), count(*) FILTER (WHERE x.days IS NULL),
               round(avg(x.days), 6)
        FROM (SELECT path, value, days FROM converted UNION ALL SELECT path, NULL, NULL FROM others) AS x
        GROUP BY 1
        ORDER BY 2 DESC, 4 DESC, 1$sql$, r.schema, by, journey._is_reported(r, 'c.person_id'::text),
        journey._is_reported(r, 't.person_id'::text))
    USING name, since, until, transform, args;
END
$$;
COMMENT ON FUNCTION journey.paths_to_conversion(name, text, timestamptz, timestamptz, text, text, text[], jsonb) IS
    'the paths of touches that led to a conversion, and those that led to none';

CREATE TYPE journey.attribution_row AS (
    rule        text,
    touch       text,
    currency    text,
    conversions numeric,
    value       numeric,
    spend       numeric,
    roas        numeric,
    cpa         numeric
);
COMMENT ON TYPE journey.attribution_row IS 'what a rule gives to a channel, campaign, source or day, and what was spent';

-- What was spent, as a query with columns touch and spend, of the columns that a mapping names.
CREATE FUNCTION journey._spend_query(relation regclass, columns jsonb, by text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    touch text := coalesce(columns ->> by, by);
    spend text := coalesce(columns ->> 'spend', 'spend');
    day text := coalesce(columns ->> 'day', 'day');
    kinds jsonb := journey._column_kinds(relation);
    missing text;
    name text;
BEGIN
    IF relation IS NULL THEN
        RETURN 'SELECT NULL::text AS touch, NULL::numeric AS spend WHERE false';
    ELSIF (jsonb_typeof(columns) = 'object') IS NOT TRUE THEN
        RAISE EXCEPTION 'spend_columns must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT string_agg(quote_ident(c), ', ') INTO missing FROM unnest(ARRAY[touch, spend]) AS c WHERE NOT kinds ? c;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'relation % has no column %', relation, missing
            USING ERRCODE = 'undefined_column',
                  HINT = format('Map it: {"%s": "column", "spend": "column", "day": "column"}.', by);
    END IF;
    name := format(CASE WHEN by <> 'day' THEN 'journey._text(t.%1$I)'
                        WHEN kinds ->> touch = ANY ('{date,timestamp}'::text[]) THEN 'to_char(t.%1$I, ''YYYY-MM-DD'')'
                        ELSE 'coalesce(to_char(%2$s AT TIME ZONE ''UTC'', ''YYYY-MM-DD''), journey._text(t.%1$I))' END,
                   touch, journey._as(kinds ->> touch, touch, 'timestamptz'::text));
    RETURN format($sql$
        SELECT coalesce(nullif(%1$s, ''), '(not set)') AS touch,
               sum(journey._try_numeric(journey._text(t.%2$I))) AS spend
        FROM %3$s AS t
        WHERE %4$s
        GROUP BY 1$sql$, name, spend, relation,
        CASE WHEN kinds ? day THEN format('($2 IS NULL OR %1$s >= $2) AND ($3 IS NULL OR %1$s < $3)',
                                          journey._as(kinds ->> day, day, 'timestamptz'::text))
             ELSE 'true' END);
END
$$;
COMMENT ON FUNCTION journey._spend_query(regclass, jsonb, text) IS 'internal: what was spent, as a query';

CREATE FUNCTION journey.attribution_overview(model name, rules text[] DEFAULT '{last_non_direct}',
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, by text DEFAULT 'channel',
    spend regclass DEFAULT NULL, spend_columns jsonb DEFAULT '{}', name text DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS SETOF journey.attribution_row
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    by_person boolean := by ~ '^(profiles|traits|segments)\.';
    r journey._reading := journey._read_conversions(model, options, by_person);
    b record := journey._by(r, CASE WHEN by_person THEN by END);
    rule text;
    spent text;
BEGIN
    IF by_person IS NOT TRUE THEN
        PERFORM journey._check_by(by, '{channel,campaign,source,day}'::text[]);
    END IF;
    spent := journey._spend_query(spend, spend_columns, by);
    FOREACH rule IN ARRAY coalesce(rules, '{}') LOOP
        PERFORM journey.credits(1, coalesce(rule, ''), ARRAY['0']::interval[]);
        RETURN QUERY EXECUTE format($sql$
            WITH converted AS (
                SELECT * FROM %1$I.conversions AS c
                WHERE ($1 IS NULL OR c.name = $1) AND ($2 IS NULL OR c.converted_at >= $2)
                  AND ($3 IS NULL OR c.converted_at < $3) AND %7$s),
            earned AS (
                SELECT x.touch, x.currency, sum(x.credit) AS conversions, sum(x.value) AS value
                FROM (
                    SELECT %2$s AS touch, d.currency, a.%3$I AS credit, a.%4$I AS value
                    FROM (SELECT c.*, c.converted_at AS at FROM converted AS c) AS d
                    JOIN %1$I.attributed_touches AS a ON a.conversion_id = d.conversion_id
                    %8$s
                    UNION ALL
                    -- a conversion that no touch earned stays in the totals
                    SELECT '(unattributed)', c.currency, 1, c.value
                    FROM converted AS c
                    WHERE NOT EXISTS (SELECT FROM %1$I.attributed_touches AS a
                                      WHERE a.conversion_id = c.conversion_id)) AS x
                GROUP BY 1, 2
                -- a share too small for the digits of a credit may be worth something yet
                HAVING sum(x.credit) <> 0 OR sum(x.value) <> 0),
            spent AS (%5$s)
            SELECT %6$L::text, coalesce(e.touch, s.touch), e.currency, coalesce(e.conversions, 0), e.value,
                   CASE WHEN coalesce(e.place, 1) = 1 THEN s.spend END,
                   CASE WHEN e.currencies = 1 THEN round(e.value / nullif(s.spend, 0), 6) END,
                   round(s.spend / nullif(e.all_conversions, 0), 6)
            FROM (SELECT e.*, row_number() OVER (PARTITION BY e.touch ORDER BY e.currency) AS place,
                         count(*) OVER (PARTITION BY e.touch) AS currencies,
                         sum(e.conversions) OVER (PARTITION BY e.touch) AS all_conversions
                  FROM earned AS e) AS e
            FULL JOIN spent AS s ON s.touch = e.touch
            ORDER BY 4 DESC, 2, 3$sql$, r.schema,
            CASE WHEN by_person THEN format('coalesce(%s, ''(not set)'')', b.value)
                 WHEN by = 'day' THEN 'to_char(a.touched_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD'')'
                 ELSE format('coalesce(a.%I, ''(not set)'')', by) END,
            rule || '_credit', rule || '_value', spent, rule, journey._is_reported(r, 'c.person_id'::text), b.source)
        USING name, since, until;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journey.attribution_overview(name, text[], timestamptz, timestamptz, text, regclass, jsonb, text, jsonb) IS
    'conversions and value by channel, campaign, source, day or what persons are, by rules, beside what was spent';
