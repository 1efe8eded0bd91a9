-- ---------------------------------------------------------------------------------------------
-- model: conversions, and the touches that earned them
--
-- A conversion is an event that a definition of the option "conversions" meets; merge notes it as a fact, with
-- its id and value (src/conversion.c). What is told of it beside that follows from its person: the touches in
-- [converted_at - lookback, converted_at]. So a change of a person at some time re-opens the conversions from then
-- on until a lookback later: they are collected in _converted, as they were, and derived anew (_find_conversions()).
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._check_conversions(list jsonb) RETURNS void
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'journey_check_conversions';
COMMENT ON FUNCTION journey._check_conversions(jsonb) IS 'internal: checks an option';

-- A touch before a conversion, as one is kept there.
CREATE TYPE journey._path_touch AS (
    at            timestamptz,
    source        text,
    medium        text,
    campaign      text,
    term          text,
    content       text,
    channel       text,
    landing_page  text,
    click_id      text,
    click_id_type text,
    direct        boolean,
    click_ids     jsonb
);

CREATE TYPE journey._credit AS (
    position               bigint,
    path_length            bigint,
    first_credit           numeric,
    first_value            numeric,
    last_credit            numeric,
    last_value             numeric,
    last_non_direct_credit numeric,
    last_non_direct_value  numeric,
    linear_credit          numeric,
    linear_value           numeric,
    position_credit        numeric,
    position_value         numeric,
    w_shaped_credit        numeric,
    w_shaped_value         numeric,
    time_decay_credit      numeric,
    time_decay_value       numeric
);

-- The place of a touch before a conversion and what each rule gives to it, over the touches of one conversion.
CREATE FUNCTION journey._credit(touched_at timestamptz, converted_at timestamptz, direct boolean,
    lead_at timestamptz, value numeric, scale integer, options jsonb)
RETURNS journey._credit
AS 'MODULE_PATHNAME', 'journey_credit'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey._credit(timestamptz, timestamptz, boolean, timestamptz, numeric, integer, jsonb) IS
    'internal: credit and value of a touch by all rules';

-- Whether touches of a channel earn credit, by the option "attribution".
CREATE FUNCTION journey._touch_counts(channel text, options jsonb) RETURNS boolean
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'journey_touch_counts';
COMMENT ON FUNCTION journey._touch_counts(text, jsonb) IS
    'internal: whether touches of a channel earn credit';

-- How many digits behind the point amounts of a currency have (ISO 4217).
CREATE FUNCTION journey._currency_scale(currency text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE
    WHEN currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[]) THEN 0
    WHEN currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[]) THEN 3
    ELSE 2 END
$$;
COMMENT ON FUNCTION journey._currency_scale(text) IS
    'internal: how many digits behind the point amounts of a currency have';

