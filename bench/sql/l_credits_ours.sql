DROP TABLE IF EXISTS bench.credits_ours;
CREATE TABLE bench.credits_ours (LIKE {schema}.attributed_touches);
-- the statement of a first refresh
DO $$
DECLARE
    r journey._run := journey._new_run(journey._get_model('{schema}'), false);
BEGIN
    r.bulk := true;
    EXECUTE journey._bind(r, 'INSERT INTO bench.credits_ours ' || (journey._attributed_touches(r)).derived) USING r;
END
$$
