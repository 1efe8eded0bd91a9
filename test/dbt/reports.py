"""Macros on rows for journeys and attribution, and the reports and feeds of a model: each gives what the function
gives. Part of run.py."""

# macro, its arguments in a dbt model, and the query that must give the same
STEPS = "'{kind:page,Order Completed}'"
OF_VISITORS = """SELECT t.visitor_id, x.* FROM (SELECT visitor_id, journey.timeline_agg(e) AS timeline FROM (SELECT event_id, visitor_id,
    user_id, event_time, received_at, kind, name, url, referrer, revenue, currency, order_id, NULL::text, NULL::text, NULL::text, NULL::text,
    NULL::text, NULL::text, NULL::text, NULL::text, properties, traits FROM dev.events WHERE isfinite(event_time)) AS r
    CROSS JOIN LATERAL (SELECT ROW(r.*)::journey.event AS e) AS e GROUP BY visitor_id) AS t CROSS JOIN LATERAL """
CASES = {
    "funnel": ("ref('events'), ['kind:page', 'Order Completed'], within='30 days', options={'strict_increase': true}",
               OF_VISITORS + f"journey.funnel(timeline, {STEPS}, '30 days', '{{\"strict_increase\": true}}') AS x"),
    "paths": ("ref('timelines'), 'kind:page', depth=3, timeline='timeline'",
              "SELECT t.*, p FROM dev.timelines AS t, journey.paths(timeline, 'kind:page', depth => 3) AS p WHERE p IS NOT NULL"),
    "retention": ("ref('events'), 'kind:page', 'kind:page', periods=2, unit='day', time_zone='Europe/Berlin'",
                  OF_VISITORS + "(SELECT n - 1 AS period, r AS returned FROM unnest(journey.retention(timeline, 'kind:page', 'kind:page', 2, 'day', "
                  "'Europe/Berlin')) WITH ORDINALITY AS u (r, n)) AS x"),
    "attribution": ("ref('events'), '2026-03-10', rule='time_decay', lookback='60 days', options={'half_life': '2 days'}",
                    OF_VISITORS.replace("t.visitor_id, x.*", "x.*") + "journey.attribution(timeline, '2026-03-10', 'time_decay', '60 days', '{\"half_life\": \"2 days\"}') AS x"),
    "markov": ("ref('r_paths_to_conversion'), depth=2",
               "SELECT c.* FROM (SELECT journey.markov(path, conversions::bigint, value::numeric, nulls::bigint, 2) AS c "
               "FROM journey.paths_to_conversion('dev_shop', 'Order', by => 'channel')) AS m, unnest(c) AS c"),
    "shapley": ("ref('r_paths_to_conversion'), value=none",
                "SELECT c.* FROM (SELECT journey.shapley(path, conversions::bigint, NULL) AS c "
                "FROM journey.paths_to_conversion('dev_shop', 'Order', by => 'channel')) AS m, unnest(c) AS c"),
    "funnel_report": ("ref('shop'), ['kind:page', 'Order Completed'], within='30 days', since='2026-03-01', by='channel', options={'per': 'person'}",
                      f"SELECT * FROM journey.funnel_report('dev_shop', {STEPS}, '30 days', '2026-03-01', by => 'channel')"),
    "retention_report": ("ref('shop'), 'kind:page', 'kind:page', unit='day', periods=3, until='2026-03-04'",
                         "SELECT * FROM journey.retention_report('dev_shop', 'kind:page', 'kind:page', 'day', 3, until => '2026-03-04')"),
    "lifecycle_report": ("ref('shop'), unit='day'", "SELECT * FROM journey.lifecycle_report('dev_shop', NULL, 'day')"),
    "paths_report": ("ref('shop'), 'kind:page', depth=3, options={'per': 'session', 'of': 'pages'}",
                     "SELECT * FROM journey.paths_report('dev_shop', 'kind:page', depth => 3, options => '{\"per\": \"session\", \"of\": \"pages\"}')"),
    "top_paths_report": ("ref('shop'), end_at='Order Completed'", "SELECT * FROM journey.top_paths_report('dev_shop', end_at => 'Order Completed')"),
    "page_report": ("ref('shop'), since=\"timestamptz '2026-03-01' + interval '1 day'\"",
                    "SELECT * FROM journey.page_report('dev_shop', '2026-03-02')"),
    "experiment_report": ("ref('shop'), 'kind:page', 'plan', ['Order Completed'], weights={'free': 50, 'team': 50}",
                          "SELECT * FROM journey.experiment_report('dev_shop', 'kind:page', 'plan', '{Order Completed}', '{\"free\": 50, \"team\": 50}')"),
    "attribution_overview": ("ref('shop'), ['first', 'linear'], spend=ref('shop_spend'), name='Order'",
                             "SELECT * FROM journey.attribution_overview('dev_shop', '{first,linear}', spend => 'dev.shop_spend', name => 'Order')"),
    "paths_to_conversion": ("ref('shop'), 'Order'",
                            "SELECT * FROM journey.paths_to_conversion('dev_shop', 'Order')"),
    "ads_conversions": ("ref('shop'), 'google_ads', 'Order', as_of='2026-03-10', options={'actions': {'Order': \"It's sold\"}}",
                        "SELECT * FROM journey.google_ads_conversions('dev_shop', 'Order', '2026-03-10', '{\"actions\": {\"Order\": \"It''s sold\"}}')"),
}


