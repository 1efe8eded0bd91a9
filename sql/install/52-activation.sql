
-- ---------------------------------------------------------------------------------------------
-- activation: what ad platforms take
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.hash_email(email text, platform text)
RETURNS text
AS 'MODULE_PATHNAME', 'journey_hash_email'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.hash_email(text, text) IS
    'the SHA-256, in hex, of an e-mail address in the form that an ad platform wants; NULL for what is none';

CREATE FUNCTION journey.hash_phone(phone text, platform text, country text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'journey_hash_phone'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey.hash_phone(text, text, text) IS
    'the SHA-256, in hex, of a phone number in the form that an ad platform wants; NULL for what is none';
