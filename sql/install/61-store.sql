-- ---------------------------------------------------------------------------------------------
-- model: the store
--
-- Statements of a refresh are written with {name} for a relation of the model, which in a shadow
-- run (rebuild, verify) is its shadow _shadow_name; {.name} is the relation itself in any run. Relations whose
-- names begin with _, shadows among them, lie in a schema of their own, the store.
-- ---------------------------------------------------------------------------------------------

CREATE TYPE journey._run AS (
    model    name,
    schema   name,          -- of the public relations
    store    name,          -- of the others, whose names begin with _
    shadow   boolean,       -- derive into the shadow tables
    bulk     boolean,       -- the store was empty before this run
    anew     boolean,       -- derive all conversions anew, since what they go by changed
    version  bigint,        -- number of the refresh
    at       timestamptz,   -- its time, for updated_at
    timeout  interval,
    rules    jsonb,         -- options of the session core
    conversions jsonb,      -- definitions, NULL: none
    segments jsonb,         -- definitions by name, NULL: none
    settings journey._settings
);

CREATE TYPE journey._segment AS (
    started_at     timestamptz,
    first_event_id text COLLATE "C",
    session_id     uuid,
    loose          boolean,
    head           boolean,
    state          bytea,
    body           journey.timeline,
    sentinel       boolean
);

CREATE TYPE journey._split_row AS (
    visitor_id         text COLLATE "C",
    op                 text,            -- put, delete, rename; incomplete: more segments must be read
    started_at         timestamptz,
    first_event_id     text COLLATE "C",
    session_id         uuid,
    unit_started_at    timestamptz,
    loose              boolean,
    head               boolean,
    whole              boolean,
    resumable          boolean,
    state              bytea,
    body               journey.timeline,
    part               bytea,
    noted              boolean,         -- has events for _noted_events()
    new_events         bigint,          -- of the visitor, in one of its rows
    new_id             uuid             -- rename: of the unit that what carries session_id from here on belongs to
);

-- A session, or a run of passive events outside sessions.
CREATE TYPE journey._unit AS (
    visitor_id        text COLLATE "C",
    started_at        timestamptz,
    first_event_id    text COLLATE "C",
    loose             boolean,
    session_id        uuid,
    user_id           text COLLATE "C",
    ended_at          timestamptz,
    session_date      date,
    duration_seconds  numeric,
    events            bigint,
    page_views        bigint,
    landing_page      text,
    landing_page_path text,
    exit_page         text,
    referrer          text,
    referrer_host     text,
    source            text,
    medium            text,
    campaign          text,
    term              text,
    content           text,
    channel           text,
    gclid             text,
    click_id          text,
    click_id_type     text,
    revenue           numeric,
    is_bounce         boolean,
    refs              text[],       -- whom its events name: 'user:..', 'email:..'
    identity          text,         -- the one that it goes by
    identified_at     timestamptz,  -- when the first of them was named
    kept              text[],       -- first and last values of keep_properties, in pairs
    counts            bytea,        -- events by name, for _profile()
    aside             boolean,      -- names another than the user of the last session: nobody's device
    touches           journey.touched[]
);

CREATE TYPE journey._noted AS (
    visitor_id  text COLLATE "C",
    event_id    text COLLATE "C",
    event_time  timestamptz,
    user_id     text COLLATE "C",
    kind        text,
    name        text,
    order_id    text COLLATE "C",
    revenue     numeric,
    currency    text,
    previous_id text COLLATE "C",
    traits      jsonb,
    first_copy  timestamptz,
    last_copy   timestamptz,
    conversions jsonb           -- what the option of that name makes of it
);

CREATE FUNCTION journey._split(visitor_id text, fresh journey.timeline, old journey._segment[],
    alias_previous text[], alias_user text[], force boolean, timeout interval, rules jsonb,
    removed text[], removed_at timestamptz[])
RETURNS SETOF journey._split_row
AS 'MODULE_PATHNAME', 'journey_split'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 5;

