"""What an analyst does in a week: a SELECT changes, a table comes, runs see a part of the rows, unit tests, other
targets. Part of run.py."""

import re


def edit(path, old, new):
    text = path.read_text()
    assert old in text, f"{old} in {path}"
    path.write_text(text.replace(old, new))


def test_changed_select(run, p):
    ok, same, sql = run.ok, run.same, run.sql
    web = p.path / "models/web.sql"
    before = web.read_text()
    ok(p.dbt("run", "--select", "events", "web"), "a run", p.said)
    version = sql("SELECT version FROM journey.models WHERE model = 'dev_web'")
    edit(web, "select * from", "-- a remark\nselect  *\n\nfrom  /* and one more */")
    ok(p.dbt("run", "--select", "web") and "reads its events whole" not in p.said,
       "comments and blanks are no change of a SELECT", p.said)
    edit(web, "select  *", "select event_id, visitor_id, user_id, event_time, received_at, kind, name, url, referrer, revenue,"
         " currency, order_id, traits, loaded_at, jsonb_build_object('plan', 'pro') as properties")
    ok(p.dbt("run", "--select", "web") and "reads its events whole, since the SELECT has changed" in p.said,
       "a changed column is read whole, and told", p.said)
    same(sql("SELECT count(*) FILTER (WHERE properties ->> 'plan' = 'pro') = count(*) AND count(*) > 10 FROM dev_web.events"), "t",
         "all stored events have it")
    ok(p.dbt("run", "--select", "web") and "reads its events whole" not in p.said, "once", p.said)
    web.write_text(before)
    ok(p.dbt("run", "--select", "web") and "reads its events whole" in p.said, "and back", p.said)

    stored = sql("SELECT count(*) FROM dev_web.events")
    edit(web, "from {{ ref('events') }}", "from {{ ref('events') }} where visitor_id <> 'v1'")
    rows = int(sql("SELECT count(*) FROM dev_web.events WHERE visitor_id = 'v1'"))
    ok(rows > 0, "a visitor has events")
    ok(not p.dbt("run", "--select", "web") and f"would lose {rows} events" in p.said
       and "--full-refresh" in p.said and "pg_journey_keep" in p.said,
       "a SELECT that gives less fails, counts what, and tells the ways out", p.said)
    same(sql("SELECT count(*) FROM dev_web.events"), stored, "and has changed nothing")
    ok(p.dbt("run", "--select", "web", vars={"pg_journey_keep": True}), "pg_journey_keep keeps them", p.said)
    same(sql("SELECT count(*) FROM dev_web.events"), stored, "all of them")
    ok(p.dbt("run", "--select", "web", "--full-refresh", vars={"pg_journey_force": True})
       and sql("SELECT count(*) FROM dev_web.events") == str(int(stored) - rows), "--full-refresh gives them up", p.said)
    web.write_text(before)
    ok(p.dbt("run", "--select", "web") and sql("SELECT count(*) FROM dev_web.events") == stored,
       "with the old SELECT they come back: they are older than what was read last", p.said)
    events = p.path / "models/events.sql"
    text = events.read_text()
    edit(events, "visitor_id, user_id, event_time", "visitor_id || '!' as visitor_id, user_id, event_time")
    ok(not p.dbt("run", "--select", "events", "web") and "would lose" in p.said,
       "so is a view below the SELECT that gives other visitors, which would double all", p.said)
    table = "{{ config(materialized='table') }}\n" + text
    events.write_text(table)
    ok(p.dbt("run", "--select", "events", "web"), "a table in its place", p.said)
    events.write_text(table.replace("select", "select  -- a remark, don't read\n", 1))
    ok(p.dbt("run", "--select", "events", "web") and "reads its events whole" not in p.said, "whose comments are no change", p.said)
    events.write_text(table.replace("'team' else", "'crew' else"))
    ok(p.dbt("run", "--select", "events", "web") and "reads its events whole" in p.said
       and sql("SELECT count(*) FILTER (WHERE properties ->> 'plan' = 'crew') > 0, count(*) FILTER (WHERE properties ->> 'plan' = 'team') "
               "FROM dev_web.events") == "t|0",
       "a changed column of a table below the SELECT is read whole", p.said)
    events.write_text(text)
    sql("DROP TABLE dev.events CASCADE")
    ok(p.dbt("run", "--select", "events", "web") and p.dbt("test", "--select", "web"), "and back", p.said)
    sql(f"SELECT journey.refresh('dev_web')")
    ok(p.dbt("run", "--select", "web") and "reads its events whole" not in p.said and not re.search("WARN(?!=)", p.said),
       "a refresh by cron beside it neither warns nor reads all again", p.said)
    ok(int(sql("SELECT version FROM journey.models WHERE model = 'dev_web'")) > int(version), "which is one more version")


