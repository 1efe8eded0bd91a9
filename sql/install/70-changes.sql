-- ---------------------------------------------------------------------------------------------
-- model: the list of changes
--
-- With the option keep_changes: which sessions, touches and profiles each run wrote or took away. Whoever writes these
-- relations in a later run does it through _listed() or _telling(), or adds to the list in the same statement.
-- ---------------------------------------------------------------------------------------------

-- A statement of a later run that inserts, updates or deletes rows of a relation (NULL: of none that counts); where
-- the model keeps a list of its changes, their keys go to the end of it. Runs outside sessions are no sessions.
CREATE FUNCTION journey._listed(r journey._run, relation text, key text, statement text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ((r).settings).keep_changes IS NULL OR relation IS NULL THEN statement ELSE pg_catalog.format(
    'WITH written AS (%s RETURNING %s::text AS key, %s AS shown)'
    ' INSERT INTO {._change_list} (version, changed_at, relation, key)'
    ' SELECT %s, %L::pg_catalog.timestamptz, %L, key FROM written WHERE shown',
    statement, key, CASE WHEN relation OPERATOR(pg_catalog.=) 'sessions'
                         THEN pg_catalog.concat('NOT ', pg_catalog.replace(key, 'session_id', 'loose')) ELSE 'true' END,
    (r).version, (r).at, relation) END;

-- A statement that writes rows o of a relation of the store that says more of sessions, and tells the sessions: they
-- have changed with this run.
CREATE FUNCTION journey._telling(r journey._run, statement text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.format(
    'WITH changed AS (%s RETURNING o.session_id),'
    ' told AS (UPDATE {._sessions} AS t SET version = %s, updated_at = %L::pg_catalog.timestamptz'
    ' FROM changed AS c WHERE t.session_id = c.session_id RETURNING t.session_id, t.loose)'
    ' %s SELECT %2$s, %3$L::pg_catalog.timestamptz, ''sessions'', session_id::text FROM told WHERE NOT loose',
    statement, (r).version, (r).at,
    CASE WHEN ((r).settings).keep_changes IS NOT NULL
         THEN 'INSERT INTO {._change_list} (version, changed_at, relation, key)' ELSE '' END);

-- A first load lists nothing, since all is new; one into a model that was emptied lists all.
CREATE FUNCTION journey._list_all(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        INSERT INTO {._change_list} (version, changed_at, relation, key)
        SELECT $1, $2, 'sessions', session_id::text FROM {_sessions} WHERE NOT loose
        UNION ALL
        SELECT $1, $2, 'touches', touch_id::text FROM {touches}
        UNION ALL
        SELECT $1, $2, 'profiles', person_id FROM {profiles}$sql$)
    USING r.version, r.at;
END
$$;

-- The list of changes, oldest first: what of sessions, touches and profiles a refresh wrote or took away. Without
-- keys, in blocks by version and time, since rows come at its end and go at its beginning.
CREATE FUNCTION journey._create_changes(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        CREATE TABLE {_change_list} (
            version    bigint NOT NULL,
            changed_at timestamptz NOT NULL,
            relation   text NOT NULL,
            key        text COLLATE "C" NOT NULL);
        -- who asks for those after a version, and the end of keep_changes
        CREATE INDEX ON {_change_list} USING brin (version, changed_at)
            WITH (pages_per_range = 8, autosummarize = on);
        CREATE VIEW {changes} AS SELECT version, changed_at, relation, key FROM {_change_list}$sql$);
END
$$;

-- Takes what is older than keep_changes off the list; all, where no list is kept any more.
CREATE FUNCTION journey._end_changes(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, 'DELETE FROM {._change_list} WHERE changed_at < $1'::text)
    USING coalesce(r.at - (r.settings).keep_changes, 'infinity');
END
$$;

COMMENT ON FUNCTION journey._listed IS 'internal: a statement that lists the keys of what it writes';
COMMENT ON FUNCTION journey._telling IS 'internal: a statement that tells sessions of what it writes';
COMMENT ON FUNCTION journey._list_all IS 'internal: puts all rows on the list of changes';
COMMENT ON FUNCTION journey._create_changes IS 'internal: makes the list of changes';
COMMENT ON FUNCTION journey._end_changes IS 'internal: takes old rows off the list of changes';
