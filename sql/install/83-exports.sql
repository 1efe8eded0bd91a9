-- ---------------------------------------------------------------------------------------------
-- activation: what was given out
--
-- An export is a batch of lines that is stored before anybody sees them, so that asking again gives the same lines,
-- and that counts as given once journey.mark_exported() says so. Batches are no derived relation: a rebuild leaves
-- them. Of a forgotten person an id stays that tells nothing, until the platform would not take it any more.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey._create_exports(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        CREATE TABLE {_export_batches} (
            feed        text COLLATE "C" NOT NULL,
            batch       bigint NOT NULL,        -- in the order in which they were made, of all feeds
            platform    text NOT NULL,
            format      text NOT NULL,
            name        text,                   -- of the conversions that were asked for, NULL for all
            headers     jsonb NOT NULL,         -- by file
            as_of       timestamptz NOT NULL,
            made_at     timestamptz NOT NULL,
            exported_at timestamptz,
            PRIMARY KEY (feed, batch));
        CREATE TABLE {_exports} (
            feed          text COLLATE "C" NOT NULL,
            batch         bigint NOT NULL,
            n             bigint NOT NULL,
            file          text NOT NULL,
            action        text NOT NULL,        -- conversion, restate, retract
            generation    integer NOT NULL,
            conversion_id text COLLATE "C",     -- NULL where forgotten
            part          text COLLATE "C" NOT NULL,
            name          text,
            action_name   text,
            person_id     text COLLATE "C",
            click_id_type text,
            click_id      text,
            click_at      timestamptz,
            converted_at  timestamptz,
            adjusted_at   timestamptz,
            sent_id       text COLLATE "C" NOT NULL,
            credit        numeric,
            value         numeric,
            currency      text,
            line          text,
            event         jsonb,
            of_batch      bigint,               -- the row of a forgotten person that this one takes back
            of_n          bigint,
            keep_until    timestamptz NOT NULL, -- until then the platform may be told of it again
            forgotten     boolean NOT NULL DEFAULT false,
            retract_asked boolean NOT NULL DEFAULT false,
            PRIMARY KEY (feed, batch, n));
        CREATE INDEX ON {_exports} (feed, conversion_id);
        CREATE INDEX ON {_exports} (person_id);
        CREATE INDEX ON {_exports} (keep_until) WHERE forgotten;
        CREATE VIEW {exports} AS
        SELECT e.feed, e.batch, e.n, b.platform, b.format, b.made_at, b.exported_at, e.file, e.action, e.generation,
               e.conversion_id, e.part, e.name, e.action_name, e.person_id, e.click_id_type, e.click_id, e.click_at,
               e.converted_at, e.adjusted_at, e.sent_id, e.credit, e.value, e.currency, e.line, e.event, e.of_batch,
               e.of_n, e.forgotten, e.retract_asked, b.headers -> e.file AS header
        FROM {_exports} AS e JOIN {_export_batches} AS b USING (feed, batch);
        COMMENT ON TABLE {_export_batches} IS 'batches of lines that were made for ad platforms';
        COMMENT ON TABLE {_exports} IS 'lines of these batches';
        COMMENT ON VIEW {exports} IS 'what ad platforms were given: one row per line of a batch';
        COMMENT ON COLUMN {exports}.feed IS 'the feed, by default named like the platform';
        COMMENT ON COLUMN {exports}.batch IS 'the number of the batch';
        COMMENT ON COLUMN {exports}.n IS 'the number of the line in its batch';
        COMMENT ON COLUMN {exports}.platform IS 'google_ads, microsoft_ads, meta, linkedin or tiktok';
        COMMENT ON COLUMN {exports}.format IS 'the format of the batch';
        COMMENT ON COLUMN {exports}.made_at IS 'when the batch was made';
        COMMENT ON COLUMN {exports}.exported_at IS 'when it was marked as exported, NULL if it was not yet';
        COMMENT ON COLUMN {exports}.file IS 'the file of the line: conversions or adjustments';
        COMMENT ON COLUMN {exports}.action IS 'conversion, restate or retract';
        COMMENT ON COLUMN {exports}.generation IS 'how often the conversion was given anew after it was taken back';
        COMMENT ON COLUMN {exports}.conversion_id IS 'the conversion, NULL of a forgotten person';
        COMMENT ON COLUMN {exports}.part IS 'the click, where credit is given by clicks, else empty';
        COMMENT ON COLUMN {exports}.name IS 'the name of the conversion';
        COMMENT ON COLUMN {exports}.action_name IS 'the platform''s name for it';
        COMMENT ON COLUMN {exports}.person_id IS 'the person at that time';
        COMMENT ON COLUMN {exports}.click_id_type IS 'which click id was given';
        COMMENT ON COLUMN {exports}.click_id IS 'the click id';
        COMMENT ON COLUMN {exports}.click_at IS 'the time of the click, where known';
        COMMENT ON COLUMN {exports}.converted_at IS 'the time of the conversion that was given';
        COMMENT ON COLUMN {exports}.adjusted_at IS 'the time of the change that was given';
        COMMENT ON COLUMN {exports}.sent_id IS 'the order id, transaction id or event id';
        COMMENT ON COLUMN {exports}.credit IS 'the credit of the click, where credit is given by clicks';
        COMMENT ON COLUMN {exports}.value IS 'the value that was given';
        COMMENT ON COLUMN {exports}.currency IS 'its currency';
        COMMENT ON COLUMN {exports}.line IS 'the line of the file';
        COMMENT ON COLUMN {exports}.event IS 'the event of the platform''s API';
        COMMENT ON COLUMN {exports}.of_batch IS 'of a retraction of a forgotten person: the batch that it takes back';
        COMMENT ON COLUMN {exports}.of_n IS 'and the line';
        COMMENT ON COLUMN {exports}.forgotten IS 'whether the person was forgotten since';
        COMMENT ON COLUMN {exports}.retract_asked IS 'whether it is to be taken back for a forgotten person';
        COMMENT ON COLUMN {exports}.header IS 'the lines that the file begins with'$sql$);
