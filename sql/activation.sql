-- activation: hashes as ad platforms want them
\set SHOW_CONTEXT never
\pset null '(null)'
CREATE FUNCTION pg_temp.sha(text) RETURNS text LANGUAGE sql AS $$ SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex') $$;

-- the platforms' own examples
SELECT journey.hash_email('Cloudy.SanFrancisco+Shopping@gmail.com ', 'google') AS google, left(journey.hash_email('Cloudy.SanFrancisco+Shopping@gmail.com ', 'meta'), 18) AS meta,
    left(journey.hash_email('user.name+NYC@Example.com', 'google'), 16) AS other_domain;
SELECT journey.hash_phone('(800) 555-0100', 'google', 'US') AS google, journey.hash_phone('(800) 555-0100', 'meta', 'US') AS meta;

-- e-mail: the hash is that of the normal form
SELECT platform, left(email, 50) AS email, normal, journey.hash_email(email, platform) IS NOT DISTINCT FROM pg_temp.sha(normal) AS good
FROM (VALUES ('google', ' A b@C.com ', 'ab@c.com'), ('google', 'a.b+c@GoogleMail.com', 'ab@googlemail.com'), ('google', 'a.b+c@gmail.co', 'a.b+c@gmail.co'),
    ('google', '+x@gmail.com', NULL), ('meta', E'\tA.b+C@gmail.com\u00A0', 'a.b+c@gmail.com'), ('meta', 'a b@c.com', NULL),
    ('microsoft', 'Abc.Def+xx@Contoso.com', 'abcdef@contoso.com'), ('microsoft', E'Ren\u00C9@caf\u00E9.fr', 'rene@cafe.fr'), ('microsoft', E'rene\u0301@cafe.fr', 'rene@cafe.fr'),
    ('linkedin', 'A@B.com', 'a@b.com'), ('tiktok', ' A@B.com ', 'a@b.com'), ('meta', E'\u0416\u00D6@x.ru', E'\u0436\u00F6@x.ru'),
    ('google', NULL, NULL), ('google', '', NULL), ('google', E' \u3000 ', NULL), ('google', 'p1_5bdcc146bf60754e6a042426089575c75a003f08', NULL),
    ('google', 'a@b', NULL), ('google', 'a@b@c.com', NULL), ('google', '@c.com', NULL), ('google', 'a@.com', NULL), ('google', 'Ann <a@c.com>', NULL),
    ('google', repeat('a', 2000) || '@b.com', NULL)) AS t (platform, email, normal);
-- what is a hash already stays, in small letters
SELECT journey.hash_email(' ' || upper(pg_temp.sha('x')), 'meta') = pg_temp.sha('x') AS email, journey.hash_phone(pg_temp.sha('x'), 'meta') = pg_temp.sha('x') AS phone,
    journey.hash_email(left(pg_temp.sha('x'), 63), 'meta') AS shorter;

-- phone
SELECT left(phone, 24) AS phone, country, normal, journey.hash_phone(phone, 'google', country) IS NOT DISTINCT FROM pg_temp.sha(normal) AS google,
    journey.hash_phone(phone, 'meta', country) IS NOT DISTINCT FROM pg_temp.sha(substr(normal, 2)) AS meta
FROM (VALUES ('1 800 555 0100', 'US', '+18005550100'), ('+1 (800) 555-0100', NULL, '+18005550100'), ('800.555.0100 ext. 12', 'ca', '+18005550100'),
    ('011 44 7911 123456', 'US', '+447911123456'), ('0044 7911 123456', 'US', '+447911123456'), ('0151/12345678', 'DE', '+4915112345678'), ('0049 151 12345678', 'DE', '+4915112345678'),
    ('0049 151 12345678', NULL, '+4915112345678'), ('4915112345678', 'DE', '+4915112345678'), ('+49 (0)151 12345678', 'FR', '+4915112345678'),
    ('tel:+49-151-12345678', NULL, '+4915112345678'), (E'+49\u00A0151\u201112345678', NULL, '+4915112345678'), ('+44 07911 123456', NULL, '+447911123456'),
    ('07911 123456', 'GB', '+447911123456'), ('07911 123456', 'uk', '+447911123456'), ('06 20 123 4567', 'HU', '+36201234567'),
    ('8 (912) 345-67-89', 'RU', '+79123456789'), ('9123456789', 'RU', '+79123456789'), ('02 1234567', 'IT', '+39021234567'), ('+39 02 1234567', NULL, '+39021234567'),
    ('9198765432', 'IN', '+919198765432'), ('919876543210', 'IN', '+919876543210'), ('612345678', 'ES', '+34612345678'), ('34612345678', 'ES', '+34612345678'),
    ('0412 345 678', 'AU', '+61412345678'), ('0011 49 151 12345678', 'AU', '+4915112345678'), ('090-1234-5678', 'JP', '+819012345678'),
    ('555-0100', 'US', NULL), ('(055) 555-0100', 'US', NULL), ('8005550100', NULL, NULL), ('8005550100', 'XX', NULL), ('110', 'DE', NULL),
    ('000 000 000', 'DE', NULL), ('+0151 1234567', 'DE', NULL), ('+999 1234567', NULL, NULL), ('1234567890123456', 'DE', NULL), (repeat('1', 5000), 'DE', NULL),
    ('call me', 'DE', NULL), ('1-800-FLOWERS', 'US', NULL), ('p1_0151', 'DE', NULL), ('+', 'DE', NULL), ('++49 151 12345678', NULL, NULL), ('', 'DE', NULL), ('  ', NULL, NULL), (NULL, 'DE', NULL)
) AS t (phone, country, normal);
-- errors
SELECT journey.hash_email('a@b.com', 'facebook');
SELECT journey.hash_email('a@b.com', NULL);
SELECT journey.hash_phone('1', 'Google', 'US');
