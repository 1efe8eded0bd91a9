-- touch: campaigns, click ids, channels and referrers
\pset null '(null)'

-- campaign: all fields, names in any case and encoded, values decoded and trimmed
SELECT * FROM journey.campaign('https://x.test/?utm_source=s&utm_medium=m&utm_campaign=c&utm_term=t'
    '&utm_content=o&utm_id=i&utm_source_platform=p&utm_creative_format=f'
    '&utm_marketing_tactic=a&gclid=G') \gx
SELECT source, medium, campaign, term
FROM journey.campaign('?UTM_Source=News%20Letter+&utm%5fmedium=%20e%2Dmail'
    '&Utm_Campaign=%C3%A9t%C3%A9+%26+%2B&utm_term=%20');
-- the first value that is not blank, query before fragment
SELECT source, medium, campaign, term
FROM journey.campaign('?utm_source=&utm_source=%20&utm_source=a&utm_source=b'
    '#utm_source=c&utm_medium=d');
SELECT url, source, medium
FROM unnest(ARRAY['#utm_source=a', 'https://x.test/#/route?utm_source=a&utm_medium=b',
    '#!/r?utm_source=a', '#top?utm_source=a', '#utm_source=a?b', '#/utm_source=a',
    '#?utm_source=a']) AS url, journey.campaign(url);
-- whole names only
SELECT journey.campaign('?xutm_source=a&utm_sourcex=b&utm_=c&utm=d&xgclid=e&gclidx=f'
    '&gclid_=g&utm_source.=h&path/gclid=i');
-- Matomo's names count where there is no utm
SELECT url, source, medium, campaign, term, content, id
FROM unnest(ARRAY['?pk_campaign=a&pk_kwd=b',
    '?mtm_campaign=a&mtm_keyword=b&mtm_source=c&mtm_medium=d&mtm_content=e&mtm_cid=f',
    '?matomo_campaign=a&piwik_kwd=b', '?pk_campaign=a&utm_source=b',
    '?pk_campaign=a&utm_term=b&pk_kwd=c', '?pk_kwd=a', '?pk_other=a']) AS url,
    journey.campaign(url);
-- values that say nothing, field by field; direct and none only where nothing else is said
SELECT query, source, medium, campaign
FROM unnest(ARRAY['utm_source=(direct)&utm_medium=(none)', 'utm_source=(Not%20Set)&utm_medium=cpc',
    'utm_source=null&utm_medium=undefined&utm_campaign=x', 'utm_source=direct&utm_medium=mail',
    'utm_source=Direct&utm_medium=None&utm_campaign=none', 'utm_source=direct',
    'utm_source=direct&utm_medium=none&utm_campaign=x', 'utm_source=google&utm_medium=none',
    'utm_source=(direct)&utm_medium=none', 'utm_source=NULL&utm_source=a',
    'pk_source=direct&pk_campaign=(none)', 'mtm_campaign=none']) AS query,
    journey.campaign('?' || query);
-- links that HTML broke, or that had parameters hung on with a second ?
SELECT query, source, medium, campaign, click_id
FROM unnest(ARRAY['a=1&amp;utm_source=s&amp;utm_medium=m', 'a=1&#38;utm_source=s&#038;utm_medium=m#top',
    '&amp;amp;utm_source=s&AMP;utm_medium=m', 'a=1&#x26;utm_source=s&#X0026;gclid=G',
    'a=1&amp%3Butm_source=s&amp%3b%2338%3Butm_medium=m', 'utm_source=s&amp=m&ampx;utm_medium=m',
    'utm_source=a&#39;utm_medium=m', 'a=1#utm_source=s&#38;utm_medium=m',
    'a=1?utm_source=s?utm_medium=m?gclid=G', 'gclid=G?utm_source=s', '?utm_source=s', 'a?utm_source=s',
    'a=what?gclid', 'a=b?c=d?utm_source=s', 'a=b?xutm_source=s', 'a=b?UTM%5FSource=s',
    'u=https://o.test/?utm_source=no&utm_medium=m', 'u=https%3A%2F%2Fo.test%2F?utm_source=no',
    'u=https%253A%252F%252Fo.test?gclid=no', 'u=//o.test?gclid=no', 'u=o.test/p?gclid=no', 'u=o.test?gclid=no',
    'utm_source=o.test?utm_medium=m',
    'u=/p?utm_source=no', 'https://o.test/?utm_source=no', 'q=a/b?utm_source=s',
    'utm_source=a?b=c']) AS query, journey.campaign('https://x.test/?' || query);
