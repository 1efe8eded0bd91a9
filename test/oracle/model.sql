-- A model in plain SQL: what its relations must hold, from all rows that were ever read.
--
-- A reading of the design of its own, made to be read and not to be fast: one row per event, an event's
-- session by a walk, everything else by grouping. Of the extension it uses what says where a visit came
-- from (journey.touch, channel, url_host, url_path), what is an id (journey._clean_id, _clean_email; not
-- what allow_ids exempts),
-- and, for rows that came without an id, the id that the extension makes. Ids of sessions and touches
-- are hashes: a session is known here by its visitor and number.
--
--   INSERT INTO oracle.raw ...;                -- all rows, standard names, ids as they came
--   SELECT oracle.set_options('{...}');        -- a model's options
--   SELECT oracle.derive();
--   SELECT * FROM oracle.differences('model'); -- both ways
--
-- Run with the current directory above test/, for the rule for copies.

CREATE SCHEMA oracle;
SET search_path = oracle, public;

-- kind 'users' is a row of a loader's users table
CREATE TABLE raw (number bigint, loaded_at timestamptz, LIKE journey.event);

CREATE TABLE options (
    timeout interval,
    new_campaign boolean,
    midnight text,
    max_duration interval,
    session_key boolean,
    user_change boolean,
    passive_events text[],
    max_users_per_visitor integer,
    email_trait text,
    internal_hosts jsonb,
    ignored_referrers jsonb,
    channel_rules jsonb,
    referrers jsonb,
    click_ids jsonb,
    internal_users jsonb,
    keep_properties text[],
    profiles text,
    time_zone text,
    exclude jsonb,
    allow_ids text[],
    earliest timestamptz,
    max_future interval,
    conversions jsonb,
    lookback interval,
    attribution jsonb,
    segments jsonb
);

CREATE FUNCTION set_options(given jsonb) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM oracle.options;
    INSERT INTO oracle.options
    SELECT * FROM jsonb_populate_record(NULL::oracle.options, '{
        "timeout": "30 minutes", "new_campaign": false, "session_key": false, "user_change": true,
        "passive_events": [], "max_users_per_visitor": 5, "email_trait": "email",
        "internal_hosts": [], "ignored_referrers": [], "channel_rules": [], "referrers": [], "click_ids": [],
        "internal_users": [], "keep_properties": ["device_type", "os_name", "browser", "locale", "country"],
        "profiles": "all",
        "time_zone": "UTC", "exclude": {}, "allow_ids": [], "earliest": "2000-01-01 00:00:00+00",
        "max_future": "24 hours", "conversions": [], "lookback": "90 days", "attribution": {}, "segments": {}}' || given)
$$;

