CREATE TABLE events (id String, anonymous_id String, user_id String, event_time DateTime64(6, 'UTC'), name String,
                     kind LowCardinality(String), url String, referrer String, revenue Decimal(18, 2))
ENGINE = MergeTree ORDER BY tuple();
INSERT INTO events SELECT * FROM file('{csv}', CSV);
OPTIMIZE TABLE events FINAL;
