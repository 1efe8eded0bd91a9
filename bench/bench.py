"""Runs the cases of the benchmarks and writes what report.py makes a table and a chart of.

Each statement that is timed stands in a file of sql/. A case runs its variants in turn, RUNS times;
what they made is compared after the first round, and a difference ends the run before a time is told.
"""
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg

import report

HERE = Path(__file__).parent
EVENTS = int(os.environ.get("EVENTS") or 5_000_000)
RUNS = int(os.environ.get("RUNS") or 3)
MEMORY_EVENTS = int(os.environ.get("MEMORY_EVENTS") or 2 * EVENTS)
CASES = (os.environ.get("CASES") or "a,b,c,d,e,f,g,h,i,j").split(",")
THREADS = 2
SETTINGS = {"work_mem": "1GB", "maintenance_work_mem": "1GB", "max_parallel_workers_per_gather": THREADS,
            "effective_cache_size": "8GB", "synchronous_commit": "off", "client_min_messages": "warning"}


def say(*words):
    print(*words, flush=True)


def sql(name, **places):
    text = (HERE / "sql" / f"{name}.sql").read_text()
    for place, value in places.items():
        text = text.replace("{" + place + "}", str(value))
    return text


# -- engines ----------------------------------------------------------------------------------------

class Postgres:
    """The server that bench/run started; each timed statement has a session of its own."""

    def run(self, text, **settings):
        with psycopg.connect(autocommit=True) as connection:
            for name, value in (SETTINGS | settings).items():
                connection.execute(f"SET {name} = '{value}'")
            started = time.perf_counter()
            cursor = connection.execute(text)
            while cursor.nextset():
                pass
            rows = cursor.fetchall() if cursor.description else []
            return time.perf_counter() - started, rows


class DuckDB:
    def __init__(self, folder, csv):
        import duckdb
        self.connection = duckdb.connect(f"{folder}/duck.db")
        self.version = f"DuckDB {duckdb.__version__}"
        self.connection.execute(f"SET threads = {THREADS}")
        self.run(sql("load_duckdb", csv=csv))

    def run(self, text):
        started = time.perf_counter()
        rows = self.connection.execute(text).fetchall()
        return time.perf_counter() - started, rows


class ClickHouse:
    def __init__(self, folder, csv):
        import chdb.session
        self.session = chdb.session.Session(f"{folder}/clickhouse")
        self.version = f"ClickHouse {self.run('SELECT version()')[1][0][0]}"
        self.run(sql("load_clickhouse", csv=csv))

    def run(self, text):
        started = time.perf_counter()
        for statement in text.split(";\n"):
            if statement.strip():
                out = self.session.query(statement.rstrip("; \n") + f"\nSETTINGS max_threads = {THREADS}", "TSV")
        seconds = time.perf_counter() - started
        return seconds, [tuple(line.split("\t")) for line in str(out).splitlines()]


PG = Postgres()
PEERS = {}


def start_peers(folder):
    """Exports bench.events and loads it into the other engines, each in its own format."""
    if PEERS or not {"a"} & set(CASES):
        return
    csv = f"{folder}/events.csv"
    with psycopg.connect() as connection, open(csv, "wb") as file:
        columns = "id, anonymous_id, user_id, event_time AT TIME ZONE 'UTC', name, kind, url, referrer, revenue"
        with connection.cursor().copy(f"COPY (SELECT {columns} FROM bench.events) TO STDOUT (FORMAT csv)") as copy:
            for data in copy:
                file.write(data)
    for name, engine in (("duckdb", DuckDB), ("clickhouse", ClickHouse)):
        try:
            PEERS[name] = engine(folder, csv)
        except ImportError:
            say(f"skipped: {name}")


# -- measuring --------------------------------------------------------------------------------------

RESULT = {"times": {}, "figures": {}, "checked": []}


def compare(case, variants, checks=()):
    """Times variants, a dictionary of functions that return (seconds, rows). `checks` are lists of functions
    that give a variant's rows to compare, else what it returned itself; called after the first round."""
    times = {name: [] for name in variants}
    for round_ in range(RUNS):
        rows = {}
        for name, variant in variants.items():
            seconds, rows[name] = variant()
            times[name].append(seconds)
        if round_ == 0:
            for names, function in checks:
                equal(case, {name: function(name) if function else rows[name]
                             for name in names if name in variants})
    RESULT["times"].setdefault(case, {}).update(times)
    for name, seconds in times.items():
        say(f"  {case} {name:<24} {statistics.median(seconds):9.3f} s   {min(seconds):.3f} - {max(seconds):.3f}")