-- nothing and NULL
SELECT journey.campaign('https://x.test/a'), journey.campaign(''), journey.campaign(NULL);

-- click ids: the names of the list, their visits and the one shown
SELECT name, c.click_id_type, c.click_id, t.touch_type, t.source, t.medium, t.channel, t.click_ids
FROM unnest(string_to_array(
        'gclid gbraid wbraid dclid gclsrc gad_source gad_campaignid srsltid fbclid msclkid ttclid '
        'twclid li_fat_id rdt_cid rtd_cid ScCid sccid epik irclickid irclid cjevent awc ranSiteID '
        'yclid ysclid qclid igshid igsh tblci dicbo obclid vmcid s_kwcid ef_id _kx mc_cid mc_eid '
        '_hsenc _hsmi mkt_tok vero_id vero_conv oly_enc_id ck_subscriber_id hsa_cam pk_kwd', ' '))
    AS name
    LEFT JOIN journey.campaign('?' || name || '=aB-_9') AS c ON true
    LEFT JOIN journey.touch('?' || name || '=aB-_9') AS t ON true;
-- the order: gclid, dclid, msclkid, other paid ones, gbraid, wbraid, fbclid, the rest
WITH RECURSIVE taken AS (
    SELECT '?igsh=1&srsltid=2&fbclid=3&wbraid=4&gbraid=5&ef_id=6&ttclid=7&msclkid=8&dclid=9'
        '&gclid=10&mc_cid=11&mkt_tok=12' AS url, 0 AS n
    UNION ALL
    SELECT regexp_replace(url, c.click_id_type || '=\d+', 'x'), n + 1
    FROM taken, journey.campaign(url) AS c WHERE c.click_id IS NOT NULL)
SELECT string_agg(c.click_id_type, ' ' ORDER BY n) FROM taken, journey.campaign(url) AS c;
-- a blank id is none; bytes are kept
SELECT journey.touch('?gclid=&gclid=%20&gclid'), (journey.touch('?gclid=+A%20b%2B')).click_id;
-- what no ad platform filled is none
SELECT value, click_id
FROM unnest(ARRAY['{gclid}', '%7Bgclid%7D', '%257Bgclid%257D', '{{gclid}}', '${GCLID}', '{gclid}:G:s', '%%CLICK%%',
    '%%CACHE%%', '%edclid!', '[clickid]', '<gclid>', '__CLICKID__', '*|GCLID|*', '$gclid$', '$gclid', 'undefined', 'NULL',
    '(not set)', 'None', 'gclid', 'CLICK_ID', '__aB-_9__', 'Cj0KCQ-_.x', 'x', '-', '0']) AS value,
    journey.campaign('?gclid=' || value);
SELECT journey.touch('https://x.test/?gclid={gclid}&fbclid={{fbclid}}'),
    (journey.campaign('?gclid={gclid}&gclid=A')).click_id, (journey.campaign('?s_kwcid=AL!1!{creative}!e')).click_id;
-- an id that names a person tells of an e-mail, and is not kept
SELECT touch_type, source, medium, click_id, click_ids
FROM journey.touch('https://x.test/?mc_eid=jane&mkt_tok=doe&_kx=x');
SELECT touch_type, source, medium, click_id, click_ids
FROM journey.touch('https://x.test/?mc_eid=jane&mc_cid=7');
SELECT click_ids
FROM journey.touch('?gclid=1&gclid=2&FBCLID=3&irclid=4&irclickid=5&rtd_cid=6&_kx=7'
    '&gclsrc=aw.ds&gad_source=1');

-- parts of a campaign: a click id that agrees fills the rest
SELECT url, touch_type, source, medium, campaign, channel, click_id_type
FROM unnest(ARRAY[
    '?utm_source=google&gclid=1',
    '?utm_source=GOOGLE&gclid=1',
    '?utm_source=adwords&gclid=1',
    '?utm_source=newsletter&gclid=1',
    '?utm_source=facebook&gclid=1&fbclid=2',
    '?utm_source=ig&fbclid=2',
    '?utm_medium=email&gclid=1',
    '?utm_campaign=a&gclid=1',
    '?utm_campaign=a',
    '?utm_id=7',
    '?utm_term=a',
    '?utm_term=a&gclid=1',
    '?utm_source=a',
    '?utm_medium=cpc',
    '?utm_source=google&s_kwcid=1',
    '?utm_source=(direct)',
    '?utm_source=(direct)&utm_medium=(none)',
    '?utm_source=google&utm_medium=cpm&fbclid=1',
    '?utm_source=google&utm_medium=cpc&utm_campaign=Cross-Network']) AS url
    LEFT JOIN journey.touch(url) ON true;

