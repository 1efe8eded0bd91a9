-- ---------------------------------------------------------------------------------------------
-- model: personal data
--
-- With the option "redact" a row is judged as it came, and all that is kept of it and compared with other rows is
-- what the rules leave (journey._redacted_select()). Pseudonyms are of keys in a table that nobody is granted;
-- no statement's text has one.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._redact_row(
    event journey.event, rules jsonb, key bytea, email_trait text, touch_options jsonb)
    RETURNS journey.event
    LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_redact_row';
COMMENT ON FUNCTION journey._redact_row(journey.event, jsonb, bytea, text, jsonb) IS
    'internal: an event without what rules name';

CREATE FUNCTION journey._redact_key(row_key text, rules jsonb, key bytea, path text) RETURNS text
    LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '_redact_key';
COMMENT ON FUNCTION journey._redact_key(text, jsonb, bytea, text) IS 'internal: the key of a row without what rules name';

CREATE FUNCTION journey._create_redaction(schema name) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format($sql$
        CREATE TABLE %1$I._pseudonym_keys (
            number  integer PRIMARY KEY,    -- that pseudonyms carry: p1_..
            key     bytea NOT NULL CHECK (octet_length(key) > 0),
            made_at timestamptz NOT NULL DEFAULT now());
        CREATE TABLE %1$I._internal_ids (
            id text PRIMARY KEY);           -- as it is stored
        COMMENT ON TABLE %1$I._pseudonym_keys IS 'keys of pseudonyms: who has them can make pseudonyms again';
        COMMENT ON TABLE %1$I._internal_ids IS 'ids that the option "internal_users" named as they came'$sql$,
        schema);
    -- default privileges may have let readers in
    EXECUTE coalesce((
        SELECT string_agg(format('REVOKE ALL ON %s FROM %s;', c.oid::regclass, CASE a.grantee
                                     WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), ' ')
          FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
         WHERE c.oid = format('%I._pseudonym_keys', schema)::regclass AND a.grantee <> c.relowner), '');
END
$$;
COMMENT ON FUNCTION journey._create_redaction(name) IS 'internal: makes the tables of redaction';

-- The number of the key that rules ask for, and rules that ask for another.
CREATE FUNCTION journey._key_number(rules jsonb) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT CASE jsonb_typeof(rules) WHEN 'object' THEN coalesce((rules ->> 'key_number')::integer, 1) ELSE 1 END$$;
COMMENT ON FUNCTION journey._key_number(jsonb) IS 'internal: the number of the key of rules';

CREATE FUNCTION journey._with_key_number(rules jsonb, number integer) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE jsonb_typeof(rules)
       WHEN 'string' THEN jsonb_build_object('use', rules)
       WHEN 'array' THEN jsonb_build_object('rules', rules)
       ELSE rules END || jsonb_build_object('key_number', number)
$$;
COMMENT ON FUNCTION journey._with_key_number(jsonb, integer) IS 'internal: rules with the number of a key';

-- Makes the key that the rules of a model ask for, if the model has it not.
CREATE FUNCTION journey._make_redact_key(m journey._model) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s journey._settings := journey._settings(m.options);
BEGIN
    IF s.redact IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('INSERT INTO %I._pseudonym_keys (number, key)'
                   ' SELECT $1, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))'
                   ' ON CONFLICT DO NOTHING', m.store_schema) USING journey._key_number(s.redact);
END
$$;
COMMENT ON FUNCTION journey._make_redact_key(journey._model) IS 'internal: makes the key of pseudonyms';