def test_checks(run, p):
    ok = run.ok
    before = (p.path / "models/web.sql").read_text()
    changed = {
        "no_visitor": (before.split("select * from")[0] + "select event_id, event_time from {{ ref('events') }}\n",
                       "has no column of a visitor or a user; that is one of visitor_id, anonymous_id"),
        "no_time": (before.split("select * from")[0] + "select event_id, visitor_id from {{ ref('events') }}\n",
                    "has no column with the time of the event")}
    for name, option, said in (
            ("contract", "contract={'enforced': true}", "takes no contract"), ("capture", "capture='trigger'", '"capture" of bad_capture has no effect'),
            ("revenue", "revenue=['total']", "must map events to columns"), ("list", "meta={'pg_journey': ['timeout']}", "must be a mapping"),
            ("typo", "meta={'pg_journey': {'time_out': '1 day'}}", '"time_out" in the options of bad_typo is no option'),
            ("table", "meta={'pg_journey_conversion_tables': [{'name': 'MQL'}]}", "an entry of conversion_tables is {table: schema.table")):
        changed[name] = (before.replace("timeout=var('timeout'),", option + ","), said)
    folder = p.path / "models/bad"
    folder.mkdir()
    for name, (text, _) in changed.items():
        (folder / f"bad_{name}.sql").write_text(text)
    ok(not p.dbt("run", "--select", "events", "path:models/bad"), "what is wrong with a journey_model fails the run", p.said)
    for name, (_, said) in changed.items():
        ok(said in p.said, f"{name} is told", p.said)
    run.same(run.sql("SELECT string_agg(model, ' ') FROM journey.models WHERE model LIKE 'dev_bad%'"), "dev_bad_capture",
             "of these models the one that has an option without effect is made")
    run.sql("DROP VIEW dev.bad_capture; SELECT journey.drop_model('dev_bad_capture')")
    run.shutil.rmtree(folder)
    ok(not p.dbt("parse", vars={"pg_journey": None, "options": ["x"], "rudderstack_schema": "rudder"})
       and "must be a mapping" in p.said, "a wrong shape of the variable options is told when the project is parsed", p.said)
    ok(not p.dbt("parse", vars={"revenue": {"order": {"a": 1}}, "rudderstack_schema": "rudder"})
       and "must be a column or a list of columns" in p.said, "and of revenue", p.said)
    ok(p.dbt("run", "--select", "web"), "the others are as they were", p.said)