-- channel: all twenty names, and what they are easily taken for
SELECT source, medium, campaign, journey.channel(source, medium, campaign)
FROM (VALUES
    (NULL, NULL, NULL),
    ('', ' ', 'x'),
    ('(direct)', '(none)', NULL),
    ('(Direct)', '(not set)', NULL),
    ('(direct)', NULL, NULL),
    ('(direct)', 'cpc', NULL),
    ('(not set)', '(not set)', NULL),
    ('google', 'cpc', 'my CROSS-network'),
    ('google', 'cross-network', NULL),
    ('amazon', 'cpc', NULL),
    ('x', 'ppc', 'Shopping'),
    ('Google', 'CPC', NULL),
    ('google', 'cpm', NULL),
    ('baidu.com', 'retargeting', NULL),
    ('facebook', 'paid-social', NULL),
    ('youtube', 'cpv', NULL),
    ('youtube', 'cpc', NULL),
    ('x', 'cpm', NULL),
    ('google', 'display', NULL),
    ('x', 'banner', NULL),
    ('x', 'expandable', NULL),
    ('x', 'interstitial', NULL),
    ('x', 'cpa', NULL),
    ('x', 'paid', NULL),
    ('x', 'unpaid', NULL),
    ('ebay', 'referral', NULL),
    ('www.ebay.com', 'referral', NULL),
    ('x', 'y', 'eshop'),
    ('x', 'y', 'shop now'),
    ('x', 'y', 'SHOP'),
    ('x', 'y', 'workshop'),
    ('x', 'y', '2shop'),
    ('facebook', 'referral', NULL),
    ('x', 'Social Network', NULL),
    ('x', 'sm', NULL),
    ('vimeo.com', 'referral', NULL),
    ('x', 'short-video', NULL),
    ('bing', 'email', NULL),
    ('x', 'organic', NULL),
    ('chatgpt', 'ai-assistant', NULL),
    ('x.example', 'referral', NULL),
    ('x', 'app', NULL),
    ('x', 'link', NULL),
    ('e-mail', 'y', NULL),
    ('x', 'E_Mail', NULL),
    ('emailoctopus', 'y', NULL),
    ('x', 'affiliate', NULL),
    ('x', 'affiliates', NULL),
    ('x', 'audio', NULL),
    ('sms', 'y', NULL),
    ('x', 'sms', NULL),
    ('x', 'web-push', NULL),
    ('x', 'pushed', NULL),
    ('x', 'mobile app', NULL),
    ('x', 'notification', NULL),
    ('firebase', 'y', NULL),
    ('x', NULL, NULL),
    (NULL, 'y', NULL)) AS given(source, medium, campaign);
SELECT journey.channel('google', 'cpc');

-- referrers
SELECT referrer, source, medium, channel, referrer_host
FROM unnest(ARRAY[
    'https://www.google.com/',
    'https://www.google.co.uk/search?q=x',
    'https://images.google.de/',
    'https://www.google.de/imgres?x=1',
    'https://duckduckgo.com/',
    'https://search.yahoo.com/',
    'https://fr.search.yahoo.com/',
    'https://www.bing.com/',
    'https://mail.google.com/',
    'https://l.facebook.com/l.php?u=x',
    'https://www.facebook.com/',
    'https://old.reddit.com/r/x',
    'https://t.co/abc',
    'https://x.com/a/status/1',
    'https://x.com/i/grok',
    'https://x.com/i/groks',
    'https://www.youtube.com/',
    'https://chatgpt.com/',
    'https://CHATGPT.com.',
    'https://www.perplexity.ai/search',
    'https://gemini.google.com/app',
    'android-app://com.google.android.googlequicksearchbox/',
    'android-app://com.linkedin.android/',
    'android-app://com.google.android.gm/',
    'https://www.amazon.com/x',
    'https://Blog.Partner.example/post?utm_source=a',
    'https://netflix.com/',
    'www.partner.example/x',
    'http://partner.example:8080/']) AS referrer
    LEFT JOIN journey.touch('https://shop.test/a', referrer) ON true;

