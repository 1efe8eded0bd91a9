-- the array form: fewer columns, and no ids to tell equal times apart
CREATE TABLE sessions_array ENGINE = MergeTree ORDER BY tuple() AS
SELECT anonymous_id, number AS session_number, times[1] AS started_at, times[-1] AS ended_at,
       length(times) AS events
FROM (SELECT anonymous_id, arraySort(groupArray(event_time)) AS sorted,
             arraySplit((t, gap) -> gap > 1800000000, sorted,
                        arrayDifference(arrayMap(t -> toUnixTimestamp64Micro(t), sorted))) AS sessions
      FROM events GROUP BY anonymous_id)
ARRAY JOIN sessions AS times, arrayEnumerate(sessions) AS number;
