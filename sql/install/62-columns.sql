-- ---------------------------------------------------------------------------------------------
-- model: intake
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._reject_reason(
    visitor_id text, user_id text, event_id text, event_time timestamptz, received_at timestamptz,
    earliest timestamptz, max_future interval) RETURNS text
    LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_reject_reason';
COMMENT ON FUNCTION
    journey._reject_reason(text, text, text, timestamptz, timestamptz, timestamptz, interval) IS
    'internal: why a row is no event, NULL where it is one';

-- The same for who asks before a model does: of an event, with its load time and a model's options.
CREATE FUNCTION journey.reject_reason(
    event journey.event, loaded_at timestamptz DEFAULT NULL, allow_ids text[] DEFAULT '{}'::text[],
    earliest timestamptz DEFAULT '2000-01-01 00:00:00+00'::timestamptz,
    max_future interval DEFAULT '1 day'::interval) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    device text := CASE WHEN event.visitor_id = ANY (allow_ids) THEN event.visitor_id
                        ELSE journey._clean_id(event.visitor_id) END;
    named text := CASE WHEN event.user_id = ANY (allow_ids) THEN event.user_id
                       ELSE journey._clean_id(event.user_id) END;
BEGIN
    IF event.kind <> ALL ('{"",page,screen,track,identify,group,alias}'::text[]) THEN
        RETURN 'unknown kind';
    ELSIF octet_length(event.previous_id) > 1024 THEN
        RETURN 'id too long';
    END IF;
    RETURN journey._reject_reason(
        coalesce(device, 'user:' || named), named, event.event_id, coalesce(event.event_time, event.received_at),
        coalesce(event.received_at, CASE WHEN isfinite(loaded_at) THEN loaded_at END), earliest,
        journey._fixed_interval(max_future));
END
$$;
COMMENT ON FUNCTION journey.reject_reason(journey.event, timestamptz, text[], timestamptz, interval) IS
    'why a model would reject an event, NULL where it would take it';

CREATE FUNCTION journey._try_epoch(value text, microseconds numeric) RETURNS timestamptz
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_try_epoch';
COMMENT ON FUNCTION journey._try_epoch(text, numeric) IS
    'internal: the time that lies so many units of some microseconds after 1970, else NULL';

CREATE FUNCTION journey._try_numeric(value text) RETURNS numeric
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_try_numeric';
COMMENT ON FUNCTION journey._try_numeric(text) IS 'internal: a finite number, else NULL';

CREATE FUNCTION journey._try_jsonb(value text) RETURNS jsonb
    LANGUAGE C STRICT IMMUTABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '_try_jsonb';
COMMENT ON FUNCTION journey._try_jsonb(text) IS
    'internal: a document that jsonb can hold, else NULL';

CREATE FUNCTION journey._row_object(names text[], VARIADIC "any") RETURNS jsonb
    LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_row_object';
COMMENT ON FUNCTION journey._row_object(text[], "any") IS
    'internal: the values that are not null as an object, NULL where all are';

CREATE FUNCTION journey._try_inet(value text) RETURNS inet
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_try_inet';
COMMENT ON FUNCTION journey._try_inet(text) IS 'internal: an IP address, else NULL';

CREATE FUNCTION journey._event_slug(name text) RETURNS text
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_event_slug';
COMMENT ON FUNCTION journey._event_slug(text) IS
    'internal: an event''s name as that of a table: lower case, words joined by "_"';

CREATE FUNCTION journey._event_kind(name text, url text) RETURNS text
    LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_event_kind';
COMMENT ON FUNCTION journey._event_kind(text, text) IS
    'internal: the kind of an event that came without one, by its name or a URL without a name';

CREATE FUNCTION journey._snapshot(
    OUT cluster text, OUT xmin bigint, OUT xmax bigint, OUT running bigint[])
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', '_snapshot';
COMMENT ON FUNCTION journey._snapshot() IS 'internal: the snapshot, and where it means anything';

CREATE FUNCTION journey._was_visible(id xid, xmin bigint, xmax bigint, running bigint[])
    RETURNS boolean
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_was_visible';
COMMENT ON FUNCTION journey._was_visible(xid, bigint, bigint, bigint[]) IS
    'internal: whether a snapshot saw what a committed transaction wrote';

CREATE FUNCTION journey._is_current(id xid) RETURNS boolean
    LANGUAGE C STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_is_current';
COMMENT ON FUNCTION journey._is_current(xid) IS 'internal: whether the caller''s own transaction wrote a row';