-- ---------------------------------------------------------------------------------------------
-- rows: read, excluded, rejected
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION matches(value text, patterns jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT EXISTS (SELECT FROM jsonb_array_elements_text(patterns) AS p (pattern)
                   WHERE $1 LIKE replace(p.pattern, '*', '%'))
$$;

CREATE FUNCTION clean_id(id text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN id = ANY (o.allow_ids) THEN id ELSE journey._clean_id(id) END FROM oracle.options AS o
$$;

CREATE VIEW row_outcome AS
SELECT r.number, clean.visitor_id, clean.user_id, nullif(r.event_id, '') AS event_id,
       CASE WHEN matches(lower(journey.url_host(r.url)), o.exclude -> 'host')
              OR matches(r.user_id, o.exclude -> 'user_id') THEN 'excluded'
            WHEN r.kind NOT IN ('page', 'screen', 'track', 'identify', 'group', 'alias', 'users')
              OR clean.visitor_id IS NULL OR r.event_time IS NULL OR r.event_time < o.earliest
              OR r.event_time > coalesce(r.received_at, r.loaded_at) + o.max_future THEN 'rejected'
            WHEN r.kind = 'users' THEN 'users'
            ELSE 'event' END AS outcome
FROM raw AS r CROSS JOIN options AS o
CROSS JOIN LATERAL (
    SELECT coalesce(clean_id(r.visitor_id), 'user:' || clean_id(r.user_id)) AS visitor_id,
           clean_id(r.user_id) AS user_id) AS clean;

CREATE VIEW oracle_rows AS
SELECT x.event_id, x.visitor_id, x.user_id, r.event_time, r.received_at, r.kind, r.name, r.url, r.referrer,
       r.revenue, nullif(upper(trim(r.currency)), '') AS currency, r.order_id, r.source, r.medium, r.campaign, r.term, r.content, r.session_key,
       clean_id(r.previous_id) AS previous_id, r.platform, r.properties, r.traits
FROM raw AS r JOIN row_outcome AS x USING (number)
WHERE x.outcome = 'event';

\ir copies.sql

-- ---------------------------------------------------------------------------------------------
-- events
-- ---------------------------------------------------------------------------------------------

CREATE TABLE event (
    LIKE journey.event,
    passive boolean,
    page_view boolean,          -- a page or a screen
    said journey.touch,         -- what parameters, click ids and campaign columns say
    came_from journey.touch,    -- what the referrer says
    ref text COLLATE "C",       -- whom the event names: 'user:..' or 'email:..'
    session integer,            -- number within the visitor; NULL: in none
    aside boolean,              -- outside, and says nothing of whose device it is
    PRIMARY KEY (visitor_id, event_time, event_id)
);

CREATE FUNCTION made_id(e journey.event) RETURNS text
LANGUAGE sql AS $$
    SELECT x.event_id
    FROM (SELECT journey.timeline_agg(e) AS timeline) AS t CROSS JOIN journey.events(t.timeline) AS x
$$;

-- What a campaign column says: nothing if it is blank or a word for nothing.
CREATE FUNCTION said(value text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN lower(trim(value)) NOT IN
        ('', '(direct)', '(none)', '(not set)', 'null', 'undefined') THEN trim(value) END
$$;

-- What parameters, click ids and campaign columns say. `seen` is the touch of the URL alone, `behind` that
-- of URL and referrer.
CREATE FUNCTION campaign_touch(e event, seen journey.touch, behind journey.touch, rules jsonb)
RETURNS journey.touch
LANGUAGE plpgsql AS $$
DECLARE
    t journey.touch := seen;
    source text := oracle.said(e.source);
    medium text := oracle.said(e.medium);
    campaign text := oracle.said(e.campaign);
BEGIN
    -- bare direct and none say nothing if source and medium have nothing else
    IF coalesce(lower(source), 'none') IN ('direct', 'none') AND
       coalesce(lower(medium), 'none') IN ('direct', 'none') THEN
        source := NULL;
        medium := NULL;
        campaign := CASE WHEN lower(campaign) NOT IN ('direct', 'none') THEN campaign END;
    END IF;
    IF t.touch_type IN ('utm', 'click_id') THEN
        -- what the URL leaves open, the columns fill, then the referrer
        t.source := coalesce(nullif(t.source, '(not set)'), source, behind.source);
        IF t.medium = 'ai-assistant' AND (journey.campaign(e.url)).medium IS NULL THEN
            t.medium := coalesce(medium, t.medium);
        END IF;
        t.medium := coalesce(nullif(t.medium, '(not set)'), medium,
                             CASE WHEN behind.source = t.source THEN behind.medium END, '(not set)');
        t.referrer_host := behind.referrer_host;
    ELSIF coalesce(source, medium, campaign, oracle.said(e.properties ->> 'context_campaign_id')) IS NOT NULL THEN
        t := NULL;
        t.touch_type := 'campaign_columns';
        t.source := coalesce(source, '(not set)');
        t.medium := coalesce(medium, '(not set)');
        t.campaign := campaign;
        t.term := oracle.said(e.term);
        t.content := oracle.said(e.content);
        t.campaign_id := oracle.said(e.properties ->> 'context_campaign_id');
        t.referrer_host := journey.url_host(e.referrer);
        t.landing_page := e.url;
    ELSE
        RETURN NULL;
    END IF;
    t.channel := journey.channel(t.source, t.medium, t.campaign, rules, t.referrer_host, t.click_id_type);
    RETURN t;
END
$$;

CREATE FUNCTION fill_events() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    o oracle.options := (SELECT o FROM oracle.options AS o);
BEGIN
    INSERT INTO oracle.event
    SELECT coalesce(event_id, oracle.made_id(ROW(event_id, visitor_id, user_id, event_time, received_at,
               kind, name, url, referrer, revenue, currency, order_id, source, medium, campaign, term,
               content, session_key, previous_id, platform, properties, traits)::journey.event)),
           visitor_id, user_id, event_time, received_at, kind, name, url, referrer, revenue, currency,
           order_id, source, medium, campaign, term, content, session_key, previous_id, platform,
           properties, traits
    FROM oracle.oracle_events;
    ANALYZE oracle.event;

    UPDATE oracle.event AS e SET
        passive = visitor_id LIKE 'user:%' OR coalesce(platform, '') IN ('server', 'sources')
            OR kind IN ('identify', 'group', 'alias') OR coalesce(name = ANY (o.passive_events), false),
        page_view = kind IN ('page', 'screen'),
        ref = coalesce('user:' || user_id,
            CASE WHEN kind = 'identify' THEN 'email:' || journey._clean_email(traits ->> o.email_trait) END);

    UPDATE oracle.event AS e SET
        said = oracle.campaign_touch(e, journey.touch(x.url, NULL, jsonb_build_object('click_ids', o.click_ids)), t,
                                     o.channel_rules),
        came_from = CASE WHEN t.touch_type = 'referrer' THEN t END
    FROM oracle.event AS x
    CROSS JOIN LATERAL journey.touch(coalesce(x.url, ''), x.referrer, jsonb_build_object(
        'internal_hosts', o.internal_hosts, 'ignored_referrers', o.ignored_referrers,
        'channel_rules', o.channel_rules, 'referrers', o.referrers, 'click_ids', o.click_ids)) AS t
    WHERE e.visitor_id = x.visitor_id AND e.event_time = x.event_time AND e.event_id = x.event_id
      AND NOT e.passive;
    UPDATE oracle.event SET came_from.landing_page = url WHERE (came_from).touch_type IS NOT NULL;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- sessions
-- ---------------------------------------------------------------------------------------------

CREATE VIEW alias AS
SELECT visitor_id, event_time, event_id, previous_id, user_id
FROM event
WHERE kind = 'alias' AND user_id IS NOT NULL AND previous_id IS NOT NULL;

-- The end of a chain of aliases, of all or of those among a visitor's own events; in a loop the least id.
CREATE FUNCTION canonical(id text, visitor text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    path text[] := ARRAY[id];
    next text;
BEGIN
    LOOP
        next := (SELECT a.user_id FROM oracle.alias AS a
                 WHERE a.previous_id = path[cardinality(path)] AND (visitor IS NULL OR a.visitor_id = visitor)
                 ORDER BY a.event_time DESC, a.event_id DESC, a.visitor_id DESC LIMIT 1);
        IF next IS NULL THEN
            RETURN path[cardinality(path)];
        ELSIF next = ANY (path) THEN
            RETURN (SELECT min(x COLLATE "C") FROM unnest(path[array_position(path, next) :]) AS x);
        END IF;
        path := path || next;
    END LOOP;
END
$$;

-- Are both known, and not the same person by the visitor's own aliases?
CREATE FUNCTION are_two(visitor text, one text, other text) RETURNS boolean
LANGUAGE sql AS $$
    SELECT coalesce(one <> other, false) AND oracle.canonical(one, visitor) <> oracle.canonical(other, visitor)
$$;

-- Whom a session that names nobody at its start has from the login before it.
CREATE TABLE heir (
    visitor_id text COLLATE "C", session integer, user_id text COLLATE "C", PRIMARY KEY (visitor_id, session));

-- Puts an event into a session (NULL: into none).
CREATE FUNCTION place(e event, number integer, aside boolean DEFAULT false) RETURNS void
LANGUAGE sql AS $$
    UPDATE oracle.event SET session = number, aside = place.aside
    WHERE visitor_id = e.visitor_id AND event_time = e.event_time AND event_id = e.event_id
$$;

-- Gives each event its session: the visitor's events in order, with the state that a start clears.
CREATE FUNCTION walk() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    o oracle.options := (SELECT o FROM oracle.options AS o);
    e oracle.event;
    visitor text;               -- whose events these are
    number integer;             -- the last session, NULL before the first
    begun_at timestamptz;
    previous_at timestamptz;    -- of the last active event
    owner text;                 -- its user, NULL while nobody is named
    address text;               -- its first e-mail, as long as it has no user
    over boolean;               -- an identify of another ended it
    login text;                 -- the last user of an identify since the last active event
    login_at timestamptz;
    last_key text;
    last_campaign journey.touch;
    waiting oracle.event[];     -- passive events that belong to the session only if it goes on
    w oracle.event;
    starts boolean;
    in_time boolean;
    is_other boolean;
    inside boolean;
BEGIN
    FOR e IN SELECT * FROM oracle.event ORDER BY visitor_id, event_time, event_id COLLATE "C" LOOP
        IF visitor IS DISTINCT FROM e.visitor_id THEN
            visitor := e.visitor_id;
            number := NULL;
            owner := NULL;
            login := NULL;
            waiting := '{}';
        END IF;

        IF e.passive THEN
            in_time := number IS NOT NULL AND e.event_time - previous_at <= o.timeout;
            is_other := o.user_change AND oracle.are_two(visitor, e.user_id, owner);
            IF e.kind = 'identify' AND e.user_id IS NOT NULL THEN
                login := e.user_id;
                login_at := e.event_time;
            END IF;
            IF number IS NULL OR over THEN
                inside := false;
            ELSIF NOT in_time AND NOT (o.session_key AND last_key IS NOT NULL) THEN
                inside := false;
            ELSIF is_other THEN
                inside := false;
                IF e.kind = 'identify' THEN
                    over := true;
                    waiting := '{}';
                ELSIF NOT in_time THEN
                    waiting := waiting || e;
                END IF;
            ELSIF NOT in_time THEN
                inside := false;
                waiting := waiting || e;
            ELSIF e.user_id IS NOT NULL THEN
                inside := true;
                owner := coalesce(owner, e.user_id);
            ELSIF e.ref IS NOT NULL AND o.user_change THEN
                inside := owner IS NULL AND coalesce(address, e.ref) = e.ref;
                address := coalesce(address, e.ref);
            ELSE
                inside := true;
            END IF;
            PERFORM oracle.place(e, CASE WHEN inside THEN number END,
                                 is_other AND e.kind NOT IN ('identify', 'alias'));
            CONTINUE;
        END IF;

        starts := number IS NULL OR coalesce(
            over
            OR e.event_time - previous_at > o.timeout
                AND NOT (o.session_key AND e.session_key IS NOT NULL AND last_key IS NOT NULL)
            OR o.session_key AND coalesce(e.session_key <> last_key, false)
            OR o.user_change AND oracle.are_two(visitor, e.user_id, owner)
            OR o.new_campaign AND (e.said).touch_type IS NOT NULL
                AND (lower((last_campaign).source), lower((last_campaign).medium),
                     lower((last_campaign).campaign), (last_campaign).click_id) IS DISTINCT FROM
                    (lower((e.said).source), lower((e.said).medium),
                     lower((e.said).campaign), (e.said).click_id)
            OR o.midnight IS NOT NULL AND (e.event_time AT TIME ZONE o.midnight)::date
                <> (previous_at AT TIME ZONE o.midnight)::date
            OR coalesce(e.event_time - begun_at > o.max_duration, false), false);

        IF starts THEN
            number := coalesce(number, 0) + 1;
            begun_at := e.event_time;
            owner := NULL;
            address := NULL;
            over := false;
            last_key := NULL;
            last_campaign := NULL;
            IF o.user_change AND e.user_id IS NULL AND login IS NOT NULL
               AND e.event_time - login_at <= o.timeout THEN
                owner := login;
                INSERT INTO oracle.heir VALUES (visitor, number, login);
            END IF;
        END IF;
        owner := coalesce(owner, e.user_id);
        IF NOT starts THEN
            FOREACH w IN ARRAY waiting LOOP
                is_other := o.user_change AND oracle.are_two(visitor, w.user_id, owner);
                inside := NOT o.user_change OR w.ref IS NULL
                    OR w.user_id IS NOT NULL AND owner IS NOT NULL AND NOT is_other
                    OR w.user_id IS NULL AND owner IS NULL AND coalesce(w.ref = address, false);
                PERFORM oracle.place(w, CASE WHEN inside THEN number END,
                                     is_other AND w.kind NOT IN ('identify', 'alias'));
            END LOOP;
        END IF;
        waiting := '{}';
        login := NULL;

        PERFORM oracle.place(e, number);
        previous_at := e.event_time;
        last_key := coalesce(e.session_key, last_key);
        IF (e.said).touch_type IS NOT NULL THEN
            last_campaign := e.said;
        END IF;
    END LOOP;
END
$$;

-- Touches, before those that are direct: each event's campaign, and the referrer of the first event
-- that has a page; the first of equal ones, whose case does not count but for click ids.
CREATE VIEW found_touch AS
WITH active AS (
    SELECT e.*, page_view OR coalesce(url, '') <> '' AS has_page,
           row_number() OVER (PARTITION BY visitor_id, session, page_view OR coalesce(url, '') <> ''
                              ORDER BY event_time, event_id) AS place
    FROM event AS e
    WHERE NOT passive
), telling AS (
    SELECT a.visitor_id, a.session, a.event_time, a.event_id, a.referrer,
           CASE WHEN (a.said).touch_type IS NOT NULL THEN a.said ELSE a.came_from END AS touch
    FROM active AS a
    WHERE (a.said).touch_type IS NOT NULL
       OR (a.has_page AND a.place = 1 AND (a.came_from).touch_type IS NOT NULL)
)
SELECT DISTINCT ON (visitor_id, session, lower((touch).source), lower((touch).medium),
                    lower((touch).campaign), lower((touch).term), lower((touch).content),
                    lower((touch).campaign_id), (touch).click_ids)
       visitor_id, session, event_time, event_id, referrer, (touch).*
FROM telling
ORDER BY visitor_id, session, lower((touch).source), lower((touch).medium), lower((touch).campaign),
         lower((touch).term), lower((touch).content), lower((touch).campaign_id), (touch).click_ids,
         event_time, event_id;

CREATE TABLE session (
    visitor_id text COLLATE "C", session integer, first_event_id text COLLATE "C", user_id text,
    started_at timestamptz, ended_at timestamptz, session_date date, duration_seconds numeric, events bigint,
    page_views bigint, landing_page text, landing_page_path text, exit_page text, referrer text,
    referrer_host text, source text, medium text, campaign text, term text, content text, channel text,
    gclid text, click_id text, click_id_type text, revenue numeric, is_bounce boolean,
    PRIMARY KEY (visitor_id, session));

CREATE FUNCTION fill_sessions() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO oracle.session
    SELECT s.visitor_id, s.session, s.first_event_id, coalesce(s.user_id, h.user_id), s.started_at, s.ended_at,
           (s.started_at AT TIME ZONE o.time_zone)::date, extract(epoch FROM s.ended_at - s.started_at),
           s.events, s.page_views, s.pages[1], journey.url_path(s.pages[1]), s.pages[s.page_views],
           t.referrer, t.referrer_host, coalesce(t.source, '(direct)'), coalesce(t.medium, '(none)'),
           t.campaign, t.term, t.content, coalesce(t.channel, 'Direct'),
           (SELECT (e.said).click_ids ->> 'gclid' FROM oracle.event AS e
            WHERE e.visitor_id = s.visitor_id AND e.session = s.session AND (e.said).click_ids ? 'gclid'
            ORDER BY e.event_time DESC, e.event_id DESC LIMIT 1),
           t.click_id, t.click_id_type, NULL, s.page_views <= 1 AND NOT s.active_track
    FROM (
        SELECT visitor_id, session,
               (array_agg(event_id ORDER BY event_time, event_id))[1] AS first_event_id,
               (array_agg(user_id ORDER BY event_time DESC, event_id DESC) FILTER (WHERE user_id IS NOT NULL))[1]
                   AS user_id,
               min(event_time) AS started_at, max(event_time) FILTER (WHERE NOT passive) AS ended_at,
               count(*) AS events, count(*) FILTER (WHERE page_view) AS page_views,
               array_agg(coalesce(url, name) ORDER BY event_time, event_id) FILTER (WHERE page_view) AS pages,
               coalesce(bool_or(kind = 'track' AND NOT passive), false) AS active_track
        FROM oracle.event
        WHERE session IS NOT NULL
        GROUP BY visitor_id, session) AS s
    CROSS JOIN oracle.options AS o
    LEFT JOIN LATERAL (
        SELECT * FROM oracle.found_touch AS f
        WHERE f.visitor_id = s.visitor_id AND f.session = s.session
        ORDER BY event_time, event_id LIMIT 1) AS t ON true
    LEFT JOIN oracle.heir AS h ON h.visitor_id = s.visitor_id AND h.session = s.session
$$;

-- First and last values of chosen properties in a session.
CREATE VIEW kept_properties AS
SELECT visitor_id, session, jsonb_object_agg('first_' || key, first) || jsonb_object_agg('last_' || key, last) AS kept
FROM (
    SELECT e.visitor_id, e.session, k.key,
           (array_agg(e.properties ->> k.key ORDER BY e.event_time, e.event_id)
               FILTER (WHERE e.properties ->> k.key IS NOT NULL))[1] AS first,
           (array_agg(e.properties ->> k.key ORDER BY e.event_time DESC, e.event_id DESC)
               FILTER (WHERE e.properties ->> k.key IS NOT NULL))[1] AS last
    FROM event AS e CROSS JOIN options AS o CROSS JOIN LATERAL unnest(o.keep_properties) AS k (key)
    WHERE e.session IS NOT NULL
    GROUP BY 1, 2, 3) AS k
GROUP BY visitor_id, session;

-- A session without any touch has a direct one.
CREATE TABLE touch (
    visitor_id text COLLATE "C", session integer, touched_at timestamptz, event_id text COLLATE "C",
    touch_type text, source text, medium text, campaign text, term text, content text, campaign_id text,
    channel text, click_id text, click_id_type text, click_ids jsonb, landing_page text, referrer text,
    referrer_host text);

CREATE FUNCTION fill_touches() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO oracle.touch
    SELECT visitor_id, session, event_time, event_id, touch_type, source, medium, campaign, term, content,
           campaign_id, channel, click_id, click_id_type, click_ids, landing_page, referrer, referrer_host
    FROM oracle.found_touch;
    INSERT INTO oracle.touch
    SELECT visitor_id, session, started_at, first_event_id, 'direct', '(direct)', '(none)', NULL, NULL, NULL,
           NULL, 'Direct', NULL, NULL, NULL, landing_page, NULL, NULL
    FROM oracle.session AS s
    WHERE NOT EXISTS (SELECT FROM oracle.touch AS t
                      WHERE t.visitor_id = s.visitor_id AND t.session = s.session)
$$;

-- ---------------------------------------------------------------------------------------------
-- persons
-- ---------------------------------------------------------------------------------------------

CREATE VIEW users_row AS
SELECT DISTINCT x.visitor_id, x.user_id, r.event_time, r.traits
FROM raw AS r JOIN row_outcome AS x USING (number)
WHERE x.outcome = 'users' AND r.traits IS NOT NULL;

-- Which users carry an e-mail by a trait.
CREATE VIEW trait_carrier AS
SELECT DISTINCT journey._clean_email(traits ->> o.email_trait) AS email, user_id
FROM (SELECT user_id, traits FROM event UNION ALL SELECT user_id, traits FROM users_row) AS t
CROSS JOIN options AS o
WHERE user_id IS NOT NULL AND journey._clean_email(traits ->> o.email_trait) IS NOT NULL;

-- And those whose id it is, where no other does by a trait.
CREATE VIEW carrier AS
SELECT email, user_id FROM trait_carrier
UNION
SELECT journey._clean_email(id), id
FROM (SELECT user_id AS id FROM event UNION SELECT user_id FROM trait_carrier UNION SELECT previous_id FROM alias) AS u
WHERE journey._clean_email(id) IS NOT NULL AND NOT EXISTS (
    SELECT FROM trait_carrier AS c WHERE c.email = journey._clean_email(id) AND c.user_id <> u.id);

CREATE TABLE ref_person (ref text COLLATE "C" PRIMARY KEY, person_id text COLLATE "C", reason text);

CREATE FUNCTION fill_refs() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO oracle.ref_person
    SELECT 'user:' || id, 'user:' || oracle.canonical(id),
           CASE WHEN EXISTS (SELECT FROM oracle.alias AS a WHERE a.previous_id = u.id) THEN 'alias'
                ELSE 'user_id' END
    FROM (SELECT user_id FROM oracle.event WHERE user_id IS NOT NULL
          UNION SELECT user_id FROM oracle.carrier
          UNION SELECT previous_id FROM oracle.alias) AS u (id);
    INSERT INTO oracle.ref_person
    SELECT 'email:' || email, CASE WHEN count(person_id) = 1 THEN min(person_id) ELSE 'email:' || email END,
           CASE WHEN count(person_id) = 1 THEN 'email of user' ELSE 'email' END
    FROM (
        SELECT DISTINCT e.email, p.person_id
        FROM (SELECT substr(ref, 7) AS email FROM oracle.event WHERE ref LIKE 'email:%'
              UNION SELECT email FROM oracle.carrier) AS e
        LEFT JOIN oracle.carrier AS c USING (email)
        LEFT JOIN oracle.ref_person AS p ON p.ref = 'user:' || c.user_id) AS e
    GROUP BY email
$$;

-- A unit is what goes to one person: a session, or a run of neighbours outside sessions that name the same
-- id or nobody, and are aside or not.
CREATE VIEW event_unit AS
SELECT *, CASE WHEN session IS NULL THEN
              count(*) FILTER (WHERE begins) OVER (PARTITION BY visitor_id ORDER BY event_time, event_id) END AS outside
FROM (
    SELECT *, (session, ref, aside) IS DISTINCT FROM
              (lag(session) OVER before, lag(ref) OVER before, lag(aside) OVER before) AS begins
    FROM event
    WINDOW before AS (PARTITION BY visitor_id ORDER BY event_time, event_id)) AS e;

CREATE TABLE unit (
    visitor_id text COLLATE "C", session integer, outside bigint, started_at timestamptz, first_event_id text COLLATE "C",
    first_ref text, last_ref text, named_at timestamptz, aside boolean, person_id text COLLATE "C",
    PRIMARY KEY (visitor_id, started_at, first_event_id));

-- Where a visitor is named: by its units, and by aliases of it that were sent from others.
CREATE TABLE mark (
    visitor_id text COLLATE "C", at timestamptz, event_id text COLLATE "C", sent_from text COLLATE "C",
    first_ref text, last_ref text);

-- Visitors that name too many persons.
CREATE TABLE shared_visitor (visitor_id text COLLATE "C" PRIMARY KEY);

CREATE FUNCTION fill_units() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO oracle.unit
    SELECT u.visitor_id, u.session, u.outside, u.started_at, u.first_event_id,
           coalesce('user:' || h.user_id, u.first_ref),
           coalesce(u.last_user, 'user:' || h.user_id, u.last_ref),
           CASE WHEN h.user_id IS NULL THEN u.named_at ELSE u.started_at END, u.aside
    FROM (
        SELECT visitor_id, session, outside, min(event_time) AS started_at,
               (array_agg(event_id ORDER BY event_time, event_id))[1] AS first_event_id,
               (array_agg(ref ORDER BY event_time, event_id) FILTER (WHERE ref IS NOT NULL))[1] AS first_ref,
               -- a user counts before an e-mail
               (array_agg(ref ORDER BY event_time DESC, event_id DESC) FILTER (WHERE user_id IS NOT NULL))[1]
                   AS last_user,
               (array_agg(ref ORDER BY event_time DESC, event_id DESC) FILTER (WHERE ref IS NOT NULL))[1]
                   AS last_ref,
               min(event_time) FILTER (WHERE ref IS NOT NULL) AS named_at, bool_or(aside) AS aside
        FROM oracle.event_unit
        GROUP BY visitor_id, session, outside) AS u
    LEFT JOIN oracle.heir AS h USING (visitor_id, session);

    INSERT INTO oracle.mark
    SELECT visitor_id, started_at, first_event_id, visitor_id, first_ref, last_ref
    FROM oracle.unit WHERE last_ref IS NOT NULL AND NOT aside
    UNION ALL
    SELECT previous_id, event_time, event_id, visitor_id, 'user:' || user_id, 'user:' || user_id
    FROM oracle.alias WHERE previous_id <> visitor_id;

    INSERT INTO oracle.shared_visitor
    SELECT visitor_id
    FROM (SELECT visitor_id, ref FROM oracle.event WHERE NOT aside
          UNION SELECT previous_id, 'user:' || user_id FROM oracle.alias) AS named
    JOIN oracle.ref_person USING (ref) CROSS JOIN oracle.options AS o
    GROUP BY visitor_id, o.max_users_per_visitor
    HAVING count(DISTINCT person_id) > o.max_users_per_visitor;

    UPDATE oracle.unit AS u SET person_id = coalesce(
        (SELECT p.person_id FROM oracle.ref_person AS p
         WHERE p.ref = coalesce(u.last_ref, CASE WHEN NOT EXISTS (
             SELECT FROM oracle.shared_visitor AS s WHERE s.visitor_id = u.visitor_id)
         THEN coalesce(
            (SELECT m.first_ref FROM oracle.mark AS m
             WHERE m.visitor_id = u.visitor_id
               AND (m.at, m.event_id, m.sent_from) > (u.started_at, u.first_event_id, u.visitor_id)
             ORDER BY m.at, m.event_id, m.sent_from LIMIT 1),
            (SELECT m.last_ref FROM oracle.mark AS m
             WHERE m.visitor_id = u.visitor_id
               AND (m.at, m.event_id, m.sent_from) < (u.started_at, u.first_event_id, u.visitor_id)
             ORDER BY m.at DESC, m.event_id DESC, m.sent_from DESC LIMIT 1)) END)),
        'visitor:' || u.visitor_id)
$$;

-- Users and e-mails stand for one person at all times, visitors for one at a time.
CREATE VIEW identity AS
SELECT substr(ref, strpos(ref, ':') + 1) AS id, split_part(ref, ':', 1) AS id_type, person_id,
       timestamptz '-infinity' AS valid_from, timestamptz 'infinity' AS valid_to, reason
FROM ref_person
UNION ALL (
WITH numbered AS (
    SELECT *, lag(person_id) OVER w AS before,
           person_id IS DISTINCT FROM lag(person_id) OVER w AS begins
    FROM unit WHERE NOT aside
    WINDOW w AS (PARTITION BY visitor_id ORDER BY started_at, first_event_id)
), runs AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY visitor_id
                                                   ORDER BY started_at, first_event_id) AS run
    FROM numbered
), stretches AS (
    SELECT visitor_id, run, person_id, bool_or(last_ref IS NOT NULL) AS named,
           CASE WHEN run = 1 THEN '-infinity' ELSE min(started_at) END AS valid_from,
           lead(min(started_at), 1, 'infinity') OVER (PARTITION BY visitor_id ORDER BY run) AS valid_to
    FROM runs GROUP BY visitor_id, run, person_id
)
SELECT DISTINCT ON (visitor_id, valid_from, person_id)
       visitor_id, 'visitor', person_id, valid_from, valid_to,
       CASE WHEN named THEN 'identified'
            WHEN person_id NOT LIKE 'visitor:%' THEN 'alias'
            WHEN visitor_id IN (SELECT visitor_id FROM shared_visitor) THEN 'shared'
            ELSE 'anonymous' END
FROM stretches
ORDER BY visitor_id, valid_from, person_id, valid_to DESC, run DESC);

-- ---------------------------------------------------------------------------------------------
-- profiles
-- ---------------------------------------------------------------------------------------------

-- Events with their persons; rows of a users table, without a name, beside them.
CREATE TABLE person_event (
    person_id text COLLATE "C", visitor_id text COLLATE "C", event_time timestamptz,
    event_id text COLLATE "C", kind text, name text, revenue numeric, currency text,
    order_id text COLLATE "C", traits jsonb, session integer);

CREATE FUNCTION fill_person_events() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO oracle.person_event
    SELECT u.person_id, e.visitor_id, e.event_time, e.event_id, e.kind, e.name, e.revenue, e.currency,
           e.order_id, e.traits, e.session
    FROM oracle.event_unit AS e
    JOIN oracle.unit AS u ON u.visitor_id = e.visitor_id
        AND coalesce(u.session, 0) = coalesce(e.session, 0) AND coalesce(u.outside, 0) = coalesce(e.outside, 0);
    -- their order among themselves at one time is that of their content's hash
    INSERT INTO oracle.person_event (person_id, visitor_id, event_time, event_id, kind, traits)
    SELECT coalesce(p.person_id, 'user:' || r.user_id), r.visitor_id, r.event_time,
           'users:' || md5(r.traits::text), 'users', r.traits
    FROM oracle.users_row AS r LEFT JOIN oracle.ref_person AS p ON p.ref = 'user:' || r.user_id
$$;

-- An order's amount counts once for a person, refunds each.
CREATE VIEW money AS
SELECT *, order_id IS NULL OR revenue < 0 OR 1 = row_number() OVER (
           PARTITION BY person_id, name, order_id, revenue < 0
           ORDER BY event_time, event_id, visitor_id) AS counts
FROM person_event WHERE revenue IS NOT NULL;

CREATE VIEW session_revenue AS
SELECT visitor_id, session, CASE WHEN count(DISTINCT coalesce(currency, '')) = 1 THEN sum(revenue) END AS revenue
FROM money
WHERE session IS NOT NULL AND counts
GROUP BY visitor_id, session;

CREATE VIEW person_revenue AS
SELECT person_id, CASE WHEN count(*) = 1 THEN min(amount) END AS revenue,
       jsonb_object_agg(currency, amount) AS revenue_by_currency
FROM (
    SELECT person_id, coalesce(currency, '') AS currency, sum(revenue) AS amount
    FROM money
    WHERE counts
    GROUP BY person_id, coalesce(currency, '')) AS c
GROUP BY person_id;

CREATE VIEW person_traits AS
SELECT person_id, jsonb_object_agg(key, value) AS traits
FROM (
    SELECT DISTINCT ON (e.person_id, t.key) e.person_id, t.key, t.value
    FROM person_event AS e CROSS JOIN LATERAL jsonb_each(e.traits) AS t
    WHERE t.value <> 'null'
    ORDER BY e.person_id, t.key, e.event_time DESC, e.event_id DESC, e.visitor_id DESC) AS t
GROUP BY person_id;

CREATE VIEW person_counts AS
SELECT person_id, jsonb_object_agg(name, n) AS event_counts
FROM (
    SELECT person_id, CASE WHEN kind = 'track' THEN coalesce(name, kind) ELSE kind END AS name, count(*) AS n
    FROM person_event WHERE kind <> 'users'
    GROUP BY 1, 2) AS c
GROUP BY person_id;

-- Touches of a person at one time are in the order of their ids, which only the model knows.
CREATE TABLE person_touch (person_id text COLLATE "C", touch_id uuid, LIKE touch);

CREATE VIEW person_click_ids AS
SELECT person_id, jsonb_object_agg(key, jsonb_build_object(
           'first', first, 'first_at', first_at, 'last', last, 'last_at', last_at)) AS click_ids
FROM (
    SELECT person_id, key,
           (array_agg(value ORDER BY touched_at, touch_id))[1] AS first, min(touched_at) AS first_at,
           (array_agg(value ORDER BY touched_at DESC, touch_id DESC))[1] AS last, max(touched_at) AS last_at
    FROM person_touch CROSS JOIN LATERAL jsonb_each_text(click_ids)
    GROUP BY person_id, key) AS c
GROUP BY person_id;

-- One of a person's touches, as the columns of a profile.
CREATE FUNCTION touch_columns(person text, prefix text, is_first boolean, non_direct boolean) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        prefix || '_at', t.touched_at, prefix || '_source', t.source, prefix || '_medium', t.medium,
        prefix || '_campaign', t.campaign, prefix || '_term', t.term, prefix || '_content', t.content,
        prefix || '_channel', t.channel, prefix || '_landing_page', t.landing_page,
        prefix || '_click_id', t.click_id, prefix || '_click_id_type', t.click_id_type)
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT * FROM oracle.person_touch AS p
        WHERE p.person_id = person AND NOT (non_direct AND p.touch_type = 'direct')
        ORDER BY CASE WHEN is_first THEN p.touched_at END, CASE WHEN is_first THEN p.touch_id END,
                 p.touched_at DESC, p.touch_id DESC
        LIMIT 1) AS t ON true
