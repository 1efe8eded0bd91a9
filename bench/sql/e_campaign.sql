SELECT count((c).source), count((c).medium), count((c).campaign), count((c).term), count((c).content),
       count((c).click_id) FILTER (WHERE (c).click_id_type = 'gclid')
FROM (SELECT journey.campaign(url) AS c FROM bench.urls OFFSET 0) AS u;
