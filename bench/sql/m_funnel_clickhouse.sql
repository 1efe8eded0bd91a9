SELECT countIf(reached >= 1), countIf(reached >= 2), countIf(reached >= 3)
FROM (SELECT windowFunnel(604800000000)(toUInt64(toUnixTimestamp64Micro(event_time)),
                 kind = 'page' AND path(url) = '/pricing', kind = 'page' AND path(url) = '/signup',
                 name = 'Order Completed') AS reached
      FROM {table}
      GROUP BY anonymous_id)
