-- ---------------------------------------------------------------------------------------------
-- model: what a row says, as text of a statement
--
-- These functions write SQL text for each table at each refresh: in plpgsql, which keeps its plans.
-- In that text the row is "t", its cleaned ids and times are "c", its status is "s".
-- ---------------------------------------------------------------------------------------------

-- A version of a row of a plain table: as long as its file stays, no other has the same place and writer.
CREATE TYPE journey._row_version AS (relation oid, place tid, writer xid);

-- The columns of <schema>._batch: an event's, and what its reading knows of it.
CREATE FUNCTION journey._batch_columns() RETURNS TABLE (place integer, name text, type text)
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT a.attnum::integer, a.attname::text, format_type(a.atttypid, a.atttypmod)
  FROM pg_attribute a
 WHERE a.attrelid = 'journey.event'::regclass AND a.attnum > 0 AND NOT a.attisdropped
 UNION ALL
VALUES (101, 'table_id', 'integer'),      -- of journey._source_table
       (102, 'status', 'text'),           -- NULL: accepted; 'excluded'; 'removed': an event that
                                          -- a row was; else why it is rejected
       (103, 'is_traits', 'boolean'),     -- a row of a loader's users table: traits, and no event
       (104, 'loaded_at', 'timestamptz'), -- the value of the watermark's column
       (105, 'position', 'integer'),      -- of an event in a payload
       (106, 'row_key', 'text'),          -- of its row
       (107, 'ours', 'text[]'),           -- with "redact": ids that "internal_users" names, as they were
       (108, 'earlier', 'journey.event[]'),   -- its ids under earlier keys of pseudonyms
       (109, 'row_version', 'journey._row_version'),  -- of a table of conversions that is compared
       (110, 'raw', 'jsonb')              -- the row, where it is rejected
$$;
COMMENT ON FUNCTION journey._batch_columns() IS 'internal: the columns of a batch';

