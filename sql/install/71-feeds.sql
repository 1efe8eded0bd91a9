
-- ---------------------------------------------------------------------------------------------
-- activation: feeds, what each ad platform is to be told of a model's conversions
--
-- A feed is computed when it is asked for, from the relations conversions, attributed_touches and touches of
-- a model and from what was given out before (exports, 72-exports.sql), with the rights of who asks. Platforms
-- differ by their rules (_feed_rules) and by what a line looks like (_feed_line, _feed_event); whether a row
-- goes is decided in one place, _feed_items.
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey.feed_row AS (
    action        text,
    status        text,
    reason        text,
    due_at        timestamptz,
    batch         bigint,
    file          text,
    conversion_id text COLLATE "C",
    name          text,
    person_id     text COLLATE "C",
    click_id_type text,
    click_id      text,
    click_at      timestamptz,
    converted_at  timestamptz,
    adjusted_at   timestamptz,
    sent_id       text,
    credit        numeric,
    value         numeric,
    currency      text,
    line          text,
    event         jsonb
);
COMMENT ON TYPE journey.feed_row IS 'a conversion, or a change of one, as an ad platform is to be told of it';

-- How a feed is made: the platform's limits and what options say.
CREATE TYPE journey._feed AS (
    platform      text,
    feed          text,         -- under which name it is remembered what was given
    format        text,
    hashes        text,         -- the platform's name for hash_email() and hash_phone()
    adjustments   boolean,      -- it takes restatements and retractions
    by_click      boolean,      -- a conversion must be later than its click, and its key is click and time
    click_window  interval,     -- from the click to the conversion
    max_click_age interval,     -- of the click when the conversion is given
    min_click_age interval,
    max_age       interval,     -- of the conversion when it is given
    adjust_from   interval,     -- age of the conversion when it is changed
    adjust_until  interval,
    user_data     boolean,      -- hashed e-mail and phone are given
    actions       jsonb,
    consent       text,
    country       text,
    id            text,
    time_zone     text,
    rule          text,
    one_per_click boolean,
    external_id   boolean,
    action_source text,
    event_source  text
);

-- A row of a feed with all that a line is made of.
CREATE TYPE journey._feed_item AS (
    action             text,
    generation         integer,     -- of a conversion that was given, taken back and given again
    conversion_id      text,
    part               text,        -- the click, where a conversion is given by touches, else ''
    name               text,
    action_name        text,        -- the platform's name for it
    person_id          text,
    user_id            text,
    order_id           text,
    on_site            boolean,
    credit             numeric,
    converted_at       timestamptz, -- as the platform is told
    value              numeric,
    currency           text,
    email              text,        -- hashes
    phone              text,
    ad_user_data       boolean,
    ad_personalization boolean,
    click_id_type      text,
    click_id           text,
    click_at           timestamptz,
    sent_id            text,
    adjusted_at        timestamptz,
    given_format       text,        -- of a change: how the conversion was given
    given_event        jsonb,
    given_adjusted_at  timestamptz,
    of_batch           bigint,      -- of a forgotten person's retraction: the row that it takes back
    of_n               bigint,
    verdict            text
);

