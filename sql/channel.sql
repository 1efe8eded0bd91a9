-- touch: channels, referrers and click ids of one's own
\pset null '(null)'

-- rules are asked from the top, all conditions of one hold; else it is GA4's channel
CREATE VIEW rules AS SELECT '[
    {"source": "google", "medium": ["cpc", "ppc"], "campaign": "brand*", "channel": "Brand Search"},
    {"source": "*partner*", "medium": {"not": ["email", "sms"]}, "channel": "Partners"},
    {"host": "forum.example", "channel": "Community"},
    {"click_id": ["ttclid", "twclid"], "channel": "New Social"},
    {"source": "hq", "medium": null, "channel": "Offline"},
    {"source": "agency", "campaign": {"not": null}, "channel": "Agency"},
    {"medium": [null, "misc*"], "source": "x", "channel": "Misc"}]'::jsonb AS rules;
SELECT source, medium, campaign, host, click_id, journey.channel(source, medium, campaign, rules, host, click_id)
FROM rules, (VALUES
    ('google', 'cpc', 'Brand EU', NULL, NULL),
    ('Google', 'PPC', 'BRAND', NULL, NULL),
    ('google', 'cpc', 'generic', NULL, NULL),
    ('google', 'organic', 'brand', NULL, NULL),
    ('my-partner-1', 'cpc', NULL, NULL, NULL),
    ('my-partner-1', NULL, NULL, NULL, NULL),
    ('my-partner-1', 'Email', NULL, NULL, NULL),
    ('x.example', 'referral', NULL, 'www.Forum.example', NULL),
    ('x.example', 'referral', NULL, 'https://forum.example/t', NULL),
    ('x.example', 'referral', NULL, 'myforum.example', NULL),
    ('tiktok', 'cpc', NULL, NULL, 'TTCLID'),
    ('tiktok', 'cpc', NULL, NULL, 'gclid'),
    ('hq', NULL, NULL, NULL, NULL),
    ('hq', '(not set)', NULL, NULL, NULL),
    ('hq', ' ', NULL, NULL, NULL),
    ('hq', 'mail', NULL, NULL, NULL),
    ('agency', 'y', 'a', NULL, NULL),
    ('agency', 'y', NULL, NULL, NULL),
    ('x', NULL, NULL, NULL, NULL),
    ('x', 'misc-1', NULL, NULL, NULL),
    ('x', 'y', NULL, NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL)) AS given(source, medium, campaign, host, click_id);
SELECT journey.channel('google', 'cpc', NULL, NULL), journey.channel('google', 'cpc', NULL, '[]'),
    journey.channel('a', 'b', 'c', '[{"channel": "All"}]'),
    journey.channel(NULL, NULL, NULL, '[{"source": null, "channel": "Typed in"}]'),
    journey.channel('aXbXXc', NULL, NULL, '[{"source": "a*b*xc", "channel": "Stars"}]'),
    journey.channel('ab', NULL, NULL, '[{"source": "a*b*c", "channel": "Stars"}]');
-- a condition of many stars on a long value
SELECT journey.channel(repeat('a', 100000), NULL, NULL, '[{"source": "*a*a*a*b", "channel": "x"}]');

-- options of touch(): the rules see the touch, its referrer and its click ids
SELECT url, referrer, source, medium, channel
FROM rules, (VALUES
    ('https://s.test/?utm_source=google&utm_medium=cpc&utm_campaign=Brand', NULL),
    ('https://s.test/?gclid=1', NULL),
    ('https://s.test/?utm_source=a&utm_medium=b&gclid=1&twclid=2', NULL),
    ('https://s.test/?utm_source=hq', NULL),
    ('https://s.test/', 'https://forum.example/t/1'),
    ('https://s.test/', 'https://www.google.com/')) AS v(url, referrer),
    journey.touch(url, referrer, jsonb_build_object('channel_rules', rules));

-- own referrers go before the lists, payment pages too, and not before the page's own site
SELECT referrer, source, medium, channel
FROM unnest(ARRAY['https://forum.example/', 'https://www.forum.example/t', 'https://find.example/search?q=a',
    'https://find.example/searches', 'https://find.example/', 'https://www.google.com/', 'https://www.paypal.com/x',
    'https://tv.example/', 'https://news.example/', 'https://other.example/', 'https://blog.s.test/']) AS referrer
    LEFT JOIN journey.touch('https://s.test/', referrer, '{"referrers": [
        {"host": "https://forum.example/", "kind": "social", "source": "forum"},
        {"host": "find.example", "path": "/search", "kind": "search", "source": "find"},
        {"host": "www.google.com", "source": "google", "medium": "intranet search"},
        {"host": "paypal.com", "source": "paypal"},
        {"host": "tv.example", "kind": "video"},
        {"host": "news.example"},
        {"host": "s.test", "kind": "social"}]}') ON true;
SELECT source, medium
FROM journey.touch('https://s.test/?utm_source=helper.example', NULL,
    '{"referrers": [{"host": "helper.example", "kind": "ai-assistant"}]}');