-- engines on their other hosts, video, sites with a search, hosts that look like these
SELECT referrer, source, medium, channel
FROM unnest(ARRAY['https://m.duckduckgo.com/', 'https://html.duckduckgo.com/', 'https://www2.bing.com/',
    'https://cn.bing.com/', 'https://us-mg5.search.yahoo.com/', 'https://m.search.naver.com/',
    'https://www.google.cat/', 'https://m.google.co.uk/', 'https://google.github.io/',
    'https://google.blogspot.de/', 'https://google.dev/', 'https://docs.google.com/',
    'https://www.cnn.com/', 'https://www.cnn.com/search?query=a', 'https://www.cnn.com/?query=+&x=a',
    'https://www.skynet.be/', 'https://skynet.be/?q=a', 'https://www.msn.com/', 'https://www.yahoo.com/',
    'https://youtu.be/x', 'https://m.youtube.com/', 'https://player.vimeo.com/', 'https://clips.twitch.tv/x',
    'https://d.tube/', 'https://help.netflix.com/', 'https://notyoutube.com/',
    'android-app://com.google.android.youtube/', 'ios-app://544007664/']) AS referrer
    LEFT JOIN journey.touch('https://shop.test/a', referrer) ON true;

-- sign-in and consent pages are none, other pages of the same hosts are
SELECT referrer, source, medium
FROM unnest(ARRAY['https://login.live.com/', 'https://login.microsoftonline.com/x', 'https://accounts.google.co.uk/',
    'https://accounts.youtube.com/', 'https://consent.google.de/', 'https://tenant.okta.com/',
    'https://tenant.eu.auth0.com/', 'https://x.b2clogin.com/', 'https://x.onelogin.com/', 'https://okta.com/',
    'https://www.okta.com/blog', 'https://www.auth0.com/', 'https://m.facebook.com/v2.9/dialog/oauth/read',
    'https://github.com/login/oauth/authorize', 'https://x.com/i/oauth2/authorize', 'https://gitlab.com/oauth/authorize',
    'https://api.login.yahoo.com/', 'https://www.linkedin.com/oauth/v2/authorization', 'https://steamcommunity.com/openid/login',
    'https://github.com/x/oauth2-server', 'https://www.facebook.com/oauthx', 'https://shop.example/oauth/authorize']) AS referrer
    LEFT JOIN journey.touch('https://shop.test/a', referrer) ON true;

-- caches and translations of the page's own site are none
SELECT url, referrer, source, medium
FROM (VALUES
    ('https://www.example.com/a', 'https://www-example-com.cdn.ampproject.org/'),
    ('https://www.example.com/a', 'https://amp-example-com.cdn.ampproject.org/c/s/amp.example.com/a'),
    ('https://www.example.com/a', 'https://cdn.ampproject.org/c/s/www.example.com/a'),
    ('https://www.example.com/a', 'https://www-example-com.bing-amp.com/'),
    ('https://www.example.com/a', 'https://www.google.com/amp/s/www.example.com/a'),
    ('https://www.example.com/a', 'https://www-example-com.translate.goog/'),
    ('https://www.a-b.example/', 'https://www-a--b-example.translate.goog/'),
    ('https://en-us.example.com/', 'https://0-en--us-example-com-0.translate.goog/'),
    ('https://www.example.com/a', 'https://translate.google.com/website?sl=de&u=https%3A%2F%2Fexample.com%2F'),
    ('https://www.example.com/a', 'https://www-other-com.cdn.ampproject.org/'),
    ('https://www.example.com/a', 'https://www-example-org.translate.goog/'),
    ('https://www.google.com/amp/s/www.example.com/a', 'https://www.google.com/'),
    ('https://www-example-com.cdn.ampproject.org/c/s/www.example.com/', 'https://www.google.com/'),
    ('https://www-example-com.cdn.ampproject.org/', 'https://www.example.com/'),
    ('https://www-example-com.translate.goog/b', 'https://www-example-com.translate.goog/a')) AS v(url, referrer)
    LEFT JOIN journey.touch(url, referrer) ON true;
SELECT journey.touch('https://shop.test/', 'https://brand-example.translate.goog/', '{"internal_hosts": ["brand.example"]}');

