-- Segments of a size that the tests choose: small ones make the hard paths of the split frequent. The split
-- takes it as an option that no model has; what stands here before the split puts it in.
CREATE TABLE laws.segment (events integer);

ALTER FUNCTION journey._split RENAME TO _split_in_segments;

DO $do$
DECLARE
    f pg_proc := (SELECT p FROM pg_proc AS p WHERE p.oid = 'journey._split_in_segments'::regproc);
BEGIN
    EXECUTE format($sql$
        CREATE FUNCTION journey._split(%s) RETURNS SETOF journey._split_row LANGUAGE sql STABLE AS $$
            SELECT * FROM journey._split_in_segments(%s)
        $$ $sql$,
        pg_get_function_arguments(f.oid),
        (SELECT string_agg('$' || n || CASE WHEN name = 'rules' THEN ' || coalesce(
                    (SELECT jsonb_build_object(''_segment_events'', events) FROM laws.segment), ''{}'')'
                           ELSE '' END, ', ' ORDER BY n)
         FROM unnest(f.proargnames) WITH ORDINALITY AS a (name, n)));
END
$do$;

-- The size for the models that follow; NULL is that of the extension.
CREATE FUNCTION laws.segments(events integer) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM laws.segment;
    INSERT INTO laws.segment SELECT $1 WHERE $1 IS NOT NULL
$$;