-- own click ids go before the lists, are first, and fill what a campaign leaves open
SELECT url, touch_type, source, medium, click_id_type, click_id, click_ids
FROM unnest(ARRAY['?xclid=A', '?XCLID=a%2Bb', '?xclid=&xclid={xclid}', '?xclid=A&gclid=B', '?utm_source=x&xclid=A',
    '?utm_source=y&xclid=A', '?utm_source=y&aff=7', '?aff=7', '?gclid=B', '?fbclid=F', '?x%63lid=A', '?xclidx=A']) AS url
    LEFT JOIN journey.touch(url, NULL, '{"click_ids": [{"name": "xclid", "source": "x", "medium": "paid"},
        {"name": "aff", "medium": "affiliate"}, {"name": "fbclid", "source": "meta", "medium": "paid-social"}]}') ON true;
-- a rule on an own click id
SELECT channel FROM journey.touch('?xclid=A', NULL, '{"click_ids": [{"name": "xclid", "source": "x"}],
    "channel_rules": [{"click_id": "xclid", "channel": "X Ads"}]}');

-- the same in sessions
CREATE VIEW visit AS SELECT '[
    {"event_id": "a", "event_time": "2026-03-01T10:00:00Z", "kind": "page", "url": "https://s.test/?xclid=A"},
    {"event_id": "b", "event_time": "2026-03-01T11:00:00Z", "kind": "page", "url": "https://s.test/",
     "referrer": "https://forum.example/"},
    {"event_id": "c", "event_time": "2026-03-01T12:00:00Z", "kind": "page", "url": "https://s.test/"}]'::journey.timeline AS t,
    '{"click_ids": [{"name": "xclid", "source": "x"}], "referrers": [{"host": "forum.example", "kind": "social"}],
      "channel_rules": [{"host": "forum.example", "channel": "Community"}, {"click_id": "xclid", "channel": "X Ads"},
        {"source": "(direct)", "channel": "Typed in"}]}'::jsonb AS options;
SELECT s.session_number, s.source, s.medium, s.channel, s.click_id_type, s.click_id
FROM visit, journey.sessions(t, options => options) AS s;
SELECT x.touch_type, x.source, x.medium, x.channel, x.click_ids FROM visit, journey.touches(t, options => options) AS x;

-- what cannot be read
SELECT journey.channel('a', 'b', NULL, '{}');
SELECT journey.channel('a', 'b', NULL, '"x"');
SELECT journey.channel('a', 'b', NULL, '[1]');
SELECT journey.channel('a', 'b', NULL, '[{"source": "a"}]');
SELECT journey.channel('a', 'b', NULL, '[{"channel": "x"}, {"channel": " "}]');
SELECT journey.channel('a', 'b', NULL, '[{"sourse": "a", "channel": "x"}]');
SELECT journey.channel('a', 'b', NULL, '[{"source": 1, "channel": "x"}]');
SELECT journey.channel('a', 'b', NULL, '[{"source": ["a", {}], "channel": "x"}]');
SELECT journey.channel('a', 'b', NULL, '[{"source": {}, "channel": "x"}]');
SELECT journey.channel('a', 'b', NULL, '[{"source": {"no": "a"}, "channel": "x"}]');
SELECT journey.touch('?gclid=1', NULL, '{"channel_rules": {"channel": "x"}}');
SELECT journey.touch('?gclid=1', NULL, '{"referrers": [{"source": "x"}]}');
SELECT journey.touch('?gclid=1', NULL, '{"referrers": [{"host": "a.test/b"}]}');
SELECT journey.touch('?gclid=1', NULL, '{"referrers": [{"host": "a.test", "kind": "portal"}]}');
SELECT journey.touch('?gclid=1', NULL, '{"referrers": [{"host": "a.test", "path": "b"}]}');
SELECT journey.touch('?gclid=1', NULL, '{"click_ids": [{"source": "x"}]}');
SELECT journey.touch('?gclid=1', NULL, '{"click_ids": [{"name": "utm_id"}]}');
SELECT journey.touch('?gclid=1', NULL, '{"click_ids": [{"name": "mc_eid"}]}');
SELECT journey.touch('?gclid=1', NULL, jsonb_build_object('click_ids',
    (SELECT jsonb_agg(jsonb_build_object('name', 'c' || n)) FROM generate_series(1, 33) AS n)));
SELECT n_ids, (t).click_id_type, (t).channel
FROM (SELECT n AS n_ids, journey.touch('?gclid=1&c' || n || '=2', NULL, jsonb_build_object('click_ids',
          (SELECT jsonb_agg(jsonb_build_object('name', 'c' || i)) FROM generate_series(1, n) AS i))) AS t
      FROM unnest(ARRAY[1, 2, 31, 32]) AS n) AS x;
SELECT * FROM journey.touches('[]', options => '{"channel_rules": [{}]}');
DROP VIEW rules, visit;
