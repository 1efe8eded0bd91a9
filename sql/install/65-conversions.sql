
-- ---------------------------------------------------------------------------------------------
-- model: conversions, and the touches that earned them
--
-- A conversion is an event that a definition of the option "conversions" meets; merge notes it as a fact, with
-- its id and value (src/conversion.c). What is told of it beside that follows from its person: the touches in
-- [converted_at - lookback, converted_at]. So a change of a person at some time re-opens the conversions from then
-- on until a lookback later: their ids are collected in _conversion_scope, from which both relations
-- are derived anew.
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
RETURNS TABLE (name text, lookback interval, counting text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.name, coalesce(journey._fixed_interval(d.lookback), (r.settings).lookback), coalesce(d.count, 'each')
    FROM jsonb_to_recordset(r.conversions) AS d (name text, lookback interval, count text)
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

-- Conversions of events. In a later run, those of the scope.
CREATE FUNCTION journey._event_conversions(bulk boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        SELECT c.id AS conversion_id, c.name, f.person_id, f.user_id, f.event_time AS converted_at, c.value,
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
        CASE WHEN bulk THEN 'WHERE f.conversions IS NOT NULL' ELSE 'WHERE c.id = s.conversion_id' END)
$$;

-- All conversions, as they are now. $1 is the run.
CREATE FUNCTION journey._conversion_rows(bulk boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($sql$
        WITH rules AS MATERIALIZED (SELECT * FROM journey._conversion_rules($1)),
        base AS MATERIALIZED (%1$s)
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
            FROM base AS x
            JOIN {touches} AS t ON t.person_id = x.person_id
                AND t.touched_at BETWEEN x.converted_at - x.lookback AND x.converted_at
            GROUP BY x.conversion_id) AS p USING (conversion_id)$sql$, journey._conversion_paths())
        ELSE format($sql$
        LEFT JOIN LATERAL (%s
            FROM {touches} AS t
            WHERE t.person_id = b.person_id
              AND t.touched_at BETWEEN b.converted_at - b.lookback AND b.converted_at) AS p ON true$sql$,
            journey._conversion_paths()) END)
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
        'CREATE INDEX ON {_conversions} (person_id, converted_at);'
        'CREATE INDEX ON {_conversions} (unit_id) WHERE unit_id IS NOT NULL',
        'SELECT * FROM {._conversion_scope}',
        'o.conversion_id = s.conversion_id',
        journey._conversion_rows((r).bulk),
        NULL)::journey._follower
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
        'SELECT DISTINCT conversion_id FROM {._conversion_scope}',
        'o.conversion_id = s.conversion_id',
        format($sql$
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
                   journey._credit(t.touched_at, c.converted_at, t.touch_type = 'direct', NULL::timestamptz,
                                   c.value, journey._currency_scale(c.currency), (($1).settings).attribution)
                       OVER (PARTITION BY c.conversion_id ORDER BY t.touched_at, t.touch_id) AS k
            FROM %s
            JOIN journey._conversion_rules($1) AS r ON r.name = c.name
            JOIN {touches} AS t ON t.person_id = c.person_id
                AND t.touched_at BETWEEN c.converted_at - r.lookback AND c.converted_at
            WHERE journey._touch_counts(t.channel, (($1).settings).attribution)
            OFFSET 0) AS x$sql$,
            CASE WHEN (r).bulk THEN '{_conversions} AS c'
                 ELSE 'scope AS s JOIN {_conversions} AS c USING (conversion_id)' END),
        NULL)::journey._follower
$$;

CREATE FUNCTION journey._create_conversion_scope(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- conversions to derive anew, and where the event lies
    EXECUTE journey._bind(r, $sql$
        CREATE UNLOGGED TABLE {._conversion_scope} (
            conversion_id text COLLATE "C" NOT NULL,
            visitor_id    text COLLATE "C",
            event_time    timestamptz,
            event_id      text COLLATE "C")$sql$);
END
$$;

-- Which conversions a later run derives anew: those of events of changed sessions and runs, as they are and as
-- they were; and of a person that changed those from then on until a lookback later.
CREATE FUNCTION journey._find_conversions(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._conversion_scope} (conversion_id, visitor_id, event_time, event_id)
        WITH reach AS MATERIALIZED (
            SELECT person_id, unnest(range_agg(tstzrange(from_at, to_at + $1, '[]'))) AS at
            FROM {._person_changes}
            WHERE kind = 'unit'
            GROUP BY person_id)
        SELECT c.id, f.visitor_id, f.event_time, f.event_id
        FROM {._changed_units} AS u
        JOIN {_facts} AS f USING (session_id)
        CROSS JOIN LATERAL jsonb_to_recordset(f.conversions) AS c (id text)
        WHERE f.conversions IS NOT NULL
        UNION
        SELECT o.conversion_id, o.visitor_id, o.converted_at, o.event_id
        FROM {._changed_units} AS u
        JOIN {_conversions} AS o ON o.unit_id = u.session_id
        UNION
        SELECT o.conversion_id, o.visitor_id, o.converted_at, o.event_id
        FROM reach AS r
        JOIN {_conversions} AS o ON o.person_id = r.person_id AND o.converted_at BETWEEN lower(r.at) AND upper(r.at)$sql$)
    USING journey._max_lookback(r);
    EXECUTE journey._bind(r, 'ANALYZE {._conversion_scope}'::text);
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
        LEFT JOIN {_sessions} AS s ON s.session_id = c.unit_id;
        COMMENT ON VIEW {conversions} IS 'one row per conversion, with the touches before it as they stood then'$sql$,
        (SELECT string_agg(format('c.%I', t.t || '_' || a.attname), ', ' ORDER BY t.n, a.attnum)
         FROM unnest('{first_touch,last_touch,last_non_direct_touch}'::text[]) WITH ORDINALITY AS t (t, n)
         CROSS JOIN pg_attribute AS a
         WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'journey._path_touch'::regtype)
           AND a.attname <> ALL ('{direct,click_ids}'))));
    EXECUTE journey._bind(r, $sql$
        COMMENT ON TABLE {attributed_touches} IS
            'one row per conversion and touch before it, with what each rule gives to the touch'$sql$);
END
$$;
