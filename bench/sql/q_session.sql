-- A session of {big} events, and small visitors.
DROP TABLE IF EXISTS bench.q_events;
CREATE TABLE bench.q_events (id text, visitor text, at timestamptz, url text, loaded_at timestamptz);
INSERT INTO bench.q_events
SELECT 'big' || n, 'big', timestamptz '2010-01-01 00:00+00' + n * interval '10 seconds',
       'https://www.acme.test/page/' || n % 100, timestamptz '2026-01-01 00:00+00'
FROM generate_series(1, {big}) AS n
UNION ALL
SELECT 'small' || n || '-' || v, 'small-' || v, timestamptz '2010-01-02 00:00+00' + n * interval '1 minute',
       'https://www.acme.test/page/' || n, timestamptz '2026-01-01 00:00+00'
FROM generate_series(1, 10) AS n CROSS JOIN generate_series(0, 999) AS v;
CREATE INDEX ON bench.q_events (loaded_at);
