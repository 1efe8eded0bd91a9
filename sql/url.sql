-- url: hosts, paths and parameters of any text
\pset null '(null)'

-- parts
SELECT url, journey.url_host(url), journey.url_path(url)
FROM unnest(ARRAY[
    'https://www.example.com/a/b.html?x=1#y',
    'HTTPS://User:Pa:ss@WWW.Example.COM:8443/A/B%20c',
    'https://example.com',
    'https://example.com?x=/a',
    'https://example.com#/a',
    'https://example.com./a',
    'http:///example.com//a//b',
    'http:example.com/a',
    'https:\\example.com\a',
    'http://user@[2001:DB8::1]:8080/a',
    'http://[::1',
    'http://10.0.0.1:80/',
    'http://münchen.DE/straße',
    'http://xn--mnchen-3ya.de/',
    'http://a@b@c.example/',
    'http://:80/a',
    'http://?x',
    'http://',
    '  https://example.com/a  ',
    'android-app://com.google.android.gm/https/x',
    'file:///etc/hosts',
    'about:blank',
    'mailto:jane@example.com',
    'javascript:void(0)']) AS url;

-- hosts: tabs and newlines are nothing, %XX is decoded, a character that no host has makes it none
SELECT url, journey.url_host(url), journey.url_path(url)
FROM unnest(ARRAY[
    E'https://exam\tple.\r\ncom/a\tb',
    E'ht\ntps:/\n/example.com/a',
    E'\n//example.com\n',
    'https://ex%61mple%2Ecom/a%2Fb',
    'https://%45xample.COM/',
    'https://m%C3%BCnchen.de/',
    'https://exa%C3mple.com/',
    'https://a%2fb.com/',
    'https://a%20b.com/',
    'https://exa mple.com/a',
    'https://{host}/a',
    'https://a,b.com/',
    'https://example.com"/a',
    'https://<script>/',
    'https://*.example.com/',
    'https://a_b.example.com/',
    'https://[::g]/',
    'https://[]/',
    'android-app://com.example.app_x/http/a']) AS url;

-- text without a scheme
SELECT url, journey.url_host(url), journey.url_path(url)
FROM unnest(ARRAY[
    '//cdn.example.com/x',
    'www.website.com/?param1=A',
    'www.website.com',
    'example.co.uk:8080/x',
    'localhost',
    'localhost:3000/x',
    'intranet:8080/x',
    'intranet/x',
    '192.168.0.1/x',
    '[::1]:80/x',
    'münchen.de/x',
    '/x/y?z',
    'x/y',
    'index.html?x=1',
    'Home Screen',
    'com.example.MainActivity',
    'jane@example.com',
    '?a=1',
    '#a',
    '$direct',
    '.',
    '..',
    '']) AS url;

-- parameters: in order, decoded, & alone separates
SELECT *
FROM journey.url_params('https://x.test/p?b=2&a=1+1&&a=%26%3D&c&=e&f=g=h;i=j&%C3%A9=%E6%BC%A2#k=l');
SELECT * FROM journey.url_params('https://x.test/p?');
SELECT * FROM journey.url_params('https://x.test/p');
SELECT name, value, length(value)
FROM journey.url_params('?a=%00&b=%C3x&c=%ED%A0%80&d=%F5%80&e=%&f=%4&g=%zz&h=%E2%82');

-- links that HTML broke are read as they are
SELECT * FROM journey.url_params('https://x.test/p?a=1&amp;b=2?utm_source=c&#38;d=3');

-- url_param: that name alone, the first value that is not empty
SELECT url, name, journey.url_param(url, name)
FROM (VALUES
    ('?a=1&b=2', 'b'),
    ('?a=&a=%20&a=3', 'a'),
    ('?a=', 'a'),
    ('?a', 'a'),
    ('?xgclid=1&gclidx=2', 'gclid'),
    ('?GCLID=1', 'gclid'),
    ('?%67clid=1', 'gclid'),
    ('?a+b=1', 'a b'),
    ('?a=b?c=d', 'a'),
    ('?a=1#b=2', 'b'),
    ('?=1', ''),
    ('a=1', 'a')) AS given(url, name);

-- strip_tracking: all else is untouched
SELECT url, journey.strip_tracking(url)
FROM unnest(ARRAY[
    'https://x.test/p?utm_source=a&b=1&UTM_Medium=c&gclid=d#e',
    'https://x.test/p?utm_source=a',
    'https://x.test/p?utm_anything=a&hsa_cam=1&pk_kwd=2&mtm_x=3&vero_id=4',
    'https://x.test/p?%75tm_source=a&b=%20+',
    'https://x.test/p?gad_source=1&gclsrc=x&mc_eid=y&_kx=z&mkt_tok=t&FBCLID=f',
    'https://x.test/p?a=1&&gclid=2&&b=3&',
    'https://x.test/p?&gclid=2&',
    'https://x.test/p?xgclid=1&gclidx=2&utm=3&my_utm_source=4',
    'https://x.test/p?',
    'https://x.test/p#',
    'https://x.test/p#utm_source=a&utm_medium=b',
    'https://x.test/p?a=1#/route?utm_source=a',
    'https://x.test/p#/route?a=1&utm_source=a',
    'https://x.test/p#!/route?utm_source=a&b=2',
    'https://x.test/p#gclid',
    'https://x.test/utm_source=a/gclid',
    'https://x.test/p?a=1&amp;utm_source=b&amp;c=2',
    'https://x.test/p?utm_source=b&amp;a=1',
    'https://x.test/p?a=1&#38;gclid=b#top',
    'https://x.test/p?a=1&#38;b=2#gclid=c',
    'https://x.test/p?a=1&amp;amp;b=2',
    'https://x.test/p?a=1?utm_source=b&c=2',
    'https://x.test/p?u=https://y.test/?utm_source=b&c=2',
    '?gclid=1',
    'utm_source=a',
    ' https://x.test/p?gclid=1 ',
    '']) AS url;

-- NULL
SELECT journey.url_host(NULL), journey.url_path(NULL), journey.url_param(NULL, 'a'),
    journey.url_param('?a=1', NULL), journey.strip_tracking(NULL);
SELECT count(*) FROM journey.url_params(NULL);

-- a hundred kilobytes
SELECT length(journey.url_param('https://x.test/?a=1&' || repeat('b=%41&', 20000) || 'c='
        || repeat('%C3%A9', 20000), 'c')),
    length(journey.strip_tracking('https://x.test/?a=1&' || repeat('gclid=%41&', 20000) || 'c=d')),
    length(journey.url_host('https://' || repeat('a.', 50000) || 'de')),
    length(journey.url_path('/' || repeat('a/', 50000)));

-- immutable, so that it can be indexed
CREATE TABLE page (url text);
CREATE INDEX ON page (journey.url_host(url));
DROP TABLE page;