def test_reports(run, p):
    ok, same, sql = run.ok, run.same, run.sql
    folder = p.path / "models/reports"
    folder.mkdir()
    for name, (arguments, _) in CASES.items():
        # a report is a view, and so asks anew at each look
        (folder / f"r_{name}.sql").write_text("select * from (\n    {{ pg_journey.%s(%s) | indent(4) }}\n) as x\n" % (name, arguments))
    (folder / "r_of_rows.sql").write_text(
        "select {{ pg_journey.credits(4, 'time_decay', ages=\"array['21 days', '14 days', '7 days', '0 days']::interval[]\") }} as a,\n"
        "    {{ pg_journey.credits('n', 'position', options={'position': [50, 0, 50]}) }} as b, {{ pg_journey.credits('n', 'linear') }} as c\n"
        "from (select 3 as n) as x\n")
    (folder / "r_file.sql").write_text(
        "{{ config(materialized='table', pre_hook=\"{{ pg_journey.export_batch(ref('shop'), 'google_ads', 'Order', as_of='2026-03-10') }}\") }}\n"
        "{{ pg_journey.export_lines(ref('shop'), 'google_ads') }}\n")
    ok(p.dbt("build", "--select", "raw_events", "events", "timelines", "shop", "shop_spend", "path:models/reports", "--exclude", "test_type:unit"),
       "models of all reports are built", p.said)
    for name, (_, query) in CASES.items():
        got, wanted = (sorted(sql(f"SELECT to_jsonb(x) FROM ({q}) AS x").splitlines()) for q in (f"SELECT * FROM dev.r_{name}", query))
        values = [sorted(sql(f"SELECT jsonb_path_query_array(to_jsonb(x), '$.*') FROM ({q}) AS x").splitlines())
                  for q in (f"SELECT * FROM dev.r_{name}", query)]
        ok(wanted and (got == wanted or values[0] == values[1]), f"{name}() gives what the function gives, {len(got)} rows",
           *got[:5], "wanted", *wanted[:5])
    same(sql("SELECT a = journey.credits(4, 'time_decay', '{21 days,14 days,7 days,0 days}'), b = journey.credits(3, 'position', NULL, "
             "'{\"position\": [50, 0, 50]}'), c = journey.credits(3, 'linear') FROM dev.r_of_rows"), "t|t|t", "credits()")
    same(sql("SELECT bool_and(f.n = l.n AND f.line = l.line), count(*) > 2, count(*) = count(DISTINCT position) FROM dev.r_file AS f FULL JOIN "
             "(SELECT row_number() OVER () AS position, * FROM journey.export_lines('dev_shop', 'google_ads', 1)) AS l USING (position)"),
         "t|t|t", "the file of the batch, line by line")
    ok(p.dbt("run", "--select", "r_file") and sql("SELECT max(batch) FROM dev_shop.exports") == "1", "a batch that is not marked is the same again", p.said)
    ok(p.dbt("run", "--select", "r_file", "--empty") and sql("SELECT max(batch) FROM dev_shop.exports") == "1", "and --empty makes none", p.said)
    same(sorted(sql("SELECT unnest(journey._public_relations())").splitlines()),
         sorted(set(run.re.findall(r"'(\w+)'[,\n]", (run.TOP / "dbt/macros/model/model_relations.sql").read_text().split("return([")[1]))),
         "model_relation() knows every relation of a model")
    for name, arguments, said in (("bad", "pg_journey.page_report('hits')", "give it the ref() of a journey_model, not hits"),
                                  ("bad", "pg_journey.ads_conversions(ref('shop'), 'bing')", "no feed for \"bing\"; platforms are google_ads"),
                                  ("bad", "pg_journey.model_relation(ref('shop'), 'session')", "has no relation \"session\"")):
        (p.path / f"models/{name}.sql").write_text("select * from {{ %s }}\n" % arguments)
        ok(not p.dbt("compile", "--select", name) and said in p.said, f"{arguments} is told", p.said)
        (p.path / f"models/{name}.sql").unlink()
    run.shutil.rmtree(folder)


def main(run, project, wanted):
    for test in (test_reports,):
        if not wanted or test.__name__ in wanted:
            run.guarded(test, run, project)
