-- ---------------------------------------------------------------------------------------------
-- model: what its options may be
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._check_exclude(value jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text;
    patterns jsonb;
    range text;
BEGIN
    IF jsonb_typeof(value) <> 'object' THEN
        PERFORM journey._bad_option('exclude'::text, value,
            'an object such as {"host": ["staging.*"], "ip": ["10.0.0.0/8"]}'::text);
    END IF;
    FOR key, patterns IN SELECT * FROM jsonb_each(value) LOOP
        IF key <> ALL ('{host,user_agent,ip,user_id}'::text[]) THEN
            RAISE EXCEPTION 'option "exclude" has no column "%"', key
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'Its columns are host, user_agent, ip, user_id.';
        END IF;
        IF NOT journey._is_texts(patterns) THEN
            PERFORM journey._bad_option('exclude'::text, value, 'an array of patterns for each column'::text);
        END IF;
        FOR range IN SELECT jsonb_array_elements_text(patterns) WHERE key = 'ip' LOOP
            BEGIN
                PERFORM range::inet;
            EXCEPTION WHEN data_exception THEN
                PERFORM journey._bad_option('exclude'::text, to_jsonb(range),
                    'addresses or ranges, such as "203.0.113.7" or "10.0.0.0/8", for ip'::text);
            END;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journey._check_exclude(jsonb) IS 'internal: checks an option';

CREATE FUNCTION journey._check_revenue(value jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns jsonb;
    valid boolean := jsonb_typeof(value) = 'object';
BEGIN
    FOR columns IN
        SELECT e.value FROM jsonb_each(CASE WHEN valid THEN value ELSE '{}' END) AS e
    LOOP
        IF jsonb_typeof(columns) = 'string' THEN
            columns := jsonb_build_array(columns);
        END IF;
        valid := valid AND journey._is_texts(columns) AND columns <> '[]';
    END LOOP;
    IF NOT valid THEN
        PERFORM journey._bad_option('revenue'::text, value,
            'an object of event names with their columns, the first that is not null counts and a '
            'minus sign takes it off, such as {"Order Completed": ["revenue", "total"], '
            '"Order Refunded": "-total"}'::text);
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_revenue(jsonb) IS 'internal: checks an option';

-- Raises an error unless the value suits the type, of those in journey._options().
CREATE FUNCTION journey._check_option(option text, type text, value jsonb) RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    word text := value #>> '{}';
    is_text boolean := jsonb_typeof(value) = 'string' AND word <> '';
BEGIN
    IF type = 'interval' THEN
        PERFORM journey._check_interval(option, value, false);
    ELSIF type = 'span' THEN
        PERFORM journey._check_interval(option, value, true);
    ELSIF type = 'boolean' AND jsonb_typeof(value) <> 'boolean' THEN
        PERFORM journey._bad_option(option, value, 'true or false'::text);
    ELSIF type = 'text' AND NOT is_text THEN
        PERFORM journey._bad_option(option, value, 'a string'::text);
    ELSIF type = 'name' AND (NOT is_text OR octet_length(word) > 63) THEN
        PERFORM journey._bad_option(option, value, 'a name of at most 63 bytes'::text);
    ELSIF (type = 'texts' OR type = 'hosts' OR type = 'columns') AND NOT journey._is_texts(value) THEN
        PERFORM journey._bad_option(option, value, 'an array of strings'::text);
    ELSIF type = 'hosts' OR type = 'own list' THEN
        PERFORM journey.touch(NULL::text, NULL::text, jsonb_build_object(option, value));
    ELSIF type = 'columns' AND (SELECT count(*) <> count(DISTINCT journey._kept_column('first'::text, k))
                                  FROM jsonb_array_elements_text(value) AS k) THEN
        PERFORM journey._bad_option(option, value,
            'an array of strings that differ in their first 57 bytes'::text);
    ELSIF type = 'count' AND (jsonb_typeof(value) <> 'number' OR word !~ '^[1-9][0-9]{0,5}$') THEN
        PERFORM journey._bad_option(option, value, 'a whole number from 1'::text);
    ELSIF type = 'zone' AND (NOT is_text OR NOT EXISTS (
              SELECT FROM pg_timezone_names z WHERE lower(z.name) = lower(word))) THEN
        PERFORM journey._bad_option(option, value,
            'a time zone of pg_timezone_names, such as "Europe/Berlin"'::text);
    ELSIF type = 'time' THEN
        -- no word such as "today", which would be another time at each refresh
        IF NOT is_text OR journey._try_timestamptz(word) IS NULL THEN
            PERFORM journey._bad_option(option, value, 'a time, such as "2015-01-01"'::text);
        END IF;
    ELSIF type = 'profiles' AND (word = 'all' OR word = 'identified') IS NOT TRUE THEN
        PERFORM journey._bad_option(option, value, '"all" or "identified"'::text);
    ELSIF type = 'patterns' THEN
        PERFORM journey._check_exclude(value);
    ELSIF type = 'redact' THEN
        PERFORM journey.redact_event('{}'::jsonb, value, '\x00'::bytea);
    ELSIF type = 'revenue' THEN
        PERFORM journey._check_revenue(value);
    ELSIF type = 'conversions' THEN
        PERFORM journey._check_conversions(value);
        PERFORM journey._check_interval('lookback'::text, d -> 'lookback', false)
           FROM jsonb_array_elements(value) AS d WHERE jsonb_typeof(d -> 'lookback') <> 'null';
    ELSIF type = 'segments' THEN
        PERFORM journey._check_segment_option(value);
    ELSIF type = 'attribution' THEN
        PERFORM journey._touch_counts(''::text, value);
    ELSIF type = 'stitch' AND (word = ANY ('{last,first,graph}'::text[])) IS TRUE THEN
        RAISE EXCEPTION 'stitching by "%" is not available in this release', word
            USING ERRCODE = 'feature_not_supported', HINT = 'Use "interval", the default.';
    ELSIF type = 'stitch' AND (word = 'interval') IS NOT TRUE THEN
        PERFORM journey._bad_option(option, value, '"interval"'::text);
    ELSIF type = 'capture' AND (word = 'refresh' OR word = 'trigger') IS NOT TRUE THEN
        PERFORM journey._bad_option(option, value, '"refresh" or "trigger"'::text);
    ELSIF type = 'unsupported' THEN
        RAISE EXCEPTION 'option "%" is not available in this release', option
            USING ERRCODE = 'feature_not_supported';
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_option(text, text, jsonb) IS 'internal: checks an option';

-- Checks a model's options and returns those that are set: null stands for the default.
CREATE FUNCTION journey._check_options(options jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known record;
    result jsonb := '{}';
BEGIN
    PERFORM journey._check_keys(options, ARRAY(SELECT option FROM journey._options()));
    FOR known IN
        SELECT o.option, o.type, options -> o.option AS value FROM journey._options() AS o
    LOOP
        IF jsonb_typeof(known.value) <> 'null' THEN
            PERFORM journey._check_option(known.option, known.type, known.value);
            result := result || jsonb_build_object(known.option, known.value);
        END IF;
    END LOOP;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._check_options(jsonb) IS 'internal: checks the options of a model';

-- Raises an error unless there is such a segment.
CREATE FUNCTION journey._check_segment(model name, segment text, known jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (coalesce(known, '{}') ? segment) IS NOT TRUE THEN
        RAISE EXCEPTION 'model "%" has no segment "%"', model, segment
            USING ERRCODE = 'undefined_object',
                  HINT = coalesce('Its segments are ' || (SELECT string_agg(k, ', ' ORDER BY k)
                                                          FROM jsonb_object_keys(known) AS k) || '.',
                                  'journey.create_segment() makes one.');
    END IF;
END
$$;
COMMENT ON FUNCTION journey._check_segment(name, text, jsonb) IS 'internal: checks the name of a segment';
