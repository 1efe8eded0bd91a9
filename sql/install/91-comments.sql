-- ---------------------------------------------------------------------------------------------
-- model: what the internal functions are, for who meets one in psql
-- ---------------------------------------------------------------------------------------------

COMMENT ON FUNCTION journey._alias_ends IS 'internal: where each chain of aliases ends';
COMMENT ON FUNCTION journey._apply_noted IS
    'internal: changes the events of identity by those that were noted';
COMMENT ON FUNCTION journey._apply_refs IS
    'internal: notes what changed in whom visitors and e-mails name';
COMMENT ON FUNCTION journey._apply_segments IS 'internal: writes the segments that a merge changed';
COMMENT ON FUNCTION journey._apply_shadow IS
    'internal: makes the relations of a model equal to their shadows';
COMMENT ON FUNCTION journey._batch_events IS 'internal: the query for the events of a slice of the batch';
COMMENT ON FUNCTION journey._begin_run IS 'internal: settings and empty scratch for a run';
COMMENT ON FUNCTION journey._bind IS 'internal: a statement with the names of a model''s relations';
COMMENT ON FUNCTION journey._bury IS 'internal: makes the tombstones of a person';
COMMENT ON FUNCTION journey._build_units IS 'internal: the rows of the sessions that a merge changed';
COMMENT ON FUNCTION journey._unlist_person IS 'internal: takes a person''s ids off the list of changes';
COMMENT ON FUNCTION journey._unlist_gone IS 'internal: takes what was forgotten off the list of changes';
COMMENT ON FUNCTION journey._noted_kinds IS 'internal: of what kinds the events are that came and went';
COMMENT ON FUNCTION journey._barriers IS 'internal: a query for the beginnings of removed stretches';
COMMENT ON FUNCTION journey._is_shared IS 'internal: a condition that a visitor names too many persons';
COMMENT ON FUNCTION journey._columns_of IS 'internal: a list of the columns of a relation';
COMMENT ON FUNCTION journey._compared_columns IS
    'internal: the columns of a relation that verify compares';
COMMENT ON FUNCTION journey._create_derived IS
    'internal: makes the relations that follow from events';
COMMENT ON FUNCTION journey._create_indexes IS 'internal: makes the indexes of the relations';
COMMENT ON FUNCTION journey._create_store IS 'internal: makes what a model holds in its schema';
COMMENT ON FUNCTION journey._create_tombstones IS 'internal: makes the tables of tombstones';
COMMENT ON FUNCTION journey._derive IS
    'internal: brings up to date all that follows from merged events';
COMMENT ON FUNCTION journey._derive_shadow IS 'internal: derives all anew beside the relations';
COMMENT ON FUNCTION journey._derived IS
    'internal: the relations that follow from events, with their keys';
COMMENT ON FUNCTION journey._differences IS
    'internal: rows of a relation that are not as derived anew';
COMMENT ON FUNCTION journey._drop_shadow IS 'internal: drops the shadows';
COMMENT ON FUNCTION journey._forget IS 'internal: journey.forget() as the owner';
COMMENT ON FUNCTION journey._identify IS 'internal: says to whom ids belong, and since when';
COMMENT ON FUNCTION journey._lost_events IS 'internal: stored events that the sources do not hold';
COMMENT ON FUNCTION journey._merge_fresh IS
    'internal: merges the new events of a slice into the store';
COMMENT ON FUNCTION journey._merge_slices IS 'internal: merges timelines slice by slice';
COMMENT ON FUNCTION journey._new_run IS 'internal: what a run goes by';
COMMENT ON FUNCTION journey._note_phase IS 'internal: adds the milliseconds of a phase';
COMMENT ON FUNCTION journey._note_user_rows IS
    'internal: notes the traits of a loader''s users tables';
COMMENT ON FUNCTION journey._noted_events IS
    'internal: the events of a timeline that matter to identity';
COMMENT ON FUNCTION journey._profile_pieces IS
    'internal: the parts of which a profile is put together';