-- no touch: nothing, a page of the same site, a payment page
SELECT url, referrer, journey.touch(url, referrer)
FROM (VALUES
    ('https://shop.test/', NULL),
    ('https://shop.test/', ''),
    ('https://shop.test/', '$direct'),
    ('https://shop.test/', 'about:blank'),
    ('https://shop.test/', '/a/b'),
    ('https://shop.test/', 'https://shop.test/b'),
    ('https://www.shop.test/', 'http://SHOP.test:8080/b'),
    ('https://www.shop.test/', 'https://checkout.shop.test./b'),
    ('https://a.shop.co.uk/', 'https://b.shop.co.uk/'),
    ('http://localhost:3000/', 'http://localhost:4000/'),
    ('http://10.0.0.1/', 'http://10.0.0.1:80/'),
    ('https://shop.test/', 'https://www.paypal.com/x'),
    ('https://shop.test/', 'https://checkout.stripe.com/x'),
    ('https://shop.test/', 'https://accounts.google.com/x'),
    (NULL, NULL),
    (NULL, '$direct')) AS given(url, referrer);

-- which hosts are one site: suffixes of both sections, wildcards, exceptions, in either form
SELECT a, b, journey.touch('https://' || a || '/', 'https://' || b || '/') IS NULL AS same_site
FROM (VALUES
    ('a.example.com', 'b.example.com'),
    ('a.co.uk', 'b.co.uk'),
    ('one.github.io', 'two.github.io'),
    ('one.github.io', 'www.one.github.io'),
    ('a.b.ck', 'c.b.ck'),
    ('x.a.b.ck', 'y.a.b.ck'),
    ('www.ck', 'a.www.ck'),
    ('a.kawasaki.jp', 'b.kawasaki.jp'),
    ('x.city.kawasaki.jp', 'y.city.kawasaki.jp'),
    ('a.xn--55qx5d.cn', 'b.xn--55qx5d.cn'),
    ('a.公司.cn', 'b.公司.cn'),
    ('x.a.公司.cn', 'y.a.公司.cn'),
    ('x.a.xn--55qx5d.cn', 'y.a.xn--55qx5d.cn'),
    ('a.unknown-tld', 'b.unknown-tld'),
    ('x.a.unknown-tld', 'y.a.unknown-tld'),
    ('10.0.0.1', '10.1.0.1'),
    ('[::1]', '[::2]'),
    ('com', 'example.com')) AS given(a, b);

-- the page's URL goes before the referrer; without a URL the referrer counts
SELECT touch_type, source, medium, referrer_host
FROM journey.touch('https://shop.test/?utm_source=a', 'https://www.google.com/');
SELECT touch_type, source, medium, referrer_host
FROM journey.touch('https://shop.test/?fbclid=a', 'https://www.google.com/');
SELECT touch_type, source, medium, landing_page FROM journey.touch(NULL, 'https://www.google.com/');
-- parameters of a Google ad are no id, yet a Google page that led here with them was paid for
SELECT journey.touch('https://shop.test/?gad_source=1&gclsrc=aw.ds&hsa_cam=1');
SELECT touch_type, source, medium, channel, click_id
FROM journey.touch('https://shop.test/?gad_source=1', 'https://www.google.com/');
SELECT touch_type, source, medium, channel, click_id
FROM journey.touch('https://shop.test/?gad_source=1', 'https://www.bing.com/');

SELECT referrer, source, medium
FROM unnest(ARRAY['https://syndicatedsearch.goog/', 'https://googleads.g.doubleclick.net/x', 'https://tpc.googlesyndication.com/',
    'https://www.googleadservices.com/', 'https://images.google.de/', 'https://mail.google.com/', 'https://m.youtube.com/',
    'android-app://com.google.android.youtube/', 'android-app://com.google.android.googlequicksearchbox/',
    'https://partner.example/', 'https://www.facebook.com/']) AS referrer,
    journey.touch('https://shop.test/?gad_campaignid=22', referrer);

-- what the parameters leave open: an external referrer gives the source, an AI assistant's name the medium
SELECT query, referrer, source, medium, channel
FROM (VALUES
    ('utm_medium=cpc', 'https://www.youtube.com/'),
    ('utm_campaign=a', 'https://chatgpt.com/'),
    ('utm_campaign=a', 'https://partner.example/'),
    ('utm_campaign=a', 'https://shop.test/b'),
    ('utm_campaign=a&gad_source=1', 'https://www.google.com/'),
    ('utm_source=a', 'https://chatgpt.com/'),
    ('utm_source=chatgpt.com', NULL),
    ('utm_source=ChatGPT', NULL),
    ('utm_source=www.perplexity.ai', NULL),
    ('utm_source=perplexity&utm_medium=referral', NULL),
    ('utm_source=gemini.google.com&utm_campaign=x', NULL),
    ('utm_source=gemini', NULL),
    ('utm_source=claude', NULL),
    ('utm_source=copilot', NULL),
    ('utm_source=you', NULL),
    ('utm_source=chatgpt.example', NULL)) AS v(query, referrer),
    journey.touch('https://shop.test/?' || query, referrer);