$$;

CREATE VIEW profile AS
SELECT u.person_id, jsonb_build_object(
           'person_id', u.person_id, 'user_id', n.user_id, 'email', n.email,
           'is_identified', u.person_id NOT LIKE 'visitor:%', 'visitor_ids', u.visitor_ids,
           'first_seen_at', u.first_seen_at, 'last_seen_at', s.last_seen_at,
           'identified_at', u.identified_at, 'sessions', coalesce(s.sessions, 0), 'events', e.events,
           'page_views', e.page_views, 'revenue', r.revenue, 'revenue_by_currency', r.revenue_by_currency,
           'event_counts', c.event_counts, 'traits', coalesce(t.traits, '{}'),
           'gclid', k.click_ids #> '{gclid,last}', 'gclid_at', k.click_ids #> '{gclid,last_at}',
           'click_ids', k.click_ids, 'is_internal',
           matches(n.user_id, o.internal_users) OR matches(n.email, o.internal_users))
       || touch_columns(u.person_id, 'first_touch', true, false)
       || touch_columns(u.person_id, 'first_non_direct_touch', true, true)
       || touch_columns(u.person_id, 'last_touch', false, false)
       || touch_columns(u.person_id, 'last_non_direct_touch', false, true) AS content
FROM (
    SELECT person_id,
           coalesce(array_agg(DISTINCT visitor_id ORDER BY visitor_id) FILTER (WHERE NOT aside), '{}') AS visitor_ids,
           min(started_at) AS first_seen_at, min(named_at) AS identified_at
    FROM unit GROUP BY person_id) AS u
