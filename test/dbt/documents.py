"""What the documents of the dbt package say: the steps of docs/dbt.md, the compiled SQL of dbt/README.md, the example
project, and the descriptions of all columns. Part of run.py.

PGJ_DBT_WRITE=1 writes the compiled SQL into dbt/README.md instead of comparing it.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path


def blocks(text):
    """The fenced blocks of a document: language, what is in it, and whether it follows the one before directly."""
    found, end = [], 0
    for m in re.finditer(r"^```(\S*)[^\n]*\n(.*?)^```\n", text, re.M | re.S):
        found.append((m[1], m[2], not text[end:m.start()].strip(), m))
        end = m.end()
    return found


def tidy(sql):
    lines = [line.rstrip() for line in sql.splitlines()]
    return "\n".join(line for line in lines if line.strip())


def test_compiled(run, p):
    run.sql('CREATE SCHEMA loader; GRANT USAGE ON SCHEMA loader TO analyst; CREATE TABLE loader.aliases (id text, '
            'anonymous_id text, user_id text, previous_id text, received_at timestamptz, "timestamp" timestamptz, '
            'uuid_ts timestamptz, context_ip text, context_page_url text); GRANT SELECT ON loader.aliases TO analyst')
    path = run.TOP / "dbt/README.md"
    text = path.read_text()
    examples = []
    for (kind, jinja, *_), (next_kind, shown, directly, m) in zip(blocks(text), blocks(text)[1:]):
        if kind == "jinja" and next_kind == "sql" and directly:
            name = f"doc_{len(examples)}"
            (p.path / "models" / f"{name}.sql").write_text(jinja)
            examples.append((name, jinja, shown, m))
    run.ok(len(examples) >= 10, "dbt/README.md has examples")
    run.ok(p.dbt("compile", "--select", "doc_*"), "they compile", p.said)
    written = text
    shown_macros = ""
    for name, jinja, shown, m in reversed(examples):
        compiled = tidy((p.target / f"compiled/pg_journey_tests/models/{name}.sql").read_text())
        compiled = compiled.replace(f'"{os.environ["PGDATABASE"]}".', '"warehouse".')
        shown_macros += jinja
        if os.environ.get("PGJ_DBT_WRITE"):
            written = written[:m.start(2)] + compiled + "\n" + written[m.end(2):]
        else:
            run.same(compiled, tidy(shown), f"the compiled SQL shown for {jinja.strip().splitlines()[0].strip()}")
        (p.path / "models" / f"{name}.sql").unlink()
    if written != text:
        path.write_text(written)
    names = {f.stem for f in (run.TOP / "dbt/macros/functions").glob("*.sql")}
    internal = {"timelines_of", "event_columns", "event_fields", "event_row", "event_field_types", "channels", "path_sums"}
    run.same(sorted(n for n in names - internal if f"pg_journey.{n}(" not in shown_macros), [],
             "every macro on rows is shown")
    reports = {f.stem for f in (run.TOP / "dbt/macros/reports").glob("*.sql")} - {"model_report", "check_platform"}
    run.same(sorted(n for n in reports if f"`{n}(" not in text), [], "and every report told")


def test_macros_described(run, p):
    run.ok(p.dbt("parse"), "the project is parsed", p.said)
    manifest = json.loads((p.target / "manifest.json").read_text())
    macros = [m for m in manifest["macros"].values() if m["package_name"] == "pg_journey"
              and not m["name"].startswith(("default__", "test_", "materialization_"))]
    run.ok(len(macros) > 30 and all(m["description"] for m in macros), "every macro has a description",
           *[m["name"] for m in macros if not m["description"]])
    many = [m["name"] for m in macros if m["path"].count("/") and len((run.TOP / "dbt" / m["path"]).read_text().split(
        "{% macro ")) != 3]
    run.same(many, [], "one macro per file, through adapter.dispatch")


def test_readme(run):
    """Follows docs/dbt.md literally, in a new folder, with git's address led to a repository here."""
    section = (run.TOP / "docs/dbt.md").read_text()
    origin = run.WORK / "origin"
    shutil.copytree(run.WORK / "package", origin / "dbt")
    git = ["git", "-C", str(origin), "-c", "user.name=t", "-c", "user.email=t@example.test"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "package"], check=True)
    subprocess.run([*git, "branch", "-M", "main"], check=True)
    address = re.search(r"git: +(\S+)", section)[1]
    home = run.WORK / "readme"
    home.mkdir()
    # venv and pip find what is there already; nothing else differs from a clean machine
    environment = {**os.environ, "HOME": str(home), "GIT_CONFIG_COUNT": "1",
                   "GIT_CONFIG_KEY_0": f"url.{origin}.insteadOf", "GIT_CONFIG_VALUE_0": address,
                   "GIT_ALLOW_PROTOCOL": "file"}
    (home / "journeys").mkdir()
    (home / "journeys/venv").symlink_to(run.BIN.parent)
    environment["PATH"] = environment["PATH"].removeprefix(f"{run.BIN}:")
    folder, query = home, None
    for kind, content, *_ in blocks(section):
        name = re.match(r"# (\S+\.yml)\n", content)
        if kind == "yaml" and name:
            (folder / name[1]).write_text(content)
        elif kind == "sh":
            script = content.replace("python3 -m venv venv", "true").replace("<1.12", "<2") + "\npwd >&3"
            where = home / "pwd"
            done = subprocess.run(["bash", "-ec", f"exec 3>'{where}'; {script}"], cwd=folder, env=environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            run.ok(done.returncode == 0, f"docs/dbt.md: {content.strip().splitlines()[-1]}", done.stdout)
            if done.returncode:
                return
            folder = Path(where.read_text().strip())
            if (folder / "venv").exists():    # activated there
                environment["PATH"] = f"{folder}/venv/bin:{environment['PATH']}"
        elif kind == "sql":
            query = content
        elif kind == "text" and query:
            run.same(sorted(re.findall(r"[^\s|]+", run.sql(query))),
                     sorted(re.findall(r"[^\s|]+", "\n".join(content.splitlines()[2:]))), "docs/dbt.md: the profiles")
            query = None


def test_example(run):
    run.sql("CREATE SCHEMA IF NOT EXISTS dev")
    p = run.Project(run.TOP / "dbt/examples/mql_to_google_ads")
    packages = p.path / "packages.yml"
    packages.write_text(re.sub(r"local: \S+.*", f"local: {run.WORK / 'package'}", packages.read_text()))
    options = {"segment_compatibility": True, "verify": True, "as_of": "2026-10-15"}
    run.ok(p.dbt("deps") and p.dbt("build", vars=options), "the example is built", p.said)
    run.same(run.sql("SELECT count(*) FROM dev.journey__model"), run.sql("SELECT count(*) FROM dev.journey__profiles"), "profiles are those of the model")

    # the same events as the extension reads of the schema itself
    run.sql("""SELECT journey.create_model('itself', NULL, '{"keep_properties": ["device_type", "os_name", "browser", "locale", "country",
        "context_user_agent"], "conversions": [{"name": "Workspace", "event": "Workspace Created", "count": "first"},
        {"name": "Order", "event": "Order Completed", "value": "revenue"}]}');
        SELECT journey.add_schema('itself', 'rudder', '{"exclude_tables": []}'); SELECT journey.add_source('itself', 'salesforce.leads',
            'conversion', '{"conversion_id": "id", "converted_at": "mql_at", "loaded_at": "systemmodstamp"}', '{"name": "MQL"}');
        SELECT journey.refresh('itself')""")
    for relation in ("sessions", "touches", "identities", "conversions", "attributed_touches"):
        # but for when they were refreshed
        rows = "SELECT to_jsonb(x) - '{{updated_at,version}}'::text[] FROM {}." + relation + " AS x"
        ours, itself = rows.format("dev_journey__model"), rows.format("itself")
        run.same(run.sql(f"SELECT count(*) FROM (({ours} EXCEPT {itself}) UNION ALL ({itself} EXCEPT {ours})) AS x"), "0",
                 f"{relation} are those of the schema read by the extension itself")
    columns = "person_id, user_id, email, sessions, events, page_views, revenue, traits, event_counts, gclid, click_ids"
    run.same(run.sql(f"SELECT count(*) FROM (SELECT {columns} FROM dev.journey__profiles EXCEPT SELECT {columns} FROM itself.profiles) AS x"),
             "0", "and so are the profiles")

    run.psql_file("-f", "test/sample/load-later.sql")
    p.flags = ["--warn-error"]
    run.ok(p.dbt("build", "--no-partial-parse", "--exclude", "test_name:no_rejected_events", vars=options),
           "and built again after the later load, with --warn-error", p.said)
    p.flags = []
    run.same(run.sql("SELECT q.gclid, p.gclid FROM dev.qualified_leads AS q JOIN dev.journey__profiles AS p USING (person_id) "
                     "WHERE lead_id = '00Qvera'"), "Cj0KCQvera-first|EAIaIQvera-second",
             "a lead has the click as it stood when she qualified, not the later one")
    run.same(run.sql("SELECT count(*) FROM (SELECT id, mql_at FROM salesforce.leads WHERE is_mql EXCEPT SELECT lead_id, mql_at "
                     "FROM dev.qualified_leads) AS x"), "0", "every qualified lead is there")
    feed = "SELECT {} FROM {} WHERE status = 'now'"
    run.same(run.sql(feed.format("count(*) > 0, string_agg(line, E'\\n' ORDER BY line COLLATE \"C\")", "dev.google_ads_conversions")),
             run.sql("SELECT count(*) > 0, string_agg(line, E'\\n' ORDER BY line COLLATE \"C\") FROM dev.google_ads_file WHERE n > 0"),
             "the file has what Google is to be told now")
    run.same(run.sql("SELECT string_agg(line, '|' ORDER BY position) FROM dev.google_ads_file WHERE n = 0"),
             "Parameters:TimeZone=+0000|Google Click ID,Conversion Name,Conversion Time,Conversion Value,Conversion Currency,Order ID,"
             "Ad User Data,Ad Personalization", "below the lines that Google wants first")
    run.same(run.sql("SELECT count(*), bool_and(line LIKE '%,Qualified lead,%') FROM dev.google_ads_file WHERE line LIKE 'Cj0KCQvera-first,%'"), "1|t",
             "hers once, under the name of the action")
    run.same(run.sql("SELECT sum(workspaces_created) > sum(workspaces_created_since_last_run) AND "
                     "sum(workspaces_created_since_last_run) > 0 FROM dev.workspaces_created"), "t",
             "workspaces in all and since the last run")
    run.same(run.sql("SELECT sum(workspaces_created) FROM dev.workspaces_created"),
             run.sql("SELECT count(*) FROM dev_journey__model.events AS e JOIN dev_journey__model.profiles AS p USING (person_id) "
                     "WHERE e.name = 'Workspace Created' AND p.user_id IS NOT NULL"), "are those of the events")

    run.ok(p.dbt("ls", "--resource-type", "model", "--output", "json", "--output-keys", "alias", vars={**options, "short_names": True})
           and all(f'"alias": "{name}"' in p.said for name in ("sessions", "profiles", "journeys")),
           "short_names gives the relations the names without the prefix", p.said)
    run.ok(p.dbt("docs", "generate", vars=options), "its docs are made", p.said)
    catalog = json.loads((p.target / "catalog.json").read_text())
    manifest = json.loads((p.target / "manifest.json").read_text())
    without, models = [], 0
    for key, node in catalog["nodes"].items():
        known = manifest["nodes"][key]
        models += 1
        described = {c["name"] for c in known["columns"].values() if c["description"]}
        if not known["description"]:
            without.append(key)
        kept = {"first_context_user_agent", "last_context_user_agent"}
        without += [f"{key}.{c}" for c in node["columns"] if c not in described | kept]
        without += [f"{key}.{c}: no such column" for c in described if c not in node["columns"]]
    run.ok(models > 15 and not without, "every relation and every column is described, and no other", *without)


def main(run, project, wanted):
    for test, arguments in ((test_compiled, (run, project)), (test_macros_described, (run, project)),
                            (test_readme, (run,)), (test_example, (run,))):
        if not wanted or test.__name__ in wanted:
            if test in (test_readme, test_example) and run.sql("SELECT to_regnamespace('rudder') IS NULL") == "t":
                run.psql_file("-v", "events=1000", "-f", "test/sample/generate.sql")
            run.guarded(test, *arguments)
