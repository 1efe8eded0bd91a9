-- One visitor with {big} events in sessions of twenty, a pinger with one event every five minutes, and small visitors
-- with ten events each. Loaded in no order, over a year.
DROP TABLE IF EXISTS bench.d_events;
CREATE TABLE bench.d_events AS
SELECT 'e' || row_number() OVER () AS id, *,
       timestamptz '2025-01-01 00:00+00' +
           hashint8(row_number() OVER ())::bigint % 31000000 * interval '0.5 second' AS loaded_at
FROM (SELECT 'big' AS visitor,
             timestamptz '2010-01-01 00:00+00' + n / 20 * interval '2 hours' + n % 20 * interval '30 seconds' AS at,
             'https://www.acme.test/page/' || n % 50 AS url
      FROM generate_series(0, {big} - 1) AS n
      UNION ALL
      SELECT 'pinger', timestamptz '2010-01-01 00:00+00' + n * interval '5 minutes', 'https://www.acme.test/health'
      FROM generate_series(0, {pings} - 1) AS n
      UNION ALL
      SELECT 'small-' || n / 10,
             timestamptz '2010-01-01 00:00+00' + n % 10 / 5 * interval '1 day' + n % 5 * interval '1 minute',
             'https://www.acme.test/page/' || n % 50
      FROM generate_series(0, {big} - 1) AS n) AS e;
CREATE INDEX ON bench.d_events (loaded_at);
