-- Segments of a size that the tests choose: small ones make the hard paths of the split frequent. The split
-- takes it as an option that no model has; a run gets it from here. Sums of facts go by the same size.
CREATE TABLE laws.segment (events integer);

-- The size for the models that follow; NULL is that of the extension.
CREATE FUNCTION laws.segments(events integer) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM laws.segment;
    INSERT INTO laws.segment SELECT $1 WHERE $1 IS NOT NULL
$$;

ALTER FUNCTION journey._new_run RENAME TO _new_run_as_ever;

CREATE FUNCTION journey._new_run(m journey._model, shadow boolean) RETURNS journey._run
LANGUAGE plpgsql AS $$
DECLARE
    r journey._run := journey._new_run_as_ever(m, shadow);
BEGIN
    r.rules := r.rules || coalesce((SELECT jsonb_build_object('_segment_events', events) FROM laws.segment), '{}');
    RETURN r;
END
$$;

ALTER FUNCTION journey._facts_of_sum() RENAME TO _facts_of_sum_as_ever;

CREATE FUNCTION journey._facts_of_sum() RETURNS integer
LANGUAGE sql STABLE
RETURN coalesce((SELECT nullif(events, 0) FROM laws.segment), journey._facts_of_sum_as_ever());

-- a body that was parsed knows the one that was renamed
CREATE OR REPLACE FUNCTION journey._sums_of_sum() RETURNS integer
LANGUAGE sql STABLE
RETURN 1 + (journey._facts_of_sum() + 3) / 4;