-- ---------------------------------------------------------------------------------------------
-- model: what is read
-- ---------------------------------------------------------------------------------------------

-- One table to read, with the state of its reading. Lives only as long as a refresh.
CREATE TYPE journey._input AS (
    source           integer,
    table_id         integer,       -- NULL until _readable_inputs() has given one
    relation         regclass,
    schema           name,
    name             name,
    role             text,          -- track, page, screen, identify, group, alias, users, own, payload, conversion
    event_kind       text,          -- of a relation: the kind of all its rows; of conversions their name
    id_prefix        text,
    columns          jsonb,         -- standard name -> its columns, the first not null counts
    kinds            jsonb,         -- column -> kind of its type
    watermark_column name,
    overlap          interval,      -- by default, for that column
    watermark        timestamptz,   -- NULL: read whole
    is_new           boolean,       -- seen for the first time
    captured         boolean,       -- triggers note what changes in it
    unread           regclass[],    -- of a captured one: it or partitions to be read whole
    seen             jsonb,         -- of journey._source_table; see _seen_rows()
    members          oid[],         -- it and its partitions, if snapshots tell their rows, else NULL
    reading          text,          -- stands for how a row is read
    triggers         jsonb,         -- of a captured one: it and its partitions -> state of their triggers
    options          jsonb,         -- of the source
    load_time        text,          -- an expression for the load time of a row "t"
    load_type        text,          -- the type of what that is compared with
    dated            text,          -- an expression for its event time
    query            text[],        -- of journey._source_table.reader_text; NULL: not fetched
    asked            boolean,       -- whether there is news is asked before it is read, which costs little
    compared         boolean        -- of conversions: rows are read that no record has as they are
);

-- A value as its type writes it. A cast to text would do that too, but the owner of a type may have made
-- one that calls a function, with the rights of who reads.
CREATE FUNCTION journey._text("any") RETURNS text
    LANGUAGE C STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_text';
COMMENT ON FUNCTION journey._text("any") IS 'internal: a value as its type writes it';

