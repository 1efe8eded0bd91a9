SELECT count(*), sum(hashtextextended(concat_ws('|', (e).event_id, (e).visitor_id, (e).user_id, (e).name, (e).url,
                                                (e).referrer, (e).order_id, (e).source, (e).campaign, (e).properties), 0)),
       sum((e).revenue), max((e).event_time), max((e).received_at)
FROM (SELECT journey.parse_event(body, '{options}') AS e FROM bench.payloads OFFSET 0) AS x;