-- How the conversions of a name are looked at together.
CREATE FUNCTION journey._conversion_rules(r journey._run)
RETURNS TABLE (name text, lookback interval, counting text, revenue boolean, amount boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.name, coalesce(journey._fixed_interval(d.lookback), (r.settings).lookback), coalesce(d.count, 'each'),
           coalesce(d.value = '"revenue"', false), coalesce(jsonb_typeof(d.value) = 'string', false)
    FROM jsonb_to_recordset(r.conversions) AS d (name text, lookback interval, count text, value jsonb)
$$;

CREATE FUNCTION journey._max_lookback(r journey._run)
RETURNS interval
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT greatest((r.settings).lookback, (SELECT max(lookback) FROM journey._conversion_rules(r)))
$$;

-- The columns of one of the touches of a conversion, from p, an array element: with `types` their definitions.
CREATE FUNCTION journey._conversion_touch_columns(prefix text, types boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(CASE WHEN types THEN format('%I %s', prefix || '_' || a.attname,
                                                  format_type(a.atttypid, a.atttypmod))
                           ELSE format('(%I.t).%I', prefix, a.attname) END, ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a
    WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'journey._path_touch'::regtype)
      AND a.attname <> ALL ('{direct,click_ids}')
$$;

-- In which stretch of so many seconds a time lies. No touch that counts lies before the stretch before that of its
-- conversion, where stretches are longer than any lookback: so all conversions are joined with all touches by person
-- and stretch, and a person with many of both costs what lies within the lookbacks.
CREATE FUNCTION journey._stretch(at timestamptz, seconds double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE -- without SET, so that it is inlined
RETURN pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.timezone('UTC', at)) OPERATOR(pg_catalog./) seconds);

COMMENT ON FUNCTION journey._stretch(timestamptz, double precision) IS 'internal: in which stretch of time a time lies';

-- Conversions of a relation, each in its stretch and in that before; `stretches` has their seconds.
CREATE FUNCTION journey._in_stretches(relation text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('(SELECT k.*, journey._stretch(k.converted_at, (SELECT seconds FROM stretches)) - s.n AS stretch'
                  ' FROM %s AS k CROSS JOIN generate_series(0, 1) AS s (n) OFFSET 0)', relation)
$$;
COMMENT ON FUNCTION journey._in_stretches(text) IS 'internal: conversions in their stretches of time';

-- The touches before each conversion of a query `base`, in order, as arrays by conversion_id.
CREATE FUNCTION journey._conversion_paths()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT $sql$
        SELECT array_agg(ROW(t.touched_at, t.source, t.medium, t.campaign, t.term, t.content, t.channel,
                             t.landing_page, t.click_id, t.click_id_type, t.touch_type = 'direct',
                             t.click_ids)::journey._path_touch ORDER BY t.touched_at, t.touch_id) AS path$sql$
$$;

-- ---------------------------------------------------------------------------------------------
-- rows of tables that are conversions
-- ---------------------------------------------------------------------------------------------

-- Whether a table that was read whole has lost rows of records.
CREATE FUNCTION journey._conversions_vanished(r journey._run)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result boolean;
BEGIN
    IF journey._scratch_size(r, '_whole_tables'::text) > 0 THEN
        EXECUTE journey._bind(r, $sql$
            SELECT EXISTS (
                SELECT FROM {_conversion_records} AS o
                WHERE o.table_id IN (SELECT table_id FROM {._whole_tables} WHERE NOT compared)
                  AND NOT EXISTS (
                      SELECT FROM {._batch} AS b
                      WHERE b.kind = 'conversion' AND b.is_traits AND b.status IS NULL
                        AND journey._record_key(b.name, b.event_id) = o.conversion_id))$sql$) INTO result;
    END IF;
    RETURN coalesce(result, false);
END
$$;

-- What tells apart two rows of one conversion that were loaded at the same time.
CREATE FUNCTION journey._record_content(o jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT (o - '{table_id,loaded_at,row_version,rows}'::text[])::text COLLATE "C"$$;

-- Brings the records up to date by the rows of _batch; how many told something new. Those of which a row of a
-- captured or compared table changed or went begin anew with the rows that there are. Of a conversion the row that was
-- loaded last counts, of those loaded at one time the one that takes it back. Rows without a load time are from now,
-- and so is the row of a compared table that is as its record has it.
CREATE FUNCTION journey._note_conversion_rows(r journey._run)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE journey._bind(r, format($sql$
        WITH given AS (
            SELECT journey._record_key(b.name, b.event_id) AS conversion_id, b.name, b.table_id, b.loaded_at,
                   b.event_time AS converted_at, x.user_id, x.properties ->> 'email' AS email, x.visitor_id,
                   x.revenue AS value, x.currency, x.order_id, x.properties ->> 'gclid' AS gclid,
                   x.properties ->> 'click_id' AS click_id, x.properties ->> 'phone' AS phone,
                   x.properties -> 'consent' AS consent, b.event_id AS row_id, b.row_version
            FROM {._batch} AS b
            LEFT JOIN LATERAL (
                SELECT b.user_id, b.visitor_id, b.revenue, b.currency, b.order_id, b.properties
                WHERE b.event_time IS NOT NULL) AS x ON true
            WHERE b.is_traits AND b.kind = 'conversion' AND b.status IS NULL),
        last AS MATERIALIZED (
            SELECT DISTINCT ON (g.conversion_id) g.*
            FROM (SELECT g.*, count(*) OVER (PARTITION BY g.conversion_id) AS rows FROM given AS g) AS g
            ORDER BY g.conversion_id, g.loaded_at DESC NULLS FIRST, g.converted_at IS NULL DESC,
                     CASE WHEN g.rows > 1 THEN journey._record_content(to_jsonb(g)) END DESC),
        whole AS MATERIALIZED (SELECT table_id, compared FROM {._whole_tables}),
        outdated AS MATERIALIZED (
            SELECT b.row_key AS conversion_id
            FROM {._batch} AS b
            WHERE b.is_traits AND b.kind = 'conversion' AND b.status = 'removed' AND b.row_key IS NOT NULL
            UNION
            SELECT o.conversion_id
            FROM {._batch} AS b
            JOIN {_conversion_records} AS o ON o.table_id = b.table_id AND o.row_id = b.event_id
            WHERE b.is_traits AND b.kind = 'conversion' AND b.status = 'removed' AND b.row_key IS NULL),
        news AS MATERIALIZED (
            SELECT %1$s, l.row_version,
                   k.conversion_id IS NULL OR ROW(%2$s)::record *<> ROW(%1$s)::record AS is_new
            FROM last AS l
            LEFT JOIN {_conversion_records} AS k USING (conversion_id)
            WHERE CASE
                  WHEN k.conversion_id IS NULL OR l.conversion_id IN (SELECT conversion_id FROM outdated) THEN true
                  WHEN k.row_version IS NOT NULL AND k.table_id IN (SELECT table_id FROM whole WHERE compared)
                  THEN l.loaded_at IS NULL
                       AND ((l.converted_at IS NULL)::int, journey._record_content(to_jsonb(l)))
                           > ((k.converted_at IS NULL)::int, journey._record_content(to_jsonb(k)))
                  ELSE l.loaded_at IS NULL OR k.loaded_at IS NULL
                       OR (l.loaded_at, (l.converted_at IS NULL)::int, journey._record_content(to_jsonb(l)))
                          > (k.loaded_at, (k.converted_at IS NULL)::int, journey._record_content(to_jsonb(k))) END),
        put AS (
            INSERT INTO {_conversion_records} AS o
            SELECT %3$s, row_version FROM news
            ON CONFLICT (conversion_id) DO UPDATE SET
                name = excluded.name, table_id = excluded.table_id, loaded_at = excluded.loaded_at,
                converted_at = excluded.converted_at, user_id = excluded.user_id, email = excluded.email,
                visitor_id = excluded.visitor_id, value = excluded.value, currency = excluded.currency,
                order_id = excluded.order_id, gclid = excluded.gclid, click_id = excluded.click_id,
                phone = excluded.phone, consent = excluded.consent, row_id = excluded.row_id,
                row_version = excluded.row_version
            WHERE o *<> excluded),
        gone AS (
            DELETE FROM {_conversion_records} AS o
            WHERE (o.table_id IN (SELECT table_id FROM whole WHERE NOT compared)
                   OR o.conversion_id IN (SELECT conversion_id FROM outdated))
              AND NOT EXISTS (SELECT FROM last AS l WHERE l.conversion_id = o.conversion_id)
            RETURNING conversion_id),
        noted AS (
            INSERT INTO {._converted} (conversion_id)
            SELECT conversion_id FROM news WHERE is_new
            UNION ALL
            SELECT conversion_id FROM gone)
        SELECT count(*) FROM news WHERE is_new$sql$,
        journey._compared_columns(r, '_conversion_records'::text, 'l.'::text),
        journey._compared_columns(r, '_conversion_records'::text, 'k.'::text),
        journey._compared_columns(r, '_conversion_records'::text, ''::text))) INTO n;
    RETURN n;
END
$$;

-- Takes the records of a person out of the store.
CREATE FUNCTION journey._forget_conversion_records(r journey._run, person text, user_id text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        WITH ids AS MATERIALIZED (SELECT * FROM journey._ids_of($3, $1, $2)),
        gone AS (
            DELETE FROM {_conversion_records} AS o
            WHERE o.conversion_id IN (SELECT conversion_id FROM {_conversions} WHERE person_id = $1)
               OR o.user_id IN (SELECT id FROM ids WHERE id_type = 'user')
               OR o.user_id IS NULL AND o.email IN (SELECT id FROM ids WHERE id_type = 'email')
            RETURNING conversion_id, converted_at),
        -- the row is still there, and may name but a device, at a time at which nothing else was known of it
        buried AS (
            INSERT INTO {_tombstones} AS o (kind, hash, valid_from, valid_to, forgotten_at)
            SELECT 'record', journey._tombstone(k.key, 'record'::text, g.conversion_id), '-infinity', 'infinity',
                   greatest($4, g.converted_at + interval '1 microsecond')
            FROM gone AS g CROSS JOIN {_tombstone_key} AS k
            ON CONFLICT (kind, hash, valid_from) DO UPDATE SET forgotten_at = greatest(o.forgotten_at, excluded.forgotten_at))
        INSERT INTO {._converted} (conversion_id) SELECT conversion_id FROM gone$sql$)
    USING person, user_id, r, r.at;
    -- rows of others that name a device of the person may be rejected from now on; which ones, only pseudonyms tell
    EXECUTE journey._bind(r, $sql$
        UPDATE {_conversion_records} AS o SET row_version = NULL
        WHERE o.row_version IS NOT NULL AND o.visitor_id IS NOT NULL
          AND ($1 OR o.visitor_id IN (SELECT visitor_id FROM {._fresh}))$sql$) USING (r.settings).redact IS NOT NULL;
END
$$;

-- Conversions that came as rows, with the persons that they go to: of the user, else of the e-mail, else of the
-- device at that time. In a later run, those of the scope.
CREATE FUNCTION journey._row_conversions(bulk boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT conversion_id, c.name,
               CASE WHEN c.user_id IS NOT NULL THEN coalesce(u.person_id, 'user:' || c.user_id)
                    WHEN c.email IS NOT NULL THEN coalesce(e.person_id, 'email:' || c.email)
                    ELSE coalesce(v.person_id, 'visitor:' || c.visitor_id) END AS person_id,
               c.user_id, c.converted_at, c.value, c.currency, c.order_id, c.consent, c.phone, c.email,
               NULL::uuid AS unit_id, NULL::text AS visitor_id, NULL::text AS event_id,
               coalesce(r.lookback, (($1).settings).lookback), c.gclid, c.click_id
        FROM %s
        LEFT JOIN rules AS r ON r.name = c.name
        LEFT JOIN {identities} AS u ON u.id = c.user_id AND u.id_type = 'user'
        LEFT JOIN {identities} AS e ON c.user_id IS NULL AND e.id = c.email AND e.id_type = 'email'
        LEFT JOIN %s
        WHERE c.converted_at IS NOT NULL$sql$,
        CASE WHEN bulk THEN '{_conversion_records} AS c'
             ELSE '(SELECT DISTINCT conversion_id FROM scope) AS s JOIN {_conversion_records} AS c USING (conversion_id)'
             END,
        -- whose the device was then: of all, joined, since there are no indexes yet; else looked up
        CASE WHEN bulk THEN $sql$(
            SELECT DISTINCT ON (x.conversion_id) x.conversion_id, i.person_id
            FROM {_conversion_records} AS x
            JOIN {identities} AS i ON i.id = x.visitor_id AND i.id_type = 'visitor'
            WHERE x.user_id IS NULL AND x.email IS NULL
              AND i.valid_from <= x.converted_at AND x.converted_at < i.valid_to
            ORDER BY x.conversion_id, i.valid_from DESC) AS v USING (conversion_id)$sql$
        ELSE $sql$LATERAL (
            SELECT i.person_id FROM {identities} AS i
            WHERE c.user_id IS NULL AND c.email IS NULL AND i.id = c.visitor_id AND i.id_type = 'visitor'
              AND i.valid_from <= c.converted_at AND c.converted_at < i.valid_to
            ORDER BY i.valid_from DESC LIMIT 1) AS v ON true$sql$ END)
$$;

-- ---------------------------------------------------------------------------------------------
-- what follows from persons
-- ---------------------------------------------------------------------------------------------

-- Conversions of events; in a later run, those of the scope. Of those that count once (by count, and an order's
-- revenue as in a profile) the first one does. Refunds of its order take a value down, to 0 at least.
CREATE FUNCTION journey._event_conversions(bulk boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT c.id AS conversion_id, c.name, f.person_id, f.user_id, f.event_time AS converted_at,
               CASE WHEN r.amount AND c.value > 0 THEN greatest(c.value + coalesce(back.amount, 0), 0)
                    ELSE c.value END AS value,
               nullif(upper(btrim(c.currency)), '') AS currency, f.order_id, c.consent, nullif(btrim(c.phone), '') AS phone,
               coalesce(journey._clean_email(f.traits ->> (($1).settings).email_trait),
                        journey._clean_email(c.email)) AS email,
               f.session_id AS unit_id, f.visitor_id, f.event_id, r.lookback, NULL::text AS gclid, NULL::text AS click_id
        FROM %s
        CROSS JOIN LATERAL jsonb_to_recordset(f.conversions) AS c (
            id text, name text, value numeric, currency text, email text, phone text, consent jsonb)
        JOIN rules AS r ON r.name = c.name
        %s$sql$,
        CASE WHEN bulk THEN '{_facts} AS f' ELSE $sql$(
            SELECT DISTINCT conversion_id, visitor_id, event_time, event_id FROM scope) AS s
        JOIN {_facts} AS f USING (visitor_id, event_time, event_id)$sql$ END,
        CASE WHEN bulk THEN $sql$
        LEFT JOIN (
            SELECT x.person_id, x.order_id, coalesce(x.currency, '') AS currency, sum(x.revenue) AS amount
            FROM {_facts} AS x
            WHERE x.revenue < 0 AND x.order_id IS NOT NULL
            GROUP BY 1, 2, 3) AS back
            ON back.person_id = f.person_id AND back.order_id = f.order_id AND back.currency = coalesce(f.currency, '')
        LEFT JOIN (
            SELECT x.visitor_id, x.event_time, x.event_id, y.name,
                   row_number() OVER (PARTITION BY x.person_id, y.name, g.alone
                                      ORDER BY x.event_time, x.event_id, x.visitor_id) AS place
            FROM {_facts} AS x
            CROSS JOIN LATERAL jsonb_to_recordset(x.conversions) AS y (name text, value numeric)
            JOIN rules AS z ON z.name = y.name
            LEFT JOIN {_sessions} AS s ON s.session_id = x.session_id AND NOT s.loose
            CROSS JOIN LATERAL (
                SELECT CASE z.counting
                       WHEN 'first' THEN ''
                       WHEN 'once per session' THEN s.session_id::text
                       ELSE CASE WHEN z.revenue AND y.value >= 0
                                 THEN jsonb_build_array(x.name, x.order_id)::text END END AS alone) AS g
            WHERE x.conversions IS NOT NULL AND g.alone IS NOT NULL
              AND NOT (z.counting = 'each' AND x.order_id IS NULL)) AS n
            ON n.visitor_id = f.visitor_id AND n.event_time = f.event_time AND n.event_id = f.event_id AND n.name = c.name
        WHERE f.conversions IS NOT NULL AND coalesce(n.place, 1) = 1$sql$
        ELSE $sql$
        LEFT JOIN LATERAL (
            SELECT sum(x.revenue) AS amount
            FROM {_facts} AS x
            WHERE x.person_id = f.person_id AND x.order_id = f.order_id AND x.revenue < 0
              AND coalesce(x.currency, '') = coalesce(f.currency, '')) AS back ON r.amount
        CROSS JOIN LATERAL (
            SELECT jsonb_build_array(jsonb_build_object('name', c.name)) AS it) AS same
        WHERE c.id = s.conversion_id
          AND (r.counting <> 'first' OR NOT EXISTS (
              SELECT FROM {_facts} AS x
              WHERE x.person_id = f.person_id AND x.conversions IS NOT NULL AND x.conversions @> same.it
                AND x.event_time <= f.event_time
                AND (x.event_time, x.event_id, x.visitor_id) < (f.event_time, f.event_id, f.visitor_id)))
          AND (r.counting <> 'once per session' OR NOT EXISTS (
              SELECT FROM {_facts} AS x JOIN {_sessions} AS u USING (session_id)
              WHERE x.session_id = f.session_id AND NOT u.loose AND x.conversions @> same.it
                AND (x.event_time, x.event_id, x.visitor_id) < (f.event_time, f.event_id, f.visitor_id)))
          AND (NOT (r.counting = 'each' AND r.revenue AND coalesce(c.value >= 0, false)) OR NOT EXISTS (
              SELECT FROM {_facts} AS x
              CROSS JOIN LATERAL jsonb_to_recordset(x.conversions) AS y (name text, value numeric)
              WHERE x.person_id = f.person_id AND x.order_id = f.order_id AND x.name IS NOT DISTINCT FROM f.name
                AND y.name = c.name AND y.value >= 0
                AND (x.event_time, x.event_id, x.visitor_id) < (f.event_time, f.event_id, f.visitor_id)))$sql$ END)
$$;

-- All conversions, as they are now. $1 is the run.
CREATE FUNCTION journey._conversion_rows(bulk boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        WITH rules AS MATERIALIZED (SELECT * FROM journey._conversion_rules($1)),
        base AS MATERIALIZED (%1$s UNION ALL %4$s),
        stretches AS (SELECT extract(epoch FROM max(lookback))::double precision + 1 AS seconds FROM base)
        SELECT b.conversion_id, b.name, b.person_id,
               CASE WHEN b.person_id LIKE 'user:%%' THEN substr(b.person_id, 6) ELSE b.user_id END AS user_id,
               coalesce(b.email, CASE WHEN b.person_id LIKE 'email:%%' THEN substr(b.person_id, 7)
                                      WHEN b.person_id LIKE 'user:%%' THEN journey._clean_email(substr(b.person_id, 6))
                                 END) AS email,
               b.unit_id, b.converted_at, b.value, b.currency, b.order_id,
               coalesce(click.gclid, b.gclid) AS gclid, click.gclid_at, click.gbraid, click.wbraid,
               coalesce(click.click_id, b.click_id) AS click_id, click.click_id_type, click.click_at, %2$s,
               b.consent, b.phone, b.visitor_id, b.event_id
        FROM base AS b
        %3$s
        LEFT JOIN LATERAL (SELECT p.path[1] AS t) AS first_touch ON true
        LEFT JOIN LATERAL (SELECT p.path[cardinality(p.path)] AS t) AS last_touch ON true
        LEFT JOIN LATERAL (
            SELECT p.path[max(x.n)] AS t
            FROM unnest(p.path) WITH ORDINALITY AS x (at, source, medium, campaign, term, content, channel,
                landing_page, click_id, click_id_type, direct, click_ids, n)
            WHERE NOT x.direct) AS last_non_direct_touch ON true
        LEFT JOIN LATERAL (
            SELECT p.path[max(x.n) FILTER (WHERE x.click_ids ? 'gclid')] AS g,
                   p.path[max(x.n) FILTER (WHERE x.click_ids ? 'gbraid')] AS gb,
                   p.path[max(x.n) FILTER (WHERE x.click_ids ? 'wbraid')] AS wb,
                   p.path[max(x.n) FILTER (WHERE x.click_id IS NOT NULL)] AS c
            FROM unnest(p.path) WITH ORDINALITY AS x (at, source, medium, campaign, term, content, channel,
                landing_page, click_id, click_id_type, direct, click_ids, n)
            WHERE NOT x.direct) AS last ON true
        LEFT JOIN LATERAL (
            SELECT (last.g).click_ids ->> 'gclid' AS gclid, (last.g).at AS gclid_at,
                   (last.gb).click_ids ->> 'gbraid' AS gbraid, (last.wb).click_ids ->> 'wbraid' AS wbraid,
                   (last.c).click_id, (last.c).click_id_type, (last.c).at AS click_at) AS click ON true$sql$,
        journey._event_conversions(bulk),
        (SELECT string_agg(journey._conversion_touch_columns(t, false), ', ' ORDER BY n)
         FROM unnest('{first_touch,last_touch,last_non_direct_touch}'::text[]) WITH ORDINALITY AS x (t, n)),
        CASE WHEN bulk THEN format($sql$
        LEFT JOIN (%s, x.conversion_id
            FROM %s AS x
            JOIN {touches} AS t ON t.person_id = x.person_id
                AND journey._stretch(t.touched_at, (SELECT seconds FROM stretches)) = x.stretch
                AND t.touched_at BETWEEN x.converted_at - x.lookback AND x.converted_at
            GROUP BY x.conversion_id) AS p USING (conversion_id)$sql$, journey._conversion_paths(),
            journey._in_stretches('base'::text))
        ELSE format($sql$
        LEFT JOIN LATERAL (%s
            FROM {touches} AS t
            WHERE t.person_id = b.person_id
              AND t.touched_at BETWEEN b.converted_at - b.lookback AND b.converted_at) AS p ON true$sql$,
            journey._conversion_paths()) END,
        journey._row_conversions(bulk))
$$;

CREATE FUNCTION journey._conversions(r journey._run)
RETURNS journey._follower
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW('_conversions', '{conversion_id}'::text[], true, format($sql$
            conversion_id text COLLATE "C" NOT NULL,
            name          text NOT NULL,
            person_id     text COLLATE "C" NOT NULL,
            user_id       text COLLATE "C",
            email         text COLLATE "C",
            unit_id       uuid,                 -- the session or run of the event
            converted_at  timestamptz NOT NULL,
            value         numeric,
            currency      text,
            order_id      text COLLATE "C",
            gclid         text,
            gclid_at      timestamptz,
            gbraid        text,
            wbraid        text,
            click_id      text,
            click_id_type text,
            click_at      timestamptz,
            %s,
            consent       jsonb,
            phone         text,
            visitor_id    text COLLATE "C",     -- of the event
            event_id      text COLLATE "C"$sql$,
            (SELECT string_agg(journey._conversion_touch_columns(t, true), E',\n' ORDER BY n)
             FROM unnest('{first_touch,last_touch,last_non_direct_touch}'::text[]) WITH ORDINALITY AS x (t, n))),
        -- users; those in reach of what changed for a person
        'CREATE INDEX ON {_conversions} (person_id, converted_at);'
        -- those of units that changed
        'CREATE INDEX ON {_conversions} (unit_id) WHERE unit_id IS NOT NULL;'
        -- the first of a name, which alone may count
        'CREATE INDEX ON {_conversions} (person_id, name, converted_at)',
        CASE WHEN (r).anew THEN 'SELECT' ELSE 'SELECT conversion_id, visitor_id, event_time, event_id FROM {._converted}' END,
        CASE WHEN (r).anew THEN 'true' ELSE 'o.conversion_id = s.conversion_id' END,
        journey._conversion_rows((r).bulk OR (r).anew),
        NULL)::journey._follower
$$;

-- The time of a conversion's lead, for a query over conversions c with their rules r: of the first conversion that is
-- called so within its lookback. For all at once the leads and the beginnings of lookbacks are walked back in time
-- together, so that a person with many of both costs no more than their sum.
CREATE FUNCTION journey._lead_of(bulk boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bulk THEN $sql$
            LEFT JOIN (
                SELECT w.conversion_id, min(w.lead_at) OVER (PARTITION BY w.person_id ORDER BY w.at DESC) AS at
                FROM (
                    SELECT k.conversion_id, k.person_id,
                           k.converted_at - coalesce(q.lookback, (($1).settings).lookback) AS at,
                           NULL::timestamptz AS lead_at
                    FROM {_conversions} AS k LEFT JOIN journey._conversion_rules($1) AS q ON q.name = k.name
                    UNION ALL
                    SELECT NULL, l.person_id, l.converted_at, l.converted_at
                    FROM {_conversions} AS l
                    WHERE l.name = (($1).settings).attribution ->> 'lead') AS w) AS lead
                ON lead.conversion_id = c.conversion_id AND lead.at <= c.converted_at$sql$
    ELSE $sql$
            LEFT JOIN LATERAL (
                SELECT min(l.converted_at) AS at
                FROM {_conversions} AS l
                WHERE l.person_id = c.person_id AND l.name = (($1).settings).attribution ->> 'lead'
                  AND l.converted_at BETWEEN c.converted_at - coalesce(r.lookback, (($1).settings).lookback)
                                         AND c.converted_at) AS lead ON true$sql$ END
$$;

-- Whose the conversions are that a later run derives anew: as they were (n is -1) and, once they are derived, as they
-- are (1).
CREATE FUNCTION journey._converted_sides(anew boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT s.person_id, s.name, s.converted_at, -1 AS n
        FROM (SELECT DISTINCT conversion_id, person_id, name, converted_at FROM {._converted}
              WHERE person_id IS NOT NULL) AS s
        UNION ALL
        SELECT o.person_id, o.name, o.converted_at, 1
        FROM {_conversions} AS o %s$sql$, CASE WHEN anew THEN ''
            ELSE 'JOIN (SELECT DISTINCT conversion_id FROM {._converted}) AS s USING (conversion_id)' END)
$$;

COMMENT ON FUNCTION journey._converted_sides(boolean) IS
    'internal: the query for whose conversions were and are that were derived anew';

-- More of a scope: conversions of a person whose leads changed, from then on until a lookback later.
CREATE FUNCTION journey._reach_of_leads()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        UNION
        SELECT o.conversion_id
        FROM (SELECT c.person_id, c.converted_at
              FROM (%s) AS c
              WHERE c.name = (($1).settings).attribution ->> 'lead'
              GROUP BY c.person_id, c.converted_at
              HAVING sum(c.n) <> 0) AS l
        JOIN {_conversions} AS o ON o.person_id = l.person_id
            AND o.converted_at BETWEEN l.converted_at AND l.converted_at + (SELECT journey._max_lookback($1))$sql$,
        journey._converted_sides(false))
$$;

-- One row per conversion and touch before it that counts.
CREATE FUNCTION journey._attributed_touches(r journey._run)
RETURNS journey._follower
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW('attributed_touches', '{conversion_id,touch_id}'::text[], true, $sql$
            conversion_id text COLLATE "C" NOT NULL,
            touch_id      uuid NOT NULL,
            person_id     text COLLATE "C" NOT NULL,
            position      bigint NOT NULL,
            path_length   bigint NOT NULL,
            days_before   numeric NOT NULL,
            touched_at    timestamptz NOT NULL,
            source        text,
            medium        text,
            campaign      text,
            term          text,
            content       text,
            campaign_id   text,
            channel       text,
            click_id      text,
            first_credit  numeric NOT NULL,
            first_value   numeric,
            last_credit   numeric NOT NULL,
            last_value    numeric,
            last_non_direct_credit numeric NOT NULL,
            last_non_direct_value  numeric,
            linear_credit numeric NOT NULL,
            linear_value  numeric,
            position_credit numeric NOT NULL,
            position_value  numeric,
            w_shaped_credit numeric NOT NULL,
            w_shaped_value  numeric,
            time_decay_credit numeric NOT NULL,
            time_decay_value  numeric$sql$,
        NULL,
        CASE WHEN (r).anew THEN 'SELECT' ELSE 'SELECT DISTINCT conversion_id FROM {._converted}'
            || CASE WHEN ((r).settings).attribution ? 'lead' THEN journey._reach_of_leads() ELSE '' END END,
        CASE WHEN (r).anew THEN 'true' ELSE 'o.conversion_id = s.conversion_id' END,
        format($sql$%s
        SELECT x.conversion_id, x.touch_id, x.person_id, (x.k).position, (x.k).path_length, x.days_before,
               x.touched_at, x.source, x.medium, x.campaign, x.term, x.content, x.campaign_id, x.channel, x.click_id,
               (x.k).first_credit, (x.k).first_value, (x.k).last_credit, (x.k).last_value,
               (x.k).last_non_direct_credit, (x.k).last_non_direct_value,
               (x.k).linear_credit, (x.k).linear_value, (x.k).position_credit, (x.k).position_value,
               (x.k).w_shaped_credit, (x.k).w_shaped_value, (x.k).time_decay_credit, (x.k).time_decay_value
        FROM (
            SELECT c.conversion_id, t.touch_id, c.person_id, t.touched_at, t.source, t.medium, t.campaign, t.term,
                   t.content, t.campaign_id, t.channel, t.click_id,
                   round(extract(epoch FROM c.converted_at - t.touched_at)::numeric / 86400, 6) AS days_before,
                   journey._credit(t.touched_at, c.converted_at, t.touch_type = 'direct', %s, c.value,
                                   journey._currency_scale(c.currency), (($1).settings).attribution)
                       OVER (PARTITION BY c.conversion_id ORDER BY t.touched_at, t.touch_id) AS k
            FROM %s
            LEFT JOIN journey._conversion_rules($1) AS r ON r.name = c.name
            %s
            JOIN {touches} AS t ON t.person_id = c.person_id%s AND t.touched_at BETWEEN
                c.converted_at - coalesce(r.lookback, (($1).settings).lookback) AND c.converted_at
            WHERE journey._touch_counts(t.channel, (($1).settings).attribution)
            OFFSET 0) AS x$sql$,
            CASE WHEN (r).bulk OR (r).anew THEN $sql$
        WITH stretches AS (
            SELECT extract(epoch FROM max(coalesce(q.lookback, (($1).settings).lookback)))::double precision + 1 AS seconds
            FROM (SELECT DISTINCT name FROM {_conversions}) AS k LEFT JOIN journey._conversion_rules($1) AS q USING (name))$sql$
            ELSE '' END,
            CASE WHEN ((r).settings).attribution ? 'lead' THEN 'lead.at' ELSE 'NULL::timestamptz' END,
            CASE WHEN (r).bulk OR (r).anew THEN journey._in_stretches('{_conversions}'::text) || ' AS c'
                 ELSE 'scope AS s JOIN {_conversions} AS c USING (conversion_id)' END,
            CASE WHEN ((r).settings).attribution ? 'lead' THEN journey._lead_of((r).bulk OR (r).anew) ELSE '' END,
            CASE WHEN (r).bulk OR (r).anew
                 THEN ' AND journey._stretch(t.touched_at, (SELECT seconds FROM stretches)) = c.stretch' ELSE '' END),
        NULL)::journey._follower
$$;

-- Which conversions a later run derives anew: those of events of changed sessions and runs, as they are and as
-- they were; rows that changed, or follow a changed id or device; of a person that changed those from then on
-- until a lookback later; those of orders that such an event is of; and the first one where only that counts; where
-- the options changed, all. Whether there are conversions at all. Those of units and persons are looked up one by one
-- (OFFSET 0): to pass by all that are stored in the order of an index costs more than it seems.
CREATE FUNCTION journey._find_conversions(r journey._run)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result boolean;
BEGIN
    -- most models have none
    IF r.conversions IS NULL AND journey._scratch_size(r, '_conversions'::text) = 0
       AND journey._scratch_size(r, '_conversion_records'::text) = 0 THEN
        RETURN r.anew;
    END IF;
    IF r.anew THEN
        EXECUTE journey._bind(r, $sql$
            INSERT INTO {._converted} (conversion_id, person_id, name, converted_at)
            SELECT conversion_id, person_id, name, converted_at FROM {_conversions}$sql$);
        RETURN true;
    END IF;
    EXECUTE journey._bind(r, $sql$
        WITH facts AS MATERIALIZED (
            SELECT u.session_id, f.*
            FROM {._changed_units} AS u
            CROSS JOIN LATERAL (
                SELECT f.person_id, f.order_id, f.visitor_id, f.event_time, f.event_id, f.conversions
                FROM {_facts} AS f
                WHERE f.session_id = u.session_id AND (f.conversions IS NOT NULL OR f.order_id IS NOT NULL)
                OFFSET 0) AS f),
        events AS MATERIALIZED (
            SELECT f.person_id, c.name, c.id AS conversion_id, f.visitor_id, f.event_time, f.event_id
            FROM facts AS f
            CROSS JOIN LATERAL jsonb_to_recordset(f.conversions) AS c (id text, name text)
            WHERE f.conversions IS NOT NULL),
        old AS MATERIALIZED (
            SELECT o.*
            FROM {._changed_units} AS u
            CROSS JOIN LATERAL (
                SELECT o.person_id, o.name, o.conversion_id, o.visitor_id, o.converted_at, o.event_id
                FROM {_conversions} AS o
                WHERE o.unit_id = u.session_id
                OFFSET 0) AS o
            WHERE u.p0 IS NOT NULL),
        orders AS MATERIALIZED (
            SELECT p.person_id, x.order_id
            FROM (SELECT session_id, order_id FROM {._noted} WHERE sign < 0 AND order_id IS NOT NULL
                  UNION
                  SELECT f.session_id, f.order_id FROM facts AS f WHERE f.order_id IS NOT NULL) AS x
            JOIN {._changed_units} AS u USING (session_id)
            CROSS JOIN LATERAL unnest(ARRAY[u.p0, u.p1]) AS p (person_id)
            WHERE p.person_id IS NOT NULL
            GROUP BY 1, 2),
        firsts AS MATERIALIZED (
            SELECT person_id, name FROM events WHERE name = ANY ($2)
            UNION
            SELECT person_id, name FROM old WHERE name = ANY ($2)),
        reach AS MATERIALIZED (
            SELECT person_id, unnest(range_agg(tstzrange(from_at, to_at + $1, '[]'))) AS at
            FROM {._person_changes}
            WHERE kind = 'unit'
            GROUP BY person_id),
        found AS (
            -- of those that count once per person the first one is looked for
            SELECT conversion_id, visitor_id, event_time, event_id FROM events WHERE name <> ALL ($2)
            UNION
            SELECT conversion_id, visitor_id, converted_at, event_id FROM old
            UNION
            SELECT f.id, f.visitor_id, f.event_time, f.event_id
            FROM orders AS r
            CROSS JOIN LATERAL (
                SELECT c.id, f.visitor_id, f.event_time, f.event_id
                FROM {_facts} AS f
                CROSS JOIN LATERAL jsonb_to_recordset(f.conversions) AS c (id text)
                WHERE f.person_id = r.person_id AND f.order_id = r.order_id AND f.conversions IS NOT NULL
                OFFSET 0) AS f
            UNION
            SELECT o.conversion_id, o.visitor_id, o.converted_at, o.event_id
            FROM firsts AS r
            CROSS JOIN LATERAL (
                SELECT o.conversion_id, o.visitor_id, o.converted_at, o.event_id
                FROM {_conversions} AS o
                WHERE o.person_id = r.person_id AND o.name = r.name AND o.unit_id IS NOT NULL
                OFFSET 0) AS o
            UNION
            SELECT f.id, f.visitor_id, f.event_time, f.event_id
            FROM firsts AS r
            CROSS JOIN LATERAL (
                SELECT c.id, f.visitor_id, f.event_time, f.event_id
                FROM {_facts} AS f
                CROSS JOIN LATERAL jsonb_to_recordset(f.conversions) AS c (id text, name text)
                WHERE f.person_id = r.person_id AND f.conversions IS NOT NULL AND c.name = r.name
                ORDER BY f.event_time, f.event_id, f.visitor_id
                LIMIT 1) AS f
            UNION
            SELECT conversion_id, NULL, NULL, NULL FROM {._converted}
            UNION
            SELECT c.conversion_id, NULL, NULL, NULL
            FROM {._ids} AS i
            JOIN {_conversion_records} AS c ON i.ref LIKE 'user:%' AND c.user_id = substr(i.ref, 6)
            WHERE i.person0 IS DISTINCT FROM i.person_id
            UNION
            SELECT c.conversion_id, NULL, NULL, NULL
            FROM {._ids} AS i
            JOIN {_conversion_records} AS c ON i.ref LIKE 'email:%' AND c.email = substr(i.ref, 7)
            WHERE i.person0 IS DISTINCT FROM i.person_id
            UNION
            SELECT c.conversion_id, NULL, NULL, NULL
            FROM {._changed_units} AS u JOIN {_conversion_records} AS c USING (visitor_id)
            UNION
            SELECT o.conversion_id, o.visitor_id, o.converted_at, o.event_id
            FROM reach AS r
            CROSS JOIN LATERAL (
                SELECT o.conversion_id, o.visitor_id, o.converted_at, o.event_id
                FROM {_conversions} AS o
                WHERE o.person_id = r.person_id AND o.converted_at BETWEEN lower(r.at) AND upper(r.at)
                OFFSET 0) AS o)
        INSERT INTO {._converted} (conversion_id, visitor_id, event_time, event_id, person_id, name, converted_at)
        SELECT s.conversion_id, s.visitor_id, s.event_time, s.event_id, o.person_id, o.name, o.converted_at
        FROM found AS s
        LEFT JOIN LATERAL (
            SELECT o.person_id, o.name, o.converted_at
            FROM {_conversions} AS o WHERE o.conversion_id = s.conversion_id LIMIT 1) AS o ON true$sql$)
    USING journey._max_lookback(r), ARRAY(SELECT name FROM journey._conversion_rules(r) WHERE counting = 'first');
    IF journey._is_large(r, '_converted'::text) THEN
        EXECUTE journey._bind(r, 'ANALYZE {._converted}'::text);
    END IF;
    EXECUTE journey._bind(r, $sql$
        SELECT EXISTS (SELECT FROM {._converted}) OR EXISTS (SELECT FROM {_conversions})$sql$) INTO result;
    RETURN result;
END
$$;

-- Tells profiles how many conversions their persons have; how many profiles this refresh had not changed before. A
-- first load counts all. A later one adds the difference, so that a person with many conversions costs what changed;
-- all are counted of those whose profile is new (see _profile_rows()).
CREATE FUNCTION journey._count_conversions(r journey._run)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n bigint;
BEGIN
    IF r.bulk THEN
        EXECUTE journey._bind(r, $sql$
            UPDATE {profiles} AS p
            SET conversions = c.n, first_converted_at = c.first_at, conversion_counts = c.counts
            FROM (
                SELECT person_id, sum(n)::bigint AS n, min(first_at) AS first_at, jsonb_object_agg(name, n) AS counts
                FROM (SELECT o.person_id, o.name, count(*) AS n, min(o.converted_at) AS first_at
                      FROM {_conversions} AS o GROUP BY 1, 2) AS o
                GROUP BY person_id) AS c
            WHERE p.person_id = c.person_id$sql$);
        RETURN 0;
    END IF;
    EXECUTE journey._bind(r, format($sql$
        WITH moved AS MATERIALIZED (
            SELECT person_id, name, sum(n) AS n
            FROM (SELECT person_id, name, converted_at, sum(n) AS n
                  FROM (%s) AS c GROUP BY 1, 2, 3 HAVING sum(n) <> 0) AS c
            GROUP BY 1, 2),
        stale AS MATERIALIZED (
            SELECT p.person_id, p.conversions IS NULL AS is_new, p.conversion_counts, p.version
            FROM (SELECT person_id, bool_or(moved) AS moved
                  FROM (SELECT person_id, true AS moved FROM moved
                        UNION ALL
                        SELECT person_id, false FROM {._person_changes}) AS x
                  GROUP BY person_id) AS x
            JOIN {profiles} AS p USING (person_id)
            WHERE x.moved OR p.conversions IS NULL),
        counted AS (
            SELECT person_id, sum(n)::bigint AS n,
                   coalesce(jsonb_object_agg(name, n) FILTER (WHERE n > 0), '{}') AS counts
            FROM (
                SELECT person_id, name, sum(n)::bigint AS n
                FROM (
                    SELECT s.person_id, NULL AS name, 0 AS n FROM stale AS s
                    UNION ALL
                    SELECT s.person_id, o.key, o.value::bigint
                    FROM stale AS s CROSS JOIN LATERAL jsonb_each_text(s.conversion_counts) AS o
                    UNION ALL
                    SELECT s.person_id, m.name, m.n FROM stale AS s JOIN moved AS m USING (person_id) WHERE NOT s.is_new
                    UNION ALL
                    SELECT s.person_id, o.name, 1
                    FROM stale AS s JOIN {_conversions} AS o USING (person_id) WHERE s.is_new) AS x
                GROUP BY 1, 2) AS x
            GROUP BY person_id),
        put AS (
            UPDATE {profiles} AS p
            SET conversions = c.n, first_converted_at = f.at, conversion_counts = c.counts, version = $1, updated_at = $2
            FROM counted AS c
            CROSS JOIN LATERAL (
                SELECT min(o.converted_at) AS at FROM {_conversions} AS o WHERE o.person_id = c.person_id) AS f
            WHERE p.person_id = c.person_id
              AND ROW(p.conversions, p.first_converted_at, p.conversion_counts)::record
                  *<> ROW(c.n, f.at, c.counts)::record
            RETURNING p.person_id)%s
        SELECT count(*) FROM put JOIN stale USING (person_id) WHERE version < $1$sql$,
        journey._converted_sides(r.anew),
        CASE WHEN (r.settings).keep_changes IS NOT NULL THEN $sql$,
        listed AS (
            INSERT INTO {._change_list} (version, changed_at, relation, key)
            SELECT $1, $2, 'profiles', person_id FROM put JOIN stale USING (person_id) WHERE version < $1)$sql$ END))
    INTO n USING r.version, r.at;
    RETURN n;
END
$$;

-- The view that shows conversions.
CREATE FUNCTION journey._show_conversions(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, format($sql$
        CREATE VIEW {conversions} AS
        SELECT c.conversion_id, c.name, c.person_id, c.user_id, c.email,
               CASE WHEN NOT s.loose THEN c.unit_id END AS session_id, c.converted_at, c.value, c.currency, c.order_id,
               c.gclid, c.gclid_at, c.gbraid, c.wbraid, c.click_id, c.click_id_type, c.click_at, %s, c.consent, c.phone
        FROM {_conversions} AS c
        LEFT JOIN {_sessions} AS s ON s.session_id = c.unit_id$sql$,
        (SELECT string_agg(format('c.%I', t.t || '_' || a.attname), ', ' ORDER BY t.n, a.attnum)
         FROM unnest('{first_touch,last_touch,last_non_direct_touch}'::text[]) WITH ORDINALITY AS t (t, n)
         CROSS JOIN pg_attribute AS a
         WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'journey._path_touch'::regtype)
           AND a.attname <> ALL ('{direct,click_ids}'))));
END
$$;

COMMENT ON TYPE journey._path_touch IS 'internal: a touch before a conversion';
COMMENT ON TYPE journey._credit IS 'internal: credits and values of a touch by each rule';
COMMENT ON FUNCTION journey._conversion_rules IS 'internal: how the conversions of a name are looked at together';
COMMENT ON FUNCTION journey._max_lookback IS 'internal: the longest lookback';
COMMENT ON FUNCTION journey._conversion_touch_columns IS 'internal: the columns of one of the touches of a conversion';
COMMENT ON FUNCTION journey._conversion_paths IS 'internal: the touches before each conversion';
COMMENT ON FUNCTION journey._conversions_vanished IS 'internal: whether a table has lost rows of records';
COMMENT ON FUNCTION journey._record_content IS 'internal: what tells apart two rows of one conversion';
COMMENT ON FUNCTION journey._note_conversion_rows IS 'internal: brings the records of a CRM up to date';
COMMENT ON FUNCTION journey._forget_conversion_records IS 'internal: takes the records of a person away';
COMMENT ON FUNCTION journey._row_conversions IS 'internal: the query for conversions of records';
COMMENT ON FUNCTION journey._event_conversions IS 'internal: the query for conversions of events';
COMMENT ON FUNCTION journey._conversion_rows IS 'internal: the query for all conversions';
COMMENT ON FUNCTION journey._conversions IS 'internal: the relation of conversions';
COMMENT ON FUNCTION journey._lead_of IS 'internal: the time of the lead of a conversion';
COMMENT ON FUNCTION journey._reach_of_leads IS 'internal: conversions whose lead changed';
COMMENT ON FUNCTION journey._attributed_touches IS 'internal: the relation of credits';
COMMENT ON FUNCTION journey._find_conversions IS 'internal: finds the conversions to derive anew';
COMMENT ON FUNCTION journey._count_conversions IS 'internal: tells profiles of their conversions';
COMMENT ON FUNCTION journey._show_conversions IS 'internal: makes the view of conversions';