COMMENT ON FUNCTION journey._profile_touches IS 'internal: the touches that a profile has';
COMMENT ON FUNCTION journey._reached_segments IS
    'internal: the query for the segments within reach of new events';
COMMENT ON FUNCTION journey._rebuild IS 'internal: journey.rebuild() as the owner';
COMMENT ON FUNCTION journey._refresh IS 'internal: journey.refresh() as the owner';
COMMENT ON FUNCTION journey._reject_forgotten IS
    'internal: rejects the rows of a batch that meet a tombstone';
COMMENT ON FUNCTION journey._rename_units IS 'internal: gives stored segments that go on a unit its new id';
COMMENT ON FUNCTION journey._renames IS 'internal: from where on which units have another id';
COMMENT ON FUNCTION journey._renamed_state IS 'internal: the state of a segment whose unit has another id';
COMMENT ON FUNCTION journey._renamed_part IS 'internal: the summary of a segment whose unit has another id';
COMMENT ON FUNCTION journey._segment_part IS 'internal: what a segment adds to its session';
COMMENT ON FUNCTION journey._show_sessions IS 'internal: makes the view of sessions';
COMMENT ON FUNCTION journey._slice IS 'internal: the slice of a visitor';
COMMENT ON FUNCTION journey._slices IS 'internal: into how many slices so many events are merged';
COMMENT ON FUNCTION journey._source_differences IS
    'internal: rows of the sources that the store does not have so';
COMMENT ON FUNCTION journey._split IS 'internal: splits the events of a visitor into segments';
COMMENT ON FUNCTION journey._split_fresh IS
    'internal: splits the new events with what is within their reach';
COMMENT ON FUNCTION journey._store_stretches IS
    'internal: writes which person a visitor stands for, and when';
COMMENT ON FUNCTION journey._store_facts IS
    'internal: writes conversions of events into the facts of persons';
COMMENT ON FUNCTION journey._store_touches IS 'internal: writes touches that changed';
COMMENT ON FUNCTION journey._store_units IS 'internal: writes sessions that changed';
COMMENT ON FUNCTION journey._tombstone IS 'internal: the hash of an id under a model''s key';
COMMENT ON FUNCTION journey._touch_columns IS 'internal: the columns of a touch of a profile';
COMMENT ON FUNCTION journey._unit IS 'internal: a session of its parts';
COMMENT ON FUNCTION journey._unit_columns IS 'internal: the columns of a session';
COMMENT ON FUNCTION journey._unlist_rejected IS
    'internal: takes a person''s rows out of rejected_events';
COMMENT ON FUNCTION journey._verify IS 'internal: journey.verify() as the owner';

COMMENT ON FUNCTION journey._assignments IS
    'internal: the assignments that make a row equal to another';
COMMENT ON FUNCTION journey._create_stored IS
    'internal: makes the relations that merge, identify and stitch write';
COMMENT ON FUNCTION journey._stitch_changed IS
    'internal: whose the changed units are, and which number they have';
COMMENT ON FUNCTION journey._changed_marks IS
    'internal: a query for what stitching looks at in a later run';
COMMENT ON FUNCTION journey._stitch_whole IS
    'internal: to whom the units of whole visitors go';
COMMENT ON FUNCTION journey._follow IS
    'internal: derives a relation that follows from persons, and writes the rows that differ';
COMMENT ON FUNCTION journey._follow_all IS
    'internal: derives all that follows from persons';
COMMENT ON FUNCTION journey._followers IS
    'internal: the relations that follow from persons';
COMMENT ON FUNCTION journey._index_stored IS
    'internal: makes the indexes of what merge, identify and stitch write';
COMMENT ON FUNCTION journey._profile_rows IS
    'internal: the query of profiles';
COMMENT ON FUNCTION journey._profiles IS
    'internal: the relation of profiles';
COMMENT ON FUNCTION journey._same_key IS
    'internal: the condition that two rows have one key';
COMMENT ON FUNCTION journey._stored IS
    'internal: the relations that merge, identify and stitch write, with their keys';