END
$$;

-- How long a platform may be told of a conversion again: what was forgotten is kept no longer.
CREATE FUNCTION journey._keep_export(f journey._feed, converted_at timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT converted_at + make_interval(secs => extract(epoch FROM coalesce(f.adjust_until, f.max_age))::float8)$$;

CREATE FUNCTION journey.export_batch(model name, platform text, name text DEFAULT NULL,
    as_of timestamptz DEFAULT now(), options jsonb DEFAULT '{}')
RETURNS bigint
AS 'MODULE_PATHNAME', 'journey_as_owner'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION journey.export_batch(name, text, text, timestamptz, jsonb) IS
    'stores what a feed has to give now as a batch, and gives its number; one that is not marked yet again';

CREATE FUNCTION journey._export_batch(model name, platform text, name text, as_of timestamptz, options jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f journey._feed := journey._feed_rules(platform, options);
    m journey._model := journey._lock_model(model);
    r journey._run := journey._export_run(m);
    number bigint;
    other text;
BEGIN
    PERFORM journey._check_feed_relations(model, m.schema);
    PERFORM journey._catalog('touch'::text, model, '{}'::jsonb);
    PERFORM journey._purge_exports(r);
    EXECUTE journey._bind(r, $sql$
        SELECT format('format "%s" of %s', b.format, b.platform) FROM {_export_batches} AS b
        WHERE b.feed = ($1).feed
          AND (b.platform <> ($1).platform OR (b.format = 'attributed') <> (($1).format = 'attributed'))
        LIMIT 1$sql$) INTO other USING f;
    IF other IS NOT NULL THEN
        RAISE EXCEPTION 'feed "%" of model "%" was made in the %', f.feed, model, other
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Give this one another name with the option "feed".';
    END IF;
    EXECUTE journey._bind(r, $sql$
        SELECT b.batch FROM {_export_batches} AS b
        WHERE b.feed = ($1).feed AND b.exported_at IS NULL AND b.format = ($1).format
          AND b.name IS NOT DISTINCT FROM $2
        ORDER BY b.batch LIMIT 1$sql$) INTO number USING f, name;
    IF number IS NOT NULL THEN
        RETURN number;
    END IF;

    EXECUTE journey._bind(r, 'SELECT coalesce(max(batch), 0) + 1 FROM {_export_batches}'::text) INTO number;
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {_exports} (feed, batch, n, file, action, generation, conversion_id, part, name, action_name,
            person_id, click_id_type, click_id, click_at, converted_at, adjusted_at, sent_id, credit, value, currency,
            line, event, of_batch, of_n, keep_until, forgotten)
        SELECT ($1).feed, $2, i.n, journey._feed_file($1, i.action), i.action, i.generation,
               i.conversion_id, i.part, i.name, i.action_name, i.person_id, i.click_id_type, i.click_id, i.click_at,
               i.converted_at, i.adjusted_at, i.sent_id, i.credit, i.value, i.currency,
               journey._feed_line($1, i.item, i.event), i.event, i.of_batch, i.of_n,
               journey._keep_export($1, i.converted_at), i.conversion_id IS NULL
        FROM (SELECT x.*, x AS item, journey._feed_event($1, x) AS event,
                     row_number() OVER (ORDER BY x.converted_at, x.conversion_id COLLATE "C", x.part COLLATE "C",
                                        x.sent_id COLLATE "C") AS n
              FROM journey._feed_items($1, $3, $4, $5) AS x
              WHERE x.verdict = 'now') AS i$sql$) USING f, number, m.schema, name, as_of;
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {_export_batches} (feed, batch, platform, format, name, headers, as_of, made_at)
        SELECT ($1).feed, $2, ($1).platform, ($1).format, $3,
               jsonb_object_agg(x.file, journey._feed_header($1, x.file)), $4, transaction_timestamp()
        FROM (SELECT DISTINCT e.file FROM {_exports} AS e WHERE e.feed = ($1).feed AND e.batch = $2) AS x
        HAVING count(*) > 0
        RETURNING batch$sql$) INTO number USING f, number, name, as_of;
    RETURN number;