-- A column of the row as text, timestamptz, numeric or jsonb; NULL where it cannot be read so, and
-- infinity for a date that is after all times. Without SET, so that it is inlined.
CREATE FUNCTION journey._as(kind text, name text, type text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE
        WHEN kind OPERATOR(pg_catalog.~) '^epoch ' AND type OPERATOR(pg_catalog.=) 'timestamptz'
        THEN pg_catalog.format('journey._try_epoch(journey._text(t.%I), %s)', name,
                               pg_catalog.substr(kind, 7)::pg_catalog.numeric)
        WHEN type OPERATOR(pg_catalog.=) 'jsonb' AND kind OPERATOR(pg_catalog.=) 'text'
        THEN pg_catalog.format('journey._try_jsonb(nullif(t.%I::text, ''''))', name)
        WHEN kind OPERATOR(pg_catalog.~) '^(nested|other|foreign|epoch .*)$'
         AND NOT (kind OPERATOR(pg_catalog.=) 'nested' AND type OPERATOR(pg_catalog.=) 'jsonb')
        THEN pg_catalog.format(CASE WHEN type OPERATOR(pg_catalog.=) 'text' THEN '%2$s'
                                    WHEN type OPERATOR(pg_catalog.=) 'jsonb' THEN 'to_jsonb(%2$s)'
                                    ELSE 'journey._try_%1$s(%2$s)' END,
                               type, pg_catalog.format('journey._text(t.%I)', name))
        WHEN type OPERATOR(pg_catalog.=) 'timestamptz' AND kind OPERATOR(pg_catalog.=) 'date'
        THEN pg_catalog.format(
                 'CASE WHEN t.%1$I > ''294276-12-31'' THEN ''infinity'' ELSE t.%1$I::timestamptz END', name)
        WHEN type OPERATOR(pg_catalog.=) 'text'
          OR type OPERATOR(pg_catalog.=) 'timestamptz'
             AND kind OPERATOR(pg_catalog.=) ANY ('{timestamptz,timestamp}'::pg_catalog.text[])
          OR type OPERATOR(pg_catalog.=) 'numeric'
             AND kind OPERATOR(pg_catalog.=) ANY ('{integer,number}'::pg_catalog.text[])
          OR type OPERATOR(pg_catalog.=) 'jsonb' AND kind OPERATOR(pg_catalog.=) 'jsonb'
        THEN pg_catalog.format('t.%I::%s', name, type)
        WHEN type OPERATOR(pg_catalog.=) 'jsonb' AND kind OPERATOR(pg_catalog.=) 'nested'
        THEN pg_catalog.format('journey._try_jsonb(to_json(t.%I)::text)', name)
        WHEN type OPERATOR(pg_catalog.=) 'jsonb' AND kind OPERATOR(pg_catalog.<>) 'json'
        THEN pg_catalog.format('to_jsonb(t.%I)', name)
        ELSE pg_catalog.format('journey._try_%s(t.%I::text)', type, name) END;
COMMENT ON FUNCTION journey._as(text, text, text) IS 'internal: an expression for a column';

-- The standard fields that an input has, each with its expression: the first of its columns that is
-- not null; the name of an event is that which the option "event_names" gives its table.
CREATE FUNCTION journey._fields(i journey._input) RETURNS jsonb
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_object_agg(field, expression), '{}')
          FROM (SELECT c.key AS field,
                       CASE WHEN count(*) = 1 THEN min(e.expression)
                            ELSE format('coalesce(%s)', string_agg(
                                     e.expression || e.collation, ', ' ORDER BY n.place))
                       END AS expression
                  FROM jsonb_each(i.columns) AS c
                 CROSS JOIN jsonb_array_elements_text(c.value) WITH ORDINALITY AS n(name, place)
                 CROSS JOIN LATERAL (
                     SELECT CASE WHEN c.key IN ('event_time', 'received_at', 'loaded_at', 'converted_at')
                                 THEN 'timestamptz'
                                 WHEN c.key IN ('revenue', 'value') THEN 'numeric'
                                 WHEN c.key IN ('properties', 'traits', 'consent') THEN 'jsonb'
                                 ELSE 'text' END AS type) AS t
                 CROSS JOIN LATERAL (
                     SELECT journey._as(i.kinds ->> n.name, n.name, t.type) AS expression,
                            -- columns of one field may have collations that do not go together
                            CASE WHEN t.type = 'text' THEN ' COLLATE "C"' ELSE '' END AS collation
                     ) AS e
                 WHERE i.kinds ? n.name
                 GROUP BY c.key) AS f)
        || CASE WHEN i.role = 'track' AND i.options -> 'event_names' ? i.name::text
                THEN jsonb_build_object('name', format('%L::text', i.options -> 'event_names' ->> i.name::text))
                ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION journey._fields(journey._input) IS
    'internal: expressions for the standard fields';

-- The columns that can give a row its revenue, in order, each with the condition on the event's
-- name.
CREATE FUNCTION journey._revenue_columns(i journey._input, s journey._settings)
    RETURNS TABLE (condition text, name text, sign text, place bigint)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    slugs text := (SELECT string_agg(format('journey._event_slug(%s) COLLATE "C"',
                                             journey._as(i.kinds ->> e, e, 'text'::text)), ', ')
                     FROM unnest('{event_text,event}'::text[]) AS e WHERE i.kinds ? e);
    given text := i.options -> 'event_names' ->> i.name::text;
BEGIN
    IF i.role = 'own' THEN
        RETURN QUERY SELECT 'true', n.value, '', n.place
                       FROM jsonb_array_elements_text(i.columns -> 'revenue')
                            WITH ORDINALITY AS n(value, place)
                      WHERE i.kinds ? n.value;
    ELSIF i.role = 'track' AND slugs IS NOT NULL THEN
        slugs := slugs || coalesce(format(', %L', journey._event_slug(given)), '');
        RETURN QUERY SELECT format('%L = ANY (ARRAY[%s])', journey._event_slug(r.key), slugs),
                            ltrim(n.value, '-'), CASE WHEN n.value LIKE '-%' THEN '-' ELSE '' END,
                            n.place
                       FROM jsonb_each(s.revenue) AS r
                      CROSS JOIN jsonb_array_elements_text(
                                CASE WHEN jsonb_typeof(r.value) = 'array' THEN r.value
                                     ELSE jsonb_build_array(r.value) END)
                            WITH ORDINALITY AS n(value, place)
                      WHERE i.kinds ? ltrim(n.value, '-');
    END IF;
END
$$;
COMMENT ON FUNCTION journey._revenue_columns(journey._input, journey._settings) IS
    'internal: columns of amounts';

CREATE FUNCTION journey._revenue(i journey._input, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT 'CASE' || string_agg(format(' WHEN %s THEN %s', condition, amount), ''
                                    ORDER BY condition) || ' END'
          FROM (SELECT r.condition, format('coalesce(%s)', string_agg(
                           r.sign || journey._as(i.kinds ->> r.name, r.name, 'numeric'::text), ', '
                           ORDER BY r.place)) AS amount
                  FROM journey._revenue_columns(i, s) AS r GROUP BY r.condition) AS x);
END
$$;
COMMENT ON FUNCTION journey._revenue(journey._input, journey._settings) IS
    'internal: an expression for the revenue of a row';

-- Conditions that find a value which is no time, number or jsonb, each with its reason, for a CASE.
-- NaN, which numeric has above all others, and amounts whose sum numeric might not hold are no number.
CREATE FUNCTION journey._bad_values(i journey._input, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        WITH wanted AS (
            SELECT DISTINCT 'true' AS condition, n.name, i.kinds ->> n.name AS kind,
                   'timestamptz' AS type, 'time' AS word
              FROM jsonb_array_elements_text(
                       (i.columns -> 'event_time') || (i.columns -> 'received_at')) AS n(name)
             WHERE i.kinds ->> n.name <> ALL ('{timestamptz,timestamp,date}'::text[])
             UNION ALL
            SELECT DISTINCT r.condition, r.name, i.kinds ->> r.name, 'numeric', 'number'
              FROM journey._revenue_columns(i, s) AS r WHERE i.kinds ->> r.name <> 'integer'
             UNION ALL
            SELECT 'true', k.key, k.value, 'jsonb', 'jsonb'
              FROM jsonb_each_text(i.kinds) AS k
             WHERE k.value IN ('json', 'nested')
                OR k.value = 'text' AND (i.columns -> 'properties' ? k.key OR i.columns -> 'traits' ? k.key)
        )
        SELECT string_agg(format(
                   CASE WHEN kind = 'number'
                        THEN ' WHEN %s AND abs(t.%I::numeric) > 1e300 THEN %L'
                        ELSE ' WHEN %s AND %5$s <> '''' AND %4$s IS NULL THEN %3$L' END,
                   condition, name, format('%s is no %s', name, word),
                   journey._as(kind, name, type), journey._as(kind, name, 'text'::text)), ''
                   ORDER BY word DESC, name, condition)
          FROM wanted);