def equal(case, results):
    """Ends the run if not all give the same rows, as text."""
    as_text = {name: [tuple("" if v is None else str(v) for v in row) for row in rows]
               for name, rows in results.items()}
    first = next(iter(as_text))
    for name, rows in as_text.items():
        if rows != as_text[first] or not rows:
            sys.exit(f"bench: case {case}: {first} gives\n{as_text[first][:5]}\n{name} gives\n{rows[:5]}")
    RESULT["checked"].append(f"{case}: {', '.join(as_text)}")


def checksum(engine, table, columns):
    """Rows and a sum over 32 bits of each row's hash, in the words of each engine; columns may be times (@)."""
    exprs = {"pg": "(extract(epoch FROM {}) * 1000000)::bigint", "duckdb": "epoch_us({})",
             "clickhouse": "toUnixTimestamp64Micro({})"}[engine]
    text = ", '|', ".join(f"coalesce({exprs.format(c[1:]) if c[0] == '@' else c}::text, '')"
                          if engine != "clickhouse" else f"toString({exprs.format(c[1:]) if c[0] == '@' else c})"
                          for c in columns)
    return {"pg": f"SELECT count(*), sum(('x' || left(md5(concat({text})), 8))::bit(32)::bigint) FROM {table}",
            "duckdb": f"SELECT count(*), sum(('0x' || left(md5(concat({text})), 8))::bigint) FROM {table}",
            "clickhouse": f"SELECT count(), sum(reinterpretAsUInt32(reverse(substring(MD5(concat({text})), 1, 4))))"
                          f" FROM {table}"}[engine]


# -- cases ------------------------------------------------------------------------------------------

def case_a(workers=THREADS, case="a"):
    """Raw rows to a table of sessions."""
    def made_by_postgres(name):
        def run():
            PG.run(f"DROP TABLE IF EXISTS bench.{name}")
            return PG.run(sql(name), max_parallel_workers_per_gather=workers)
        return run

    def made_by_peer(engine, name, table):
        def run():
            PEERS[engine].run(f"DROP TABLE IF EXISTS {table}")
            return PEERS[engine].run(sql(name))
        return run

    variants = {name: made_by_postgres(name) for name in
                (("a_ours", "a_ours_few", "a_plain", "a_floor") if case == "a" else ("a_ours", "a_ours_few"))}
    tables = {name: ("pg", f"bench.{name}") for name in variants}
    if case == "a":
        for engine, name, table in (("duckdb", "a_duckdb", "sessions"), ("clickhouse", "a_clickhouse", "sessions"),
                                    ("clickhouse", "a_clickhouse_array", "sessions_array")):
            if engine in PEERS:
                variants[name] = made_by_peer(engine, name, table)
                tables[name] = (engine, table)

    def rows(columns):
        def get(name):
            engine, table = tables[name]
            return PG.run(checksum(engine, table, columns))[1] if engine == "pg" else \
                PEERS[engine].run(checksum(engine, table, columns))[1]
        return get

    span = ["anonymous_id", "session_number", "@started_at", "@ended_at", "events"]
    pages = span + ["page_views", "landing_page"]
    compare(case, variants, [
        (["a_ours", "a_ours_few", "a_plain", "a_duckdb", "a_clickhouse"], rows(pages)),
        (["a_plain", "a_duckdb", "a_clickhouse"], rows(pages + ["referrer"])),
        (["a_ours", "a_ours_few"], rows(pages + ["referrer"])),
        (["a_plain", "a_clickhouse_array"], rows(span))])


