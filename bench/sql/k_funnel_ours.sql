SELECT count(*) FILTER (WHERE reached >= 1), count(*) FILTER (WHERE reached >= 2), count(*) FILTER (WHERE reached >= 3)
FROM (SELECT journey.window_funnel('7 days', '', event_time, page_path = '/pricing', page_path = '/signup',
                                   name = 'Order Completed') AS reached
      FROM web.events
      GROUP BY person_id) AS f
