-- What the tests of the laws need on the server: a clean place, and the comparison of two models.
CREATE SCHEMA laws;

CREATE FUNCTION laws.begin() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM journey.drop_model(model) FROM journey.models;
    DROP SCHEMA IF EXISTS own_live, own_ever, loader_live, loader_ever, crm_live, crm_ever CASCADE;
    TRUNCATE oracle.raw, oracle.lead, oracle.lead_read;
END
$$;

-- The rows of the public relations that one model has and the other has not, to the last bit. Rejected rows of leads
-- are kept when their table has them no more, which a model that reads once never saw: laws.rejected_leads has them.
CREATE FUNCTION laws.differences(a name, b name)
RETURNS TABLE (relation text, side text, "row" text)
LANGUAGE plpgsql AS $body$
BEGIN
    FOREACH relation IN ARRAY '{sessions,touches,identities,profiles,conversions,attributed_touches,segment_members,events,page_views,rejected_events}'::text[] LOOP
        RETURN QUERY EXECUTE (
            SELECT format($sql$
                WITH a AS (SELECT (to_jsonb(x) - %4$L::text[])::text AS x FROM %1$I.%3$I AS x WHERE %5$s),
                     b AS (SELECT (to_jsonb(x) - %4$L::text[])::text AS x FROM %2$I.%3$I AS x WHERE %5$s)
                SELECT %3$L, 'only in ' || %1$L, d.x FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b) AS d
                UNION ALL
                SELECT %3$L, 'only in ' || %2$L, d.x FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a) AS d$sql$,
                a, b, relation, '{version,attributes_version,updated_at,rejected_at,source}',
                CASE relation WHEN 'rejected_events' THEN $$source !~ '^crm_(live|ever)\.'$$ ELSE 'true' END));
    END LOOP;
END
$body$;

-- The rejected rows of leads that a model has and those that plain SQL gives, of all that it ever read.
CREATE FUNCTION laws.rejected_leads(model name) RETURNS TABLE (side text, "row" jsonb)
LANGUAGE plpgsql AS $body$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        WITH m AS (SELECT e."row" FROM %1$I.rejected_events AS e WHERE e.source = 'crm_live.leads')
        SELECT 'only the model', d."row" FROM (TABLE m EXCEPT ALL TABLE oracle.rejected_lead) AS d
        UNION ALL
        SELECT 'only the oracle', d."row" FROM (TABLE oracle.rejected_lead EXCEPT ALL TABLE m) AS d$sql$, model);
END
$body$;

CREATE TABLE laws.alias (
    visitor_id text, event_time timestamptz, event_id text COLLATE "C", previous_id text COLLATE "C",
    user_id text COLLATE "C");