TOUCHES = {"ft": "first_touch", "fn": "first_non_direct_touch", "lt": "last_touch", "ln": "last_non_direct_touch"}
COLUMNS = {
    "sessions": "visitor_id, user_id, person_id, session_number, started_at, ended_at, session_date, duration_seconds, events,"
                " page_views, landing_page, landing_page_path, exit_page, referrer, referrer_host, source, medium, campaign,"
                " term, content, channel, gclid, click_id, click_id_type, revenue, is_bounce",
    "touches": "person_id, visitor_id, touched_at, touch_type, source, medium, campaign, term, content, campaign_id,"
               " channel, click_id, click_id_type, click_ids, landing_page, referrer, referrer_host",
    "identities": "id, id_type, person_id, valid_from, valid_to, reason",
    "profiles": "to_jsonb(t) - '{version,attributes_version,updated_at}'::text[]"}


def refresh(model, **settings):
    """The first refresh of a model made anew; its phases are kept."""
    PG.run(f"SELECT journey.drop_model(model) FROM journey.models WHERE model = '{model}'")
    PG.run(f"SELECT journey.create_model('{model}', '{MODELS[model]}')")
    PG.run("CHECKPOINT")
    seconds, rows = PG.run(f"SELECT to_jsonb(r) FROM journey.refresh('{model}') AS r", **settings)
    RESULT["figures"][f"first refresh of {model}"] = rows[0][0]
    return seconds, rows


MODELS = {"web": "rudder", "tenth_web": "tenth"}


def case_b():
    """The first refresh, a plain-SQL pipeline to the same tables, the Segment package's five models."""
    columns = ", ".join(f"{alias}.{'touched_at' if name == 'at' else name} AS {prefix}_{name}"
                        for alias, prefix in TOUCHES.items()
                        for name in "at source medium campaign term content channel landing_page click_id click_id_type".split())

    def rows(name):
        schema = {"ours": "web", "plain": "plain"}[name]
        return [row for table, columns in COLUMNS.items()
                for row in PG.run(f"SELECT count(*), sum(hashtextextended(({columns})::text, 0))"
                                  f" FROM {schema}.{table} AS t")[1]]

    def pipeline(name, **places):
        PG.run("CHECKPOINT")
        return PG.run(sql(name, **places))

    compare("b", {"ours": lambda: refresh("web"), "plain": lambda: pipeline("b_plain", touch_columns=columns),
                  "segment": lambda: pipeline("b_segment")}, [(["ours", "plain"], rows)])
    PG.run("DROP SCHEMA plain CASCADE; DROP SCHEMA segment CASCADE")


def case_j():
    """The sessions of case a without parallel workers."""
    case_a(workers=0, case="j")


# -- the whole --------------------------------------------------------------------------------------

def prepare():
    say(f"making {EVENTS:,} events")
    for values in ({"events": EVENTS, "later": 1}, {"events": EVENTS // 10, "later": 10, "schema": "tenth",
                                                    "crm": "tenth_crm"}):
        arguments = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
        subprocess.run(["psql", "-qX", "-v", "late=10", *arguments, "-f", "test/sample/generate.sql"], check=True)
    PG.run(sql("prepare"))
    PG.run("VACUUM ANALYZE")


def machine():
    def first(file, key):
        return next((line.split(":", 1)[1].strip() for line in open(file) if line.startswith(key)), "")
    shown = ("shared_buffers", "fsync", "jit", "autovacuum")
    return {"cpu": first("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
            "memory": f"{int(first('/proc/meminfo', 'MemTotal').split()[0]) / 1048576:.0f} GB",
            "kernel": platform.release(), "date": time.strftime("%Y-%m-%d"),
            "versions": ["PostgreSQL " + PG.run("SHOW server_version")[1][0][0].split()[0]]
                        + [peer.version for peer in PEERS.values()],
            "settings": {name: PG.run(f"SHOW {name}")[1][0][0] for name in shown} | SETTINGS}


def main():
    known = {name[5:]: function for name, function in globals().items() if name.startswith("case_")}
    for case in CASES:
        if case not in known:
            sys.exit(f"bench: no case {case}, there are {', '.join(sorted(known))}")
    prepare()
    with tempfile.TemporaryDirectory(dir=os.environ["PGJ_WORK"]) as folder:
        start_peers(folder)
        for case in CASES:
            say(f"case {case}: {known[case].__doc__.splitlines()[0]}")
            known[case]()
        RESULT.update(events=EVENTS, runs=RUNS, machine=machine())
    whole = len(CASES) == 10 and EVENTS >= 1_000_000
    report.write(RESULT, HERE if whole else Path("tmp_check/bench"))


if __name__ == "__main__":
    main()
