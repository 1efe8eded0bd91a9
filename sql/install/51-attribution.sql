
-- ---------------------------------------------------------------------------------------------
-- attribution: credit for the touches before a conversion
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey.attributed_touch AS (
    position      bigint,
    path_length   bigint,
    credit        numeric,
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
COMMENT ON TYPE journey.attributed_touch IS 'a touch before a conversion, with its place and its credit';

CREATE FUNCTION journey.attribution(timeline journey.timeline, converted_at timestamptz, rule text,
    lookback interval DEFAULT '90 days', options jsonb DEFAULT '{}')
RETURNS SETOF journey.attributed_touch
AS 'MODULE_PATHNAME', 'journey_attribution'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION journey.attribution(journey.timeline, timestamptz, text, interval, jsonb) IS
    'the touches in [converted_at - lookback, converted_at] with the credit that a rule gives them';

CREATE FUNCTION journey.credits(n integer, rule text, ages interval[] DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS numeric[]
AS 'MODULE_PATHNAME', 'journey_credits'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.credits(integer, text, interval[], jsonb) IS
    'the credits that a rule gives to n touches, from the first to the last; they sum to 1';

CREATE FUNCTION journey.split_amount(amount numeric, credits numeric[], scale integer DEFAULT 2)
RETURNS numeric[]
AS 'MODULE_PATHNAME', 'journey_split_amount'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey.split_amount(numeric, numeric[], integer) IS
    'an amount split in proportion to credits, in parts that sum to it';

CREATE FUNCTION journey.transform_path(path text[], transform text, args text[] DEFAULT NULL)
RETURNS text[]
AS 'MODULE_PATHNAME', 'journey_transform_path'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.transform_path(text[], text, text[]) IS
    'a path of channels as a model wants it: without repetitions, without a channel, its last steps, ..';
