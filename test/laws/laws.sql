-- What the tests of the laws need on the server: a clean place, and the comparison of two models.
CREATE SCHEMA laws;

CREATE FUNCTION laws.begin() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM journey.drop_model(model) FROM journey.models;
    DROP SCHEMA IF EXISTS own_live, own_ever, loader_live, loader_ever CASCADE;
    TRUNCATE oracle.raw;
END
$$;

-- The rows of the public relations that one model has and the other has not, to the last bit.
CREATE FUNCTION laws.differences(a name, b name)
RETURNS TABLE (relation text, side text, "row" text)
LANGUAGE plpgsql AS $$
BEGIN
    FOREACH relation IN ARRAY '{sessions,touches,identities,profiles,events,page_views,rejected_events}'::text[] LOOP
        RETURN QUERY EXECUTE (
            SELECT format($sql$
                WITH a AS (SELECT (to_jsonb(x) - %4$L::text[])::text AS x FROM %1$I.%3$I AS x),
                     b AS (SELECT (to_jsonb(x) - %4$L::text[])::text AS x FROM %2$I.%3$I AS x)
                SELECT %3$L, 'only in ' || %1$L, d.x FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b) AS d
                UNION ALL
                SELECT %3$L, 'only in ' || %2$L, d.x FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a) AS d$sql$,
                a, b, relation, '{version,attributes_version,updated_at,rejected_at,source}'));
    END LOOP;
END
$$;
