-- Table.
SELECT campaign, sum(sessions) AS sessions, sum(first_touch) AS first_touch, sum(last_touch) AS last_touch
FROM (SELECT campaign, count(DISTINCT session_id) AS sessions, 0 AS first_touch, 0 AS last_touch
      FROM web.touches
      WHERE true [[AND touched_at >= {{since}}]] [[AND touched_at < {{until}}]] GROUP BY 1
      UNION ALL
      SELECT first_touch_campaign, 0, count(*), 0
      FROM web.profiles
      WHERE true [[AND first_touch_at >= {{since}}]] [[AND first_touch_at < {{until}}]] GROUP BY 1
      UNION ALL
      SELECT last_touch_campaign, 0, 0, count(*)
      FROM web.profiles
      WHERE true [[AND last_touch_at >= {{since}}]] [[AND last_touch_at < {{until}}]] GROUP BY 1) AS t
WHERE campaign IS NOT NULL
GROUP BY 1
ORDER BY 3 DESC, 2 DESC;