CROSS JOIN options AS o
JOIN LATERAL (
    SELECT count(*) AS events, count(*) FILTER (WHERE kind IN ('page', 'screen')) AS page_views
    FROM person_event AS e WHERE e.person_id = u.person_id AND kind <> 'users') AS e ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS sessions, max(s.ended_at) AS last_seen_at
    FROM unit AS x JOIN session AS s USING (visitor_id, session) WHERE x.person_id = u.person_id) AS s ON true
LEFT JOIN person_revenue AS r USING (person_id)
LEFT JOIN person_traits AS t USING (person_id)
LEFT JOIN person_counts AS c USING (person_id)
LEFT JOIN person_click_ids AS k USING (person_id)
CROSS JOIN LATERAL (
    SELECT CASE WHEN u.person_id LIKE 'user:%' THEN substr(u.person_id, 6) END AS user_id,
           CASE WHEN u.person_id LIKE 'email:%' THEN substr(u.person_id, 7)
                ELSE coalesce(journey._clean_email(t.traits ->> o.email_trait),
                              CASE WHEN u.person_id LIKE 'user:%' THEN journey._clean_email(substr(u.person_id, 6)) END)
                END AS email) AS n
WHERE o.profiles = 'all' OR u.person_id NOT LIKE 'visitor:%';

