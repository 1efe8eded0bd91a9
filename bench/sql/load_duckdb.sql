CREATE TABLE events (id VARCHAR, anonymous_id VARCHAR, user_id VARCHAR, event_time TIMESTAMP, name VARCHAR,
                     kind VARCHAR, url VARCHAR, referrer VARCHAR, revenue DECIMAL(18, 2));
COPY events FROM '{csv}' (FORMAT csv, HEADER false);
CHECKPOINT;