def test_parts_of_rows(run, p):
    ok, same, sql = run.ok, run.same, run.sql
    state = "SELECT version, sources FROM journey.models WHERE model = 'dev_web'"
    definition = "SELECT pg_get_viewdef('dev.web__events'), obj_description('dev.web__events'::regclass)"
    before = sql(state), sql(definition), run.relations_of("dev_web")
    for flag in (["--empty"], ["--sample", "1 day"]):
        ok(p.dbt("run", "--select", "events", "web+", "rows", *flag) and f"left as it is by {flag[0]}" in p.said,
           f"dbt run {flag[0]}", p.said)
    ok(p.dbt("run", "--select", "events", "web+") and (sql(state).split("|")[1], sql(definition), run.relations_of("dev_web"))
       == (before[0].split("|")[1], before[1], before[2]), "leaves store, watermark and SELECT as they are", p.said)
    ok(p.dbt("seed", "--target", "pr") and p.dbt("build", "--select", "events", "web_once", "--empty", "--target", "pr") and "nothing is read by --empty" in p.said,
       "of a new model only the relations are made", p.said)
    same(sql("SELECT count(*) FROM dev_pr_of_a_longer_name.web_once"), "0", "which are empty")
    ok(p.dbt("run", "--select", "events", "web_once", "--target", "pr")
       and int(sql("SELECT count(*) FROM dev_pr_of_a_longer_name.web_once")) > 0, "and filled by the next whole run", p.said)
    ok(p.dbt("run", "--select", "sessions_by_month", "--event-time-start", "2026-03-01", "--event-time-end", "2026-04-01"),
       "a microbatch model on sessions", p.said)
    same(sql("SELECT count(*) FROM dev.sessions_by_month"),
         sql("SELECT count(*) FROM dev.web_sessions WHERE started_at >= '2026-03-01+00' AND started_at < '2026-04-01+00'"),
         "has each once")


def test_unit_tests(run, p):
    ok, same, sql = run.ok, run.same, run.sql
    ok(p.dbt("run", "--select", "path:models/week", "sessions_of_rows", "--exclude", "sessions_by_month"), "models on macros are built", p.said)
    ok(p.dbt("test", "--select", "test_type:unit"), "unit tests with a journey_model, model_relation() and macros on rows", p.said)
    same(sql("SELECT count(*) FROM (SELECT visitor_id, session_number, page_views, user_id FROM dev.visits"
             " EXCEPT SELECT visitor_id, session_number, page_views, user_id FROM dev.visits_of_rows) AS x WHERE user_id IS NULL"), "0",
         "sessions of a CTE with other columns")
    columns = "session_id, visitor_id, session_number, started_at, events, page_views, channel"
    same(sql(f"SELECT count(*) FROM ((SELECT {columns} FROM dev.fast_visits EXCEPT SELECT {columns} FROM dev.sessions_of_rows)"
             f" UNION ALL (SELECT {columns} FROM dev.sessions_of_rows EXCEPT SELECT {columns} FROM dev.fast_visits)) AS x"), "0",
         "sessionize() gives the sessions that sessions() gives")
    same(sql("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'dev' AND table_name = 'web' AND data_type = 'ARRAY'"),
         "0", "profiles have no arrays in dbt")


def test_other_targets(run, p):
    ok, same, sql = run.ok, run.same, run.sql
    state = p.path.parent / "state"
    ok(p.dbt("compile"), "the state of production", p.said)
    if not state.exists():
        import shutil
        shutil.copytree(p.target, state)
    ok(p.dbt("run", "--select", "people", "--defer", "--state", str(state), "--target", "pr")
       and sql("SELECT count(*) FROM dev_pr_of_a_longer_name.people") == sql("SELECT count(*) FROM dev.people"),
       "--defer reads the model of the other target", p.said)
    ok(p.dbt("clone", "--select", "web", "web_sessions", "--state", str(state), "--target", "pr")
       and sql("SELECT count(*) FROM dev_pr_of_a_longer_name.web_sessions") == sql("SELECT count(*) FROM dev.web_sessions"),
       "dbt clone makes views of it", p.said)
    ok(p.dbt("seed", "--target", "pr") and p.dbt("run", "--select", "events", "web", "web_sessions", "--target", "pr")
       and sql("SELECT count(*) FROM dev_pr_of_a_longer_name_web.sessions") == sql("SELECT count(*) FROM dev_pr_of_a_longer_name.web_sessions"),
       "which a run replaces by a model of its own", p.said)