-- Whether to_json() of a value of a type, or of a part of it, calls a function of another role's.
CREATE FUNCTION journey._calls_others(type oid) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE part(oid) AS (
    SELECT _calls_others.type
     UNION
    SELECT x.oid
      FROM part JOIN pg_type t ON t.oid = part.oid
     CROSS JOIN LATERAL (
           SELECT t.typelem
            UNION ALL
           SELECT t.typbasetype
            UNION ALL
           SELECT a.atttypid FROM pg_attribute a
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS x(oid)
     WHERE x.oid <> 0
)
SELECT EXISTS (SELECT FROM part
                 JOIN pg_cast c ON c.castsource = part.oid AND c.casttarget = 'json'::regtype
                 JOIN pg_proc p ON p.oid = c.castfunc
                 JOIN pg_roles r ON r.oid = p.proowner
                WHERE NOT r.rolsuper AND r.rolname <> current_user)
$$;
COMMENT ON FUNCTION journey._calls_others(oid) IS
    'internal: whether a type as JSON calls functions of other roles';

-- What a domain is made of in the end; another type is itself.
CREATE FUNCTION journey._base_type(type oid) RETURNS oid
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE layer(oid) AS (
    SELECT _base_type.type
     UNION ALL
    SELECT t.typbasetype FROM layer JOIN pg_type t ON t.oid = layer.oid WHERE t.typtype = 'd'
)
SELECT t.oid FROM layer JOIN pg_type t ON t.oid = layer.oid WHERE t.typtype <> 'd'
$$;
COMMENT ON FUNCTION journey._base_type(oid) IS 'internal: the type under domains';

-- The columns of a relation, or some, each with the kind of its type: what it takes to read it as
-- another. Types that are not the server's own are "other", and "foreign" where not even to_json() is safe.
CREATE FUNCTION journey._column_kinds(relation regclass, names text[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(jsonb_object_agg(a.attname, CASE
           WHEN b.base = 'timestamptz'::regtype THEN 'timestamptz'
           WHEN b.base = 'timestamp'::regtype THEN 'timestamp'
           WHEN b.base = 'date'::regtype THEN 'date'
           WHEN b.base = ANY ('{smallint,integer,bigint}'::regtype[]) THEN 'integer'
           WHEN b.base = ANY ('{numeric,real,double precision}'::regtype[]) THEN 'number'
           WHEN b.base = 'jsonb'::regtype THEN 'jsonb'
           WHEN b.base = 'json'::regtype THEN 'json'
           WHEN b.base >= 16384 AND journey._calls_others(b.base) THEN 'foreign'
           WHEN t.typtype = 'c' OR t.typcategory = 'A'
             OR b.base >= 16384 AND EXISTS (
                    SELECT FROM pg_cast c
                     WHERE c.castsource = b.base AND c.casttarget = 'json'::regtype)
           THEN 'nested'
           WHEN b.base >= 16384 THEN 'other'
           ELSE 'text' END), '{}')
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
 CROSS JOIN LATERAL (
           SELECT CASE WHEN t.typtype = 'd' THEN journey._base_type(t.oid) ELSE t.oid END AS base) AS b
 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
   AND (names IS NULL OR a.attname = ANY (names))
$$;
COMMENT ON FUNCTION journey._column_kinds(regclass, text[]) IS 'internal: the columns of a relation';

-- Where the loaders put the standard fields; role 'own' is any other relation. loaded_at, ip and
-- user_agent are no fields of an event: they serve the watermark and the option "exclude".
CREATE FUNCTION journey._loader_columns(role text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT '{"event_id": ["id"],
         "visitor_id": ["anonymous_id"],
         "user_id": ["user_id"],
         "event_time": ["timestamp", "original_timestamp", "received_at"],
         "received_at": ["received_at"],
         "url": ["context_page_url"],
         "referrer": ["context_page_referrer"],
         "source": ["context_campaign_source"],
         "medium": ["context_campaign_medium"],
         "campaign": ["context_campaign_name"],
         "term": ["context_campaign_term"],
         "content": ["context_campaign_content"],
         "campaign_id": ["context_campaign_id"],
         "session_key": ["context_session_id"],
         "platform": ["channel"],
         "ip": ["context_ip", "context_request_ip"],
         "user_agent": ["context_user_agent"],
         "loaded_at": ["uuid_ts", "received_at"]}'::jsonb
    || CASE
       WHEN role = 'track' THEN
           '{"name": ["event_text", "event"], "currency": ["currency"],
             "order_id": ["order_id"]}'::jsonb
       WHEN role = 'page' THEN
           '{"name": ["name"], "url": ["url", "context_page_url"],
             "referrer": ["referrer", "context_page_referrer"]}'
       WHEN role = 'screen' THEN '{"name": ["name"]}'
       WHEN role = 'alias' THEN '{"previous_id": ["previous_id"]}'
       WHEN role = 'users' THEN
           '{"event_id": [], "visitor_id": [], "user_id": ["id"],
             "event_time": ["received_at", "uuid_ts"], "received_at": ["received_at", "uuid_ts"]}'
       WHEN role = 'own' THEN
           '{"event_id": ["event_id", "id"],
             "visitor_id": ["visitor_id", "anonymous_id"],
             "event_time": ["event_time", "timestamp", "original_timestamp", "received_at"],
             "kind": ["kind"],
             "name": ["name", "event_text", "event"],
             "url": ["url", "context_page_url"],
             "referrer": ["referrer", "context_page_referrer"],
             "revenue": ["revenue"],
             "currency": ["currency"],
             "order_id": ["order_id"],
             "source": ["source", "context_campaign_source"],
             "medium": ["medium", "context_campaign_medium"],
             "campaign": ["campaign", "context_campaign_name"],
             "term": ["term", "context_campaign_term"],
             "content": ["content", "context_campaign_content"],
             "session_key": ["session_key", "context_session_id"],
             "previous_id": ["previous_id"],
             "platform": ["platform", "channel"],
             "properties": ["properties"],
             "traits": ["traits"],
             "ip": ["ip", "context_ip", "context_request_ip"],
             "user_agent": ["user_agent", "context_user_agent"],
             "loaded_at": ["loaded_at", "uuid_ts", "received_at"]}'
       ELSE '{}' END
$$;
COMMENT ON FUNCTION journey._loader_columns(text) IS
    'internal: the columns of the standard fields';

CREATE FUNCTION journey._standard_columns(role text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN role = 'conversion' THEN
           '{"conversion_id": ["conversion_id", "id"],
             "name": [],
             "user_id": ["user_id"],
             "email": ["email"],
             "visitor_id": ["visitor_id", "anonymous_id"],
             "phone": ["phone"],
             "converted_at": ["converted_at"],
             "value": ["value"],
             "currency": ["currency"],
             "order_id": ["order_id"],
             "gclid": ["gclid"],
             "click_id": ["click_id"],
             "consent": ["consent"],
             "received_at": [],
             "loaded_at": ["loaded_at", "uuid_ts", "received_at"]}'
       WHEN role = 'payload' THEN journey._payload_columns()
       ELSE journey._loader_columns(role) END