-- The end of a chain of aliases; of one visitor's or of all. In a loop the least id.
CREATE FUNCTION laws.canonical(id text, visitor text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
    WITH RECURSIVE step (id, path) AS (
        SELECT $1 COLLATE "C", ARRAY[$1 COLLATE "C"]
        UNION ALL
        SELECT n.user_id, path || n.user_id
        FROM step AS s CROSS JOIN LATERAL (
            SELECT a.user_id FROM laws.alias AS a
            WHERE a.previous_id = s.id AND (visitor IS NULL OR a.visitor_id = visitor)
            ORDER BY a.event_time DESC, a.event_id DESC, a.visitor_id COLLATE "C" DESC LIMIT 1) AS n
        WHERE cardinality(path) = 1 OR s.id <> ALL (path[: cardinality(path) - 1]))
    SELECT CASE WHEN last.id = ANY (last.path[: cardinality(last.path) - 1])
                THEN (SELECT min(x) FROM unnest(last.path[array_position(last.path, last.id) :]) AS x)
                ELSE last.id END
    FROM (SELECT * FROM step ORDER BY cardinality(path) DESC LIMIT 1) AS last
$$;

-- What one person has of another, where sessions have one user: none, by what the model itself holds. Ids that
-- a device joins by aliases are one there, whatever the aliases of others say.
CREATE FUNCTION laws.strangers(model name) RETURNS TABLE (problem text, of text, has text, what text)
LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE laws.alias;
    EXECUTE format('INSERT INTO laws.alias'
                   ' SELECT visitor_id, event_time, event_id, previous_id, user_id FROM %I._aliases', model || '_store');
    RETURN QUERY EXECUTE format($sql$
        SELECT 'an event in a session of another', e.user_id, s.user_id, e.event_id
        FROM %1$I.events AS e JOIN %1$I.sessions AS s USING (session_id)
        WHERE e.user_id IS NOT NULL AND e.user_id IS DISTINCT FROM s.user_id
          AND (s.user_id IS NULL
               OR laws.canonical(e.user_id, e.visitor_id) <> laws.canonical(s.user_id, s.visitor_id))
        UNION ALL
        SELECT 'an event of another', e.user_id, e.person_id, e.event_id
        FROM %1$I.events AS e LEFT JOIN %1$I.sessions AS s USING (session_id)
        WHERE e.person_id <> 'user:' || laws.canonical(e.user_id)
          AND (s.user_id IS NULL
               OR laws.canonical(e.user_id, e.visitor_id) <> laws.canonical(s.user_id, s.visitor_id))
        UNION ALL
        SELECT 'a click or trait of another', v.owner, p.person_id, v.what
        FROM %1$I.profiles AS p CROSS JOIN LATERAL (
            SELECT 'click', substr(x.value ->> y, 4)
            FROM jsonb_each(p.click_ids) AS x CROSS JOIN unnest('{first,last}'::text[]) AS y
            WHERE x.value ->> y LIKE 'of-%%'
            UNION ALL
            SELECT 'trait', substr(p.traits ->> 'me', 4) WHERE p.traits ? 'me') AS v (what, owner)
        WHERE p.person_id <> 'user:' || v.owner
          AND v.owner NOT IN (SELECT previous_id FROM laws.alias UNION ALL SELECT user_id FROM laws.alias)$sql$,
        model);
END
$$;

-- The sessions and touches that the functions on timelines give otherwise than the model has them.
CREATE FUNCTION laws.function_differences(model name, timeout interval, options jsonb)
RETURNS TABLE (relation text, side text, "row" text)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        WITH t AS (
            SELECT visitor_id, journey.rollup(body) AS timeline FROM %2$I._segments GROUP BY visitor_id),
        f AS (
            SELECT 'sessions' AS relation, to_jsonb(x) - 'revenue'::text AS "row"
            FROM t CROSS JOIN LATERAL journey.sessions(t.timeline, $1, $2) AS x
            UNION ALL
            SELECT 'touches', to_jsonb(x) FROM t CROSS JOIN LATERAL journey.touches(t.timeline, $1, $2) AS x),
        m AS (
            SELECT 'sessions', (SELECT jsonb_object_agg(k, to_jsonb(s) -> k) FROM unnest($3) AS k)
            FROM %1$I.sessions AS s
            UNION ALL
            SELECT 'touches', to_jsonb(x) - '{person_id,version,updated_at}'::text[] FROM %1$I.touches AS x)
        SELECT d.relation, 'only the function', d."row"::text FROM (TABLE f EXCEPT ALL TABLE m) AS d
        UNION ALL
        SELECT d.relation, 'only the model', d."row"::text
        FROM (TABLE m EXCEPT ALL TABLE f) AS d (relation, "row")$sql$, model, model || '_store')
    USING timeout, options, ARRAY(
        SELECT a.attname::text FROM pg_attribute AS a
        WHERE a.attrelid = 'journey.session'::regclass AND a.attnum > 0
          -- of an order that another session told before, a model alone knows
          AND a.attname <> 'revenue');
END
$$;
