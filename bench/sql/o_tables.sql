-- Tables of a loader's schema, each with an index on its load time.
CREATE SCHEMA {schema};
DO $$
BEGIN
    FOR n IN 1 .. {tables} LOOP
        EXECUTE format('CREATE TABLE {schema}.t%1$s (id text, anonymous_id text, user_id text, event text,'
                       ' event_text text, "timestamp" timestamptz, received_at timestamptz, uuid_ts timestamptz,'
                       ' context_page_url text, amount numeric);'
                       'INSERT INTO {schema}.t%1$s SELECT ''e'' || g, ''v'' || g %% 50, ''u'' || g %% 50, ''t%1$s'','
                       ' ''T %1$s'', at, at, at, ''https://www.acme.test/'', g FROM generate_series(1, 1000) AS g'
                       ' CROSS JOIN LATERAL (SELECT now() - interval ''2 days'' + g * interval ''1 minute'') AS t (at);'
                       'CREATE INDEX ON {schema}.t%1$s (uuid_ts); ANALYZE {schema}.t%1$s', n);
    END LOOP;
END
$$;
