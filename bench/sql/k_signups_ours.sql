SELECT date_trunc('week', identified_at)::date AS week, first_touch_campaign, count(*)
FROM web.profiles
WHERE user_id IS NOT NULL
GROUP BY 1, 2
ORDER BY 1, 2
