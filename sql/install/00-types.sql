-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_journey" to load this file. \quit

-- ---------------------------------------------------------------------------------------------
-- schema
--
-- It is made here and belongs to the extension. Who owned one that was there before could put functions
-- into it that win over ours for some call, and have them run as whoever calls.
-- ---------------------------------------------------------------------------------------------

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace n
                WHERE n.nspname OPERATOR(pg_catalog.=) 'journey'::pg_catalog.name) THEN
        RAISE EXCEPTION 'schema "journey" already exists'
            USING ERRCODE = 'duplicate_schema',
                  DETAIL = 'The extension makes it itself, so that nobody else can have put anything into it.',
                  HINT = 'Drop or rename it: ALTER SCHEMA journey RENAME TO journey_before;';
    END IF;
END
$$;

CREATE SCHEMA journey;
COMMENT ON SCHEMA journey IS 'functions and catalog of pg_journey';
-- who installs it, and who owns the database, lets others use it
GRANT USAGE ON SCHEMA journey TO @extowner@ WITH GRANT OPTION;
GRANT USAGE ON SCHEMA journey TO pg_database_owner WITH GRANT OPTION;

-- ---------------------------------------------------------------------------------------------
-- types
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey.event AS (
    event_id    text COLLATE "C",
    visitor_id  text COLLATE "C",
    user_id     text COLLATE "C",
    event_time  timestamptz,
    received_at timestamptz,
    kind        text,
    name        text,
    url         text,
    referrer    text,
    revenue     numeric,
    currency    text,
    order_id    text COLLATE "C",
    source      text,
    medium      text,
    campaign    text,
    term        text,
    content     text,
    session_key text COLLATE "C",
    previous_id text COLLATE "C",
    platform    text,
    properties  jsonb,
    traits      jsonb
);
COMMENT ON TYPE journey.event IS 'one customer event in standard form';

CREATE TYPE journey.campaign AS (
    source           text,
    medium           text,
    campaign         text,
    term             text,
    content          text,
    id               text,
    source_platform  text,
    creative_format  text,
    marketing_tactic text,
    click_id_type    text,
    click_id         text
);
COMMENT ON TYPE journey.campaign IS 'what the parameters of a URL say of a campaign';

CREATE TYPE journey.touch AS (
    touch_type    text,
    source        text,
    medium        text,
    campaign      text,
    term          text,
    content       text,
    campaign_id   text,
    channel       text,
    click_id_type text,
    click_id      text,
    click_ids     jsonb,
    referrer_host text,
    landing_page  text
);
COMMENT ON TYPE journey.touch IS 'where a visit came from';

CREATE TYPE journey.session AS (
    session_id        uuid,
    visitor_id        text COLLATE "C",
    user_id           text COLLATE "C",
    session_number    bigint,
    started_at        timestamptz,
    ended_at          timestamptz,
    session_date      date,
    duration_seconds  numeric,
    events            bigint,
    page_views        bigint,
    landing_page      text,
    landing_page_path text,
    exit_page         text,
    referrer          text,
    referrer_host     text,
    source            text,
    medium            text,
    campaign          text,
    term              text,
    content           text,
    channel           text,
    gclid             text,
    click_id          text,
    click_id_type     text,
    revenue           numeric,
    is_bounce         boolean
);
COMMENT ON TYPE journey.session IS 'one session of one visitor';

CREATE TYPE journey.touched AS (
    touch_id      uuid,
    visitor_id    text COLLATE "C",
    session_id    uuid,
    touched_at    timestamptz,
    touch_type    text,
    source        text,
    medium        text,
    campaign      text,
    term          text,
    content       text,
    campaign_id   text,
    channel       text,
    click_id      text,
    click_id_type text,
    click_ids     jsonb,
    landing_page  text,
    referrer      text,
    referrer_host text
);
COMMENT ON TYPE journey.touched IS 'a touch with its time, visitor and session';