-- ---------------------------------------------------------------------------------------------
-- conversions
-- ---------------------------------------------------------------------------------------------

\ir conversions.sql

-- ---------------------------------------------------------------------------------------------
-- segments
-- ---------------------------------------------------------------------------------------------

\ir segments.sql

-- ---------------------------------------------------------------------------------------------
-- the whole, and the comparison
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION derive() RETURNS void
LANGUAGE sql AS $$
    TRUNCATE oracle.event, oracle.heir, oracle.session, oracle.touch, oracle.ref_person, oracle.unit, oracle.mark,
             oracle.shared_visitor, oracle.person_event;
    SELECT oracle.fill_events();
    SELECT oracle.walk();
    SELECT oracle.fill_sessions();
    SELECT oracle.fill_touches();
    SELECT oracle.fill_refs();
    SELECT oracle.fill_units();
    SELECT oracle.fill_person_events();
    ANALYZE oracle.session, oracle.touch, oracle.unit, oracle.person_event
$$;

-- What the oracle says of each public relation, as rows; ids of sessions and touches are left out.
CREATE VIEW expected AS
SELECT 'sessions' AS relation, to_jsonb(s) - '{session,first_event_id}'::text[]
       || jsonb_build_object('session_number', s.session, 'person_id', u.person_id, 'revenue', r.revenue,
              'conversions', coalesce(c.conversions, 0), 'conversion_counts', coalesce(c.conversion_counts, '{}'))
       || coalesce(k.kept, '{}') AS "row"