COMMENT ON FUNCTION journey._stretches IS
    'internal: the query for whom visitors stand';

COMMENT ON FUNCTION journey._add_aliased IS
    'internal: whom aliases of a first load name';
COMMENT ON FUNCTION journey._load_events IS
    'internal: the merge of a first load';
COMMENT ON FUNCTION journey._load_persons IS
    'internal: writes the sessions, touches and profiles of a first load';
COMMENT ON FUNCTION journey._load_stored IS
    'internal: the merge of all stored events';
COMMENT ON FUNCTION journey._merge_all IS
    'internal: merges all events into empty tables';
COMMENT ON FUNCTION journey._stitch_all IS
    'internal: says to which person all sessions belong';
COMMENT ON FUNCTION journey._stitch IS
    'internal: to whom the sessions of visitors go, and in which order';
COMMENT ON FUNCTION journey._marks IS
    'internal: the query for what lies on the time of visitors';
COMMENT ON FUNCTION journey._store_persons IS
    'internal: writes what a first load gives person by person';

COMMENT ON FUNCTION journey._identify_all IS
    'internal: says to whom all ids belong';
COMMENT ON FUNCTION journey._windows IS
    'internal: a query for what may go to another person, or have another number';
COMMENT ON FUNCTION journey._whole_visitors IS
    'internal: a query for visitors all of whose units may go to another person';
COMMENT ON FUNCTION journey._event_keys IS
    'internal: what says where events are in the store';
COMMENT ON FUNCTION journey._reach IS
    'internal: stretches of time, two days apart';
COMMENT ON FUNCTION journey._load_rows IS
    'internal: the merge of a first load, from the rows of a reading';
COMMENT ON FUNCTION journey._merge_rows IS
    'internal: merges the rows of a reading into empty tables';
COMMENT ON FUNCTION journey.timeline_in IS 'I/O';
COMMENT ON FUNCTION journey.timeline_out IS 'I/O';
COMMENT ON FUNCTION journey.timeline_recv IS 'I/O';
COMMENT ON FUNCTION journey.timeline_send IS 'I/O';
COMMENT ON FUNCTION journey.timeline_eq IS 'implementation of = operator';
COMMENT ON FUNCTION journey.timeline_ne IS 'implementation of <> operator';
COMMENT ON FUNCTION journey.timeline_lt IS 'implementation of < operator';
COMMENT ON FUNCTION journey.timeline_le IS 'implementation of <= operator';
COMMENT ON FUNCTION journey.timeline_gt IS 'implementation of > operator';
COMMENT ON FUNCTION journey.timeline_ge IS 'implementation of >= operator';
COMMENT ON FUNCTION journey.timeline_cmp IS 'less-equal-greater';
COMMENT ON FUNCTION journey.timeline_hash IS 'hash';
COMMENT ON FUNCTION journey.timeline_hash_extended IS 'hash';
COMMENT ON FUNCTION journey.timeline_agg_columns IS 'aggregate transition function';
COMMENT ON FUNCTION journey.timeline_agg_names IS 'aggregate transition function';
COMMENT ON FUNCTION journey.timeline_agg_event IS 'aggregate transition function';
COMMENT ON FUNCTION journey.timeline_agg_combine IS 'aggregate combine function';
COMMENT ON FUNCTION journey.timeline_agg_serialize IS 'aggregate serial function';
COMMENT ON FUNCTION journey.timeline_agg_deserialize IS 'aggregate deserial function';
COMMENT ON FUNCTION journey.timeline_agg_final IS 'aggregate final function';
COMMENT ON FUNCTION
    journey.timeline_agg_zoneless(internal, text, timestamp, text, text, text, text, numeric) IS
    'aggregate transition function';
COMMENT ON FUNCTION journey.timeline_agg_zoneless(internal, timestamp, text) IS
    'aggregate transition function';
COMMENT ON FUNCTION journey.timeline_agg_zoneless(internal) IS 'aggregate final function';
