-- ---------------------------------------------------------------------------------------------
-- model: what analysts see
--
-- Views over the store, a comment on each column, and who may read. A reader needs no right on what a view
-- reads: that is asked of the view's owner.
-- ---------------------------------------------------------------------------------------------

-- What a view shows of an event. Amounts and properties are text, parsed only where they are asked for.
CREATE TYPE journey._event_row AS (
    event_id   text COLLATE "C",
    user_id    text COLLATE "C",
    event_time timestamptz,
    kind       text,
    name       text,
    url        text,
    referrer   text,
    revenue    text,
    currency   text,
    order_id   text COLLATE "C",
    properties text
);

CREATE FUNCTION journey._event_rows(timeline journey.timeline)
RETURNS SETOF journey._event_row
AS 'MODULE_PATHNAME', 'journey_event_rows'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10
SUPPORT journey._events_support;
COMMENT ON FUNCTION journey._event_rows(journey.timeline) IS 'internal: the events of a timeline, for a view';

-- Is an event among those that two arrays name? Cheap as a plan sees it: few rows come so far.
CREATE FUNCTION journey._is_among(times timestamptz[], ids text[], event_time timestamptz, event_id text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1
SET search_path = pg_catalog, pg_temp
AS $$SELECT EXISTS (SELECT FROM unnest(times, ids) AS x (at, id) WHERE x.at = event_time AND x.id = event_id)$$;
COMMENT ON FUNCTION journey._is_among(timestamptz[], text[], timestamptz, text) IS
    'internal: whether two arrays name an event';

-- Segments and their sessions are joined by one key: of two, the planner would multiply the selectivities.
-- session_id is a column that is joined, not an expression, so that its index serves who asks for a session. Who
-- asks for none of a join's columns does not pay for it: outer joins, by a unique index, are left out.
CREATE FUNCTION journey._show_events(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        CREATE VIEW {events} AS
        SELECT e.event_id, g.visitor_id, s.person_id, e.user_id,
               p.session_id, e.event_time, e.kind, e.name, e.url, journey.url_host(e.url) AS host,
               journey.url_path(e.url) AS page_path,
               CASE WHEN e.kind IN ('page', 'screen') THEN e.properties::jsonb ->> 'title' END AS title,
               e.referrer, e.revenue::numeric AS revenue, e.currency, e.order_id,
               CASE WHEN e.revenue IS NULL THEN NULL
                    WHEN c.session_id IS NULL THEN true
                    ELSE NOT journey._is_among(c.event_times, c.event_ids, e.event_time, e.event_id)
                    END AS counts_as_revenue,
               e.properties::jsonb AS properties, p.session_date
        FROM {_segments} AS g
        LEFT JOIN {_sessions} AS s ON s.session_id = g.session_id
        LEFT JOIN {_sessions} AS p ON p.session_id = g.session_id AND NOT p.loose
        LEFT JOIN {_repeats} AS c ON c.session_id = g.session_id
        CROSS JOIN LATERAL journey._event_rows(g.body) AS e;

        CREATE VIEW {page_views} AS
        SELECT e.*, row_number() OVER (PARTITION BY e.visitor_id
                                       ORDER BY e.event_time, e.event_id) AS page_view_number
        FROM {events} AS e
        WHERE e.kind IN ('page', 'screen');

        CREATE VIEW {timelines} AS
        SELECT s.person_id, g.visitor_id, p.session_id, s.started_at, g.body AS events
        FROM {_segments} AS g
        LEFT JOIN {_sessions} AS s ON s.session_id = g.session_id
        LEFT JOIN {_sessions} AS p ON p.session_id = g.session_id AND NOT p.loose$sql$);
END
$$;
COMMENT ON FUNCTION journey._show_events(journey._run) IS 'internal: makes the views of events';

-- Makes the view of sessions, with two columns for each of keep_properties; or one that has them in the
-- place of the old one, to which grants and other views hold as far as its columns stay.
CREATE FUNCTION journey._show_sessions(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept text := (
        SELECT string_agg(format(', s.kept[%s] AS %I, s.kept[%s] AS %I',
                                 2 * k.n - 1, journey._kept_column('first'::text, k.key),
                                 2 * k.n, journey._kept_column('last'::text, k.key)), '' ORDER BY k.n)
        FROM unnest((r.settings).keep_properties) WITH ORDINALITY AS k (key, n));
    statement text := journey._bind(r, $sql$
        CREATE OR REPLACE VIEW {sessions} AS
        SELECT s.session_id, s.visitor_id, s.user_id, s.person_id, s.session_number, s.started_at, s.ended_at,
               s.session_date, s.duration_seconds, s.events, s.page_views, s.landing_page, s.landing_page_path,
               s.exit_page, s.referrer, s.referrer_host, s.source, s.medium, s.campaign, s.term, s.content,
               s.channel, s.gclid, s.click_id, s.click_id_type,
               CASE WHEN c.session_id IS NULL THEN s.revenue ELSE c.revenue END AS revenue, s.is_bounce,
               (SELECT count(*) FROM {_conversions} AS o WHERE o.unit_id = s.session_id) AS conversions,
               (SELECT coalesce(jsonb_object_agg(o.name, o.n), '{}')
                FROM (SELECT o.name, count(*) AS n FROM {_conversions} AS o
                      WHERE o.unit_id = s.session_id GROUP BY o.name) AS o) AS conversion_counts,
               s.version, s.updated_at$sql$)
        || coalesce(kept, '') || journey._bind(r, $sql$
        FROM {_sessions} AS s LEFT JOIN {_repeats} AS c ON c.session_id = s.session_id
        WHERE NOT s.loose$sql$);
    grants text;
BEGIN
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN invalid_table_definition THEN -- a column goes, or has another place
        SELECT string_agg(format('GRANT %s ON %s TO %s%s', a.privilege_type, c.oid::regclass,
                                 CASE a.grantee WHEN 0 THEN 'PUBLIC'
                                                ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                                 CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), '; ')
        INTO grants
        FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
        WHERE c.oid = journey._bind(r, '{sessions}'::text)::regclass AND a.grantee <> c.relowner;
        EXECUTE journey._bind(r, 'DROP VIEW {sessions}'::text);
        EXECUTE statement;
        EXECUTE coalesce(grants, '');
    END;
    PERFORM journey._comment_relations(r.schema, 'sessions'::name);
END
$$;

-- ---------------------------------------------------------------------------------------------
-- model: comments
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._relation_comments()
RETURNS TABLE (relation name, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES ('sessions'::name, 'one row per session of a visitor'),
       ('touches', 'one row per touch of a session: where the visit came from'),
       ('identities', 'which person an id stands for, and when'),
       ('profiles', 'one row per person'),
       ('profiles_masked', 'profiles without what tells who a person is'),
       ('conversions', 'one row per conversion, with the touches before it as they stood then'),
       ('attributed_touches', 'one row per conversion and touch before it, with what each rule gives to the touch'),
       ('segment_members', 'one row per segment, person and stretch of time in it'),
       ('events', 'every event once, with its session and person'),
       ('page_views', 'pages and screens, numbered per visitor'),
       ('timelines', 'the events of each session, and of each run outside sessions, for functions on timelines; '
                     'a very long one is in several rows'),
       ('rejected_events', 'rows of the sources that are no events, once, with the reason'),
       ('changes', 'which rows of sessions, touches and profiles a refresh wrote or took away, where option keep_changes is set')
$$;
COMMENT ON FUNCTION journey._relation_comments() IS 'internal: what the relations of a model are';

-- What the columns are; where the relation is NULL, those of this name in any relation without a row of its own.
CREATE FUNCTION journey._column_comments()
RETURNS TABLE (relation name, attribute name, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES (NULL::name, 'visitor_id'::name, 'the device: anonymous id, or user:<user id> where there is none'),
       (NULL, 'person_id', 'the person: user:<canonical user id>, email:<address> or visitor:<visitor id>'),
       (NULL, 'session_id', 'the session, in sessions'),
       (NULL, 'version', 'number of the refresh that last changed the row: version > n is a cursor'),
       (NULL, 'updated_at', 'when the row last changed'),
       ('changes', 'version', 'number of the refresh that changed the row: version > n is a cursor'),
       ('changes', 'changed_at', 'when that refresh began'),
       ('changes', 'relation', 'sessions, touches or profiles'),
       ('changes', 'key', 'session_id, touch_id or person_id of the row; one that is there no more was taken away'),
       (NULL, 'source', 'where the visit came from: utm_source, or what a click id or the referrer says'),
       (NULL, 'medium', 'the kind of way that it came, such as cpc, email or referral'),
       (NULL, 'campaign', 'name of the campaign'),
       (NULL, 'term', 'search term or keyword'),
       (NULL, 'content', 'content or ad'),
       (NULL, 'channel', 'channel, of GA4''s default channel group'),
       (NULL, 'gclid', 'Google''s click id, byte by byte'),
       (NULL, 'click_id', 'click id of the visit, byte by byte'),
       (NULL, 'click_id_type', 'the parameter that had the click id, such as gclid'),
       (NULL, 'landing_page', 'URL of the first page, or name of the first screen'),
       (NULL, 'referrer', 'the page that the visit came from'),
       (NULL, 'referrer_host', 'its host'),
       (NULL, 'user_id', 'user id; null where the visitor was not identified'),
       (NULL, 'session_date', 'date of the session''s start, in the model''s time zone'),

       ('sessions', 'session_id', 'a uuid that follows from visitor, id and time of the first event'),
       ('sessions', 'user_id', 'the session''s user; null where nobody was identified in it'),
       ('sessions', 'session_number', 'the visitor''s first session is 1'),
       ('sessions', 'started_at', 'time of the first event'),
       ('sessions', 'ended_at', 'time of the last active event'),
       ('sessions', 'duration_seconds', 'seconds from start to end'),
       ('sessions', 'events', 'number of events, passive ones included'),
       ('sessions', 'page_views', 'number of pages and screens'),
       ('sessions', 'landing_page_path', 'path of the landing page'),
       ('sessions', 'exit_page', 'URL of the last page, or name of the last screen'),
       ('sessions', 'source', 'source of the first touch that is not direct, else (direct)'),
       ('sessions', 'gclid', 'the last gclid of the session'),
       ('sessions', 'click_id', 'click id of the first touch that is not direct'),
       ('sessions', 'referrer', 'referrer of the first touch that is not direct'),
       ('sessions', 'revenue', 'sum of the amounts that count once per person; null where there are none, or '
                               'several currencies'),
       ('sessions', 'is_bounce', 'at most one page and nothing else that is active'),
       ('sessions', 'conversions', 'number of conversions in it, as they are when it is read'),
       ('sessions', 'conversion_counts', 'number of conversions in it by name, as they are when it is read'),

       ('touches', 'touch_id', 'a uuid that follows from visitor, id and time of the event'),
       ('touches', 'touched_at', 'time of the event that told of it'),
       ('touches', 'touch_type', 'what told of it: utm, click_id, campaign_columns, referrer or direct'),
       ('touches', 'campaign_id', 'utm_id, or the loader''s id of the campaign'),
       ('touches', 'click_ids', 'all click ids of the URL, by parameter'),
       ('touches', 'landing_page', 'URL that was visited'),

       ('identities', 'id', 'a visitor id, user id or e-mail address'),
       ('identities', 'id_type', 'visitor, user or email'),
       ('identities', 'valid_from', 'since when it stands for the person'),
       ('identities', 'valid_to', 'until when, exclusive'),
       ('identities', 'reason', 'why: identified, alias, shared, anonymous'),

       ('profiles', 'user_id', 'canonical user id; null for those who have none'),
       ('profiles', 'email', 'e-mail address in lower case; null where none is known'),
       ('profiles', 'is_identified', 'whether a user id or an e-mail is known'),
       ('profiles', 'visitor_ids', 'all devices of the person'),
       ('profiles', 'first_seen_at', 'time of the first event'),
       ('profiles', 'last_seen_at', 'time of the last active event'),
       ('profiles', 'identified_at', 'when a user id or an e-mail was first known'),
       ('profiles', 'sessions', 'number of sessions'),
       ('profiles', 'events', 'number of events, passive ones included'),
       ('profiles', 'page_views', 'number of pages and screens'),
       ('profiles', 'revenue', 'sum of revenue, an order once; null where there are several currencies'),
       ('profiles', 'revenue_by_currency', 'sum of revenue per currency'),
       ('profiles', 'event_counts', 'number of events by name'),
       ('profiles', 'traits', 'latest value of each trait'),
       ('profiles', 'gclid', 'the latest gclid: for display; uploads take the one at the conversion''s time'),
       ('profiles', 'gclid_at', 'time of that click'),
       ('profiles', 'click_ids', 'per kind of click id the first and the last, with their times'),
       ('profiles', 'conversions', 'number of conversions'),
       ('profiles', 'first_converted_at', 'time of the first conversion'),
       ('profiles', 'conversion_counts', 'number of conversions by name'),
       ('profiles', 'is_internal', 'one of your own, by the option internal_users'),
       ('profiles', 'attributes_version', 'number of the refresh that last changed user id, e-mail, traits, touches '
                                          'that are not direct, or click ids'),

       ('events', 'event_id', 'id of the event, unique per visitor within a day'),
       ('events', 'session_id', 'the session; null for passive events outside of sessions'),
       ('events', 'event_time', 'when it happened'),
       ('events', 'kind', 'page, screen, track, identify, group or alias'),
       ('events', 'name', 'name of the event, page or screen'),
       ('events', 'url', 'URL of the page'),
       ('events', 'host', 'host of the URL, in lower case'),
       ('events', 'page_path', 'path of the URL, without parameters'),
       ('events', 'title', 'title of the page'),
       ('events', 'revenue', 'its amount, negative for a refund; counts_as_revenue tells which to add up'),
       ('events', 'currency', 'currency of the amount, in capitals'),
       ('events', 'order_id', 'the order that it is about'),
       ('events', 'counts_as_revenue', 'whether the amount counts: false for an order''s second copy, null without '
                                       'an amount'),
       ('events', 'properties', 'all else that the event says'),
       ('events', 'session_date', 'date of its session''s start, in the model''s time zone; null outside of sessions'),
       ('page_views', 'page_view_number', 'the visitor''s first page or screen is 1'),

       ('timelines', 'session_id', 'the session; null for a run of passive events outside of sessions'),
       ('timelines', 'started_at', 'time of its first event'),
       ('timelines', 'events', 'its events; rollup() puts several rows together'),

       ('segment_members', 'segment', 'name of the segment'),
       ('segment_members', 'valid_from', 'since when the person is in it; null where only the profile says so'),
       ('segment_members', 'valid_to', 'until when, exclusive, also if that is still to come; null without an end'),
       ('segment_members', 'is_member', 'whether the person is in it now'),

       ('rejected_events', 'source', 'the table'),
       ('rejected_events', 'row', 'the row as it was read'),
       ('rejected_events', 'reason', 'why it is no event'),
       ('rejected_events', 'position', 'where in the row it went wrong'),
       ('rejected_events', 'row_key', 'the key of the row'),
       ('rejected_events', 'rejected_at', 'when it was read')
UNION ALL
VALUES ('conversions'::name, 'conversion_id'::name, 'its id, which does not depend on the person'),
       ('conversions', 'name', 'name of its definition or source'),
       ('conversions', 'user_id', 'the person''s canonical user id'),
       ('conversions', 'email', 'the e-mail that came with it, or that the person goes by'),
       ('conversions', 'phone', 'the phone number that came with it'),
       ('conversions', 'session_id', 'the session of its event, in sessions; null outside of sessions and for rows of a table'),
       ('conversions', 'converted_at', 'when it happened'),
       ('conversions', 'value', 'what it is worth, after refunds of its order'),
       ('conversions', 'currency', 'currency of the value, in capitals'),
       ('conversions', 'order_id', 'the order that it is about'),
       ('conversions', 'gclid', 'the last gclid before it; of a row of a table, its own where there is none'),
       ('conversions', 'gclid_at', 'time of the touch with the gclid'),
       ('conversions', 'gbraid', 'the last gbraid before it'),
       ('conversions', 'wbraid', 'the last wbraid before it'),
       ('conversions', 'click_id', 'click id of the last touch before it that has one'),
       ('conversions', 'click_id_type', 'parameter that had the click id'),
       ('conversions', 'click_at', 'time of the touch with the click id'),
       ('conversions', 'consent', 'what the person consented to, as it came with the conversion'),
       ('attributed_touches', 'conversion_id', 'the conversion, in conversions'),
       ('attributed_touches', 'touch_id', 'the touch, in touches'),
       ('attributed_touches', 'position', 'the first touch that counts is 1'),
       ('attributed_touches', 'path_length', 'how many touches of the conversion count'),
       ('attributed_touches', 'days_before', 'days from the touch to the conversion'),
       ('attributed_touches', 'campaign_id', 'id of the campaign'),
       ('attributed_touches', 'touched_at', 'time of the touch')
UNION ALL
SELECT 'attributed_touches', (r || '_' || c.name)::name, format(c.comment, r)
FROM unnest('{first,last,last_non_direct,linear,position,w_shaped,time_decay}'::text[]) AS r
CROSS JOIN (VALUES ('credit', 'part of the conversion that the rule %s gives to the touch, from 0 to 1'),
                   ('value', 'part of the value that the rule %s gives to the touch')) AS c (name, comment)
UNION ALL
SELECT 'conversions', (t.name || '_touch_' || c.name)::name, format(c.comment, t.words)
FROM (VALUES ('first', 'first touch before it'), ('last', 'last touch before it'),
             ('last_non_direct', 'last touch before it that is not direct')) AS t (name, words)
CROSS JOIN (VALUES
    ('at', 'time of the %s'), ('source', 'source of the %s'), ('medium', 'medium of the %s'),
    ('campaign', 'campaign of the %s'), ('term', 'search term or keyword of the %s'),
    ('content', 'content or ad of the %s'),
    ('channel', 'channel of the %s, of GA4''s default channel group'),
    ('landing_page', 'URL on which the %s landed'), ('click_id', 'click id of the %s, byte by byte'),
    ('click_id_type', 'parameter that had the click id of the %s')) AS c (name, comment)
UNION ALL
SELECT 'profiles', (t.name || '_touch_' || c.name)::name, format(c.comment, t.words)
FROM (VALUES ('first', 'first touch'), ('last', 'last touch'),
             ('first_non_direct', 'first touch that is not direct'),
             ('last_non_direct', 'last touch that is not direct')) AS t (name, words)
CROSS JOIN (VALUES
    ('at', 'time of the %s'), ('source', 'source of the %s'), ('medium', 'medium of the %s'),
    ('campaign', 'campaign of the %s'), ('term', 'search term or keyword of the %s'),
    ('content', 'content or ad of the %s'),
    ('channel', 'channel of the %s, of GA4''s default channel group'),
    ('landing_page', 'URL on which the %s landed'), ('click_id', 'click id of the %s, byte by byte'),
    ('click_id_type', 'parameter that had the click id of the %s')) AS c (name, comment)
$$;
COMMENT ON FUNCTION journey._column_comments() IS 'internal: what the columns of a model''s relations are';

-- Comments on relations of a model that analysts read, or on one, and on their columns; page_views has the
-- columns of events.
CREATE FUNCTION journey._comment_relations(schema name, only_one name DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statements text;
BEGIN
    SELECT string_agg(format('COMMENT ON %s %I.%I IS %L;',
                             CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
                             schema, c.relname, x.comment), '')
      INTO statements
      FROM pg_class AS c JOIN journey._relation_comments() AS x ON x.relation = c.relname
     WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = schema)
       AND c.relname = ANY (journey._shown_relations(schema)) AND c.relname = coalesce(only_one, c.relname);
    EXECUTE coalesce(statements, '');
    SELECT string_agg(format('COMMENT ON COLUMN %I.%I.%I IS %L;', schema, c.relname, a.attname,
                             coalesce(x.comment, k.comment)), '')
      INTO statements
      FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN LATERAL (
          SELECT x.comment FROM journey._column_comments() AS x
           WHERE x.attribute = a.attname
             AND coalesce(x.relation, c.relname) IN (c.relname, CASE c.relname WHEN 'page_views' THEN 'events' WHEN 'profiles_masked' THEN 'profiles' END)
           ORDER BY x.relation IS NULL LIMIT 1) AS x ON true
      -- the rest of sessions are kept properties
      LEFT JOIN LATERAL (
          SELECT format('%s value of the property %s in the session', p[1], p[2])
            FROM regexp_match(a.attname, '^(first|last)_(.*)$') AS p
           WHERE c.relname = 'sessions') AS k (comment) ON true
     WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = schema)
       AND c.relname = ANY (journey._shown_relations(schema)) AND c.relname = coalesce(only_one, c.relname)
       AND coalesce(x.comment, k.comment) IS NOT NULL;
    EXECUTE coalesce(statements, '');
END
$$;
COMMENT ON FUNCTION journey._comment_relations(name, name) IS
    'internal: comments on the relations of a model and their columns';

-- ---------------------------------------------------------------------------------------------
-- model: readers
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.grant_read(model name, role name, masked boolean DEFAULT false) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.grant_read(name, name, boolean) IS
    'lets a role read the relations of a model, those that come later too';

CREATE FUNCTION journey.revoke_read(model name, role name) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.revoke_read(name, name) IS
    'takes back what journey.grant_read() gave';

-- A role as GRANT takes it; public is everybody.
CREATE FUNCTION journey._grantee(role name) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(role, '') = '' THEN
        RAISE EXCEPTION 'role must not be null or empty' USING ERRCODE = 'invalid_parameter_value';
    ELSIF role = 'public' THEN
        RETURN 'PUBLIC';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role
            USING ERRCODE = 'undefined_object', HINT = 'CREATE ROLE makes one; "public" is everybody.';
    END IF;
    RETURN quote_ident(role);
END
$$;
COMMENT ON FUNCTION journey._grantee(name) IS 'internal: a role as GRANT takes it';

-- The relations of a model that analysts read.
CREATE FUNCTION journey._shown_relations(schema name) RETURNS name[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(array_agg(c.relname ORDER BY c.relname), '{}')
  FROM pg_class AS c
 WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = schema)
   AND c.relkind = ANY ('{r,p,v,m}'::"char"[]) AND c.relname = ANY (journey._public_relations())
   AND c.relname NOT LIKE '\_%'
$$;
COMMENT ON FUNCTION journey._shown_relations(name) IS 'internal: the relations of a model that analysts read';

CREATE FUNCTION journey._grant_read(model name, role name, masked boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (journey._get_model(model)).schema;
    grantee text := journey._grantee(role);
    shown name[] := CASE WHEN masked THEN '{profiles_masked}' ELSE journey._shown_relations(schema) END;
    denied text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', schema, grantee);
    EXECUTE (SELECT format('GRANT SELECT ON %s TO %s',
                           string_agg(format('%I.%I', schema, r), ', '), grantee)
             FROM unnest(shown) AS r);
    IF masked IS NOT TRUE THEN
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %s', schema, grantee);
    END IF;
    -- for who calls functions on timelines; views need it not
    IF NOT has_schema_privilege(role, 'journey', 'USAGE')
       AND has_schema_privilege('journey', 'USAGE WITH GRANT OPTION') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA journey TO %s', grantee);
    END IF;
    -- What a view calls is called by who reads it. It is everybody's, unless somebody took it from them.
    SELECT string_agg(format('GRANT EXECUTE ON FUNCTION %s TO %s;', f.refobjid::regprocedure, grantee), ' ')
      INTO denied
      FROM (SELECT DISTINCT d.refobjid
              FROM pg_class AS c
              JOIN pg_rewrite AS w ON w.ev_class = c.oid
              JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                                 AND d.refclassid = 'pg_proc'::regclass
             WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = schema)
               AND c.relname = ANY (shown)) AS f
     WHERE NOT has_function_privilege(role, f.refobjid, 'EXECUTE');
    denied := concat_ws(' ', CASE WHEN NOT has_schema_privilege(role, schema, 'USAGE')
                                  THEN format('GRANT USAGE ON SCHEMA %I TO %s;', schema, grantee) END,
                        CASE WHEN NOT has_schema_privilege(role, 'journey', 'USAGE')
                             THEN format('GRANT USAGE ON SCHEMA journey TO %s;', grantee) END, denied);
    IF denied <> '' THEN
        RAISE WARNING 'role "%" lacks rights that the owner of model "%" cannot give', role, model
            USING HINT = denied;
    END IF;
END
$$;
COMMENT ON FUNCTION journey._grant_read(name, name, boolean) IS 'internal: journey.grant_read() as the owner';

CREATE FUNCTION journey._revoke_read(model name, role name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (journey._get_model(model)).schema;
    grantee text := journey._grantee(role);
BEGIN
    EXECUTE (SELECT format('REVOKE SELECT ON %s FROM %s',
                           string_agg(format('%I.%I', schema, r), ', '), grantee)
             FROM unnest(journey._shown_relations(schema)) AS r);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE SELECT ON TABLES FROM %s', schema, grantee);
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM %s', schema, grantee);
END
$$;
COMMENT ON FUNCTION journey._revoke_read(name, name) IS 'internal: journey.revoke_read() as the owner';

COMMENT ON TYPE journey._event_row IS 'internal: what a view shows of an event';