FROM session AS s JOIN unit AS u USING (visitor_id, session)
LEFT JOIN session_revenue AS r USING (visitor_id, session)
LEFT JOIN session_conversions AS c USING (visitor_id, session)
LEFT JOIN kept_properties AS k USING (visitor_id, session)
UNION ALL
SELECT 'touches', to_jsonb(t) - '{session,event_id}'::text[]
       || jsonb_build_object('session_number', t.session, 'person_id', u.person_id)
FROM touch AS t JOIN unit AS u USING (visitor_id, session)
UNION ALL
SELECT 'identities', to_jsonb(i) FROM identity AS i
UNION ALL
SELECT 'profiles', p.content || jsonb_build_object('conversions', coalesce(c.conversions, 0),
           'first_converted_at', c.first_converted_at, 'conversion_counts', coalesce(c.conversion_counts, '{}'))
FROM profile AS p LEFT JOIN person_conversions AS c USING (person_id)
UNION ALL
SELECT 'conversions', "row" FROM conversion_row
UNION ALL
SELECT 'attributed_touches', "row" FROM attributed_row
UNION ALL
SELECT 'segment_members', to_jsonb(s) FROM segment_stretch AS s
UNION ALL
SELECT 'events', jsonb_build_object('event_id', e.event_id, 'visitor_id', e.visitor_id,
       'person_id', p.person_id, 'user_id', e.user_id, 'session_number', e.session,
       'event_time', e.event_time, 'kind', e.kind, 'name', e.name, 'url', e.url, 'referrer', e.referrer,
       'revenue', e.revenue, 'properties', e.properties, 'host', journey.url_host(e.url),
       'page_path', journey.url_path(e.url),
       'title', CASE WHEN e.kind IN ('page', 'screen') THEN e.properties ->> 'title' END,
       'currency', e.currency, 'order_id', e.order_id, 'counts_as_revenue', m.counts, 'session_date', s.session_date)
