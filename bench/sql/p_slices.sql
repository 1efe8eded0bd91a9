-- The later load in slices of 200 rows by their load time, and indexes on that.
DO $$
DECLARE
    name text;
BEGIN
    CREATE TABLE bench.slices (name text, row tid, loaded_at timestamptz, slice bigint);
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = '{schema}_later'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('INSERT INTO bench.slices SELECT %1$L, ctid, uuid_ts FROM {schema}_later.%1$I', name);
        EXECUTE format('CREATE INDEX ON {schema}.%I (uuid_ts)', name);
    END LOOP;
    UPDATE bench.slices AS s SET slice = x.n / 200
    FROM (SELECT l.name, l.row, row_number() OVER (ORDER BY l.loaded_at, l.name, l.row) - 1 AS n FROM bench.slices AS l) AS x
    WHERE (x.name, x.row) = (s.name, s.row);
END
$$;
CREATE PROCEDURE bench.load_slice(number bigint) LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT DISTINCT s.name FROM bench.slices AS s WHERE slice = number LOOP
        EXECUTE format('INSERT INTO {schema}.%1$I SELECT x.* FROM {schema}_later.%1$I AS x'
                       ' JOIN bench.slices AS s ON s.name = %1$L AND s.slice = %2$s AND s.row = x.ctid', name, number);
    END LOOP;
END
$$;
