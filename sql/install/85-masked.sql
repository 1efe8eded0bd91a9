
-- ---------------------------------------------------------------------------------------------
-- model: persons for those who must not know them, and for themselves
-- ---------------------------------------------------------------------------------------------

-- A column of profiles as profiles_masked has it.
CREATE FUNCTION journey._masked_column(name text, type text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT format(CASE
       WHEN name = 'person_id' OR name = 'user_id' OR name LIKE '%\_id' AND name LIKE '%click\_id'
       THEN 'journey.pseudonym(p.%1$I, k.key, ''''::text) COLLATE "C" AS %1$I'
       WHEN name = 'email' THEN 'CASE WHEN p.%1$I IS NOT NULL THEN ''[masked]'' END AS %1$I'
       WHEN name = 'visitor_ids'
       THEN 'ARRAY(SELECT journey.pseudonym(v, k.key, ''''::text) FROM pg_catalog.unnest(p.%1$I) AS v) AS %1$I'
       WHEN name = 'gclid' OR name = 'click_ids' THEN 'NULL::%2$s AS %1$I'
       WHEN name = 'traits'
       THEN 'journey.redact_event(pg_catalog.jsonb_build_object(''traits'', p.%1$I), ''"gdpr"''::jsonb) -> ''traits'' AS %1$I'
       WHEN type = 'jsonb' THEN 'journey.redact_event(p.%1$I, ''"gdpr"''::jsonb) AS %1$I' -- names may be values
       WHEN type = 'text' THEN 'journey.redact_text(p.%1$I, ''"gdpr"''::jsonb) AS %1$I'
       ELSE 'p.%1$I' END, name, type)
$$;
COMMENT ON FUNCTION journey._masked_column(text, text) IS 'internal: a column of profiles, masked';

-- A barrier: no function that a reader writes into a condition sees a row before it is masked.
CREATE FUNCTION journey._show_masked(r journey._run) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, format(
        'CREATE VIEW {profiles_masked} WITH (security_barrier) AS SELECT %s FROM {profiles} AS p'
        ' CROSS JOIN {_tombstone_key} AS k',
        (SELECT string_agg(journey._masked_column(a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
           FROM pg_attribute AS a
          WHERE a.attrelid = journey._bind(r, '{profiles}'::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped)));
END
$$;
COMMENT ON FUNCTION journey._show_masked(journey._run) IS 'internal: makes the view of masked profiles';

-- All that the relations of a model hold of some persons, and of some ids in rows of others.
CREATE FUNCTION journey._held_of(r journey._run, persons text[], ids text[]) RETURNS jsonb
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation name;
    found jsonb;
    result jsonb := '{}';
BEGIN
    FOR relation IN
        SELECT c.relname FROM pg_class AS c
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'person_id' AND NOT a.attisdropped
         WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = r.schema)
           AND c.relname = ANY (journey._shown_relations(r.schema))
           AND c.relname <> ALL ('{profiles_masked,timelines,page_views}'::name[])
         ORDER BY c.relname
    LOOP
        EXECUTE journey._bind(r, format('SELECT jsonb_agg(to_jsonb(x)) FROM {%s} AS x WHERE x.person_id = ANY ($1)',
                                        relation)) INTO found USING persons;
        result := result || jsonb_build_object(relation, coalesce(found, '[]'));
    END LOOP;
    EXECUTE journey._bind(r, $sql$
        SELECT jsonb_agg(to_jsonb(x)) FROM {changes} AS x WHERE x.relation = 'profiles' AND x.key = ANY ($1)$sql$)
    INTO found USING persons;
    result := result || jsonb_build_object('changes', coalesce(found, '[]'));
    EXECUTE journey._bind(r, $sql$
        SELECT jsonb_build_object(
            'traits', (SELECT coalesce(jsonb_agg(jsonb_build_object('event_time', f.event_time, 'traits', f.traits)
                                                 ORDER BY f.event_time), '[]')
                       FROM {_facts} AS f WHERE f.person_id = ANY ($1) AND f.traits IS NOT NULL),
            'events_of_others', (SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]')
                                 FROM {events} AS e WHERE e.user_id = ANY ($2) AND e.person_id <> ALL ($1)),
            'rejected_events', (SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]') FROM {rejected_events} AS e
                                WHERE journey._names_one_of(e."row", $2) OR e.row_key = ANY ($2)
                                   OR journey._raw_names_one_of(e."row" ->> 'payload', $2)
                                   OR journey._raw_names_one_of(e."row" ->> 'raw', $2)))$sql$)
    INTO found USING persons, ids;
    RETURN result || found;
END
$$;
COMMENT ON FUNCTION journey._held_of(journey._run, text[], text[]) IS 'internal: what is held of persons';

CREATE FUNCTION journey._export_person(model name, user_id text) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m journey._model := journey._get_model(model);
    r journey._run := journey._new_run(m, false);
    ids text[];
    persons text[];
BEGIN
    IF user_id IS NULL OR user_id = '' THEN
        RAISE EXCEPTION 'user_id must not be null or empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    ids := journey._stored_ids(m, r.settings, user_id);
    EXECUTE journey._bind(r, $sql$
        WITH ids AS (
            SELECT 'user' AS id_type, x AS id FROM unnest($1) AS x
            UNION ALL
            SELECT 'email', journey._clean_email(x) FROM unnest($1) AS x)
        SELECT array_agg(DISTINCT x.person_id) FROM (
            SELECT i.person_id FROM {identities} AS i JOIN ids USING (id_type, id)
            UNION ALL
            -- of whom rows of a CRM alone tell, and what was given of them
            SELECT c.person_id FROM {_conversions} AS c JOIN ids ON c.person_id = ids.id_type || ':' || ids.id
            UNION ALL
            SELECT e.person_id FROM {exports} AS e JOIN ids ON e.person_id = ids.id_type || ':' || ids.id) AS x$sql$)
        INTO persons USING ids;
    EXECUTE journey._bind(r, $sql$
        SELECT array_agg(DISTINCT x) FROM (
            SELECT unnest($2) AS x
            UNION SELECT i.id FROM {identities} AS i WHERE i.person_id = ANY ($1) AND i.id_type <> 'visitor') AS y$sql$)
        INTO ids USING persons, ids;
    RETURN jsonb_build_object('model', model, 'exported_at', transaction_timestamp(), 'persons', coalesce(persons, '{}'))
           || journey._held_of(r, coalesce(persons, '{}'), ids);
END
$$;
COMMENT ON FUNCTION journey._export_person(name, text) IS 'internal: journey.export_person() as the owner';

CREATE FUNCTION journey.export_person(model name, user_id text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'journey_as_owner';
COMMENT ON FUNCTION journey.export_person(name, text) IS
    'all that a model holds of a person, found by a user id as it is in the sources';