-- An expression for a key, which no statement's text shows.
CREATE FUNCTION journey._key_of(store name, number integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$SELECT format('(SELECT k.key FROM %I._pseudonym_keys AS k WHERE k.number = %s)', store, number)$$;
COMMENT ON FUNCTION journey._key_of(name, integer) IS 'internal: an expression for a key of pseudonyms';

-- An expression for the key of a source's row as it is kept: the id at a path of its event, NULL where it may be any.
CREATE FUNCTION journey._redacted_key(store name, rules jsonb, expression text, path text DEFAULT NULL) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN rules IS NULL THEN expression
            ELSE format('journey._redact_key(%s, %L::jsonb, %s, %L::text)', expression, rules,
                        journey._key_of(store, journey._key_number(rules)), path) END
$$;
COMMENT ON FUNCTION journey._redacted_key(name, jsonb, text, text) IS
    'internal: an expression for the key of a row as it is kept';

-- Numbers of the keys that a model had before that of its rules, if anything was forgotten under them.
CREATE FUNCTION journey._earlier_keys(m journey._model, s journey._settings) RETURNS integer[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    numbers integer[];
BEGIN
    EXECUTE format('SELECT array_agg(number ORDER BY number DESC) FROM %1$I._pseudonym_keys WHERE number <> $1'
                   ' AND EXISTS (SELECT FROM %1$I._tombstones)', m.store_schema)
        INTO numbers USING journey._key_number(s.redact);
    RETURN coalesce(numbers, '{}');
END
$$;
COMMENT ON FUNCTION journey._earlier_keys(journey._model, journey._settings) IS 'internal: numbers of earlier keys';

-- Before a reading with redaction. What is read from the sources anew is listed anew, where it was listed with
-- its content.
CREATE FUNCTION journey._begin_redaction(
    m journey._model, s journey._settings, since timestamptz, peek boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF s.redact IS NULL OR peek OR since IS DISTINCT FROM '-infinity' THEN
        RETURN;
    END IF;
    EXECUTE format('DELETE FROM %I.rejected_events; DELETE FROM %I._internal_ids', m.schema, m.store_schema);
END
$$;
COMMENT ON FUNCTION journey._begin_redaction(journey._model, journey._settings, timestamptz, boolean) IS
    'internal: before a reading with redaction';

-- The fields of an event in a row x of the batch, as one value.
CREATE FUNCTION journey._batch_event() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT format('ROW(%s)::journey.event', string_agg(format('x.%I', b.name), ', ' ORDER BY b.place))
  FROM journey._batch_columns() AS b WHERE b.place <= 100
$$;
COMMENT ON FUNCTION journey._batch_event() IS 'internal: an expression for an event';

-- The options of a model that touches are judged by.
CREATE FUNCTION journey._touch_options(s journey._settings) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT jsonb_strip_nulls(jsonb_build_object(
    'internal_hosts', to_jsonb(s.internal_hosts), 'ignored_referrers', to_jsonb(s.ignored_referrers),
    'channel_rules', nullif(s.channel_rules, '[]'::jsonb), 'referrers', nullif(s.referrers, '[]'::jsonb),
    'click_ids', nullif(s.click_ids, '[]'::jsonb)))
$$;
COMMENT ON FUNCTION journey._touch_options(journey._settings) IS 'internal: what touches are judged by';

-- As journey._select(), without what the rules of the model name. The prefix of an id space is none of them.
CREATE FUNCTION journey._redacted_select(
    m journey._model, i journey._input, s journey._settings, rows text) RETURNS text
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    prefix text := i.id_prefix;
    patterns text[] := ARRAY(SELECT journey._like_pattern(p) FROM unnest(s.internal_users) AS p);
    earlier text;
BEGIN
    IF s.redact IS NULL THEN
        RETURN journey._select(i, s, rows);
    END IF;
    i.id_prefix := '';
    -- under an earlier key only the ids count
    SELECT 'ARRAY[' || string_agg(format(
               '(SELECT ROW(%L || e.event_id, e.visitor_id, e.user_id, e.event_time, NULL, NULL, NULL, NULL, NULL,'
               ' NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.previous_id, NULL, NULL,'
               ' jsonb_strip_nulls(jsonb_build_object(%L, e.traits -> %2$L)))::journey.event'
               ' FROM (SELECT (journey._redact_row(%s, %L::jsonb, %s, %2$L, ''{}''::jsonb)).*) AS e)',
               prefix, s.email_trait, journey._batch_event(), journey._with_key_number(s.redact, n),
               journey._key_of(m.store_schema, n)), ', ') || ']'
      INTO earlier FROM unnest(journey._earlier_keys(m, s)) AS n;
    RETURN format(
        'SELECT %s FROM (SELECT x.*, journey._redact_row(%s, %L::jsonb, %s, %L, %L::jsonb) AS e'
        ' FROM (%s) AS x(%s) OFFSET 0) AS x',
        (SELECT string_agg(CASE
                    WHEN b.name = 'event_id' AND prefix <> '' THEN format('%L || (x.e).event_id', prefix)
                    WHEN b.place <= 100 THEN format('(x.e).%I', b.name)
                    WHEN b.name = 'status' THEN format('coalesce(x.status, CASE WHEN x.visitor_id IS NOT NULL'
                        ' AND (x.e).visitor_id IS NULL%s THEN ''no id is left by redaction'' END)',
                        CASE WHEN i.role = 'conversion' THEN ' OR (x.e).event_id IS NULL' ELSE '' END)
                    WHEN b.name = 'row_key' THEN journey._redacted_key(m.store_schema, s.redact, 'x.row_key'::text)
                    -- what could not be read was not redacted
                    WHEN b.name = 'raw' THEN '''{}''::jsonb'
                    WHEN b.name = 'ours' AND patterns <> '{}' THEN format(
                        'array_remove(ARRAY[CASE WHEN x.user_id LIKE ANY (%1$L::text[]) THEN (x.e).user_id END, CASE WHEN'
                        ' journey._clean_email(x.traits ->> %2$L) LIKE ANY (%1$L::text[])'
                        ' THEN journey._clean_email((x.e).traits ->> %2$L) END], NULL)', patterns, s.email_trait)
                    WHEN b.name = 'earlier' THEN coalesce(earlier, 'NULL::journey.event[]')
                    ELSE format('x.%I', b.name) END, ', ' ORDER BY b.place)
           FROM journey._batch_columns() AS b),
        journey._batch_event(), s.redact, journey._key_of(m.store_schema, journey._key_number(s.redact)), s.email_trait,
        journey._touch_options(s), journey._select(i, s, rows),
        (SELECT string_agg(quote_ident(b.name), ', ' ORDER BY b.place) FROM journey._batch_columns() AS b));
END
$$;
COMMENT ON FUNCTION journey._redacted_select(journey._model, journey._input, journey._settings, text) IS
    'internal: the query that reads an input, redacted';

-- Keeps the ids of the batch that "internal_users" named as they came.
CREATE FUNCTION journey._note_internal(m journey._model, s journey._settings) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF s.redact IS NULL OR s.internal_users = '{}' THEN
        RETURN;
    END IF;
    EXECUTE format('INSERT INTO %1$I._internal_ids'
                   ' SELECT DISTINCT o FROM %1$I._batch AS b CROSS JOIN LATERAL unnest(b.ours) AS o'
                   ' WHERE b.status IS NULL ON CONFLICT DO NOTHING', m.store_schema);
END
$$;
COMMENT ON FUNCTION journey._note_internal(journey._model, journey._settings) IS
    'internal: keeps ids of the own people';

-- Patterns for LIKE of the own people's ids.
CREATE FUNCTION journey._internal_patterns(schema name, s journey._settings) RETURNS text[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ids text[] := '{}';
BEGIN
    IF s.redact IS NOT NULL THEN
        EXECUTE format('SELECT array_agg(journey._like_pattern(id) ORDER BY id) FROM %I._internal_ids', schema) INTO ids;
    END IF;
    RETURN ARRAY(SELECT journey._like_pattern(p) FROM unnest(s.internal_users) AS p) || coalesce(ids, '{}');
END
$$;
COMMENT ON FUNCTION journey._internal_patterns(name, journey._settings) IS 'internal: patterns of the own people''s ids';

-- The ids under which a user may stand in the store: that of now, and others that are there.
CREATE FUNCTION journey._stored_ids(m journey._model, s journey._settings, user_id text) RETURNS text[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ids text[];
BEGIN
    IF s.redact IS NULL THEN
        RETURN ARRAY[user_id];
    END IF;
    EXECUTE format($sql$
        SELECT array_agg(DISTINCT id) FROM (
            SELECT k.number = $3 AS now, (journey._redact_row(ROW(NULL, NULL, $1, NULL, NULL, NULL, NULL, NULL, NULL,
                       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::journey.event,
                       journey._with_key_number($2, k.number), k.key, ''::text, '{}'::jsonb)).user_id AS id
              FROM %2$I._pseudonym_keys AS k
             UNION
            SELECT false, $1) AS x
         WHERE id IS NOT NULL
           AND (now OR EXISTS (SELECT FROM %1$I.identities AS i WHERE i.id = x.id AND i.id_type = 'user'))$sql$, m.schema, m.store_schema)
        INTO ids USING user_id, s.redact, journey._key_number(s.redact);
    RETURN coalesce(ids, ARRAY[user_id]);
END
$$;
COMMENT ON FUNCTION journey._stored_ids(journey._model, journey._settings, text) IS
    'internal: the ids of a user in the store';

-- The condition that a rejected row e is one that its input still holds: by its key, where the input has one,
-- else by its content. A payload's content is but a part of its row: without a key it counts as there.
CREATE FUNCTION journey._still_there(m journey._model, i journey._input, s journey._settings) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text := journey._fields(i) ->> 'key';
BEGIN
    IF i.role = 'payload' AND key IS NULL OR s.redact IS NOT NULL AND i.role <> 'payload' THEN
        RETURN 'true';
    ELSIF i.role = 'payload' THEN
        RETURN format('e.row_key IN (SELECT %s FROM %I.%I AS t)', journey._redacted_key(m.store_schema, s.redact, key), i.schema, i.name);
    END IF;
    RETURN format('md5(e."row"::text) IN (SELECT md5(journey._without_nulls(%s)::text) FROM %I.%I AS t)',
                  journey._raw_row(i), i.schema, i.name);
END
$$;
COMMENT ON FUNCTION journey._still_there(journey._model, journey._input, journey._settings) IS
    'internal: whether a source still has a rejected row';