def test_ready(run, p):
    """The ready models beside a loader's schema that changes."""
    ok, same, sql = run.ok, run.same, run.sql
    on = {"rudderstack_schema": "shop2", "rudderstack_event_tables": ["order_completed"]}
    model = ("pg_journey.marts.journey__model", "journey__profiles", "journey__events", "stg_rudderstack__event_tables")
    run_it = lambda *models, **vars: p.dbt("run", "--select", *(models or model), vars={**on, **vars})
    # a project may have models of these names too
    (p.path / "models/profiles.sql").write_text("select 1 as x\n")
    (p.path / "models/journey__model.sql").write_text("{{ config(alias='model_of_mine') }}\nselect 2 as x\n")
    ok(not run_it() and p.said.count('schema "shop2", which a variable of pg_journey names, does not exist') > 1,
       "a schema that does not exist is told, by each model that reads it", p.said)
    sql("""CREATE SCHEMA shop2; GRANT USAGE ON SCHEMA shop2 TO analyst;
        CREATE TABLE shop2.tracks (id text, anonymous_id text, user_id text, event text, event_text text,
            "timestamp" timestamptz, received_at timestamptz, uuid_ts timestamptz);
        CREATE TABLE shop2.pages (id text, anonymous_id text, user_id text, url text, "timestamp" timestamptz,
            received_at timestamptz, uuid_ts timestamptz);
        INSERT INTO shop2.pages SELECT 'p' || n, 'v' || n, NULL, 'https://shop.test/', t, t, t
            FROM generate_series(1, 20) AS n, LATERAL (SELECT timestamptz '2026-03-01 10:00+00' + n * interval '1 h') AS t (t);
        CREATE TABLE shop2.users (id text, email text, received_at timestamptz, uuid_ts timestamptz);
        INSERT INTO shop2.users VALUES ('u1', 'u1@shop.test', '2026-03-02+00', '2026-03-02+00');
        GRANT SELECT ON shop2.tracks, shop2.pages TO analyst""")
    everything = ("package:pg_journey", "profiles", "pg_journey_tests.journey__model")
    ok(not run_it() and 'may not read users in schema "shop2"' in p.said and 'GRANT SELECT ON ALL TABLES IN SCHEMA "shop2"' in p.said,
       "a table that may not be read fails the run, with the GRANT", p.said)
    sql("GRANT SELECT ON ALL TABLES IN SCHEMA shop2 TO analyst; REVOKE USAGE ON SCHEMA shop2 FROM analyst")
    ok(not run_it() and 'may not use schema "shop2"' in p.said, "so does a schema", p.said)
    sql("GRANT USAGE ON SCHEMA shop2 TO analyst")
    ok(run_it(*everything) and 'has no table "order_completed"' in p.said, "an event table that is not there is a warning by name", p.said)
    same(sql("SELECT count(*) FROM dev.journey__sessions"), "20", "the pages are read")
    sql("""CREATE TABLE shop2.order_completed (LIKE shop2.tracks, total numeric);
        INSERT INTO shop2.order_completed SELECT 'o1', 'v1', 'u1', 'order_completed', 'Order Completed', t, t, t, 19.99
            FROM (SELECT timestamptz '2026-03-01 11:05+00') AS t (t);
        GRANT SELECT ON shop2.order_completed TO analyst""")
    ok(run_it() and "has no table" not in p.said
       and sql("SELECT revenue, email FROM dev.journey__profiles WHERE user_id = 'u1'") == "19.99|u1@shop.test",
       "a table that comes later with old rows is read from its beginning, and users", p.said)
    same(sql("SELECT count(*) FROM dev.stg_rudderstack__event_tables"), "1", "staging finds it by itself")
    sql("DROP VIEW dev.stg_rudderstack__pages")
    ok(run_it() and sql("SELECT jsonb_array_length(sources) FROM journey.models WHERE model = 'dev_journey__model'") == "1",
       "dropping a staging view drops nothing that a refresh reads", p.said)
    ok(not run_it(rudderstack_exclude_tables=["pages"]) and "would lose 20 events" in p.said,
       "a table that is left out now leaves events without a source, which fails", p.said)
    ok(run_it(rudderstack_exclude_tables=["pages"], pg_journey_keep=True) and run_it(), "unless they are to be kept", p.said)
    named = {"rudderstack_event_tables": {"order_completed": "Purchase"}}
    ok(run_it(**named) and sql("SELECT name, revenue, (SELECT name || revenue FROM dev.stg_rudderstack__event_tables) FROM dev.journey__events "
                               "WHERE kind = 'track'") == "Purchase|19.99|Purchase19.99", "a mapping names the events of a table", p.said)
    ok(run_it(**named) and "reads its events whole" not in p.said, "once", p.said)
    same(sql("SELECT count(*) FILTER (WHERE x = 1), (SELECT x FROM dev.model_of_mine) FROM dev.profiles"), "1|2",
         "models of the same names in the project are its own")
    for name in ("profiles", "journey__model"):
        (p.path / f"models/{name}.sql").unlink()
    arguments = ["--args", '{"schema": "dev%", "dry_run": false}']
    before = sql("SELECT count(*) FROM journey.models WHERE model LIKE 'dev%'")
    kept = sql("SELECT count(*) FROM journey.models WHERE model IN ('dev_web', 'dev_web_once', 'dev_Odd Web-1', 'dev_shop')")
    ok(p.dbt("run-operation", "drop_models", *arguments) and sql("SELECT count(*) FROM journey.models WHERE model LIKE 'dev%'") == kept != before
       and 'dropped model "dev_journey__model"' in p.said, "drop_models drops ready models and those of other targets by a pattern", p.said)
    sql("DROP SCHEMA shop2 CASCADE")