-- ---------------------------------------------------------------------------------------------
-- activation: options of a feed
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._bad_feed_option(option text, value jsonb, wanted text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'invalid value for option "%": %', option, value
        USING ERRCODE = 'invalid_parameter_value', HINT = format('It must be %s.', wanted);
END
$$;

-- The string that an option has, the standard one where it has none; of a list of known ones, if there is one.
CREATE FUNCTION journey._feed_word(options jsonb, option text, standard text, known text[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := options -> option;
BEGIN
    IF coalesce(jsonb_typeof(value), 'null') = 'null' THEN
        RETURN standard;
    ELSIF jsonb_typeof(value) <> 'string' OR value #>> '{}' = ''
          OR known IS NOT NULL AND value #>> '{}' <> ALL (known) THEN
        PERFORM journey._bad_feed_option(option, value,
                                         coalesce('one of ' || array_to_string(known, ', '), 'a string'));
    END IF;
    RETURN value #>> '{}';
END
$$;

CREATE FUNCTION journey._feed_flag(options jsonb, option text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := options -> option;
BEGIN
    IF coalesce(jsonb_typeof(value), 'null') = 'null' THEN
        RETURN false;
    ELSIF jsonb_typeof(value) <> 'boolean' THEN
        PERFORM journey._bad_feed_option(option, value, 'true or false'::text);
    END IF;
    RETURN value = 'true';
END
$$;

-- The window from the click to the conversion: what the option says, at most what the platform takes.
CREATE FUNCTION journey._feed_window(options jsonb, standard interval)
RETURNS interval
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := options -> 'window';
BEGIN
    IF coalesce(jsonb_typeof(value), 'null') = 'null' THEN
        RETURN standard;
    END IF;
    PERFORM journey._check_interval('window'::text, value, false);
    RETURN least(journey._fixed_interval((value #>> '{}')::interval), standard);
END
$$;

-- Names of conversions with those that the platform has for them.
CREATE FUNCTION journey._feed_actions(options jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := options -> 'actions';
BEGIN
    IF coalesce(jsonb_typeof(value), 'null') = 'null' THEN
        RETURN '{}';
    ELSIF jsonb_typeof(value) <> 'object' OR EXISTS (
              SELECT FROM jsonb_each(CASE jsonb_typeof(value) WHEN 'object' THEN value ELSE '{}' END) AS a
              WHERE jsonb_typeof(a.value) <> 'string' OR a.value = '""') THEN
        PERFORM journey._bad_feed_option('actions'::text, value,
            'an object of conversions with the platform''s names for them, such as {"MQL": "Qualified lead"}'::text);
    END IF;
    RETURN value;
END
$$;

-- The limits of the platforms, by format where it has several. Sources: docs/activation.md.
CREATE FUNCTION journey._feed_limits(platform text, format text)
RETURNS journey._feed
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f journey._feed;
BEGIN
    f.platform := platform;
    f.format := format;
    f.hashes := CASE platform WHEN 'google_ads' THEN 'google' WHEN 'microsoft_ads' THEN 'microsoft' ELSE platform END;
    f.by_click := platform = ANY ('{google_ads,microsoft_ads}'::text[]);
    f.adjustments := f.by_click;
    f.user_data := platform <> ALL ('{google_ads,microsoft_ads}'::text[])
                   OR format = ANY ('{leads,data_manager}'::text[]);
    IF platform = 'google_ads' THEN
        f.click_window := CASE format WHEN 'leads' THEN interval '63 days' ELSE interval '90 days' END;
        f.max_click_age := interval '90 days';
        f.min_click_age := interval '6 hours';
        f.adjust_from := interval '24 hours';
        f.adjust_until := interval '54 days';
    ELSIF platform = 'microsoft_ads' THEN
        f.click_window := interval '90 days';
        f.min_click_age := interval '1 hour';
        f.max_age := interval '90 days';
        f.adjust_from := interval '0';
        f.adjust_until := interval '90 days';
    ELSE
        f.max_age := CASE platform WHEN 'meta' THEN interval '7 days' WHEN 'tiktok' THEN interval '28 days'
                                   ELSE interval '90 days' END;
    END IF;
    RETURN f;
END
$$;

CREATE FUNCTION journey._feed_options(platform text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT '{feed,actions,consent,id}'::text[] || CASE platform
    WHEN 'google_ads' THEN '{format,window,time_zone,country,rule,one_per_click,event_source}'::text[]
    WHEN 'microsoft_ads' THEN '{window,user_data,country}'::text[]
    WHEN 'meta' THEN '{action_source,external_id,country}'::text[]
    WHEN 'tiktok' THEN '{event_source,external_id,country}'::text[]
    ELSE '{}'::text[] END
$$;

-- How a feed of a platform is made with options.
CREATE FUNCTION journey._feed_rules(platform text, options jsonb)
RETURNS journey._feed
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    platforms constant text[] := '{google_ads,microsoft_ads,meta,linkedin,tiktok}';
    f journey._feed;
BEGIN
    IF (platform = ANY (platforms)) IS NOT TRUE THEN
        RAISE EXCEPTION 'unknown platform %', coalesce(quote_literal(platform), 'null')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Platforms are %s.', array_to_string(platforms, ', '));
    END IF;
    PERFORM journey._check_keys(options, journey._feed_options(platform));
    f := journey._feed_limits(platform, CASE platform
             WHEN 'google_ads' THEN journey._feed_word(options, 'format'::text, 'click'::text,
                                                       '{click,leads,attributed,data_manager}'::text[])
             WHEN 'microsoft_ads' THEN 'click'
             ELSE 'events' END);
    f.feed := journey._feed_word(options, 'feed'::text,
                  platform || CASE f.format WHEN 'attributed' THEN '_attributed' ELSE '' END, NULL::text[]);
    f.click_window := journey._feed_window(options, f.click_window);
    f.actions := journey._feed_actions(options);
    f.consent := journey._feed_word(options, 'consent'::text, 'unless denied'::text,
                                    '{unless denied,granted}'::text[]);
    f.country := journey._feed_word(options, 'country'::text, NULL::text, NULL::text[]);
    f.id := journey._feed_word(options, 'id'::text, CASE platform WHEN 'google_ads' THEN 'order' ELSE 'opaque' END,
                               '{order,conversion,opaque}'::text[]);
    f.rule := journey._feed_word(options, 'rule'::text, 'linear'::text,
                                 '{first,last,last_non_direct,linear,position,w_shaped,time_decay}'::text[]);
    f.user_data := f.user_data OR journey._feed_flag(options, 'user_data'::text);
    f.one_per_click := journey._feed_flag(options, 'one_per_click'::text);
    f.external_id := journey._feed_flag(options, 'external_id'::text);
    f.time_zone := journey._feed_word(options, 'time_zone'::text, 'UTC'::text, NULL::text[]);
    IF f.time_zone <> 'UTC' THEN
        PERFORM journey._check_option('time_zone'::text, 'zone'::text, options -> 'time_zone');
    END IF;
    -- the website's own events need the browser's user agent, which a model does not have
    f.action_source := journey._feed_word(options, 'action_source'::text, 'system_generated'::text,
        '{system_generated,app,phone_call,chat,email,physical_store,business_messaging,other}'::text[]);
    IF platform = 'meta' AND f.action_source = 'physical_store' THEN
        f.max_age := interval '62 days';
    END IF;
    f.event_source := journey._feed_word(options, 'event_source'::text, NULL::text,
        CASE platform WHEN 'google_ads' THEN '{WEB,APP,IN_STORE,PHONE,OTHER}'::text[]
                      ELSE '{web,app,offline,crm}'::text[] END);
    RETURN f;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- activation: values of a line
-- ---------------------------------------------------------------------------------------------

-- An amount in whole minor units of its currency; most have two digits behind the point.
CREATE FUNCTION journey._amount(value numeric, currency text)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT trim_scale(round(value, CASE
    WHEN currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[]) THEN 0
    WHEN currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[]) THEN 3
    ELSE 2 END))
$$;

-- What a person consented to: true, false, or NULL where nothing is said of it.
CREATE FUNCTION journey._consented(consent jsonb, purpose text, camel text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE
    WHEN said = ANY ('{granted,consent_granted,true}'::text[]) THEN true
    WHEN said = ANY ('{denied,consent_denied,false}'::text[]) THEN false END
  FROM (SELECT lower(CASE jsonb_typeof(consent) WHEN 'object' THEN coalesce(consent ->> purpose, consent ->> camel)
                          ELSE consent #>> '{}' END) AS said) AS c
$$;

-- The platform's name for a conversion; of LinkedIn its URN, or NULL.
CREATE FUNCTION journey._action_name(f journey._feed, name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE
    WHEN f.platform <> 'linkedin' OR a.action ~ '^urn:lla:llaPartnerConversion:[0-9]+$' THEN a.action
    WHEN a.action ~ '^[0-9]+$' THEN 'urn:lla:llaPartnerConversion:' || a.action END
  FROM (SELECT coalesce(f.actions ->> name, name) AS action) AS a
$$;

-- The id under which a platform is told of a conversion: an order id as it is, so that the platform knows the same
-- order by its own tag; else one that tells nothing. A conversion that comes back after it was taken back has another.
CREATE FUNCTION journey._sent_id(f journey._feed, order_id text, conversion_id text, part text, generation integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce(CASE f.id WHEN 'order' THEN nullif(order_id, '') WHEN 'conversion' THEN conversion_id END,
                substr(encode(sha256(convert_to('conversion ' || conversion_id || ' ' || part,
                    -- the bytes as they are where the encoding of the database says nothing of them
                    CASE WHEN getdatabaseencoding() = 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)), 'hex'), 1, 32))
       || CASE WHEN generation > 1 THEN '-' || generation ELSE '' END
$$;

-- A time with its own offset from UTC, by seconds.
CREATE FUNCTION journey._file_time(at timestamptz, zone text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN at IS NULL THEN NULL
            -- an offset with seconds, of times before there were zones, cannot be written
            WHEN z.minutes <> trunc(z.minutes) THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+0000'
            ELSE to_char(at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS') || CASE WHEN z.minutes < 0 THEN '-' ELSE '+' END
                 || to_char(abs(trunc(z.minutes / 60)), 'FM00') || to_char(mod(abs(z.minutes), 60), 'FM00') END
  FROM (SELECT extract(epoch FROM (at AT TIME ZONE zone) - (at AT TIME ZONE 'UTC'))::numeric / 60 AS minutes) AS z
$$;

CREATE FUNCTION journey._csv_line(fields text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT string_agg(CASE WHEN v ~ E'[",\r\n]' OR v ~ '^\s|\s$' THEN '"' || replace(v, '"', '""') || '"'
                       ELSE coalesce(v, '') END, ',' ORDER BY n)
  FROM unnest(fields) WITH ORDINALITY AS f (v, n)
$$;

-- A cell of consent.
CREATE FUNCTION journey._consent_cell(granted boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT CASE WHEN granted THEN 'Granted' WHEN NOT granted THEN 'Denied' END$$;

-- The file that a row belongs to. What is adjusted by its order id and what by its click are files apart.
CREATE FUNCTION journey._feed_file(f journey._feed, action text, given_format text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN action = 'conversion' OR f.format = ANY ('{data_manager,events}'::text[]) THEN 'conversions'
            ELSE 'adjustments' END
$$;

-- The lines that a file begins with.
CREATE FUNCTION journey._feed_header(f journey._feed, file text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE
    WHEN f.platform = 'google_ads' AND f.format = 'attributed' AND file = 'adjustments' THEN
        ARRAY['Parameters:TimeZone=+0000', 'Google Click ID,Conversion Name,Conversion Time,Adjustment Time,'
              'Adjustment Type,Adjusted Value,Adjusted Value Currency']
    WHEN f.platform = 'google_ads' AND file = 'adjustments' THEN
        ARRAY['Parameters:TimeZone=+0000', 'Order ID,Conversion Name,Adjustment Time,Adjustment Type,Adjusted Value,'
              'Adjusted Value Currency']
    WHEN f.platform = 'google_ads' AND f.format = 'click' THEN
        ARRAY['Parameters:TimeZone=+0000', 'Google Click ID,Conversion Name,Conversion Time,Conversion Value,'
              'Conversion Currency,Order ID,Ad User Data,Ad Personalization']
    WHEN f.platform = 'google_ads' AND f.format = 'attributed' THEN
        ARRAY['Parameters:TimeZone=+0000', 'Parameters:Attribution Model = ' || f.rule,
              'Google Click ID,Conversion Name,Conversion Time,Attributed Credit,Conversion Value,'
              'Conversion Currency,Ad User Data,Ad Personalization']
    WHEN f.platform = 'google_ads' AND f.format = 'leads' THEN
        ARRAY['Parameters:TimeZone=+0000', 'Email,Phone Number,Conversion Name,Conversion Time,Conversion Value,'
              'Conversion Currency,Order ID,Google Click ID,Ad User Data,Ad Personalization']
    WHEN f.platform = 'microsoft_ads' AND file = 'adjustments' THEN
        ARRAY['Type,Status,Id,Parent Id,Client Id,Modified Time,Name,Conversion Name,Conversion Time,'
              'Microsoft Click Id,Adjustment Type,Adjustment Value,Adjustment Time,Adjustment Currency Code',
              'Format Version,,,,,,6.0,,,,,,,']
    WHEN f.platform = 'microsoft_ads' THEN
        ARRAY['Parameters:TimeZone=+0000', 'Microsoft Click ID,Conversion Name,Conversion Time,Conversion Value,'
              'Conversion Currency' || CASE WHEN f.user_data THEN ',Hashed Email Address,Hashed Phone Number'
                                            ELSE '' END]
    ELSE '{}'::text[] END
$$;

-- ---------------------------------------------------------------------------------------------
-- activation: lines and events
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._google_line(f journey._feed, i journey._feed_item)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at text := journey._file_time(i.converted_at, f.time_zone);
    adjusted text := journey._file_time(i.adjusted_at, f.time_zone);
    currency text := CASE WHEN i.value IS NOT NULL THEN i.currency END;
    consent text[] := ARRAY[journey._consent_cell(i.ad_user_data), journey._consent_cell(i.ad_personalization)];
BEGIN
    IF i.action <> 'conversion' AND f.format = 'attributed' THEN
        RETURN journey._csv_line(ARRAY[i.click_id, i.action_name, at, adjusted, upper(i.action), i.value::text, currency]);
    ELSIF i.action <> 'conversion' THEN
        RETURN journey._csv_line(ARRAY[i.sent_id, i.action_name, adjusted, upper(i.action), i.value::text, currency]);
    ELSIF f.format = 'click' THEN
        RETURN journey._csv_line(ARRAY[i.click_id, i.action_name, at, i.value::text, currency, i.sent_id] || consent);
    ELSIF f.format = 'attributed' THEN
        RETURN journey._csv_line(ARRAY[i.click_id, i.action_name, at, trim_scale(i.credit)::text, i.value::text,
                                       currency] || consent);
    ELSE
        RETURN journey._csv_line(ARRAY[i.email, i.phone, i.action_name, at, i.value::text, currency, i.sent_id,
                                       CASE i.click_id_type WHEN 'gclid' THEN i.click_id END] || consent);
    END IF;
END
$$;

CREATE FUNCTION journey._microsoft_line(f journey._feed, i journey._feed_item)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bulk_time constant text := 'FMMM/FMDD/YYYY FMHH12:MI:SS AM';
    currency text := CASE WHEN i.value IS NOT NULL THEN i.currency END;
BEGIN
    IF i.action <> 'conversion' THEN
        RETURN journey._csv_line(ARRAY['Offline Conversion', NULL, NULL, NULL, NULL, NULL, NULL, i.action_name,
            to_char(i.converted_at AT TIME ZONE 'UTC', bulk_time), i.click_id, initcap(i.action), i.value::text,
            to_char(i.adjusted_at AT TIME ZONE 'UTC', bulk_time), currency]);
    END IF;
    RETURN journey._csv_line(ARRAY[i.click_id, i.action_name,
        to_char(i.converted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), i.value::text, currency]
        || CASE WHEN f.user_data THEN ARRAY[i.email, i.phone] ELSE '{}'::text[] END);
END
$$;

-- An event for the Data Manager API. A change is the conversion sent again with another value; there is no
-- retraction, so that one is a value of 0.
CREATE FUNCTION journey._google_event(f journey._feed, i journey._feed_item)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE
    WHEN i.action <> 'conversion' THEN
        (i.given_event - 'currency') || jsonb_strip_nulls(jsonb_build_object(
            'conversionValue', coalesce(i.value, 0),
            'currency', coalesce(i.currency, i.given_event ->> 'currency')))
    ELSE jsonb_strip_nulls(jsonb_build_object(
        'transactionId', i.sent_id,
        'eventTimestamp', to_char(i.converted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'adIdentifiers', CASE WHEN i.click_id IS NOT NULL THEN jsonb_build_object(i.click_id_type, i.click_id) END,
        -- with a braid no person may be named
        'userData', CASE WHEN f.user_data AND coalesce(i.click_id_type, 'gclid') = 'gclid'
                              AND coalesce(i.email, i.phone) IS NOT NULL THEN
            jsonb_build_object('userIdentifiers',
                CASE WHEN i.email IS NOT NULL THEN jsonb_build_array(jsonb_build_object('emailAddress', i.email))
                     ELSE '[]' END
                || CASE WHEN i.phone IS NOT NULL THEN jsonb_build_array(jsonb_build_object('phoneNumber', i.phone))
                        ELSE '[]' END) END,
        'conversionValue', i.value,
        'currency', CASE WHEN i.value IS NOT NULL THEN i.currency END,
        'consent', nullif(jsonb_strip_nulls(jsonb_build_object(
            'adUserData', 'CONSENT_' || upper(journey._consent_cell(i.ad_user_data)),
            'adPersonalization', 'CONSENT_' || upper(journey._consent_cell(i.ad_personalization)))), '{}'),
        'eventSource', coalesce(f.event_source, CASE WHEN i.on_site THEN 'WEB' ELSE 'OTHER' END))) END
$$;

-- The external id of a person: the hash of the user id, where it is wanted.
CREATE FUNCTION journey._external_id(f journey._feed, user_id text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN f.external_id AND user_id <> '' THEN encode(sha256(convert_to(lower(btrim(user_id)),
    CASE WHEN getdatabaseencoding() = 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)), 'hex') END
$$;

CREATE FUNCTION journey._meta_event(f journey._feed, i journey._feed_item)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT jsonb_strip_nulls(jsonb_build_object(
    'event_name', i.action_name,
    'event_time', floor(extract(epoch FROM i.converted_at))::bigint,
    'event_id', i.sent_id,
    'action_source', f.action_source,
    'user_data', jsonb_build_object(
        'em', CASE WHEN i.email IS NOT NULL THEN jsonb_build_array(i.email) END,
        'ph', CASE WHEN i.phone IS NOT NULL THEN jsonb_build_array(i.phone) END,
        'external_id', CASE WHEN journey._external_id(f, i.user_id) IS NOT NULL
                            THEN jsonb_build_array(journey._external_id(f, i.user_id)) END,
        -- the value of the cookie as it is, or the cookie that this click would have made
        'fbc', CASE WHEN i.click_id ~ '^fb\.[0-9]+\.[0-9]+\.' THEN i.click_id
                    ELSE 'fb.1.' || floor(extract(epoch FROM coalesce(i.click_at, i.converted_at)) * 1000)::bigint
                         || '.' || i.click_id END),
    'custom_data', nullif(jsonb_strip_nulls(jsonb_build_object(
        'value', i.value, 'currency', CASE WHEN i.value IS NOT NULL THEN i.currency END,
        'order_id', nullif(i.order_id, ''))), '{}')))
$$;

CREATE FUNCTION journey._linkedin_event(f journey._feed, i journey._feed_item)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT jsonb_strip_nulls(jsonb_build_object(
    'conversion', i.action_name,
    'conversionHappenedAt', floor(extract(epoch FROM i.converted_at) * 1000)::bigint,
    'conversionValue', CASE WHEN i.value IS NOT NULL AND i.currency IS NOT NULL
                            THEN jsonb_build_object('currencyCode', i.currency, 'amount', i.value::text) END,
    'eventId', i.sent_id,
    'user', jsonb_build_object('userIds',
        CASE WHEN i.email IS NOT NULL
             THEN jsonb_build_array(jsonb_build_object('idType', 'SHA256_EMAIL', 'idValue', i.email)) ELSE '[]' END
        || CASE WHEN i.click_id IS NOT NULL
                THEN jsonb_build_array(jsonb_build_object('idType', 'LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID',
                                                          'idValue', i.click_id)) ELSE '[]' END)))
$$;

CREATE FUNCTION journey._tiktok_event(f journey._feed, i journey._feed_item)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT jsonb_strip_nulls(jsonb_build_object(
    'event', i.action_name,
    'event_time', floor(extract(epoch FROM i.converted_at))::bigint,
    'event_id', i.sent_id,
    'user', jsonb_build_object('ttclid', i.click_id, 'email', i.email, 'phone', i.phone,
                               'external_id', journey._external_id(f, i.user_id)),
    'properties', nullif(jsonb_strip_nulls(jsonb_build_object(
        'value', i.value, 'currency', CASE WHEN i.value IS NOT NULL THEN i.currency END,
        'order_id', nullif(i.order_id, ''))), '{}')))
$$;

CREATE FUNCTION journey._feed_event(f journey._feed, i journey._feed_item)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN f.platform = 'google_ads' AND f.format <> 'attributed' THEN journey._google_event(f, i)
                WHEN f.platform = 'meta' THEN journey._meta_event(f, i)
                WHEN f.platform = 'linkedin' THEN journey._linkedin_event(f, i)
                WHEN f.platform = 'tiktok' THEN journey._tiktok_event(f, i) END;
END
$$;

CREATE FUNCTION journey._feed_line(f journey._feed, i journey._feed_item, event jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN f.format = ANY ('{data_manager,events}'::text[]) THEN event::text
                WHEN f.platform = 'google_ads' THEN journey._google_line(f, i)
                ELSE journey._microsoft_line(f, i) END;
END
$$;