END
$$;
COMMENT ON FUNCTION journey._bad_values(journey._input, journey._settings) IS
    'internal: conditions on values';

-- Columns of the row as an object without the nulls, NULL where nothing is left; its keys are their
-- names without the prefix, and those of `named`, which says their columns. A function takes no more than 100
-- arguments, so many columns make several objects.
CREATE FUNCTION journey._object(kinds jsonb, names text[], prefix text DEFAULT '', named jsonb DEFAULT '{}')
    RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parts text[];
BEGIN
    parts := ARRAY(
        SELECT format('journey._row_object(%L, %s)',
                      array_agg(c.key ORDER BY c.place),
                      string_agg(CASE WHEN c.kind = 'json' OR c.kind = 'nested'
                                      THEN journey._as(c.kind, c.name, 'jsonb'::text)
                                      ELSE format('t.%I', c.name) END, ', ' ORDER BY c.place))
          FROM (SELECT k.*, row_number() OVER (ORDER BY k.key) - 1 AS place
                  FROM (SELECT substr(name, length(prefix) + 1) AS key, name, kind
                          FROM jsonb_each_text(kinds) AS k(name, kind) WHERE name = ANY (names)
                        UNION ALL
                        SELECT n.key, n.value, kinds ->> n.value FROM jsonb_each_text(named) AS n) AS k) AS c
         GROUP BY c.place / 90
         ORDER BY c.place / 90);
    RETURN CASE cardinality(parts)
           WHEN 0 THEN NULL
           WHEN 1 THEN parts[1]
           ELSE (SELECT format('nullif(%s, ''{}'')',
                               string_agg(format('coalesce(%s, ''{}'')', p), ' || '))
                   FROM unnest(parts) AS p) END;
END
$$;
COMMENT ON FUNCTION journey._object(jsonb, text[], text, jsonb) IS
    'internal: an expression for columns as an object';

