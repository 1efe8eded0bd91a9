
-- ---------------------------------------------------------------------------------------------
-- activation: feeds, what each ad platform is to be told of a model's conversions
--
-- A feed is computed when it is asked for, from the relations conversions, attributed_touches and touches of
-- a model and from what was given out before (exports, 83-exports.sql), with the rights of who asks. Platforms
-- differ by two tables (_feed_formats, _feed_files) and by what an event looks like (_feed_event); whether a row
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

-- How a feed is made: first what _feed_formats() says of the platform and its format, then what options say.
CREATE TYPE journey._feed AS (
    platform      text,
    format        text,
    hashes        text,         -- the platform's name for hash_email() and hash_phone()
    click_type    text,         -- the id of a click that it takes
    by_click      boolean,      -- a conversion must be later than its click, and its key is click and time
    user_data     boolean,      -- hashed e-mail and phone are given
    click_window  interval,     -- from the click to the conversion
    max_click_age interval,     -- of the click when the conversion is given
    min_click_age interval,
    max_age       interval,     -- of the conversion when it is given
    adjust_from   interval,     -- age of the conversion when it is changed
    adjust_until  interval,     -- NULL where the platform takes no changes
    files         jsonb,        -- the names of the columns of its files
    feed          text,         -- under which name it is remembered what was given
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
-- activation: what platforms differ by. Sources: docs/activation.md
-- ---------------------------------------------------------------------------------------------

-- The formats of feeds, of each platform first the one that it has without an option; and their limits, NULL is none.
CREATE FUNCTION journey._feed_formats()
RETURNS TABLE (
    platform text, format text, hashes text, click_type text, by_click boolean, user_data boolean, click_window interval,
    max_click_age interval, min_click_age interval, max_age interval, adjust_from interval, adjust_until interval)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
    ('google_ads', 'click', 'google', 'gclid', true, false, interval '90 days',
     interval '90 days', interval '6 hours', NULL::interval, interval '24 hours', interval '54 days'),
    ('google_ads', 'leads', 'google', 'gclid', true, true, '63 days', '90 days', '6 hours', NULL, '24 hours', '54 days'),
    ('google_ads', 'attributed', 'google', 'gclid', true, false, '90 days', '90 days', '6 hours', NULL, '24 hours', '54 days'),
    ('google_ads', 'data_manager', 'google', 'gclid', true, true, '90 days', '90 days', '6 hours', NULL, '24 hours', '54 days'),
    ('microsoft_ads', 'click', 'microsoft', 'msclkid', true, false, '90 days', NULL, '1 hour', '90 days', '0', '90 days'),
    ('meta', 'events', 'meta', 'fbclid', false, true, NULL, NULL, NULL, '7 days', NULL, NULL),
    ('linkedin', 'events', 'linkedin', 'li_fat_id', false, true, NULL, NULL, NULL, '90 days', NULL, NULL),
    ('tiktok', 'events', 'tiktok', 'ttclid', false, true, NULL, NULL, NULL, '28 days', NULL, NULL)
$$;

-- The columns of files.
CREATE FUNCTION journey._feed_files()
RETURNS TABLE (platform text, formats text[], file text, columns text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
    ('google_ads', '{click}'::text[], 'conversions', 'Google Click ID,Conversion Name,Conversion Time,Conversion Value,'
     'Conversion Currency,Order ID,Ad User Data,Ad Personalization'),
    ('google_ads', '{leads}', 'conversions', 'Email,Phone Number,Conversion Name,Conversion Time,Conversion Value,'
     'Conversion Currency,Order ID,Google Click ID,Ad User Data,Ad Personalization'),
    ('google_ads', '{click,leads}', 'adjustments', 'Order ID,Conversion Name,Adjustment Time,Adjustment Type,'
     'Adjusted Value,Adjusted Value Currency'),
    ('google_ads', '{attributed}', 'conversions', 'Google Click ID,Conversion Name,Conversion Time,Attributed Credit,'
     'Conversion Value,Conversion Currency,Ad User Data,Ad Personalization'),
    ('google_ads', '{attributed}', 'adjustments', 'Google Click ID,Conversion Name,Conversion Time,Adjustment Time,'
     'Adjustment Type,Adjusted Value,Adjusted Value Currency'),
    ('microsoft_ads', '{click}', 'conversions', 'Microsoft Click ID,Conversion Name,Conversion Time,Conversion Value,'
     'Conversion Currency,Hashed Email Address,Hashed Phone Number'),
    ('microsoft_ads', '{click}', 'adjustments', 'Type,Status,Id,Parent Id,Client Id,Modified Time,Name,Conversion Name,'
     'Conversion Time,Microsoft Click Id,Adjustment Type,Adjustment Value,Adjustment Time,Adjustment Currency Code')
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

-- How a feed of a platform is made with options.
CREATE FUNCTION journey._feed_rules(platform text, options jsonb)
RETURNS journey._feed
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    platforms constant text[] := ARRAY(
        SELECT t.platform FROM journey._feed_formats() WITH ORDINALITY AS t (platform) GROUP BY 1 ORDER BY min(t.ordinality));
    formats text[] := ARRAY(SELECT t.format FROM journey._feed_formats() AS t WHERE t.platform = $1);
    chosen text;
    f journey._feed;
BEGIN
    IF (platform = ANY (platforms)) IS NOT TRUE THEN
        RAISE EXCEPTION 'unknown platform %', coalesce(quote_literal(platform), 'null')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Platforms are %s.', array_to_string(platforms, ', '));
    END IF;
    PERFORM journey._check_keys(options, journey._feed_options(platform));
    chosen := journey._feed_word(options, 'format'::text, formats[1], formats);
    SELECT * INTO f FROM journey._feed_formats() AS t WHERE t.platform = $1 AND t.format = chosen;
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
    SELECT jsonb_object_agg(t.file, (
               SELECT jsonb_agg(c ORDER BY n) FROM unnest(string_to_array(t.columns, ',')) WITH ORDINALITY AS x (c, n)
               WHERE f.user_data OR c NOT LIKE 'Hashed%'))
      INTO f.files FROM journey._feed_files() AS t WHERE t.platform = f.platform AND f.format = ANY (t.formats);
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
LANGUAGE sql IMMUTABLE PARALLEL SAFE -- neither STRICT nor SET, as those below: it is inlined
RETURN pg_catalog.trim_scale(pg_catalog.round(value, CASE
    WHEN currency OPERATOR(pg_catalog.=) ANY (
        '{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::pg_catalog.text[]) THEN 0
    WHEN currency OPERATOR(pg_catalog.=) ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::pg_catalog.text[]) THEN 3
    ELSE 2 END));

-- What a person consented to: true, false, or NULL where nothing is said of it.
CREATE FUNCTION journey._consented(consent jsonb, purpose text, camel text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE pg_catalog.lower(CASE pg_catalog.jsonb_typeof(consent) WHEN 'object'
        THEN COALESCE(consent OPERATOR(pg_catalog.->>) purpose, consent OPERATOR(pg_catalog.->>) camel)
        ELSE consent OPERATOR(pg_catalog.#>>) '{}'::pg_catalog.text[] END)
    WHEN 'granted' THEN true WHEN 'consent_granted' THEN true WHEN 'true' THEN true
    WHEN 'denied' THEN false WHEN 'consent_denied' THEN false WHEN 'false' THEN false END;

-- The platform's name for a conversion; of LinkedIn its URN, or NULL.
CREATE FUNCTION journey._action_name(f journey._feed, name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN (f).platform OPERATOR(pg_catalog.<>) 'linkedin' OR COALESCE((f).actions OPERATOR(pg_catalog.->>) name, name)
             OPERATOR(pg_catalog.~) '^urn:lla:llaPartnerConversion:[0-9]+$'
        THEN COALESCE((f).actions OPERATOR(pg_catalog.->>) name, name)
    WHEN COALESCE((f).actions OPERATOR(pg_catalog.->>) name, name) OPERATOR(pg_catalog.~) '^[0-9]+$'
        THEN 'urn:lla:llaPartnerConversion:' OPERATOR(pg_catalog.||)
             COALESCE((f).actions OPERATOR(pg_catalog.->>) name, name) END;

-- The id under which a platform is told of a conversion: an order id as it is, so that the platform knows the
-- same order by its own tag; else one that tells nothing. A conversion that comes back after it was taken back
-- has another.
CREATE FUNCTION journey._sent_id(f journey._feed, order_id text, conversion_id text, part text, generation bigint)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN COALESCE(
    CASE (f).id WHEN 'order' THEN NULLIF(order_id, '') WHEN 'conversion' THEN conversion_id END,
    pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        'conversion ' OPERATOR(pg_catalog.||) conversion_id OPERATOR(pg_catalog.||) ' '
        OPERATOR(pg_catalog.||) part,
        -- the bytes as they are where the encoding of the database says nothing of them
        CASE WHEN pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.=) 'SQL_ASCII'
             THEN 'SQL_ASCII' ELSE 'UTF8' END)), 'hex'), 1, 32))
    OPERATOR(pg_catalog.||) CASE WHEN generation OPERATOR(pg_catalog.>) 1
                                 THEN '-' OPERATOR(pg_catalog.||) generation::pg_catalog.text ELSE '' END;

-- A time with its own offset from UTC, by seconds.
CREATE FUNCTION journey._file_time(at timestamptz, zone text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN at IS NULL THEN NULL
            -- an offset with seconds, of times before there were zones, cannot be written
            WHEN z.minutes <> trunc(z.minutes) THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+0000'
            ELSE to_char(at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS')
                 || CASE WHEN z.minutes < 0 THEN '-' ELSE '+' END
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

-- The file that a row belongs to: of an API all go the same way.
CREATE FUNCTION journey._feed_file(f journey._feed, action text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN action OPERATOR(pg_catalog.=) 'conversion'
                 OR (f).format OPERATOR(pg_catalog.=) ANY ('{data_manager,events}'::pg_catalog.text[])
            THEN 'conversions' ELSE 'adjustments' END;

-- The lines that a file begins with.
CREATE FUNCTION journey._feed_header(f journey._feed, file text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN f.files ? file THEN array_remove(ARRAY[
           CASE WHEN NOT x.is_bulk THEN 'Parameters:TimeZone=+0000' END,
           CASE WHEN f.format = 'attributed' AND file = 'conversions' THEN 'Parameters:Attribution Model = ' || f.rule END,
           (SELECT string_agg(c, ',' ORDER BY n) FROM jsonb_array_elements_text(f.files -> file) WITH ORDINALITY AS t (c, n)),
           CASE WHEN x.is_bulk THEN 'Format Version,,,,,,6.0,,,,,,,' END], NULL)
       ELSE '{}'::text[] END
  FROM (SELECT f.platform = 'microsoft_ads' AND file = 'adjustments' AS is_bulk) AS x
$$;

-- ---------------------------------------------------------------------------------------------
-- activation: lines and events
-- ---------------------------------------------------------------------------------------------

-- What a row has in the columns of files, whichever they are. Microsoft's file of adjustments has times of its own.
CREATE FUNCTION journey._feed_cells(f journey._feed, i journey._feed_item)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT jsonb_build_object(
        'Conversion Name', i.action_name, 'Order ID', i.sent_id, 'Attributed Credit', trim_scale(i.credit)::text,
        'Email', i.email, 'Phone Number', i.phone, 'Hashed Email Address', i.email, 'Hashed Phone Number', i.phone,
        'Microsoft Click ID', i.click_id, 'Microsoft Click Id', i.click_id,
        -- where persons are named a click of another type says nothing
        'Google Click ID', CASE WHEN f.format <> 'leads' OR i.click_id_type = 'gclid' THEN i.click_id END,
        'Conversion Value', x.value, 'Adjusted Value', x.value, 'Adjustment Value', x.value,
        'Conversion Currency', x.currency, 'Adjusted Value Currency', x.currency, 'Adjustment Currency Code', x.currency,
        'Ad User Data', journey._consent_cell(i.ad_user_data),
        'Ad Personalization', journey._consent_cell(i.ad_personalization))
    || CASE f.platform WHEN 'google_ads' THEN jsonb_build_object(
        'Adjustment Type', upper(i.action),
        'Conversion Time', journey._file_time(i.converted_at, f.time_zone),
        'Adjustment Time', journey._file_time(i.adjusted_at, f.time_zone))
    ELSE jsonb_build_object(
        'Type', 'Offline Conversion', 'Adjustment Type', initcap(i.action),
        'Conversion Time', to_char(i.converted_at AT TIME ZONE 'UTC',
                                   CASE i.action WHEN 'conversion' THEN 'YYYY-MM-DD HH24:MI:SS' ELSE x.bulk_time END),
        'Adjustment Time', to_char(i.adjusted_at AT TIME ZONE 'UTC', x.bulk_time)) END
  FROM (SELECT i.value::text AS value, CASE WHEN i.value IS NOT NULL THEN i.currency END AS currency,
               'FMMM/FMDD/YYYY FMHH12:MI:SS AM' AS bulk_time) AS x
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

-- The line of a row: its event, or what it has in the columns of its file.
CREATE FUNCTION journey._feed_line(f journey._feed, i journey._feed_item, event jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN f.files IS NULL THEN event::text ELSE journey._csv_line(ARRAY(
           SELECT x.cells ->> t.c
           FROM (SELECT journey._feed_cells(f, i) AS cells) AS x
           CROSS JOIN jsonb_array_elements_text(f.files -> journey._feed_file(f, i.action)) WITH ORDINALITY AS t (c, n)
           ORDER BY t.n)) END
$$;

-- ---------------------------------------------------------------------------------------------
-- activation: the rows of a feed
-- ---------------------------------------------------------------------------------------------

-- The schema of a model, whose relations the caller must have rights on.
CREATE FUNCTION journey._feed_schema(model name)
RETURNS name
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known jsonb;
BEGIN
    IF model IS NULL THEN
        RAISE EXCEPTION 'model must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    known := journey._catalog('read'::text, model, '{}'::jsonb);
    IF known IS NULL THEN
        RAISE EXCEPTION 'model "%" does not exist', model
            USING ERRCODE = 'undefined_object', HINT = 'journey.models has the models that you may use.';
    END IF;
    RETURN known ->> 'schema';
END
$$;

CREATE FUNCTION journey._check_feed_relations(model name, schema name)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT '{conversions,attributed_touches,touches,exports}'::text[] <@ journey._relations_in(schema) THEN
        RAISE EXCEPTION 'model "%" has no conversions', model
            USING ERRCODE = 'undefined_table',
                  HINT = 'The option "conversions" says what they are, or a source of kind "conversion".';
    END IF;
END
$$;

-- The click that a conversion c is given with, as a join k with columns type, id, at. Of Google it is the gclid,
-- else a braid, whose times are those of their touches; of others the last one that is known.
CREATE FUNCTION journey._feed_click(f journey._feed, schema name)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN f.format = 'attributed' THEN format($sql$
    JOIN (SELECT a.conversion_id, 'gclid' AS type, t.click_ids ->> 'gclid' AS id, max(t.touched_at) AS at,
                 sum(a.%2$I) AS credit, sum(a.%3$I) AS value
          FROM %1$I.attributed_touches AS a JOIN %1$I.touches AS t USING (touch_id)
          WHERE t.click_ids ->> 'gclid' <> ''
          GROUP BY a.conversion_id, t.click_ids ->> 'gclid'
          HAVING sum(a.%2$I) > 0) AS k ON k.conversion_id = c.conversion_id$sql$,
    schema, f.rule || '_credit', f.rule || '_value')
WHEN f.platform = 'google_ads' THEN format($sql$
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.gclid <> '' THEN 'gclid' WHEN c.gbraid <> '' THEN 'gbraid'
                    WHEN c.wbraid <> '' THEN 'wbraid' END AS type,
               coalesce(nullif(c.gclid, ''), nullif(c.gbraid, ''), nullif(c.wbraid, '')) AS id) AS g
    LEFT JOIN (SELECT a.conversion_id, b.type, t.click_ids ->> b.type AS id, max(t.touched_at) AS at
               FROM %1$I.attributed_touches AS a
               JOIN %1$I.touches AS t USING (touch_id)
               CROSS JOIN (VALUES ('gbraid'), ('wbraid')) AS b (type)
               WHERE t.click_ids ->> b.type <> ''
               GROUP BY a.conversion_id, b.type, t.click_ids ->> b.type) AS b
        ON b.conversion_id = c.conversion_id AND b.type = g.type AND b.id = g.id
    CROSS JOIN LATERAL (
        SELECT g.type, g.id,
               CASE g.type WHEN 'gclid' THEN c.gclid_at
                           ELSE coalesce(CASE c.click_id WHEN g.id THEN c.click_at END, b.at) END AS at) AS k$sql$,
    schema)
ELSE format($sql$
    LEFT JOIN (SELECT DISTINCT ON (v.conversion_id) v.conversion_id, %2$L::text AS type, v.id, v.at
               FROM (SELECT x.conversion_id, x.click_id::text AS id, x.click_at AS at
                     FROM %1$I.conversions AS x WHERE x.click_id_type = %2$L
                     UNION ALL
                     SELECT a.conversion_id, t.click_ids ->> %2$L, t.touched_at
                     FROM %1$I.attributed_touches AS a JOIN %1$I.touches AS t USING (touch_id)
                     WHERE t.click_ids ->> %2$L <> '') AS v
               WHERE v.id <> ''
               ORDER BY v.conversion_id, v.at DESC NULLS LAST, v.id) AS k
        ON k.conversion_id = c.conversion_id$sql$, schema, f.click_type) END
$$;

-- The conversions of a model as a feed may give them, as a query: one row each; with credit by clicks one for each
-- click that has some. Whose e-mail did not come with the conversion has that of the profile.
CREATE FUNCTION journey._feed_conversions(f journey._feed, schema name)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT format($sql$
    SELECT c.conversion_id::text COLLATE "C" AS conversion_id, (%3$s)::text COLLATE "C" AS part, c.name::text,
           c.person_id::text, c.user_id::text, c.order_id::text, %2$s AS email, c.phone, c.consent,
           c.session_id IS NOT NULL AS on_site, c.converted_at, upper(nullif(btrim(c.currency), '')) AS currency,
           %4$s AS credit, %5$s AS value, k.type AS click_id_type, k.id AS click_id,
           CASE WHEN isfinite(k.at) THEN k.at END AS click_at
    FROM %1$I.conversions AS c
    %6$s
    WHERE $1 IS NULL OR c.name = $1$sql$,
    schema, CASE WHEN f.user_data THEN 'coalesce(c.email, p.email)::text' ELSE 'NULL::text' END,
    CASE f.format WHEN 'attributed' THEN 'k.id' ELSE quote_literal('') END,
    CASE f.format WHEN 'attributed' THEN 'k.credit' ELSE 'NULL::numeric' END,
    CASE f.format WHEN 'attributed' THEN 'k.value' ELSE 'c.value' END,
    CASE WHEN f.user_data THEN format('LEFT JOIN %I.profiles AS p ON c.email IS NULL AND p.person_id = c.person_id',
                                      schema) ELSE '' END || journey._feed_click(f, schema))
$$;

-- The event of a line that was given, looked up for lines that change alone.
CREATE FUNCTION journey._given_event(schema name, feed text, batch bigint, n bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    event jsonb;
BEGIN
    EXECUTE format('SELECT e.event FROM %I.exports AS e WHERE e.feed = $1 AND e.batch = $2 AND e.n = $3', schema)
        INTO event USING feed, batch, n;
    RETURN event;
END
$$;

-- What must be told: conversions that were not given or came back, changed ones, and those that went. A query
-- over $1 the conversion's name or NULL, $2 the feed, $3 the time, $4 the schema.
CREATE FUNCTION journey._feed_todo(f journey._feed, schema name)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT format($sql$
    c AS MATERIALIZED (
        SELECT x.*, journey._action_name($2, x.name) AS action_name,
               CASE WHEN x.value <> 'NaN' AND abs(x.value) < 'Infinity' THEN journey._amount(x.value, x.currency)
                    ELSE x.value END AS amount,
               journey._consented(x.consent, 'ad_user_data'::text, 'adUserData'::text) AS ad_user_data,
               journey._consented(x.consent, 'ad_personalization'::text, 'adPersonalization'::text)
                   AS ad_personalization,
               CASE WHEN ($2).user_data THEN journey.hash_email(x.email, ($2).hashes) END AS hashed_email,
               CASE WHEN ($2).user_data AND ($2).platform <> 'linkedin'
                    THEN journey.hash_phone(x.phone, ($2).hashes, ($2).country) END AS hashed_phone
        FROM (%2$s) AS x),
    given AS MATERIALIZED (
        SELECT e.batch, e.n, e.format, e.exported_at, e.action, e.generation, e.conversion_id, e.part, e.name,
               e.action_name, e.person_id, e.click_id_type, e.click_id, e.click_at, e.converted_at, e.adjusted_at,
               e.sent_id, e.credit, e.value, e.currency, e.of_batch, e.of_n, e.forgotten, e.retract_asked
        FROM %1$I.exports AS e WHERE e.feed = ($2).feed),
    -- how the platform has it now
    last AS (
        SELECT DISTINCT ON (g.conversion_id, g.part) g.*,
               g.action = 'retract'
               -- Google says nothing to a later change, and does not make it
               OR ($2).platform = 'google_ads' AND g.action = 'restate' AND g.value = 0 AS final
        FROM given AS g
        WHERE g.exported_at IS NOT NULL AND NOT g.forgotten
        ORDER BY g.conversion_id, g.part, g.batch DESC, g.n DESC),
    open AS (
        SELECT g.conversion_id, g.part, g.of_batch, g.of_n FROM given AS g WHERE g.exported_at IS NULL),
    todo AS (
        SELECT 'conversion' AS action, n.generation, c.conversion_id, c.part, c.name, c.action_name, c.person_id,
               c.user_id, c.order_id, c.on_site, c.credit,
               -- the key is click and time: one that comes back has another time
               CASE WHEN ($2).by_click THEN c.converted_at + (n.generation - 1) * interval '1 second'
                    ELSE c.converted_at END AS converted_at,
               c.amount AS value, c.currency, c.hashed_email AS email, c.hashed_phone AS phone, c.ad_user_data,
               c.ad_personalization, c.click_id_type, c.click_id, c.click_at,
               journey._sent_id($2, c.order_id, c.conversion_id, c.part, n.generation) AS sent_id,
               NULL::timestamptz AS adjusted_at, NULL::text AS given_format, NULL::jsonb AS given_event,
               NULL::timestamptz AS given_adjusted_at, NULL::bigint AS of_batch, NULL::bigint AS of_n
        FROM c
        LEFT JOIN last AS l USING (conversion_id, part)
        CROSS JOIN LATERAL (SELECT coalesce(l.generation, 0) + 1 AS generation) AS n
        WHERE l.conversion_id IS NULL OR l.action = 'retract' OR l.final AND c.amount <> 0
        UNION ALL
        SELECT 'restate', l.generation, c.conversion_id, c.part, c.name, l.action_name, c.person_id, c.user_id,
               c.order_id, c.on_site, c.credit, l.converted_at, c.amount, c.currency, NULL, NULL, c.ad_user_data,
               c.ad_personalization, l.click_id_type, l.click_id, l.click_at, l.sent_id, date_trunc('second', $3),
               l.format, journey._given_event($4, ($2).feed, l.batch, l.n), l.adjusted_at, NULL, NULL
        FROM c
        JOIN last AS l USING (conversion_id, part)
        WHERE NOT l.final AND (c.amount IS DISTINCT FROM l.value
                               OR c.amount IS NOT NULL AND c.currency IS DISTINCT FROM l.currency)
        UNION ALL
        SELECT 'retract', l.generation, l.conversion_id, l.part, l.name, l.action_name, l.person_id, NULL, NULL,
               NULL, l.credit, l.converted_at, NULL, NULL, NULL, NULL, NULL, NULL, l.click_id_type, l.click_id,
               l.click_at, l.sent_id, date_trunc('second', $3), l.format,
               journey._given_event($4, ($2).feed, l.batch, l.n), l.adjusted_at, NULL, NULL
        FROM last AS l
        WHERE NOT l.final AND ($1 IS NULL OR l.name = $1)
          AND NOT EXISTS (SELECT FROM c WHERE c.conversion_id = l.conversion_id AND c.part = l.part)
        UNION ALL
        SELECT 'retract', g.generation, NULL, '', g.name, g.action_name, NULL, NULL, NULL, NULL, NULL,
               g.converted_at, NULL, NULL, NULL, NULL, NULL, NULL, g.click_id_type, g.click_id, NULL, g.sent_id,
               date_trunc('second', $3), g.format, NULL, g.adjusted_at, g.batch, g.n
        FROM given AS g
        WHERE g.retract_asked AND g.exported_at IS NOT NULL AND ($1 IS NULL OR g.name = $1))$sql$,
    schema, journey._feed_conversions(f, schema))
$$;

CREATE FUNCTION journey._span_in_words(span interval)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT x.n || ' ' || x.unit || CASE x.n WHEN 1 THEN '' ELSE 's' END
  FROM (SELECT CASE WHEN s.seconds % 86400 = 0 AND s.seconds > 86400 THEN s.seconds / 86400
                    WHEN s.seconds % 3600 = 0 THEN s.seconds / 3600 ELSE s.seconds END AS n,
               CASE WHEN s.seconds % 86400 = 0 AND s.seconds > 86400 THEN 'day'
                    WHEN s.seconds % 3600 = 0 THEN 'hour' ELSE 'second' END AS unit
          FROM (SELECT extract(epoch FROM span)::bigint AS seconds) AS s) AS x
$$;

-- Whether a row of todo goes, as a word (now, held, never) and the reason.
CREATE FUNCTION journey._feed_verdict()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT $sql$CASE
    WHEN t.action = 'conversion' THEN CASE
        WHEN NOT isfinite(t.converted_at) THEN 'never: its time is infinite'
        WHEN t.buried THEN 'never: given before its person was forgotten'
        WHEN t.action_name IS NULL
            THEN 'never: no id of a conversion rule; the option "actions" gives it'
        WHEN t.ad_user_data = false THEN 'never: consent denied'
        WHEN t.ad_user_data IS NULL AND ($2).consent = 'granted' THEN 'held: consent unknown'
        WHEN NOT abs(t.value) < 'Infinity' THEN 'never: the value is no amount'
        WHEN t.value < 0 THEN 'never: the value is below 0'
        WHEN t.value IS NOT NULL AND t.currency !~ '^[A-Z]{3}$' THEN 'never: the currency is no ISO code'
        WHEN t.click_id IS NULL AND t.email IS NULL AND t.phone IS NULL
             AND (($2).external_id AND t.user_id <> '') IS NOT TRUE
            THEN 'never: ' || CASE WHEN ($2).user_data THEN 'no click id, e-mail or phone' ELSE 'no click id' END
        WHEN ($2).platform = 'google_ads' AND ($2).format = 'leads' AND t.email IS NULL AND t.phone IS NULL
            THEN 'never: no e-mail or phone'
        WHEN t.click_id_type = ANY ('{gbraid,wbraid}') AND ($2).format = 'click'
            THEN 'never: files take no ' || t.click_id_type || ', the format "data_manager" does'
        WHEN t.click_id_type = ANY ('{gbraid,wbraid}') AND ($2).one_per_click
            THEN 'never: no ' || t.click_id_type || ' where one conversion per click counts'
        WHEN ($2).by_click AND date_trunc('second', t.converted_at) <= t.click_at
            THEN 'never: the conversion is not after the click'
        WHEN CASE WHEN ($2).platform = 'microsoft_ads' THEN t.converted_at - t.click_at >= ($2).click_window
                  ELSE t.converted_at - t.click_at > ($2).click_window END
            THEN 'never: the click is older than ' || journey._span_in_words(($2).click_window)
                 || ' at the conversion'
        WHEN $3 - t.click_at > ($2).max_click_age
            THEN 'never: the click is older than ' || journey._span_in_words(($2).max_click_age)
        WHEN $3 - t.converted_at > ($2).max_age
            THEN 'never: the conversion is older than ' || journey._span_in_words(($2).max_age)
        WHEN t.converted_at > $3 THEN 'held: the conversion is in the future'
        WHEN $3 - t.click_at < ($2).min_click_age
            THEN 'held: the click is younger than ' || journey._span_in_words(($2).min_click_age)
        ELSE 'now' END
    WHEN ($2).adjust_until IS NULL
        THEN 'never: the platform takes no changes of what it was given'
    WHEN t.click_id_type = 'wbraid' THEN 'never: conversions by wbraid cannot be changed'
    WHEN t.click_id IS NULL AND (($2).platform = 'microsoft_ads' OR ($2).format = 'attributed')
        THEN 'never: a change needs the click id'
    WHEN ($2).format = 'data_manager' AND t.given_event IS NULL
        THEN 'never: it was given without an event; the format "click" gives a file'
    WHEN t.action = 'restate' AND t.value IS NULL THEN 'never: the new value is unknown'
    WHEN t.action = 'restate' AND NOT abs(t.value) < 'Infinity' THEN 'never: the value is no amount'
    WHEN t.action = 'restate' AND t.value < 0 THEN 'never: the value is below 0'
    WHEN t.action = 'restate' AND t.currency !~ '^[A-Z]{3}$' THEN 'never: the currency is no ISO code'
    WHEN $3 - t.converted_at > ($2).adjust_until
        THEN 'never: the conversion is older than ' || journey._span_in_words(($2).adjust_until)
    WHEN $3 - t.converted_at < ($2).adjust_from OR t.adjusted_at <= t.converted_at
        THEN 'held: the conversion is younger than '
             || journey._span_in_words(greatest(($2).adjust_from, interval '1 second'))
    WHEN t.adjusted_at <= t.given_adjusted_at THEN 'held: it was changed at this very time'
    ELSE 'now' END$sql$
$$;

-- The rows that must be told, each with its verdict. Where e-mail or phone go along, a click that the platform
-- would refuse is left out instead of the row. Of conversions with the same key the first is given alone.
CREATE FUNCTION journey._feed_items(f journey._feed, schema name, name text, as_of timestamptz)
RETURNS SETOF journey._feed_item
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
-- whole sets are joined, of which the planner knows little
SET enable_nestloop = off
SET jit = off
AS $$
BEGIN
    IF isfinite(as_of) IS NOT TRUE THEN
        RAISE EXCEPTION 'as_of must be a time, not %', coalesce(as_of::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY EXECUTE 'WITH ' || journey._feed_todo(f, schema) || $sql$,
        -- of what lies in a batch nothing else is told until it is marked
        free AS (
            SELECT t.*, (t.email IS NOT NULL OR t.phone IS NOT NULL) AND t.action = 'conversion'
                        AND (($2).by_click AND date_trunc('second', t.converted_at) <= t.click_at
                             OR t.converted_at - t.click_at > ($2).click_window
                             OR $3 - t.click_at > ($2).max_click_age) IS TRUE AS clickless
            FROM todo AS t
            WHERE NOT EXISTS (SELECT FROM open AS o WHERE o.conversion_id = t.conversion_id AND o.part = t.part)
              AND NOT EXISTS (SELECT FROM open AS o WHERE o.of_batch = t.of_batch AND o.of_n = t.of_n)),
        judged AS (
            SELECT t.*, $sql$ || journey._feed_verdict() || $sql$ AS verdict
            FROM (SELECT action, generation, conversion_id, part, name, action_name, person_id, user_id, order_id,
                         on_site, credit, converted_at, value, currency, email, phone, ad_user_data,
                         ad_personalization, CASE WHEN NOT clickless THEN click_id_type END AS click_id_type,
                         CASE WHEN NOT clickless THEN click_id END AS click_id,
                         CASE WHEN NOT clickless THEN click_at END AS click_at, sent_id, adjusted_at, given_format,
                         given_event, given_adjusted_at, of_batch, of_n, x.sent_id IS NOT NULL AS buried
                  FROM free
                  LEFT JOIN (SELECT DISTINCT g.sent_id FROM given AS g WHERE g.forgotten) AS x USING (sent_id)) AS t),
        keyed AS (
            SELECT j.*, CASE WHEN j.action = 'conversion' AND j.click_id IS NOT NULL AND ($2).by_click
                                  AND j.verdict NOT LIKE 'never%' THEN
                concat_ws(' ', floor(extract(epoch FROM j.converted_at)), j.click_id,
                          CASE ($2).platform WHEN 'google_ads' THEN j.action_name END) END AS key
            FROM judged AS j),
        taken AS (
            SELECT DISTINCT concat_ws(' ', floor(extract(epoch FROM g.converted_at)), g.click_id,
                                      CASE ($2).platform WHEN 'google_ads' THEN g.action_name END) AS key
            FROM given AS g WHERE ($2).by_click AND g.action = 'conversion' AND g.click_id IS NOT NULL)
        SELECT k.action, k.generation::integer, k.conversion_id, k.part, k.name, k.action_name, k.person_id,
               k.user_id, k.order_id, k.on_site, k.credit, k.converted_at, k.value, k.currency, k.email, k.phone,
               k.ad_user_data, k.ad_personalization, k.click_id_type, k.click_id, k.click_at, k.sent_id,
               k.adjusted_at, k.given_format, k.given_event, k.given_adjusted_at, k.of_batch, k.of_n,
               CASE WHEN taken.key IS NOT NULL OR k.key IS NOT NULL AND
                        row_number() OVER (PARTITION BY k.key ORDER BY k.verdict = 'now' DESC, k.converted_at,
                                           k.conversion_id COLLATE "C", k.part COLLATE "C") > 1
                    THEN 'never: another conversion has its click and its second' ELSE k.verdict END
        FROM keyed AS k
        LEFT JOIN taken USING (key)
        ORDER BY k.converted_at, k.conversion_id COLLATE "C", k.part COLLATE "C", k.action$sql$
    USING name, f, as_of, schema;
END
$$;

-- When what is held back may be given, where that is known.
CREATE FUNCTION journey._feed_due(f journey._feed, i journey._feed_item)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE
    WHEN i.verdict = 'held: consent unknown' THEN NULL
    WHEN i.action = 'conversion' THEN greatest(i.converted_at, i.click_at + f.min_click_age)
    ELSE greatest(i.converted_at + greatest(f.adjust_from, interval '1 second'),
                  i.given_adjusted_at + interval '1 second') END
$$;

CREATE FUNCTION journey._feed(platform text, model name, name text, as_of timestamptz, options jsonb)
RETURNS SETOF journey.feed_row
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f journey._feed := journey._feed_rules(platform, options);
    schema name := journey._feed_schema(model);
BEGIN
    PERFORM journey._check_feed_relations(model, schema);
    -- what lies in a batch, as it was given
    RETURN QUERY EXECUTE format($sql$
        SELECT e.action, 'now'::text, NULL::text, NULL::timestamptz, e.batch, e.file, e.conversion_id, e.name,
               e.person_id, e.click_id_type, e.click_id, e.click_at, e.converted_at, e.adjusted_at, e.sent_id,
               e.credit, e.value, e.currency, e.line, e.event
        FROM %I.exports AS e
        WHERE e.feed = $2 AND e.exported_at IS NULL AND e.line IS NOT NULL AND ($1 IS NULL OR e.name = $1)
        ORDER BY e.batch, e.n$sql$, schema) USING name, f.feed;
    RETURN QUERY
        SELECT i.action, x.status, nullif(substr(i.verdict, length(x.status) + 3), ''), x.due_at,
               NULL::bigint, journey._feed_file(f, i.action), i.conversion_id, i.name, i.person_id, i.click_id_type,
               i.click_id, i.click_at, i.converted_at, i.adjusted_at, i.sent_id, i.credit, i.value, i.currency,
               CASE WHEN i.verdict = 'now' THEN journey._feed_line(f, i, x.event) END, x.event
        FROM journey._feed_items(f, schema, name, as_of) AS i
        CROSS JOIN LATERAL (
            SELECT split_part(i.verdict, ': ', 1) AS status,
                   CASE WHEN i.verdict LIKE 'held%' THEN journey._feed_due(f, i) END AS due_at,
                   CASE WHEN i.verdict = 'now' THEN journey._feed_event(f, i) END AS event) AS x;
END
$$;

CREATE FUNCTION journey.google_ads_conversions(model name, name text DEFAULT NULL,
    as_of timestamptz DEFAULT now(), options jsonb DEFAULT '{}')
RETURNS SETOF journey.feed_row
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT * FROM journey._feed('google_ads'::text, $1, $2, $3, $4)$$;
COMMENT ON FUNCTION journey.google_ads_conversions(name, text, timestamptz, jsonb) IS
    'what Google Ads is to be told of a model''s conversions: now, later, or never, and why';

CREATE FUNCTION journey.microsoft_ads_conversions(model name, name text DEFAULT NULL,
    as_of timestamptz DEFAULT now(), options jsonb DEFAULT '{}')
RETURNS SETOF journey.feed_row
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT * FROM journey._feed('microsoft_ads'::text, $1, $2, $3, $4)$$;
COMMENT ON FUNCTION journey.microsoft_ads_conversions(name, text, timestamptz, jsonb) IS
    'what Microsoft Advertising is to be told of a model''s conversions: now, later, or never, and why';

CREATE FUNCTION journey.meta_conversions(model name, name text DEFAULT NULL,
    as_of timestamptz DEFAULT now(), options jsonb DEFAULT '{}')
RETURNS SETOF journey.feed_row
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT * FROM journey._feed('meta'::text, $1, $2, $3, $4)$$;
COMMENT ON FUNCTION journey.meta_conversions(name, text, timestamptz, jsonb) IS
    'what Meta''s Conversions API is to be told of a model''s conversions: now, later, or never, and why';

CREATE FUNCTION journey.linkedin_conversions(model name, name text DEFAULT NULL,
    as_of timestamptz DEFAULT now(), options jsonb DEFAULT '{}')
RETURNS SETOF journey.feed_row
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT * FROM journey._feed('linkedin'::text, $1, $2, $3, $4)$$;
COMMENT ON FUNCTION journey.linkedin_conversions(name, text, timestamptz, jsonb) IS
    'what LinkedIn''s Conversions API is to be told of a model''s conversions: now, later, or never, and why';

CREATE FUNCTION journey.tiktok_conversions(model name, name text DEFAULT NULL,
    as_of timestamptz DEFAULT now(), options jsonb DEFAULT '{}')
RETURNS SETOF journey.feed_row
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT * FROM journey._feed('tiktok'::text, $1, $2, $3, $4)$$;
COMMENT ON FUNCTION journey.tiktok_conversions(name, text, timestamptz, jsonb) IS
    'what TikTok''s Events API is to be told of a model''s conversions: now, later, or never, and why';

COMMENT ON FUNCTION journey._bad_feed_option(text, jsonb, text) IS 'internal: raises an error';
COMMENT ON FUNCTION journey._feed_word(jsonb, text, text, text[]) IS
    'internal: an option of a feed that is a string';
COMMENT ON FUNCTION journey._feed_flag(jsonb, text) IS 'internal: an option of a feed that is true or false';
COMMENT ON FUNCTION journey._feed_window(jsonb, interval) IS
    'internal: the window of a feed from the click to the conversion';
COMMENT ON FUNCTION journey._feed_actions(jsonb) IS 'internal: the platform''s names of conversions';
COMMENT ON FUNCTION journey._feed_formats() IS 'internal: the formats of the platforms'' feeds';
COMMENT ON FUNCTION journey._feed_files() IS 'internal: the columns of the platforms'' files';
COMMENT ON FUNCTION journey._feed_options(text) IS 'internal: the options of a platform''s feed';
COMMENT ON FUNCTION journey._feed_rules(text, jsonb) IS 'internal: how a feed is made';
COMMENT ON FUNCTION journey._amount(numeric, text) IS
    'internal: an amount in whole minor units of its currency';
COMMENT ON FUNCTION journey._consented(jsonb, text, text) IS 'internal: what a person consented to';
COMMENT ON FUNCTION journey._action_name(journey._feed, text) IS
    'internal: the platform''s name for a conversion';
COMMENT ON FUNCTION journey._sent_id(journey._feed, text, text, text, bigint) IS
    'internal: the id under which a platform is told of a conversion';
COMMENT ON FUNCTION journey._file_time(timestamptz, text) IS 'internal: a time with its own offset from UTC';
COMMENT ON FUNCTION journey._csv_line(text[]) IS 'internal: a line of CSV';
COMMENT ON FUNCTION journey._consent_cell(boolean) IS 'internal: a cell of consent';
COMMENT ON FUNCTION journey._feed_file(journey._feed, text) IS
    'internal: the file that a row of a feed belongs to';
COMMENT ON FUNCTION journey._feed_header(journey._feed, text) IS 'internal: the lines that a file begins with';
COMMENT ON FUNCTION journey._feed_cells(journey._feed, journey._feed_item) IS
    'internal: what a row of a feed has in the columns of files';
COMMENT ON FUNCTION journey._google_event(journey._feed, journey._feed_item) IS
    'internal: an event for Google''s Data Manager API';
COMMENT ON FUNCTION journey._external_id(journey._feed, text) IS 'internal: the hash of a user id';
COMMENT ON FUNCTION journey._meta_event(journey._feed, journey._feed_item) IS
    'internal: an event for Meta''s Conversions API';
COMMENT ON FUNCTION journey._linkedin_event(journey._feed, journey._feed_item) IS
    'internal: an event for LinkedIn''s Conversions API';
COMMENT ON FUNCTION journey._tiktok_event(journey._feed, journey._feed_item) IS
    'internal: an event for TikTok''s Events API';
COMMENT ON FUNCTION journey._feed_event(journey._feed, journey._feed_item) IS
    'internal: the event of a row of a feed';
COMMENT ON FUNCTION journey._feed_line(journey._feed, journey._feed_item, jsonb) IS
    'internal: the line of a row of a feed';
COMMENT ON FUNCTION journey._feed_schema(name) IS 'internal: the schema of a model';
COMMENT ON FUNCTION journey._check_feed_relations(name, name) IS
    'internal: checks that a model has conversions';
COMMENT ON FUNCTION journey._feed_click(journey._feed, name) IS
    'internal: the query for the click that a conversion is given with';
COMMENT ON FUNCTION journey._feed_conversions(journey._feed, name) IS
    'internal: the query for the conversions that a feed may give';
COMMENT ON FUNCTION journey._given_event(name, text, bigint, bigint) IS
    'internal: the event of a line that was given';
COMMENT ON FUNCTION journey._feed_todo(journey._feed, name) IS
    'internal: the query for what a platform must be told';
COMMENT ON FUNCTION journey._span_in_words(interval) IS 'internal: a span of time in words';
COMMENT ON FUNCTION journey._feed_verdict() IS
    'internal: the expression that says whether a row of a feed goes';
COMMENT ON FUNCTION journey._feed_items(journey._feed, name, text, timestamptz) IS
    'internal: what a platform must be told, each row with its verdict';
COMMENT ON FUNCTION journey._feed_due(journey._feed, journey._feed_item) IS
    'internal: when what is held back may be given';
COMMENT ON FUNCTION journey._feed(text, name, text, timestamptz, jsonb) IS 'internal: the rows of a feed';
COMMENT ON TYPE journey._feed IS 'internal: how a feed is made';
COMMENT ON TYPE journey._feed_item IS 'internal: a row of a feed';