END
$$;

-- Raises an error unless a model has such a batch; tells whether it is marked.
CREATE FUNCTION journey._check_batch(r journey._run, feed text, batch bigint)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    marked boolean;
    known text;
BEGIN
    EXECUTE journey._bind(r, $sql$
        SELECT b.exported_at IS NOT NULL FROM {_export_batches} AS b WHERE b.feed = $1 AND b.batch = $2$sql$)
        INTO marked USING feed, batch;
    IF marked IS NULL THEN
        EXECUTE journey._bind(r, $sql$
            SELECT string_agg(DISTINCT format('%s of feed "%s"', b.batch, b.feed), ', ') FROM (
                SELECT x.batch, x.feed FROM {_export_batches} AS x WHERE x.exported_at IS NULL
                ORDER BY x.batch LIMIT 10) AS b$sql$) INTO known;
        RAISE EXCEPTION 'model "%" has no batch % of feed %', r.model, coalesce(batch::text, 'null'),
                        coalesce(quote_ident(feed), 'null')
            USING ERRCODE = 'undefined_object',
                  HINT = 'Batches that are not marked: ' || coalesce(known, 'none') || '.';
    END IF;
    RETURN marked;
END
$$;

CREATE FUNCTION journey.mark_exported(model name, feed text, batch bigint, refused bigint[] DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'journey_as_owner'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION journey.mark_exported(name, text, bigint, bigint[]) IS
    'marks a batch as given, but for lines that the platform refused; tells how many lines were marked now';

CREATE FUNCTION journey._mark_exported(model name, feed text, batch bigint, refused bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    r journey._run := journey._export_run(m);
    lines bigint;
BEGIN
    IF journey._check_batch(r, feed, batch) THEN
        RETURN 0;
    END IF;
    PERFORM journey._catalog('touch'::text, model, '{}'::jsonb);
    EXECUTE journey._bind(r, $sql$
        DELETE FROM {_exports} WHERE feed = $1 AND batch = $2 AND n = ANY ($3)$sql$) USING feed, batch, refused;
    EXECUTE journey._bind(r, $sql$
        UPDATE {_export_batches} SET exported_at = transaction_timestamp() WHERE feed = $1 AND batch = $2$sql$)
        USING feed, batch;
    -- a retraction for a forgotten person was the last that its row was kept for
    EXECUTE journey._bind(r, $sql$
        WITH done AS (
            SELECT e.batch, e.n FROM {_exports} AS e WHERE e.feed = $1 AND e.batch = $2 AND e.of_batch IS NOT NULL
            UNION
            SELECT e.of_batch, e.of_n FROM {_exports} AS e
            WHERE e.feed = $1 AND e.batch = $2 AND e.of_batch IS NOT NULL)
        UPDATE {_exports} AS e
        SET retract_asked = false, name = NULL, action_name = NULL, click_id_type = NULL, click_id = NULL,
            converted_at = NULL, adjusted_at = NULL, line = NULL, event = NULL
        FROM done WHERE e.feed = $1 AND e.batch = done.batch AND e.n = done.n$sql$) USING feed, batch;
    PERFORM journey._purge_exports(r);
    EXECUTE journey._bind(r, 'SELECT count(*) FROM {_exports} WHERE feed = $1 AND batch = $2'::text)
        INTO lines USING feed, batch;
    RETURN lines;
END
$$;

CREATE FUNCTION journey.drop_export(model name, feed text, batch bigint)
RETURNS void
AS 'MODULE_PATHNAME', 'journey_as_owner'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION journey.drop_export(name, text, bigint) IS
    'drops a batch that was not given out; what is in it is given anew';

CREATE FUNCTION journey._drop_export(model name, feed text, batch bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._lock_model(model);
    r journey._run := journey._export_run(m);
BEGIN
    IF journey._check_batch(r, feed, batch) THEN
        RAISE EXCEPTION 'batch % of feed "%" is marked as exported', batch, feed
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'What the platform has cannot be taken back so.';
    END IF;
    PERFORM journey._catalog('touch'::text, model, '{}'::jsonb);
    EXECUTE journey._bind(r, 'DELETE FROM {_exports} WHERE feed = $1 AND batch = $2'::text) USING feed, batch;
    EXECUTE journey._bind(r, 'DELETE FROM {_export_batches} WHERE feed = $1 AND batch = $2'::text) USING feed, batch;
END
$$;

CREATE FUNCTION journey.export_lines(model name, feed text, batch bigint, file text DEFAULT 'conversions')
RETURNS TABLE (n bigint, line text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        WITH lines AS (
            SELECT e.n, e.line, e.header FROM %I.exports AS e
            WHERE e.feed = $1 AND e.batch = $2 AND e.file = $3)
        (SELECT 0::bigint, h.line
         FROM (SELECT l.header FROM lines AS l LIMIT 1) AS x
         CROSS JOIN LATERAL jsonb_array_elements_text(x.header) WITH ORDINALITY AS h (line, n) ORDER BY h.n)
        UNION ALL
        (SELECT l.n, l.line FROM lines AS l WHERE l.line IS NOT NULL ORDER BY l.n)$sql$,
        journey._feed_schema(model)) USING feed, batch, file;
END
$$;
COMMENT ON FUNCTION journey.export_lines(name, text, bigint, text) IS
    'the lines of a batch''s file, with those that it begins with as number 0';

CREATE FUNCTION journey.export_log(model name)
RETURNS TABLE (feed text, platform text, batch bigint, n bigint, made_at timestamptz, exported_at timestamptz,
    action text, person_id text, conversion_id text, name text, converted_at timestamptz, sent_id text,
    click_id_type text, click_id text, value numeric, currency text, forgotten boolean)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT e.feed::text, e.platform, e.batch, e.n, e.made_at, e.exported_at, e.action, e.person_id::text,
               e.conversion_id::text, e.name, e.converted_at, e.sent_id::text, e.click_id_type, e.click_id, e.value,
               e.currency, e.forgotten
        FROM %I.exports AS e
        ORDER BY e.batch, e.n$sql$, journey._feed_schema(model));
END
$$;
COMMENT ON FUNCTION journey.export_log(name) IS 'which platform was given what of whom';

-- Of the lines of a person who is forgotten keeps the id that the platform knows, until it would take no more
-- word of it; where the platform is to be asked to take back what it has, also what that needs, until it was
-- asked. Gives the feeds that have something of the person.
CREATE FUNCTION journey._strip_exports(r journey._run, person text, user_id text, retract boolean)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    feeds text[];
    theirs text := CASE WHEN 'conversions' = ANY (journey._relations_in(r.schema)) THEN
        ' OR e.conversion_id IN (SELECT c.conversion_id FROM {.conversions} AS c WHERE c.person_id = $1)' ELSE '' END;
BEGIN
    EXECUTE journey._bind(r, $sql$
        WITH ids AS MATERIALIZED (
            SELECT i.id_type || ':' || i.id AS person_id FROM journey._ids_of($2, $1, $3, true) AS i
            UNION
            SELECT $1),
        found AS MATERIALIZED (
            SELECT e.feed, e.batch, e.n, b.platform, b.format, e.action, e.value,
                   row_number() OVER (PARTITION BY e.feed, e.conversion_id, e.part
                                      ORDER BY e.batch DESC, e.n DESC) = 1 AS is_last
            FROM {_exports} AS e
            JOIN {_export_batches} AS b USING (feed, batch)
            WHERE e.person_id IN (SELECT ids.person_id FROM ids)$sql$ || theirs || $sql$),
        stripped AS (
            UPDATE {_exports} AS e
            SET conversion_id = NULL, part = '', person_id = NULL, click_at = NULL, credit = NULL, value = NULL,
                currency = NULL, line = NULL, event = NULL, forgotten = true,
                retract_asked = k.again,
                name = CASE WHEN k.again THEN e.name END,
                action_name = CASE WHEN k.again THEN e.action_name END,
                converted_at = CASE WHEN k.again THEN e.converted_at END,
                adjusted_at = CASE WHEN k.again THEN e.adjusted_at END,
                click_id_type = CASE WHEN k.again AND k.by_click THEN e.click_id_type END,
                click_id = CASE WHEN k.again AND k.by_click THEN e.click_id END
            FROM (
                SELECT f.*, f.platform = 'microsoft_ads' OR f.format = 'attributed' AS by_click,
                       $4 AND f.is_last AND f.platform = ANY ('{google_ads,microsoft_ads}')
                       AND f.action <> 'retract'
                       AND NOT (f.platform = 'google_ads' AND f.action = 'restate' AND f.value = 0) AS again
                FROM found AS f) AS k
            WHERE e.feed = k.feed AND e.batch = k.batch AND e.n = k.n
            RETURNING e.feed)
        SELECT coalesce(array_agg(DISTINCT s.feed::text ORDER BY s.feed::text), '{}') FROM stripped AS s$sql$)
    INTO feeds USING person, r, user_id, retract;
    PERFORM journey._purge_exports(r);
    IF feeds <> '{}' THEN
        RAISE NOTICE 'ad platforms were given conversions of this person: %', array_to_string(feeds, ', ')
            USING HINT = 'They keep their own rules of deletion: ask them as well.';
    END IF;
    RETURN feeds;
END
$$;

COMMENT ON FUNCTION journey._create_exports(journey._run) IS
    'internal: makes the relations of what was given out';
COMMENT ON FUNCTION journey._keep_export(journey._feed, timestamptz) IS
    'internal: how long a platform may be told of a conversion again';
COMMENT ON FUNCTION journey._export_batch(name, text, text, timestamptz, jsonb) IS
    'internal: journey.export_batch() as the owner';
COMMENT ON FUNCTION journey._check_batch(journey._run, text, bigint) IS 'internal: whether a batch is marked';
COMMENT ON FUNCTION journey._mark_exported(name, text, bigint, bigint[]) IS
    'internal: journey.mark_exported() as the owner';
COMMENT ON FUNCTION journey._drop_export(name, text, bigint) IS 'internal: journey.drop_export() as the owner';
COMMENT ON FUNCTION journey._strip_exports(journey._run, text, text, boolean) IS
    'internal: takes a forgotten person out of what was given';