def test_checks_of_data(run, p):
    """The generic tests, as views of what they find."""
    ok, same, sql = run.ok, run.same, run.sql
    folder = p.path / "models/checks"
    folder.mkdir()
    for name, call in {
            "rejected": "no_rejected_events(ref('web'))", "rejected_late": "no_rejected_events(ref('web'), within='0 seconds')",
            "rejected_now": "no_rejected_events(ref('web'), within='1 day')",
            "staging": "no_rejected_events(ref('events'))", "staging_late": "no_rejected_events(ref('events'), within='1 day')",
            "due": "no_rebuild_due(ref('web'))"}.items():
        (folder / f"c_{name}.sql").write_text("{{ pg_journey.test_%s }}\n" % call)
    ok(p.dbt("run", "--select", "path:models/checks"), "tests are queries", p.said)
    count = lambda name: sql(f"SELECT count(*) FROM dev.c_{name}")
    rejected = sql("SELECT count(*) FROM dev_web.rejected_events")
    same((count("rejected"), count("rejected_now"), count("rejected_late")), (rejected, rejected, "0"), "no_rejected_events, with a time limit")
    # the model keeps rows that it rejected before, which its sources have no more
    reasons = "SELECT string_agg(DISTINCT reason, ' ' ORDER BY reason) FROM "
    same(sql(reasons + "dev.c_staging"), sql(reasons + "dev_web.rejected_events"),
         "on staging models it finds what a model rejects, for the same reasons")
    ok(int(rejected) > 0 and count("staging_late") == "0", "of late none")
    same(count("due"), "0", "no_rebuild_due")
    sql("SELECT journey.set_options('dev_web', '{\"timeout\": \"7 minutes\"}')")
    same(count("due"), "1", "finds one that is due")
    sql("SELECT journey.set_options('dev_web', '{\"timeout\": \"30 minutes\"}')")
    same(count("due"), "0", "and is well again")
    sql("DROP VIEW " + ", ".join(f"dev.{f.stem}" for f in folder.glob("*.sql")))
    run.shutil.rmtree(folder)


def main(run, project, wanted):
    for test in (test_changed_select, test_checks, test_parts_of_rows, test_unit_tests, test_other_targets, test_checks_of_data, test_ready):
        if not wanted or test.__name__ in wanted:
            run.guarded(test, run, project)
