CREATE TABLE IF NOT EXISTS events_by_device (id String, anonymous_id String, user_id String,
    event_time DateTime64(6, 'UTC'), name String, kind LowCardinality(String), url String, referrer String,
    revenue Decimal(18, 2))
ENGINE = MergeTree ORDER BY (anonymous_id, event_time);
INSERT INTO events_by_device SELECT * FROM events;
OPTIMIZE TABLE events_by_device FINAL;