$$;
COMMENT ON FUNCTION journey._standard_columns(text) IS
    'internal: the columns of the standard fields';

-- Columns of the loaders' tables that are neither properties nor traits, beside those above.
CREATE FUNCTION journey._known_columns(role text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN role = 'own' THEN '{}'::text[]
       ELSE '{id,anonymous_id,user_id,sent_at,timestamp,original_timestamp,received_at,channel,'
            'uuid,uuid_ts,event,event_text,record_id,rudder_event}'::text[] END
    || CASE WHEN role = 'page' OR role = 'screen' THEN
           '{category,path,title,search,referring_domain,tab_url,initial_referrer,'
           'initial_referring_domain}'::text[]
       ELSE '{}' END
$$;
COMMENT ON FUNCTION journey._known_columns(text) IS 'internal: columns that are no properties';

-- The column that a mapping gives for a field: its name, or an object with its name and the unit of a
-- number that is a time. NULL: none.
CREATE FUNCTION journey._given_column(given jsonb, field text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE jsonb_typeof(given -> field) WHEN 'object' THEN given -> field ->> 'column'
                                         ELSE given ->> field END
$$;
COMMENT ON FUNCTION journey._given_column(jsonb, text) IS 'internal: a column of a mapping';

-- The units of numbers that are times, each in microseconds.
CREATE FUNCTION journey._time_units() RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '{"s": 1000000, "ms": 1000, "us": 1, "ns": 0.001}'::pg_catalog.jsonb;
COMMENT ON FUNCTION journey._time_units() IS 'internal: units of numbers that are times';

-- Kinds of columns, those of numbers that a mapping makes times as "epoch" and the unit.
CREATE FUNCTION journey._with_units(kinds jsonb, given jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT kinds || coalesce((
           SELECT jsonb_object_agg(value ->> 'column',
                                   'epoch ' || (journey._time_units() ->> (value ->> 'unit')))
             FROM jsonb_each(given)
            WHERE jsonb_typeof(value) = 'object' AND kinds ? (value ->> 'column')), '{}')
$$;
COMMENT ON FUNCTION journey._with_units(jsonb, jsonb) IS
    'internal: the kinds of columns, with the units of a mapping';

-- The mapping of a relation: what the user gave, null for "no such field", before the standard. An
-- event without a time is as old as its receipt.
CREATE FUNCTION journey._mapping(role text, given jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN given ? 'event_time'
            THEN jsonb_set(columns, '{event_time}',
                           (columns -> 'event_time') || (columns -> 'received_at'))
            ELSE columns END
  FROM (SELECT journey._standard_columns(role) || coalesce((
                   SELECT jsonb_object_agg(key, CASE WHEN value = 'null' THEN '[]' ELSE
                              jsonb_build_array(journey._given_column(given, key)) END)
                     FROM jsonb_each(given)), '{}') AS columns) AS x
$$;
COMMENT ON FUNCTION journey._mapping(text, jsonb) IS 'internal: the mapping of a relation';

-- A pattern in which * stands for any characters, as one of LIKE.
CREATE FUNCTION journey._like_pattern(pattern text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.replace(pg_catalog.regexp_replace(pattern, '([\\%_])'::pg_catalog.text, '\\\1'::pg_catalog.text,
                                                        'g'::pg_catalog.text),
                              '*'::pg_catalog.text, '%'::pg_catalog.text);
COMMENT ON FUNCTION journey._like_pattern(text) IS 'internal: a pattern with * as one of LIKE';

-- The role of a loader's table, NULL if it holds no events. A table of one event is known by its column
-- "event", whatever its name; but one of staging has the columns of the table that it is to fill.
CREATE FUNCTION journey._table_role(name name, has_id boolean, has_event boolean) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
       WHEN NOT has_id THEN NULL
       WHEN name OPERATOR(pg_catalog.=) 'tracks'::pg_catalog.name THEN 'track'
       WHEN name OPERATOR(pg_catalog.=) 'pages'::pg_catalog.name THEN 'page'
       WHEN name OPERATOR(pg_catalog.=) 'screens'::pg_catalog.name THEN 'screen'
       WHEN name OPERATOR(pg_catalog.=) 'identifies'::pg_catalog.name THEN 'identify'
       WHEN name OPERATOR(pg_catalog.=) 'groups'::pg_catalog.name THEN 'group'
       WHEN name OPERATOR(pg_catalog.=) 'aliases'::pg_catalog.name THEN 'alias'
       WHEN name OPERATOR(pg_catalog.=) 'users'::pg_catalog.name THEN 'users'
       WHEN name OPERATOR(pg_catalog.=) ANY ('{accounts,rudder_discards}'::pg_catalog.name[])
         OR name OPERATOR(pg_catalog.~) '^rudder_staging_'::pg_catalog.text THEN NULL
       WHEN has_event THEN 'track'
       END;
COMMENT ON FUNCTION journey._table_role(name, boolean, boolean) IS 'internal: what a loader''s table holds';

CREATE FUNCTION journey._first_column(kinds jsonb, names jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT name FROM jsonb_array_elements_text(names) WITH ORDINALITY AS n(name, place)
 WHERE kinds ? name ORDER BY place LIMIT 1
$$;
COMMENT ON FUNCTION journey._first_column(jsonb, jsonb) IS 'internal: the first column that exists';

-- The column by which new rows are told: of load order, never of event time. NULL: none, read
-- whole. One of text, or of numbers that are times, only if the mapping says so.
CREATE FUNCTION journey._watermark_column(kinds jsonb, columns jsonb, given jsonb) RETURNS name
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT name::name
  FROM jsonb_array_elements_text((columns -> 'loaded_at')
           || CASE WHEN given ? 'loaded_at' THEN '[]' ELSE columns -> 'received_at' END)
           WITH ORDINALITY AS n(name, place)
 WHERE (kinds ->> name = ANY ('{timestamptz,timestamp,date}'::text[])
        OR given ? 'loaded_at' AND kinds ->> name ~ '^(text$|epoch )')
   AND (name = journey._given_column(given, 'event_time'::text)) IS NOT TRUE
 ORDER BY place LIMIT 1
$$;
COMMENT ON FUNCTION journey._watermark_column(jsonb, jsonb, jsonb) IS
    'internal: the column of load order';

-- What is before the ids of an id space in the store: nothing for that of the first source, so that its
-- ids stay as they are. Two other spaces never share an id, whatever is in their names.
CREATE FUNCTION journey._id_prefix(id_space text, first_space text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN id_space OPERATOR(pg_catalog.=) first_space THEN ''
                ELSE pg_catalog.replace(pg_catalog.replace(id_space, '\'::pg_catalog.text, '\\'::pg_catalog.text),
                                        ':'::pg_catalog.text, '\:'::pg_catalog.text)
                     OPERATOR(pg_catalog.||) ':'::pg_catalog.text END;
COMMENT ON FUNCTION journey._id_prefix(text, text) IS
    'internal: what is before the ids of an id space';

-- What all inputs have and is within the payloads of this one.
CREATE FUNCTION journey._payload_fields() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '{event_id,visitor_id,user_id,event_time}'::pg_catalog.text[];
COMMENT ON FUNCTION journey._payload_fields() IS 'internal: fields that a source of payloads has no columns for';

-- The standard names of a source of payloads, with their columns.
CREATE FUNCTION journey._payload_columns() RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT '{"payload": ["payload"], "key": [], "received_at": ["received_at"],
         "loaded_at": ["loaded_at", "uuid_ts", "received_at"]}'
    || jsonb_object_agg(f, '[]'::jsonb) FROM unnest(journey._payload_fields()) AS f
$$;
COMMENT ON FUNCTION journey._payload_columns() IS 'internal: the columns of the standard fields';

-- A table with all below it, each of which has triggers of its own: those of a partitioned table do
-- not see what is written into a partition directly. NULL if one can have no such triggers.
CREATE FUNCTION journey._members(relation regclass) RETURNS regclass[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE member(oid) AS (
    SELECT relation::oid
     UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN member AS m ON i.inhparent = m.oid
)
SELECT CASE WHEN bool_and(c.relkind = ANY ('{r,p}'::"char"[]))
            THEN array_agg(c.oid::regclass ORDER BY c.oid) END
  FROM member AS m JOIN pg_class c ON c.oid = m.oid
$$;
COMMENT ON FUNCTION journey._members(regclass) IS 'internal: a table and its partitions';

COMMENT ON TYPE journey._input IS 'internal: a table to read, with the state of its reading';