-- The traits of an identify: the columns that are nothing of the standard and, where one is NULL or does not
-- exist, what the loader has as a trait of the event's context.
CREATE FUNCTION journey._traits(kinds jsonb, custom text[]) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plain text := journey._object(kinds, custom);
    context text := journey._object(kinds, ARRAY(
        SELECT k FROM jsonb_object_keys(kinds) AS k WHERE k LIKE 'context\_traits\__%'), 'context_traits_'::text);
BEGIN
    RETURN CASE WHEN plain IS NULL OR context IS NULL THEN coalesce(plain, context)
                ELSE format('nullif(coalesce(%s, ''{}'') || coalesce(%s, ''{}''), ''{}'')', context, plain) END;
END
$$;
COMMENT ON FUNCTION journey._traits(jsonb, text[]) IS 'internal: an expression for traits';

-- Properties that have one name, whatever the loader calls their columns; the first that exists counts.
CREATE FUNCTION journey._named_properties() RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT '{"device_type": ["context_device_type", "dvce_type"],
         "os_name": ["context_os_name", "context_user_agent_data_platform", "os_family"],
         "browser": ["context_browser_name", "context_browser", "context_browser_family", "br_family"],
         "locale": ["context_locale", "br_lang"],
         "country": ["context_geo_country_code", "context_geo_country", "context_geo_country_name",
                     "context_location_country", "context_country", "geo_country"]}'::jsonb
$$;
COMMENT ON FUNCTION journey._named_properties() IS
    'internal: columns of the properties that are kept by default';

-- Properties and traits of an input: the columns that are nothing of the standard, as traits of an
-- identify and properties of any other; and those that the option "keep_properties" names. A page has its title.
CREATE FUNCTION journey._custom(i journey._input, s journey._settings) RETURNS jsonb
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known text[] := journey._known_columns(i.role)
        || ARRAY(SELECT jsonb_array_elements_text(value) FROM jsonb_each(i.columns));
    custom text[] := ARRAY(SELECT k FROM jsonb_object_keys(i.kinds) AS k
                            WHERE k NOT LIKE 'context\_%' AND k <> ALL (known));
    kept text[] := s.keep_properties;
    named jsonb := (
        SELECT jsonb_object_agg(n.key, n.first)
          FROM (SELECT p.key, journey._first_column(i.kinds, p.value) AS first
                  FROM jsonb_each(journey._named_properties()) AS p
                 WHERE p.key = ANY (kept) AND NOT i.kinds ? p.key) AS n
         WHERE n.first IS NOT NULL);
BEGIN
    IF i.role = 'page' THEN
        kept := kept || '{title}'::text[];
    END IF;
    IF i.role = 'users' THEN
        RETURN jsonb_build_object('traits', journey._traits(i.kinds, custom));
    ELSIF i.role = 'identify' OR i.event_kind = 'identify' THEN
        RETURN jsonb_build_object('traits', journey._traits(i.kinds, custom),
                                  'properties', journey._object(i.kinds, kept, ''::text, coalesce(named, '{}')));
    END IF;
    RETURN jsonb_build_object('properties', journey._object(i.kinds, custom || kept, ''::text, coalesce(named, '{}')));
END
$$;
COMMENT ON FUNCTION journey._custom(journey._input, journey._settings) IS
    'internal: expressions for properties and traits';