-- options
SELECT referrer, journey.touch('https://shop.test/', referrer, '{"internal_hosts":
    ["shop.example", "*.Blog.test"], "ignored_referrers": [".pay.example"]}') IS NULL AS no_touch
FROM unnest(ARRAY['https://shop.example/', 'https://www.SHOP.example/', 'https://myshop.example/',
    'https://a.blog.test/', 'https://blog.test/', 'https://pay.example/', 'https://x.pay.example/',
    'https://example/']) AS referrer;
-- hosts as people have them
SELECT host, journey.touch('https://shop.test/', 'https://www.brand.example/',
        jsonb_build_object('internal_hosts', jsonb_build_array(host))) IS NULL AS no_touch
FROM unnest(ARRAY['https://brand.example', 'brand.example/', 'http://Brand.example:8080/de/', 'https://*.brand.example/*',
    '.brand.example.', '//brand.example', ' brand.example ', 'www.brand.example', 'shop.brand.example']) AS host;
SELECT journey.touch('https://shop.test/', 'android-app://com.brand.app/',
    '{"ignored_referrers": ["android-app://com.brand.app/https/x"]}');
SELECT journey.touch('?gclid=1', NULL, '{"internal_hosts": ["https://"]}');
SELECT journey.touch('?gclid=1', NULL, '{"internal_hosts": ["*"]}');
SELECT journey.touch('?gclid=1', NULL, '{"internal_hosts": ["a..b"]}');
SELECT journey.touch('?gclid=1', NULL, '{"ignored_referrers": ["partner.example", "facebook.com/ads"]}');
SELECT * FROM journey.touches('[]', options => '{"ignored_referrers": [""]}');
SELECT (journey.touch('?gclid=1', NULL, NULL)).source,
    (journey.touch('?gclid=1', options => '{"internal_hosts": null}')).source;
SELECT count(journey.touch('https://shop.test/', 'https://a.test/', options))
FROM (VALUES ('{"internal_hosts": ["a.test"]}'::jsonb), ('{"internal_hosts": ["b.test"]}'), ('{}'),
    ('{"internal_hosts": ["a.test"]}')) AS o(options);
SELECT journey.touch('?gclid=1', NULL, '{"internal_host": []}');
SELECT journey.touch('?gclid=1', NULL, '{"internal_hosts": "a.test"}');
SELECT journey.touch('?gclid=1', NULL, '{"internal_hosts": ["a.test", 1]}');
SELECT journey.touch('?gclid=1', NULL, '{"ignored_referrers": {"a": 1}}');
SELECT journey.touch('?gclid=1', NULL, '["a.test"]');
SELECT journey.touch('?gclid=1', NULL, '"a.test"');

-- campaigns compare in any case of letters, click ids do not; the first stays as sent
SELECT session_number, source, medium, campaign, click_id
FROM (SELECT jsonb_agg(jsonb_build_object('event_id', n::text, 'event_time', format('2026-03-01T10:0%s:00Z', n),
            'kind', 'page', 'url', 'https://shop.test/?' || query) ORDER BY n)::text::journey.timeline AS t
      FROM unnest(ARRAY['utm_source=Google&utm_medium=CPC&utm_campaign=Spring', 'utm_source=google&utm_medium=cpc&utm_campaign=spring',
          'gclid=A', 'gclid=a', 'utm_source=other']) WITH ORDINALITY AS q(query, n)) AS x,
    LATERAL (SELECT t.*, s.session_number FROM journey.touches(x.t, options => '{"new_campaign": true}') AS t
             JOIN journey.sessions(x.t, options => '{"new_campaign": true}') AS s USING (session_id)) AS y
ORDER BY touched_at;

-- immutable and safe in parallel plans
SELECT proname, provolatile, proparallel FROM pg_proc
WHERE pronamespace = 'journey'::regnamespace AND proname IN ('campaign', 'touch', 'channel',
        'url_host', 'url_path', 'url_param', 'url_params', 'strip_tracking')
    AND (provolatile, proparallel) <> ('i', 's');

-- a hundred kilobytes
SELECT length((c).source), (t).source = (c).source, length((t).landing_page)
FROM (SELECT repeat('a=1&', 10000) || 'utm_source=' || repeat('%41', 20000) AS rest) AS r,
    LATERAL (SELECT journey.campaign('?' || rest) AS c, journey.touch('?' || rest) AS t) AS x;
