-- What a later refresh changed: rows of the floor that are no more, and those that came, as {store} and web
-- have them now.
CREATE SCHEMA changes;
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES ('segments', '{store}._segments'), ('sessions', '{store}._sessions'),
                                   ('touches', 'web.touches'), ('facts', '{store}._facts'),
                                   ('identities', 'web.identities'), ('profiles', 'web.profiles')) AS v (name, now)
    LOOP
        -- by their text: not every type has an order
        EXECUTE format('CREATE TABLE changes.%1$s_gone AS SELECT o.* FROM floor.%1$s AS o WHERE NOT EXISTS'
                       ' (SELECT FROM %2$s AS n WHERE md5(n::text) = md5(o::text))', t.name, t.now);
        EXECUTE format('CREATE TABLE changes.%1$s_came AS SELECT n.* FROM %2$s AS n WHERE NOT EXISTS'
                       ' (SELECT FROM floor.%1$s AS o WHERE md5(n::text) = md5(o::text))', t.name, t.now);
        EXECUTE format('ANALYZE changes.%1$s_gone, changes.%1$s_came', t.name);
    END LOOP;
END
$$;