FROM event AS e JOIN person_event AS p USING (visitor_id, event_time, event_id)
LEFT JOIN money AS m USING (visitor_id, event_time, event_id)
LEFT JOIN session AS s ON s.visitor_id = e.visitor_id AND s.session = e.session;

-- The rows of the model that the oracle does not give, and those that it gives and the model has not.
CREATE FUNCTION differences(model name) RETURNS TABLE (relation text, side text, "row" jsonb)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($sql$
        TRUNCATE oracle.person_touch;
        INSERT INTO oracle.person_touch
        SELECT u.person_id, m.touch_id, t.*
        FROM oracle.touch AS t JOIN oracle.unit AS u USING (visitor_id, session)
        LEFT JOIN (%1$I.touches AS m JOIN %1$I.sessions AS s USING (visitor_id, session_id))
            ON m.visitor_id = t.visitor_id AND s.session_number = t.session AND m.touched_at = t.touched_at
           AND (m.source, m.medium, m.campaign, m.term, m.content, m.campaign_id, m.click_ids)
               IS NOT DISTINCT FROM
               (t.source, t.medium, t.campaign, t.term, t.content, t.campaign_id, t.click_ids)$sql$, model);
    PERFORM oracle.fill_conversions();
    PERFORM oracle.fill_segments();
    RETURN QUERY EXECUTE format($sql$
        WITH model (relation, "row") AS (
            SELECT 'sessions', to_jsonb(s) - '{session_id,version,updated_at}'::text[] FROM %1$I.sessions AS s
            UNION ALL
            SELECT 'touches', to_jsonb(t) - '{touch_id,session_id,version,updated_at}'::text[]
                   || jsonb_build_object('session_number', s.session_number)
            FROM %1$I.touches AS t LEFT JOIN %1$I.sessions AS s USING (session_id)
            UNION ALL
            SELECT 'identities', to_jsonb(i) FROM %1$I.identities AS i
            UNION ALL
            SELECT 'profiles', to_jsonb(p) - '{version,attributes_version,updated_at}'::text[]
            FROM %1$I.profiles AS p
            UNION ALL
            SELECT 'conversions', to_jsonb(c) - '{conversion_id,session_id}'::text[]
                   || jsonb_build_object('session_number', s.session_number)
            FROM %1$I.conversions AS c LEFT JOIN %1$I.sessions AS s USING (session_id)
            UNION ALL
            SELECT 'attributed_touches', to_jsonb(a) - '{conversion_id,touch_id}'::text[]
                   || jsonb_build_object('conversion', c.name, 'converted_at', c.converted_at)
            FROM %1$I.attributed_touches AS a JOIN %1$I.conversions AS c USING (conversion_id)
            UNION ALL
            SELECT 'segment_members', to_jsonb(m) - 'is_member'::text FROM %1$I.segment_members AS m
            UNION ALL
            SELECT 'events', to_jsonb(e) - 'session_id'::text
                   || jsonb_build_object('session_number', s.session_number)
            FROM %1$I.events AS e LEFT JOIN %1$I.sessions AS s USING (session_id))
        SELECT d.relation, d.side, d."row"
        FROM (SELECT 'only in the model', x.* FROM (TABLE model EXCEPT ALL TABLE oracle.expected) AS x
              UNION ALL
              SELECT 'only in the oracle', x.* FROM (TABLE oracle.expected EXCEPT ALL TABLE model) AS x)
             AS d (side, relation, "row")
        ORDER BY d.relation, d."row" ->> 'person_id', d."row"::text, d.side$sql$, model);
END
$$;

-- What a refresh that read all rows at once must have counted.
CREATE VIEW counts AS
SELECT count(*) + (SELECT count(*) FROM lead) AS rows_read, count(*) FILTER (WHERE outcome = 'excluded') AS excluded,
       count(*) FILTER (WHERE outcome = 'rejected')
       + (SELECT count(*) FROM lead_outcome WHERE outcome = 'rejected') AS rejected,
       (SELECT count(*) FROM event) + (SELECT count(*) FROM users_row)
       + (SELECT count(DISTINCT id) FROM lead_outcome WHERE outcome = 'lead') AS new
FROM row_outcome;

RESET search_path;