-- Properties with the campaign's id, which journey.event has no column for: of events that make touches.
CREATE FUNCTION journey._with_campaign_id(i journey._input, properties text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id text := journey._first_column(i.kinds, i.columns -> 'campaign_id');
BEGIN
    IF id IS NULL OR coalesce(i.event_kind, i.role) = ANY ('{identify,group,alias,users}'::text[]) THEN
        RETURN properties;
    END IF;
    id := format('nullif(%s, '''')', journey._as(i.kinds ->> id, id, 'text'::text));
    RETURN format('CASE WHEN %1$s IS NULL OR jsonb_typeof(%2$s) <> ''object'' THEN %2$s'
                  ' ELSE coalesce(%2$s, ''{}'') || jsonb_build_object(''context_campaign_id'', %1$s) END',
                  id, coalesce(properties, 'NULL::jsonb'));
END
$$;
COMMENT ON FUNCTION journey._with_campaign_id(journey._input, text) IS
    'internal: an expression for properties with the campaign''s id';

-- The condition of the option "exclude". NULL never matches.
CREATE FUNCTION journey._excluded(fields jsonb, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce((
        SELECT string_agg(format(CASE
                   WHEN e.key = 'ip' THEN 'journey._try_inet(%1$s) <<= ANY (%3$L::inet[])'
                   WHEN e.key = 'host' THEN
                       'lower(journey.url_host(%1$s) COLLATE "C") LIKE ANY (%2$L::text[])'
                   WHEN e.key = 'user_agent' THEN 'lower(%1$s COLLATE "C") LIKE ANY (%2$L::text[])'
                   ELSE '%1$s COLLATE "C" LIKE ANY (%2$L::text[])' END,
                   f.expression,
                   ARRAY(SELECT CASE WHEN e.key = 'user_id' THEN journey._like_pattern(p)
                                     ELSE lower(journey._like_pattern(p) COLLATE "C") END
                           FROM jsonb_array_elements_text(e.value) AS p),
                   ARRAY(SELECT jsonb_array_elements_text(e.value))), ' OR ')
          FROM jsonb_each(s.exclude) AS e
         CROSS JOIN LATERAL (SELECT fields ->> CASE WHEN e.key = 'host' THEN 'url' ELSE e.key END
                                    AS expression) AS f
         WHERE f.expression IS NOT NULL AND e.value <> '[]'), 'false');
END
$$;
COMMENT ON FUNCTION journey._excluded(jsonb, journey._settings) IS
    'internal: the condition that leaves rows out';

-- The load time from which on an input is read.
CREATE FUNCTION journey._read_from(i journey._input, s journey._settings) RETURNS timestamptz
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN i.watermark > '1970-01-01' THEN i.watermark - coalesce(s.overlap, i.overlap)
                ELSE '-infinity' END;
END
$$;
COMMENT ON FUNCTION journey._read_from(journey._input, journey._settings) IS
    'internal: the load time from which on an input is read';

-- The load time of a row, and the type of what it is compared with: an index serves only where the column
-- is a time itself.
CREATE FUNCTION journey._load_time(i journey._input, OUT expression text, OUT type text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    type := i.kinds ->> i.watermark_column::text;
    IF type = ANY ('{timestamptz,timestamp,date}'::text[]) THEN
        expression := format('t.%I', i.watermark_column);
    ELSIF type IS NOT NULL THEN
        expression := journey._as(type, i.watermark_column, 'timestamptz'::text);
        type := 'timestamptz';
    END IF;
END
$$;
COMMENT ON FUNCTION journey._load_time(journey._input) IS 'internal: an expression for the load time';

-- Conditions for the rows that this refresh need not read again, NULL where there are none: those
-- whose transaction the snapshot of the last one saw, if that one read all of them from then on, of
-- this relation or partition, and in this way.
CREATE FUNCTION journey._seen_rows(i journey._input, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen_from timestamptz := i.seen ->> 'from';
BEGIN
    IF i.seen IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN format('journey._was_visible(t.xmin, %L, %L, %L) AND t.tableoid = ANY (%L::oid[])',
                  (i.seen ->> 'xmin')::bigint, (i.seen ->> 'xmax')::bigint,
                  translate(i.seen ->> 'running', '[]', '{}')::bigint[],
                  translate(i.seen ->> 'members', '[]', '{}')::oid[])
        || CASE WHEN seen_from > journey._read_from(i, s)
                THEN format(' AND (%1$s >= %2$L::%3$s OR %1$s IS NULL)', i.load_time, seen_from, i.load_type)
                ELSE '' END;
END
$$;
COMMENT ON FUNCTION journey._seen_rows(journey._input, journey._settings) IS
    'internal: conditions for rows that were read before';

-- Whether all of an input is read. Conversions without a load time are, each time.
CREATE FUNCTION journey._is_read_whole(i journey._input, since timestamptz) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(since = '-infinity', false)
        OR i.watermark_column IS NULL AND (i.role = 'conversion'
                                           OR i.role = 'payload' AND since IS NOT NULL); -- whose dates are within
END
$$;
COMMENT ON FUNCTION journey._is_read_whole(journey._input, timestamptz) IS
    'internal: whether all rows of an input are read';

-- Which rows are read, as an item of FROM: those not behind the watermark and those without a load
-- time, unless they were read before; and those loaded or dated since. Called in UTC, by which a load
-- time without a zone is meant.
CREATE FUNCTION journey._new_rows(i journey._input, s journey._settings, since timestamptz)
    RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text := 'true';
BEGIN
    IF i.watermark IS NULL AND i.seen IS NULL OR journey._is_read_whole(i, since) THEN
        RETURN format('%I.%I', i.schema, i.name);
    END IF;
    IF i.watermark IS NOT NULL THEN
        wanted := format('(%1$s >= %2$L::%3$s OR %1$s IS NULL)', i.load_time, journey._read_from(i, s), i.load_type);
    END IF;
    wanted := wanted || coalesce(' AND NOT (' || journey._seen_rows(i, s) || ')', '');
    IF since IS NOT NULL AND i.watermark_column IS NOT NULL THEN
        wanted := wanted || format(' OR %s >= %L::%s', i.load_time, since, i.load_type);
    END IF;
    IF since IS NOT NULL AND i.dated IS NOT NULL THEN
        wanted := wanted || format(' OR %s >= %L::timestamptz', i.dated, since);
    END IF;
    RETURN format('(SELECT t.* FROM %I.%I AS t WHERE %s)', i.schema, i.name, wanted);
END
$$;
COMMENT ON FUNCTION journey._new_rows(journey._input, journey._settings, timestamptz) IS
    'internal: the new rows of an input';

-- The condition that there are such rows, where an input is asked before it is read: by an index, from the newest
-- on, since what is new was loaded last.
CREATE FUNCTION journey._has_news(i journey._input, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unseen text := coalesce(' AND NOT (' || journey._seen_rows(i, s) || ')', '');
BEGIN
    IF i.watermark IS NULL THEN
        RETURN format('EXISTS (SELECT FROM %I.%I AS t WHERE true%s)', i.schema, i.name, unseen);
    END IF;
    RETURN format('(SELECT true FROM %1$I.%2$I AS t WHERE %3$s >= %4$L::%5$s%6$s ORDER BY %3$s DESC LIMIT 1)'
                  ' OR EXISTS (SELECT FROM %1$I.%2$I AS t WHERE %3$s IS NULL%6$s)', i.schema, i.name, i.load_time,
                  journey._read_from(i, s), i.load_type, unseen);
END
$$;
COMMENT ON FUNCTION journey._has_news(journey._input, journey._settings) IS
    'internal: the condition that an input has new rows';

-- An id, NULL where it is none; the option "allow_ids" exempts values.
CREATE FUNCTION journey._cleaned(expression text, s journey._settings) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN expression IS NULL THEN NULL
            WHEN s.allow_ids = '{}' THEN format('journey._clean_id(%s)', expression)
            ELSE format('CASE WHEN %1$s COLLATE "C" = ANY (%2$L::text[]) THEN %1$s'
                        ' ELSE journey._clean_id(%1$s) END', expression, s.allow_ids) END
$$;
COMMENT ON FUNCTION journey._cleaned(text, journey._settings) IS 'internal: an expression for an id';

-- The visitor of a row: its device, else "user:" and the user.
CREATE FUNCTION journey._visitor(device text, user_id text, s journey._settings) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN s.allow_ids = '{}' THEN format('journey._visitor_id(%s, %s)', device, user_id)
            ELSE format('coalesce(%s, ''user:'' || %s)', journey._cleaned(device, s),
                        journey._cleaned(user_id, s)) END
$$;
COMMENT ON FUNCTION journey._visitor(text, text, journey._settings) IS
    'internal: an expression for the visitor';

-- When a row arrived, to which "max_future" holds its event: when it was received, else loaded, by the end of
-- that day if only a day is known. An infinite load time says nothing.
CREATE FUNCTION journey._arrived(i journey._input) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce((
        SELECT 'coalesce(' || string_agg(CASE
                   WHEN kind <> 'date' AND received THEN expression
                   WHEN kind <> 'date' THEN format('nullif(nullif(%s, ''infinity''), ''-infinity'')', expression)
                   ELSE format('CASE WHEN isfinite(t.%1$I) AND t.%1$I < ''294276-12-30'''
                               ' THEN (t.%1$I + 1)::timestamptz%2$s END', name,
                               CASE WHEN received THEN format(' ELSE %s', expression) ELSE '' END)
                   END, ', ' ORDER BY NOT received, place) || ')'
          FROM (SELECT true AS received, * FROM jsonb_array_elements_text(i.columns -> 'received_at')
                       WITH ORDINALITY AS r(name, place)
                 UNION ALL
                SELECT false, * FROM jsonb_array_elements_text(i.columns -> 'loaded_at')
                       WITH ORDINALITY AS l(name, place)) AS n
         CROSS JOIN LATERAL (SELECT i.kinds ->> n.name AS kind) AS k
         CROSS JOIN LATERAL (SELECT journey._as(k.kind, n.name, 'timestamptz'::text) AS expression) AS e
         WHERE k.kind IS NOT NULL AND (received OR NOT i.columns -> 'received_at' ? n.name)),
        'NULL::timestamptz');
