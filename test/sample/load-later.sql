-- Appends what generate.sql kept for a later load, as the warehouse's loader does it: rows are added, of
-- users the old row is replaced.
--
--   psql -v schema=rudder -f test/sample/load-later.sql
\set ON_ERROR_STOP on
\set QUIET on
\if :{?schema}
\else
\set schema rudder
\endif
SELECT :'schema' || '_later' AS later_schema \gset
BEGIN;
DELETE FROM :"schema".users AS u USING :"later_schema".users AS l WHERE u.id = l.id;
SELECT format('INSERT INTO %I.%I SELECT * FROM %I.%I', :'schema', t, :'later_schema', t)
FROM unnest(ARRAY['pages', 'tracks', 'identifies', 'aliases', 'users', 'order_completed', 'workspace_created',
                  'email_delivered']) AS t \gexec
COMMIT;