-- The merge of a first load: splits all events that a query gives, with the columns of journey.event, and
-- writes segments, units, noted events, whom visitors name and the identities of those that name nobody into tables
-- of the model; how many events there are.
CREATE FUNCTION journey._load_events(query text, timeout interval, rules jsonb, segments regclass,
    units regclass, noted regclass, refs regclass, identities regclass, conversions jsonb DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'journey_load_events'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- The same from the rows of a reading, with all columns of the batch; those that are no events go there. Tells
-- what the rows of each table are and, in a last row without a table, how many events there are.
CREATE FUNCTION journey._load_rows(query text, timeout interval, rules jsonb, segments regclass,
    units regclass, noted regclass, refs regclass, identities regclass, batch regclass,
    conversions jsonb DEFAULT NULL)
RETURNS SETOF journey._tally
AS 'MODULE_PATHNAME', 'journey_load_rows'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- The same from what is stored: the query gives (visitor_id, body), those of a visitor in a row.
CREATE FUNCTION journey._load_stored(query text, timeout interval, rules jsonb, segments regclass,
    units regclass, noted regclass, refs regclass, identities regclass, conversions jsonb DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'journey_load_stored'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION journey._segment_part(loose boolean, state bytea, body journey.timeline,
    timeout interval, rules jsonb)
RETURNS bytea
AS 'MODULE_PATHNAME', 'journey_segment_part'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- State and summary of a segment whose unit has another id now; NULL: the state has nothing of that unit.
CREATE FUNCTION journey._renamed_state(state bytea, from_id uuid, to_id uuid, started_at timestamptz)
RETURNS bytea
AS 'MODULE_PATHNAME', 'journey_renamed_state'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

CREATE FUNCTION journey._renamed_part(part bytea, id uuid)
RETURNS bytea
AS 'MODULE_PATHNAME', 'journey_renamed_part'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

CREATE FUNCTION journey._unit(parts bytea[], time_zone text)
RETURNS journey._unit
AS 'MODULE_PATHNAME', 'journey_unit'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

-- Of marks, (visitor_id, time, event_id, shared, base, barrier, session_id, loose, aside, person_id,
-- session_number, first, own), in order of visitor, time, event and sender, says to whom the units among them
-- go and which number they have; p0 and n0 are those of before.
CREATE FUNCTION journey._stitch(marks text, OUT visitor_id text, OUT started_at timestamptz, OUT first_event_id text,
    OUT session_id uuid, OUT p0 text, OUT p1 text, OUT n0 bigint, OUT n1 bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'journey_stitch'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE ROWS 50;       -- few: units are looked up, however many a visitor has

-- Of the marks of whole visitors writes session and person of the units that go to another than their visitor, and
-- when the visitors stand for whom.
CREATE FUNCTION journey._stitch_whole(marks text, units regclass, stretches regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'journey_stitch_whole'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION journey._noted_events(body journey.timeline, conversions jsonb DEFAULT NULL)
RETURNS SETOF journey._noted
AS 'MODULE_PATHNAME', 'journey_noted_events'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 1;

-- The ids of events, their times with those of their copies, and whether there is an alias among them.
CREATE FUNCTION journey._event_keys(body journey.timeline, OUT event_ids text[], OUT times timestamptz[],
    OUT is_alias boolean)
AS 'MODULE_PATHNAME', 'journey_event_keys'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

-- The stretches that times lie in, two days apart at least; or, whole, all time.
CREATE FUNCTION journey._reach(times timestamptz[], whole boolean, OUT lo timestamptz, OUT hi timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'journey_reach'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT ROWS 1;

CREATE FUNCTION journey._alias_ends(previous text[], next text[],
    OUT id text, OUT canonical text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'journey_alias_ends'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

CREATE FUNCTION journey._bind(r journey._run, statement text)
RETURNS text
AS 'MODULE_PATHNAME', 'journey_bind'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

-- The columns of first_touch_*, last_touch_*, ... of a profile.
CREATE TYPE journey._profile_touch AS (
    at            timestamptz,
    source        text,
    medium        text,
    campaign      text,
    term          text,
    content       text,
    channel       text,
    landing_page  text,
    click_id      text,
    click_id_type text
);

-- What one event says of a person, and when.
CREATE TYPE journey._said AS (
    traits     jsonb,
    event_time timestamptz,
    event_id   text COLLATE "C",
    visitor_id text COLLATE "C"
);

-- What some facts of a person come to.
CREATE TYPE journey._sum AS (
    facts bigint,               -- how many
    money jsonb,                -- by currency what counts, NULL: nothing
    said  journey._said[]       -- of each trait the last, with the event that said it
);

CREATE FUNCTION journey._sum_facts_add(internal, event_time timestamptz, event_id text, visitor_id text, name text,
    order_id text, revenue numeric, currency text, traits jsonb)
RETURNS internal
AS 'MODULE_PATHNAME', 'journey_sum_facts_add'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION journey._merge_sums_add(internal, sum journey._sum)
RETURNS internal
AS 'MODULE_PATHNAME', 'journey_merge_sums_add'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION journey._sums_final(internal)
RETURNS journey._sum
AS 'MODULE_PATHNAME', 'journey_sums_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- Where order_id is given, all facts of the person, in order of time, event and visitor.
CREATE AGGREGATE journey._sum_facts(event_time timestamptz, event_id text, visitor_id text, name text, order_id text,
    revenue numeric, currency text, traits jsonb) (
    SFUNC = journey._sum_facts_add,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = journey._sums_final,
    PARALLEL = SAFE
);

CREATE AGGREGATE journey._merge_sums(sum journey._sum) (
    SFUNC = journey._merge_sums_add,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = journey._sums_final,
    PARALLEL = SAFE
);

-- The revenue where what counts is in one currency, NULL where not: of amounts by currency.
CREATE FUNCTION journey._single_amount(money jsonb)
RETURNS numeric
AS 'MODULE_PATHNAME', 'journey_single_amount'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

-- A touch of a person, and what a profile may have of it.
CREATE TYPE journey._end_touch AS (
    touch_id      uuid,
    at            timestamptz,
    direct        boolean,
    click_ids     jsonb,
    source        text,
    medium        text,
    campaign      text,
    term          text,
    content       text,
    channel       text,
    landing_page  text,
    click_id      text,
    click_id_type text
);

-- The row of a profile in a later run: of the one that is stored, or NULL, and
--   - what units add that came, less those that went; names: their _sessions.counts, NULL where none did
--   - when the person was seen and identified, and its devices, as they are now
--   - what its facts come to now, NULL: as they did
--   - touches that those are among that are the first and last of all, of those not direct, and of each click id. But
--     a first one that is stored stays if it is before the stretch in which units changed, a last one if behind: this
--     need not be among them. NULL: none stays
CREATE FUNCTION journey._profile(old anyelement, person_id text, sessions bigint, events bigint, page_views bigint,
    names_gone bytea[], names_came bytea[], first_seen_at timestamptz, last_seen_at timestamptz,
    identified_at timestamptz, visitor_ids text[], facts journey._sum, touches journey._end_touch[],
    changed_from timestamptz, changed_to timestamptz, conversions bigint, email_trait text, internal_users text[],
    version bigint, at timestamptz)
RETURNS anyelement
AS 'MODULE_PATHNAME', 'journey_profile'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON TYPE journey._said IS 'internal: what one event says of a person';
COMMENT ON TYPE journey._sum IS 'internal: what some facts of a person come to';
COMMENT ON TYPE journey._end_touch IS 'internal: a touch that may be the first or last of a person';
COMMENT ON FUNCTION journey._sum_facts_add IS 'internal: adds a fact';
COMMENT ON FUNCTION journey._merge_sums_add IS 'internal: adds a sum of facts';
COMMENT ON FUNCTION journey._single_amount IS 'internal: the revenue in one currency';
COMMENT ON FUNCTION journey._sums_final(internal) IS 'internal: the sum of facts';
COMMENT ON AGGREGATE journey._sum_facts(timestamptz, text, text, text, text, numeric, text, jsonb) IS
    'internal: what facts of a person come to';
COMMENT ON AGGREGATE journey._merge_sums(journey._sum) IS 'internal: what sums of facts add up to';
COMMENT ON FUNCTION journey._profile IS 'internal: the row of a profile, of what is stored of it and what changed';

-- The last rounds of a first load: of units, (person_id, session_number, part), and facts, (person_id, visitor_id,
-- event_time, event_id, name, order_id, revenue, currency, traits, session_id, user_id, conversions), from two
-- queries, both in order of person_id, writes sessions, touches, facts and profiles; how many sessions and profiles
-- there are.
CREATE FUNCTION journey._load_persons(units text, facts text, sessions regclass, touches regclass,
    fact_rows regclass, profiles regclass, time_zone text, email_trait text, internal_users text[], anonymous boolean,
    version bigint, at timestamptz, OUT n_sessions bigint, OUT n_profiles bigint)
AS 'MODULE_PATHNAME', 'journey_load_persons'
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT;

-- A relation that follows from persons: profiles, and what is built beside them. What one is told is
-- in docs/development.md; journey._followers() lists them.
CREATE TYPE journey._follower AS (
    relation   text,        -- its name; with a leading _ it is of the store
    key        text[],      -- its primary key, of columns that are never null
    public     boolean,
    columns    text,        -- those of CREATE TABLE
    indexes    text,        -- statements that make its indexes beside that of the key, or NULL
    scope      text,        -- a query of what a later run is to derive anew, from what changed; NULL: nothing
    within     text,        -- which stored rows o lie in a row s of the scope
    derived    text,        -- the query of its rows: of those in `scope` in a later run, else of all; NULL in
                            -- a first load that has written them already
    attributes text[]       -- columns whose change moves attributes_version, if it has that
);

-- The relations that merge, identify and stitch write, with their keys; in this order they are compared
-- and applied.
CREATE FUNCTION journey._stored()
RETURNS TABLE (relation text, key text[], public boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    VALUES
        ('_segments',     ARRAY['visitor_id', 'started_at', 'first_event_id'], false),
        ('_sessions',     ARRAY['session_id'], true),
        ('touches',       ARRAY['touch_id', 'visitor_id'], true),
        ('_facts',        ARRAY['visitor_id', 'event_time', 'event_id'], false),
        ('_aliases',      ARRAY['visitor_id', 'event_time', 'event_id'], false),
        ('_copies',       ARRAY['visitor_id', 'event_id', 'event_time'], false),
        ('_visitor_refs', ARRAY['visitor_id', 'ref'], false),
        ('_user_emails',  ARRAY['email', 'user_id'], false),
        ('identities',    ARRAY['id', 'id_type', 'valid_from', 'person_id'], true),
        ('_conversion_records', ARRAY['conversion_id'], false)
$$;

CREATE FUNCTION journey._create_stored(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text := CASE WHEN r.shadow THEN 'UNLOGGED' ELSE '' END;
BEGIN
    EXECUTE journey._bind(r, format($sql$
        -- every event, in segments of one session, or outside sessions
        CREATE %1$s TABLE {_segments} (
            visitor_id     text COLLATE "C" NOT NULL,
            started_at     timestamptz NOT NULL,
            first_event_id text COLLATE "C" NOT NULL,
            session_id     uuid NOT NULL,       -- of the unit: a session, or a run outside sessions
            loose          boolean NOT NULL,    -- outside sessions
            head           boolean NOT NULL,    -- the first of its unit
            resumable      boolean NOT NULL,
            state          bytea,
            part           bytea,
            body           journey.timeline NOT NULL);

        -- What has one length comes first: no gaps before it, and it is found without looking at what varies.
        CREATE %1$s TABLE {_sessions} (
            started_at        timestamptz NOT NULL,
            events            bigint NOT NULL,
            page_views        bigint NOT NULL,
            version           bigint NOT NULL,
            updated_at        timestamptz NOT NULL,
            session_id        uuid NOT NULL,
            loose             boolean NOT NULL,
            aside             boolean NOT NULL,     -- says nothing of whose device it is
            is_bounce         boolean,
            session_date      date,
            session_number    bigint,
            ended_at          timestamptz,
            identified_at     timestamptz,
            visitor_id        text COLLATE "C" NOT NULL,
            person_id         text COLLATE "C",
            refs              text[],
            first_event_id    text COLLATE "C" NOT NULL,
            identity          text COLLATE "C",
            user_id           text COLLATE "C",
            duration_seconds  numeric,
            landing_page      text,
            landing_page_path text,
            exit_page         text,
            referrer          text,
            referrer_host     text,
            source            text,
            medium            text,
            campaign          text,
            term              text,
            content           text,
            channel           text,
            gclid             text,
            click_id          text,
            click_id_type     text,
            revenue           numeric,
            kept              text[],
            counts            bytea) WITH (fillfactor = 88); -- room to change a row in its page

        CREATE %1$s TABLE {touches} (
            touch_id      uuid NOT NULL,
            person_id     text COLLATE "C" NOT NULL,
            visitor_id    text COLLATE "C" NOT NULL,
            session_id    uuid NOT NULL,
            touched_at    timestamptz NOT NULL,
            touch_type    text NOT NULL,
            source        text,
            medium        text,
            campaign      text,
            term          text,
            content       text,
            campaign_id   text,
            channel       text,
            click_id      text,
            click_id_type text,
            click_ids     jsonb,
            landing_page  text,
            referrer      text,
            referrer_host text,
            version       bigint NOT NULL,
            updated_at    timestamptz NOT NULL);

        -- events that count one by one: traits, amounts and conversions; rows of a users table too
        CREATE %1$s TABLE {_facts} (
            visitor_id text COLLATE "C" NOT NULL,
            event_time timestamptz NOT NULL,
            event_id   text COLLATE "C" NOT NULL,
            session_id uuid,                    -- NULL: a row of a users table
            person_id  text COLLATE "C" NOT NULL,
            user_id    text COLLATE "C",
            name       text,
            order_id   text COLLATE "C",
            revenue    numeric,
            currency   text,
            traits     jsonb,
            conversions jsonb);                 -- those that it is, with what each is worth

        CREATE %1$s TABLE {_aliases} (
            visitor_id  text COLLATE "C" NOT NULL,
            event_time  timestamptz NOT NULL,
            event_id    text COLLATE "C" NOT NULL,
            previous_id text COLLATE "C" NOT NULL,
            user_id     text COLLATE "C" NOT NULL);

        -- events with copies at other times
        CREATE %1$s TABLE {_copies} (
            visitor_id text COLLATE "C" NOT NULL,
            event_id   text COLLATE "C" NOT NULL,
            event_time timestamptz NOT NULL,
            first_copy timestamptz NOT NULL,
            last_copy  timestamptz NOT NULL);

        -- which users carry an e-mail in their traits, and how often
        CREATE %1$s TABLE {_user_emails} (
            email   text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            n       bigint NOT NULL);

        -- whom a visitor's events name, and in how many units; device: in how many that say whose it is
        CREATE %1$s TABLE {_visitor_refs} (
            visitor_id text COLLATE "C" NOT NULL,
            ref        text COLLATE "C" NOT NULL,
            n          bigint NOT NULL,
            device     bigint NOT NULL);

        -- conversions that come as rows of a table, each as the row that was loaded last has it
        CREATE %1$s TABLE {_conversion_records} (
            conversion_id text COLLATE "C" PRIMARY KEY,
            name          text NOT NULL,
            table_id      integer NOT NULL,
            loaded_at     timestamptz,
            converted_at  timestamptz,          -- NULL: it was taken back, and nothing else is known
            user_id       text COLLATE "C",
            email         text COLLATE "C",
            visitor_id    text COLLATE "C",
            value         numeric,
            currency      text,
            order_id      text COLLATE "C",
            gclid         text,
            click_id      text,
            phone         text,
            consent       jsonb,
            row_id        text COLLATE "C" NOT NULL,    -- the row's own id
            row_version   journey._row_version);        -- of a table that is compared; NULL: to be read again

        CREATE %1$s TABLE {identities} (
            id         text COLLATE "C" NOT NULL,
            id_type    text NOT NULL,
            person_id  text COLLATE "C" NOT NULL,
            valid_from timestamptz NOT NULL,
            valid_to   timestamptz NOT NULL,
            reason     text NOT NULL);
        $sql$, kind));
END
$$;

-- Keys and indexes of the large relations, made after a first load, which is faster without.
CREATE FUNCTION journey._index_stored(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_index WHERE indrelid = journey._bind(r, '{_sessions}'::text)::regclass) THEN
        RETURN;
    END IF;
    EXECUTE journey._bind(r, $sql$
        ALTER TABLE {_segments} ADD PRIMARY KEY (visitor_id, started_at, first_event_id);
        -- a session's later segments; events of chosen sessions
        CREATE INDEX ON {_segments} (session_id);

        -- users; changed units, by their segments
        ALTER TABLE {_sessions} ADD PRIMARY KEY (session_id);
        -- stitching: a visitor's units in order of time. Few begin at one instant: so no such index goes on to their
        -- ids, which are long, nor looks for entries that are equal.
        CREATE INDEX ON {_sessions} (visitor_id, started_at) WITH (deduplicate_items = off);
        -- users; a person's first session, all that forget removes
        CREATE INDEX ON {_sessions} (person_id, started_at) WITH (deduplicate_items = off);
        -- stitching: who is named next and before
        CREATE INDEX ON {_sessions} (visitor_id, started_at) WITH (deduplicate_items = off)
            WHERE refs IS NOT NULL AND NOT aside;
        -- a person's units that reach far
        CREATE INDEX ON {_sessions} (person_id) WHERE ended_at - started_at > interval '1 day';
        -- users
        CREATE INDEX ON {_sessions} (started_at) WHERE NOT loose;
        CREATE INDEX ON {_sessions} (session_date) WHERE NOT loose;
        -- when a person was first identified
        CREATE INDEX ON {_sessions} (person_id, identified_at) WITH (deduplicate_items = off)
            WHERE refs IS NOT NULL;

        -- touch_id alone is looked up, too
        ALTER TABLE {touches} ADD PRIMARY KEY (touch_id, visitor_id);
        -- users; a person's first and last touch
        CREATE INDEX ON {touches} (person_id, touched_at) WITH (deduplicate_items = off);
        -- the first and last that is not direct, and click ids
        CREATE INDEX ON {touches} (person_id, touched_at) WITH (deduplicate_items = off)
            WHERE touch_type <> 'direct';
        -- users
        CREATE INDEX ON {touches} (touched_at);
        -- users; touches of changed sessions
        CREATE INDEX ON {touches} (session_id);

        ALTER TABLE {_facts} ADD PRIMARY KEY (visitor_id, event_time, event_id);
        -- a person's amounts and traits, and those of a stretch of time
        CREATE INDEX ON {_facts} (person_id, event_time);
        -- conversions, and the amounts of an order
        CREATE INDEX ON {_facts} (person_id, event_time) WHERE conversions IS NOT NULL;
        CREATE INDEX ON {_facts} (person_id, order_id, event_time) WHERE order_id IS NOT NULL;
        -- facts of sessions that move
        CREATE INDEX ON {_facts} (session_id);
        -- rows of users tables, when the user's person changes
        CREATE INDEX ON {_facts} (user_id) WHERE session_id IS NULL;

        -- records that follow an id whose person changed
        CREATE INDEX ON {_conversion_records} (user_id) WHERE user_id IS NOT NULL;
        CREATE INDEX ON {_conversion_records} (email) WHERE email IS NOT NULL;
        CREATE INDEX ON {_conversion_records} (visitor_id) WHERE visitor_id IS NOT NULL;
        -- those of which a row went
        CREATE INDEX ON {_conversion_records} (table_id, row_id);

        ALTER TABLE {_aliases} ADD PRIMARY KEY (visitor_id, event_time, event_id);
        -- chains of aliases, both ways; aliases of visitors
        CREATE INDEX ON {_aliases} (previous_id);
        CREATE INDEX ON {_aliases} (user_id);

        ALTER TABLE {_copies} ADD PRIMARY KEY (visitor_id, event_id, event_time);

        ALTER TABLE {_user_emails} ADD PRIMARY KEY (email, user_id);
        -- the addresses of a user whose person changed
        CREATE INDEX ON {_user_emails} (user_id);

        ALTER TABLE {_visitor_refs} ADD PRIMARY KEY (visitor_id, ref);
        -- visitors that name an id whose person changed
        CREATE INDEX ON {_visitor_refs} (ref);

        -- a visitor that names two persons at one instant has an empty stretch
        ALTER TABLE {identities} ADD PRIMARY KEY (id, id_type, valid_from, person_id);
        -- users; a person's visitors
        CREATE INDEX ON {identities} (person_id);
        -- users whose id is an address, by it
        CREATE INDEX ON {identities} (journey._clean_email(id))
            WHERE id_type = 'user' AND journey._clean_email(id) IS NOT NULL;
    $sql$);
END
$$;

-- The columns of a derived relation; those that its owner put behind them are his. The last one of a public relation
-- is `updated_at`, of attributed touches `time_decay_value`.
CREATE FUNCTION journey._made_columns(relation regclass)
RETURNS TABLE (name name, place smallint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.attname, a.attnum
    FROM pg_attribute AS a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
      AND (a.attnum > (SELECT min(l.attnum) FROM pg_attribute AS l JOIN pg_class AS c ON c.oid = l.attrelid
                       WHERE c.oid = relation AND c.relname !~ '^_'
                         AND l.attname = ANY ('{updated_at,time_decay_value}'))) IS NOT TRUE
$$;
COMMENT ON FUNCTION journey._made_columns(regclass) IS 'internal: the columns of a relation that a model made';

-- Those that tell its content, as a list with %1$s before each name.
CREATE FUNCTION journey._columns_of(r journey._run, relation text, columns text[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg('%1$s' || quote_ident(m.name), ', ' ORDER BY m.place)
    FROM journey._made_columns(journey._bind(r, '{' || relation || '}')::regclass) AS m
    WHERE CASE WHEN columns IS NULL
               THEN m.name NOT IN ('version', 'attributes_version', 'updated_at', 'row_version')
               ELSE m.name = ANY (columns) END
$$;

-- The columns of a derived relation that are compared, each with a prefix.
CREATE FUNCTION journey._compared_columns(r journey._run, relation text, prefix text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$SELECT format(journey._columns_of(r, relation, NULL::text[]), prefix)$$;

CREATE FUNCTION journey._tombstone(key bytea, kind text, id text)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE -- neither STRICT nor SET: it is inlined
RETURN pg_catalog.sha256(key OPERATOR(pg_catalog.||) pg_catalog.convert_to(
    kind OPERATOR(pg_catalog.||) ':' OPERATOR(pg_catalog.||) id,
    -- the bytes as they are where the encoding of the database says nothing of them
    CASE WHEN pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.=) 'SQL_ASCII'
         THEN 'SQL_ASCII' ELSE 'UTF8' END) OPERATOR(pg_catalog.||) key);

CREATE FUNCTION journey._create_tombstones(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        CREATE TABLE {_tombstones} (
            kind         text NOT NULL,         -- user, email, event, record, device, device at
            hash         bytea NOT NULL,
            valid_from   timestamptz NOT NULL,  -- rows dated so are meant, both ends in: of a device
                                                -- the removed stretch; a time far ahead; or all
            valid_to     timestamptz NOT NULL,
            forgotten_at timestamptz NOT NULL,  -- rows dated before are meant
            PRIMARY KEY (kind, hash, valid_from));
        CREATE TABLE {_tombstone_key} (key bytea NOT NULL);
        INSERT INTO {_tombstone_key}
        SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
        COMMENT ON TABLE {_tombstones} IS 'hashes of what was forgotten'$sql$);
END
$$;

CREATE FUNCTION journey._export_run(m journey._model)
RETURNS journey._run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r journey._run;
BEGIN
    r.model := m.model;
    r.schema := m.schema;
    r.store := m.store_schema;
    r.shadow := false;
    RETURN r;
END
$$;
COMMENT ON FUNCTION journey._export_run(journey._model) IS
    'internal: a run that names the relations of a model';

-- Deletes what was forgotten and is of no more use.
CREATE FUNCTION journey._purge_exports(r journey._run)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE journey._bind(r, $sql$
        DELETE FROM {_exports} WHERE forgotten AND keep_until < transaction_timestamp()$sql$);
END
$$;
COMMENT ON FUNCTION journey._purge_exports(journey._run) IS
    'internal: deletes what was forgotten and is of no more use';

COMMENT ON TYPE journey._run IS 'internal: what a run goes by';
COMMENT ON TYPE journey._segment IS 'internal: a stored segment, as the split takes it';
COMMENT ON TYPE journey._split_row IS 'internal: what the split makes of a segment';
COMMENT ON TYPE journey._unit IS 'internal: a session, or a run of events outside sessions';
COMMENT ON TYPE journey._noted IS 'internal: what is noted of an event';
COMMENT ON TYPE journey._profile_touch IS 'internal: the columns of a touch in a profile';
COMMENT ON TYPE journey._follower IS 'internal: a relation that follows from persons';