END
$$;
COMMENT ON FUNCTION journey._arrived(journey._input) IS
    'internal: an expression for the time of arrival';

-- A row as jsonb, for those that are rejected.
CREATE FUNCTION journey._raw_row(i journey._input) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN i.kinds @? '$.* ? (@ == "foreign")'
                THEN format('coalesce(%s, ''{}'')',
                            journey._object(i.kinds, ARRAY(SELECT jsonb_object_keys(i.kinds))))
                WHEN i.kinds @? '$.* ? (@ == "json" || @ == "nested")' -- jsonb may refuse what is in it
                THEN 'coalesce(journey._try_jsonb(to_json(t.*)::text),'
                     ' jsonb_build_object(''raw'', to_json(t.*)::text))'
                ELSE 'to_jsonb(t.*)' END; -- "t" may be a column
END
$$;
COMMENT ON FUNCTION journey._raw_row(journey._input) IS 'internal: an expression for a row as jsonb';

-- A rejected row without its nulls: a column that a loader adds later must not make it another row.
CREATE FUNCTION journey._without_nulls("row" jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each("row") WHERE value <> 'null'
$$;
COMMENT ON FUNCTION journey._without_nulls(jsonb) IS 'internal: an object without its null members';

-- The standard name of what a row of an input is found again by.
CREATE FUNCTION journey._key_field(role text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE role WHEN 'users' THEN 'user_id' WHEN 'payload' THEN 'key' WHEN 'conversion' THEN 'conversion_id'
                 ELSE 'event_id' END
$$;
COMMENT ON FUNCTION journey._key_field(text) IS 'internal: the standard name of the key';

-- The columns by which a row of an input is found again.
CREATE FUNCTION journey._key_columns(i journey._input) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT i.columns -> journey._key_field(i.role)$$;
COMMENT ON FUNCTION journey._key_columns(journey._input) IS 'internal: the columns of the key';

-- The condition that finds rows by their keys, by an index if there is one. What a column of its
-- type cannot hold is a key of another table.
CREATE FUNCTION journey._has_key(i journey._input, keys text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names text[] := ARRAY(SELECT n FROM jsonb_array_elements_text(journey._key_columns(i)) AS n
                           WHERE i.kinds ? n);
    a record;
BEGIN
    SELECT t.oid::regtype::text AS type, format_type(t.oid, NULL) AS name,
           CASE WHEN x.attcollation <> t.typcollation
                THEN (SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
                        FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
                       WHERE c.oid = x.attcollation) END AS collation
      INTO a
      FROM pg_attribute x JOIN pg_type t ON t.oid = x.atttypid
     WHERE x.attrelid = i.relation AND x.attname = names[1];
    IF cardinality(names) = 1 AND a.type = ANY ('{text,character varying}'::text[]) THEN
        RETURN format('t.%I IN (SELECT c.key%s %s)', names[1], a.collation, keys);
    ELSIF cardinality(names) = 1 AND i.kinds ->> names[1] = 'integer' THEN
        RETURN format('t.%I IN (SELECT CASE WHEN c.key ~ ''^-?[0-9]{1,18}$'''
                      ' THEN c.key::bigint END %s)', names[1], keys);
    ELSIF cardinality(names) = 1 AND a.type = 'uuid' THEN
        RETURN format('t.%I IN (SELECT CASE'
                      ' WHEN c.key ~ ''^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'''
                      ' THEN c.key::uuid END %s)', names[1], keys);
    END IF;
    RETURN format('%s COLLATE "C" IN (SELECT c.key %s)',
                  journey._fields(i) ->> journey._key_field(i.role), keys);
END
$$;
COMMENT ON FUNCTION journey._has_key(journey._input, text) IS
    'internal: the condition for rows of some keys';

COMMENT ON TYPE journey._row_version IS 'internal: a version of a row of a plain table';
