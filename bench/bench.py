"""Runs the cases of the benchmarks and writes what report.py makes a table and a chart of.

Each statement that is timed stands in a file of sql/. A case runs its variants in turn, RUNS times;
what they made is compared after the first round, and a difference ends the run before a time is told.
"""
import json
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

try:
    import numpy
except ImportError:
    numpy = None

HERE = Path(__file__).parent
EVENTS = int(os.environ.get("EVENTS") or 5_000_000)
RUNS = int(os.environ.get("RUNS") or 3)
MEMORY_EVENTS = int(os.environ.get("MEMORY_EVENTS") or 2 * EVENTS)
CASES = (os.environ.get("CASES") or "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q").split(",")
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

class Watcher(threading.Thread):
    def __init__(self, function, pid):
        super().__init__(daemon=True)
        self.function, self.pid, self.stopped = function, pid, threading.Event()
        function(pid)
        self.start()

    def run(self):
        while not self.stopped.wait(0.2):
            self.function(self.pid)

    def stop(self):
        self.stopped.set()
        self.join()


class Postgres:
    """The server that bench/run started; each timed statement has a session of its own."""

    def run(self, text, keep=True, watch=None, **settings):
        """Seconds and the last statement's rows. Without keep all is rolled back; watch is called with the backend's
        process id, five times a second."""
        with psycopg.connect(autocommit=True) as connection:
            for name, value in (SETTINGS | settings).items():
                connection.execute(f"SET {name} = '{value}'")
            watcher = watch and Watcher(watch, connection.info.backend_pid)
            if not keep:
                connection.execute("BEGIN")
            started = time.perf_counter()
            cursor = connection.execute(text)
            while cursor.nextset():
                pass
            rows = cursor.fetchall() if cursor.description else []
            seconds = time.perf_counter() - started
            if not keep:
                connection.execute("ROLLBACK")
            if watcher:
                watcher.stop()
            return seconds, rows


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
    if PEERS or not {"a", "m"} & set(CASES):
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
                names = [name for name in names if name in variants]
                if len(names) > 1:
                    equal(case, {name: function(name) if function else rows[name] for name in names})
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

def case_a():
    """Raw rows to a table of sessions."""
    def made_by_postgres(name):
        def run():
            PG.run(f"DROP TABLE IF EXISTS bench.{name}")
            return PG.run(sql(name))
        return run

    def made_by_peer(engine, name, table):
        def run():
            PEERS[engine].run(f"DROP TABLE IF EXISTS {table}")
            return PEERS[engine].run(sql(name))
        return run

    variants = {name: made_by_postgres(name) for name in ("a_ours", "a_ours_few", "a_plain", "a_floor")}
    tables = {name: ("pg", f"bench.{name}") for name in variants}
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
    compare("a", variants, [
        (["a_ours", "a_ours_few", "a_plain", "a_duckdb", "a_clickhouse"], rows(pages)),
        (["a_plain", "a_duckdb", "a_clickhouse"], rows(pages + ["referrer"])),
        (["a_ours", "a_ours_few"], rows(pages + ["referrer"])),
        (["a_plain", "a_clickhouse_array"], rows(span))])


TOUCHES = {"ft": "first_touch", "fn": "first_non_direct_touch", "lt": "last_touch", "ln": "last_non_direct_touch"}
COLUMNS = {
    # without revenue: the pipeline counts an order in each session that tells of it
    "sessions": "visitor_id, user_id, person_id, session_number, started_at, ended_at, session_date, duration_seconds, events,"
                " page_views, landing_page, landing_page_path, exit_page, referrer, referrer_host, source, medium, campaign,"
                " term, content, channel, gclid, click_id, click_id_type, is_bounce",
    "touches": "person_id, visitor_id, touched_at, touch_type, source, medium, campaign, term, content, campaign_id,"
               " channel, click_id, click_id_type, click_ids, landing_page, referrer, referrer_host",
    "identities": "id, id_type, person_id, valid_from, valid_to, reason",
    # without conversions: the pipeline has none
    "profiles": "to_jsonb(t) - '{version,attributes_version,updated_at,conversions,first_converted_at,"
                "conversion_counts}'::text[]"}


def refresh(model, **settings):
    """The first refresh of a model made anew; its phases are kept."""
    PG.run(f"SELECT journey.drop_model(model) FROM journey.models WHERE model = '{model}'")
    schema, options, *more = MODELS[model]
    PG.run(f"SELECT journey.create_model('{model}', '{schema}', '{options}')")
    for statement in more:
        PG.run(statement)
    PG.run("CHECKPOINT")
    seconds, rows = PG.run(f"SELECT to_jsonb(r) FROM journey.refresh('{model}') AS r", **settings)
    RESULT["figures"][f"first refresh of {model}"] = rows[0][0]
    if model == "web":
        sizes = PG.run(
            "SELECT CASE WHEN relpersistence = 'u' THEN 'scratch' WHEN nspname = 'rudder' THEN nspname ELSE 'web' END,"
            " sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint"
            " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace"
            " WHERE relkind = 'r' AND nspname IN ('web', 'web_store', 'rudder') GROUP BY 1")[1]
        RESULT["figures"]["sizes"] = {name: size for name, size, _ in sizes} | {
            "indexes": next(size for name, _, size in sizes if name == "web")}
        RESULT["figures"]["largest"] = dict(PG.run(
            "SELECT relname, pg_table_size(c.oid) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace"
            " WHERE relkind = 'r' AND nspname IN ('web', 'web_store') ORDER BY 2 DESC LIMIT 5")[1])
    return seconds, rows


CONVERSIONS = [{"name": "Order", "event": "Order Completed", "value": "revenue"},
               {"name": "Signup", "kind": "identify", "count": "first"}]
# the schema that a model is made of, its options, and what is added to it
MODELS = {"web": ("rudder", "{}"), "tenth_web": ("tenth", "{}"), "five_web": ("five", "{}"),
          "converting": ("rudder", json.dumps({"conversions": CONVERSIONS}), """SELECT journey.add_source('converting',
              'rudder_crm.leads', 'conversion', '{"converted_at": "mql_at"}', '{"name": "MQL"}')""")}


def store():
    """The schema of the store of model web; of early releases that of the model."""
    return "web_store" if PG.run("SELECT to_regnamespace('web_store') IS NOT NULL")[1][0][0] else "web"


def floor():
    """The rows of model web written once, as little as they can cost."""
    PG.run("DROP SCHEMA IF EXISTS floor CASCADE")
    PG.run("CHECKPOINT")
    return PG.run(sql("floor", store=store()))


def later_floor(measure):
    """What `measure` gives of the statement that writes the rows which a refresh of model web changes, to the
    tables of floor(). All of it is undone."""
    with psycopg.connect(autocommit=True) as connection:
        for name, value in SETTINGS.items():
            connection.execute(f"SET {name} = '{value}'")
        connection.execute("BEGIN")
        connection.execute("SELECT FROM journey.refresh('web')")
        connection.execute(sql("floor_changes", store=store()))
        result = measure(connection, sql("floor_later"))
        connection.execute("ROLLBACK")
        return result


def timed(connection, text):
    started = time.perf_counter()
    connection.execute(text)
    return time.perf_counter() - started, [[0]]


def wal(connection, text):
    """Bytes of WAL that a statement writes."""
    before = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
    connection.execute(text)
    return int(connection.execute("SELECT pg_current_wal_insert_lsn() - %s", [before]).fetchone()[0])


def case_b():
    """The first refresh, a plain-SQL pipeline to the same tables, the Segment package's five models."""
    columns = ", ".join(f"{alias}.{'touched_at' if name == 'at' else name} AS {prefix}_{name}"
                        for alias, prefix in TOUCHES.items()
                        for name in "at source medium campaign term content channel landing_page click_id click_id_type".split())

    # Of a device of several users the pipeline does not know who logged in before a visit, nor of whom a server speaks.
    def several():
        PG.run("""DROP TABLE IF EXISTS bench.several;
            CREATE TABLE bench.several AS
            SELECT visitor_id AS id FROM plain.event WHERE user_id IS NOT NULL GROUP BY visitor_id HAVING count(DISTINCT user_id) > 1;
            INSERT INTO bench.several
            SELECT person_id FROM (TABLE web.identities UNION ALL TABLE plain.identities) AS i
            WHERE id_type = 'visitor' AND id IN (SELECT id FROM bench.several);
            ANALYZE bench.several""")

    def rows(name):
        schema = {"ours": "web", "plain": "plain"}[name]
        several()
        keys = {"profiles": ["person_id"], "identities": ["person_id", "id"]}
        return [row for table, columns in COLUMNS.items()
                for row in PG.run(f"SELECT count(*), sum(hashtextextended(({columns})::text, 0)) FROM {schema}.{table} AS t WHERE "
                                  + " AND ".join(f"NOT EXISTS (SELECT FROM bench.several AS s WHERE s.id = t.{key})"
                                                 for key in keys.get(table, ["person_id", "visitor_id"])))[1]]

    def pipeline(name, **places):
        PG.run("CHECKPOINT")
        return PG.run(sql(name, **places))

    compare("b", {"ours": lambda: refresh("web"), "plain": lambda: pipeline("b_plain", touch_columns=columns),
                  "segment": lambda: pipeline("b_segment"), "floor": floor}, [(["ours", "plain"], rows)])
    PG.run("DROP SCHEMA plain CASCADE; DROP SCHEMA segment CASCADE")


def model_of(model):
    """Makes a model unless a case before this has."""
    if f"first refresh of {model}" not in RESULT["figures"]:
        refresh(model)


def load_later(schema):
    """What the sample kept for a later load."""
    subprocess.run(["psql", "-qX", "-v", f"schema={schema}", "-f", "test/sample/load-later.sql"], check=True)


def refreshed(model):
    """A refresh that is undone, so that it can be timed again."""
    def run():
        PG.run("VACUUM")
        PG.run("CHECKPOINT")
        seconds, rows = PG.run(f"SELECT to_jsonb(r) FROM journey.refresh('{model}') AS r", keep=False)
        RESULT["figures"][f"later refresh of {model}"] = rows[0][0]
        return seconds, [[rows[0][0]["new"], rows[0][0]["rejected"]]]
    return run


def case_c():
    """A refresh with 1 % new events, 10 % of them late, and as many on a tenth of the history; one with 5 %."""
    sample(EVENTS, "five", later=5)
    PG.run("VACUUM ANALYZE")
    for model in ("web", "tenth_web", "five_web"):
        model_of(model)
    if "l" in CASES:
        model_of("converting")
    floor()
    for schema in ("rudder", "tenth", "five"):
        load_later(schema)
    PG.run("ANALYZE")
    compare("c", {"refresh": refreshed("web"), "floor": lambda: later_floor(timed),
                  "refresh_of_a_tenth": refreshed("tenth_web"), "refresh_5": refreshed("five_web")})
    PG.run("SELECT journey.drop_model('five_web'); DROP SCHEMA five, five_later, five_crm CASCADE")


def case_d():
    """100 events for a visitor with very many, for an endless pinger, and for small visitors."""
    big, pings = EVENTS // 5, EVENTS // 50
    PG.run(sql("d_history", big=big, pings=pings))
    PG.run("""SELECT journey.create_model('d');
        SELECT journey.add_source('d', 'bench.d_events', 'page', '{"event_id": "id", "visitor_id": "visitor",
               "event_time": "at", "loaded_at": "loaded_at", "properties": null}')""")
    PG.run("ANALYZE bench.d_events")
    RESULT["figures"]["first refresh of d"] = PG.run("SELECT to_jsonb(r) FROM journey.refresh('d') AS r")[1][0][0]
    start = "timestamptz '2010-01-01 00:00+00'"
    batches = {
        "small": f"'small-' || n * {big // 1000}, {start} + interval '1 day 5 minutes'",
        "big_end": f"'big', {start} + {big // 20} * interval '2 hours' + n * interval '30 seconds'",
        "big_past": f"'big', {start} + {big // 40} * interval '2 hours' + n * interval '5 seconds'",
        "pinger_end": f"'pinger', {start} + ({pings} + n) * interval '5 minutes'",
        "pinger_past": f"'pinger', {start} + ({pings // 2} + n) * interval '5 minutes' + interval '1 minute'"}

    def refreshed_with(batch):
        def run():
            PG.run(f"""DELETE FROM bench.d_events WHERE id LIKE 'new%';
                INSERT INTO bench.d_events (id, visitor, at, url, loaded_at)
                SELECT 'new' || n, {batches[batch]}, 'https://www.acme.test/page/1', '2026-01-02 00:00+00'
                FROM generate_series(0, 99) AS n""")
            return refreshed("d")()
        return run

    compare("d", {name: refreshed_with(name) for name in batches}, [(list(batches), None)])


def case_e():
    """campaign() and touch() of URLs against six regular expressions."""
    compare("e", {name: lambda name=name: PG.run(sql(name), max_parallel_workers_per_gather=0)
                  for name in ("e_campaign", "e_plain", "e_touch")}, [(["e_campaign", "e_plain"], None)])


def case_f():
    """Answers from stored timelines against plain SQL on the raw rows."""
    RESULT["times"]["f"] = {"timelines": [PG.run(sql("f_timelines"))[0]]}
    PG.run("VACUUM ANALYZE bench.timelines")
    for question in ("timeout", "touches", "pages"):
        names = [f"f_{question}_ours", f"f_{question}_plain"]
        compare("f", {name: lambda name=name: PG.run(sql(name)) for name in names}, [(names, None)])


def case_g():
    """The window function session_number against lag and running sum."""
    names = ["g_ours", "g_plain"]
    compare("g", {name: lambda name=name: PG.run(sql(name)) for name in names}, [(names, None)])


def case_h():
    """Memory of a first refresh with maintenance_work_mem = 64MB: what the backend has for itself."""
    sample(MEMORY_EVENTS, "memory", later=0)
    MODELS["memory_web"] = ("memory", "{}")
    seen = []

    def watch(pid):
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("RssAnon"):
                seen.append(int(line.split()[1]) / 1024)

    seconds, _ = refresh("memory_web", watch=watch, maintenance_work_mem="64MB", work_mem="4MB",
                         max_parallel_workers_per_gather=0)
    RESULT["figures"]["memory"] = {"events": MEMORY_EVENTS, "idle_mb": seen[0], "peak_mb": max(seen), "seconds": seconds}
    say(f"  h {seen[0]:.0f} MB before, {max(seen):.0f} MB at most, {seconds:.0f} s")
    PG.run("SELECT journey.drop_model('memory_web'); DROP SCHEMA memory, memory_later, memory_crm CASCADE")


def case_i():
    """Size of the model's tables, with TOAST and without indexes, against the sources."""
    model_of("web")
    say(f"  i {RESULT['figures']['sizes']}")


def case_j():
    """The sessions of case a with two workers and with none."""
    def made(name, workers):
        def run():
            PG.run(f"DROP TABLE IF EXISTS bench.{name}")
            seconds, _ = PG.run(sql(name), max_parallel_workers_per_gather=workers)
            return seconds, PG.run(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM bench.{name} AS t")[1]
        return run

    for name in ("j_ours", "j_ours_few"):
        names = [f"{name}_serial", f"{name}_two_workers"]
        compare("j", {names[0]: made(name, 0), names[1]: made(name, THREADS)}, [(names, None)])


def effects_in_numpy(steps):
    """Removal effects, and conversions by them, of rows (before, after, steps): each chain is solved anew."""
    names = sorted({after for _, after, _ in steps} - {"(conversion)", "(null)"})
    place = {name: i for i, name in enumerate(names)}
    n = len(names)
    matrix, start = numpy.zeros((n, n + 2)), numpy.zeros(n)
    for before, after, count in steps:
        if before is None:
            start[place[after]] += count
        else:
            matrix[place[before], place.get(after, n if after == "(conversion)" else n + 1)] += count
    conversions = matrix[:, n].sum()
    matrix /= matrix.sum(axis=1)[:, None]

    def from_start(keep):
        inner = numpy.eye(len(keep)) - matrix[numpy.ix_(keep, keep)]
        return start[keep] @ numpy.linalg.solve(inner, matrix[keep, n])

    everything = numpy.arange(n)
    whole = from_start(everything)
    effects = numpy.array([1 - from_start(numpy.delete(everything, i)) / whole for i in range(n)])
    return [(name, f"{effect:.9f}", f"{conversions * effect / effects.sum():.4f}") for name, effect in zip(names, effects)]


def case_k():
    """Daily questions to the model against plain SQL on the raw rows that leaves out copies, too."""
    model_of("web")
    PG.run("VACUUM ANALYZE")
    raw = sql("k_raw")
    for question in "channels revenue signups landing retention funnel pages day".split():
        names = [f"k_{question}_ours", f"k_{question}_plain"]
        compare("k", {name: lambda name=name: PG.run(sql(name, raw=raw)) for name in names})


RULES = "first last last_non_direct linear position w_shaped time_decay".split()


def case_l():
    """markov on a million paths of 30 channels, against the solve in numpy and the steps that it needs in plain SQL; the
    credits of seven rules against plain SQL; a refresh with 1 % new, rows of the CRM too, of a model with conversions and
    of one without."""
    PG.run(sql("l_paths"))
    steps = PG.run(sql("l_steps"))[1]

    def in_numpy():
        started = time.perf_counter()
        rows = effects_in_numpy(steps)
        return time.perf_counter() - started, rows

    variants = {"l_markov": lambda: PG.run(sql("l_markov"), max_parallel_workers_per_gather=0),
                "l_markov_two_workers": lambda: PG.run(sql("l_markov")),
                "l_steps": lambda: PG.run(sql("l_steps"))}
    if numpy is not None:
        variants["l_numpy"] = in_numpy
    compare("l", variants, [([name for name in variants if name != "l_steps"], None)])

    model_of("web")
    model_of("converting")
    names = [f"{rule}_{what}" for rule in RULES for what in ("credit", "value")]
    columns = ",\n           ".join(f"max(part) FILTER (WHERE name = '{name}') AS {name}" for name in names)
    # half-lives are powers of floating point in plain SQL
    compared = ", ".join(name for name in names if not name.startswith("time_decay"))
    PG.run("VACUUM ANALYZE")
    compare("l", {"l_credits_ours": lambda: PG.run(sql("l_credits_ours", schema="converting")),
                  "l_credits_plain": lambda: PG.run(sql("l_credits_plain", schema="converting", columns=columns))},
            [(["l_credits_ours", "l_credits_plain"],
              lambda name: PG.run(sql("l_credits_sum", which=name.rsplit("_", 1)[1], columns=compared))[1])])
    if "c" not in RESULT["times"]:
        load_later("rudder")
    # leads that are qualified, or dated anew
    PG.run("UPDATE rudder_crm.leads SET mql_at = coalesce(mql_at, systemmodstamp) + interval '1 minute' WHERE hashtext(id) % 100 = 0")
    PG.run("ANALYZE")
    compare("l", {"l_refresh_without": refreshed("web"), "l_refresh_converting": refreshed("converting")})


def case_m():
    """Funnel, retention, a sequence and top paths of stored timelines, against plain SQL on raw rows and other engines."""
    if not PG.run("SELECT to_regclass('bench.timelines')")[1][0][0]:
        PG.run(sql("f_timelines"))
        PG.run("VACUUM ANALYZE bench.timelines")
    variants = {name: lambda name=name: PG.run(sql(name)) for name in ("m_funnel_ours", "m_funnel_plain")}
    if "duckdb" in PEERS:
        variants["m_funnel_duckdb"] = lambda: PEERS["duckdb"].run(sql("m_funnel_duckdb"))
    if "clickhouse" in PEERS:
        PEERS["clickhouse"].run(sql("m_sort_clickhouse"))
        for name, table in (("m_funnel_clickhouse", "events"), ("m_funnel_clickhouse_sorted", "events_by_device")):
            variants[name] = lambda table=table: PEERS["clickhouse"].run(sql("m_funnel_clickhouse", table=table))
    compare("m", variants, [(list(variants), None)])
    for question in ("retention", "sequence", "paths"):
        names = [f"m_{question}_ours", f"m_{question}_plain"]
        compare("m", {name: lambda name=name: PG.run(sql(name)) for name in names}, [(names, None)])


def case_n():
    """Events out of raw JSON: parse_event() against the same in jsonb expressions, and with redaction; a model of the
    payloads against a table made with these expressions and a model of that."""
    PG.run(sql("n_prepare", rows=min(EVENTS, 1_000_000)))
    PG.run("VACUUM ANALYZE bench.payloads")
    texts = {"n_parse": sql("n_parse", options="{}"), "n_plain": sql("n_plain"),
             "n_redact": sql("n_parse", options='{"redact": "gdpr"}')}
    compare("n", {name: lambda text=text: PG.run(text, max_parallel_workers_per_gather=0)
                  for name, text in texts.items()}, [(["n_parse", "n_plain"], None)])

    def modelled(relation, kind, columns, before=None):
        seconds = PG.run(before)[0] if before else 0
        PG.run("SELECT journey.drop_model(model) FROM journey.models WHERE model = 'raw'")
        PG.run(f"SELECT journey.create_model('raw'); SELECT journey.add_source('raw', '{relation}', {kind}, '{columns}')")
        PG.run("CHECKPOINT")
        return seconds + PG.run("SELECT FROM journey.refresh('raw')")[0], PG.run(sql("n_sums"))[1]

    variants = {"n_refresh": lambda: modelled("bench.payloads", "'payload'", '{"payload": "body"}'),
                "n_refresh_plain": lambda: modelled("bench.parsed", "NULL", '{}', sql("n_table"))}
    compare("n", variants, [(list(variants), None)])
    PG.run("SELECT journey.drop_model('raw'); DROP TABLE bench.parsed")


def statements(model):
    """How many statements a refresh takes, all that it executes within itself counted; NaN without the extension."""
    if not PG.run("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'"
                  " AND current_setting('shared_preload_libraries') ~ 'pg_stat_statements'")[1][0][0]:
        return float("nan")
    PG.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    PG.run(f"SELECT pg_stat_statements_reset(); SELECT FROM journey.refresh('{model}')", **{"pg_stat_statements.track": "all"})
    return float(PG.run("SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"
                        " AND query NOT LIKE 'SET %'")[1][0][0])


def case_o():
    """Refreshes with nothing new of 100 source tables, against their newest load times; statements with 8 tables."""
    for count in (8, 100):
        schema, model = f"idle_{count}", f"idle_{count}_web"
        PG.run(sql("o_tables", schema=schema, tables=count))
        PG.run(f"SELECT journey.create_model('{model}', '{schema}')")
        for _ in range(3):
            PG.run(f"SELECT FROM journey.refresh('{model}')")
    news = "; ".join(f"INSERT INTO idle_8.t{n} SELECT 'new' || {{0}} || id, anonymous_id, user_id, event, event_text, now(),"
                     f" now(), now(), context_page_url, amount FROM idle_8.t{n} WHERE id ~ '^e[1-9]$'" for n in range(1, 9))
    figures = RESULT["figures"]["statements"] = {"nothing new": statements("idle_8_web")}
    for batch in (1, 2):
        PG.run(news.format(batch))
        figures["news in 8 tables"] = statements("idle_8_web")
    say(f"  o {figures}")
    tables = [f"idle_100.t{n}" for n in range(1, 101)]
    newest = "SELECT max(at) FROM (" + " UNION ALL ".join(f"SELECT max(uuid_ts) AS at FROM {t}" for t in tables) + ") AS t"
    compare("o", {"idle": lambda: PG.run("SELECT new FROM journey.refresh('idle_100_web')"), "newest": lambda: PG.run(newest)})
    for count in (8, 100):
        PG.run(f"SELECT journey.drop_model('idle_{count}_web'); DROP SCHEMA idle_{count} CASCADE")


def case_p():
    """WAL of refreshes of 200 events against that of their floor, and updates that touch no index."""
    sample(EVENTS, "small", later=max(1, 100 * 110 * 200 // EVENTS))
    PG.run(sql("p_slices", schema="small"))
    MODELS["web"] = ("small", "{}")
    PG.run("VACUUM ANALYZE")
    refresh("web")
    PG.run("VACUUM ANALYZE")
    PG.run("CHECKPOINT")
    PG.run("SELECT pg_stat_reset()")
    ours, floors = [], []
    for n in range(100):
        PG.run(f"CALL bench.load_slice({n})")
        if n % 20 == 0:
            floor()
            PG.run("CHECKPOINT")
            floors.append(later_floor(wal))
            PG.run("CHECKPOINT")
        with psycopg.connect(autocommit=True) as connection:
            ours.append(wal(connection, "SELECT FROM journey.refresh('web')"))
    time.sleep(2)
    hot = PG.run("SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname IN ('web', 'web_store')"
                 " AND relname IN ('profiles', '_sessions')")[1]
    RESULT["figures"]["wal"] = {"refresh": sum(ours[::20]) / len(ours[::20]), "floor": sum(floors) / len(floors),
                                "between checkpoints": sum(ours) / len(ours)}
    RESULT["figures"]["hot"] = {name.lstrip("_"): of / updates if updates else float("nan") for name, updates, of in hot}
    say(f"  p {RESULT['figures']['wal']} {RESULT['figures']['hot']}")
    PG.run("DROP SCHEMA floor CASCADE; SELECT journey.drop_model('web'); DROP SCHEMA small, small_later, small_crm CASCADE")
    MODELS["web"] = ("rudder", "{}")
    del RESULT["figures"]["first refresh of web"]


def case_q():
    """One event dated before a session of very many, against 100 events of small visitors."""
    big = EVENTS * 2 // 5
    PG.run(sql("q_session", big=big))
    PG.run("""SELECT journey.create_model('q');
        SELECT journey.add_source('q', 'bench.q_events', 'page', '{"event_id": "id", "visitor_id": "visitor",
               "event_time": "at", "loaded_at": "loaded_at", "properties": null}')""")
    PG.run("ANALYZE bench.q_events")
    PG.run("SELECT FROM journey.refresh('q')")
    seen = []

    def watch(pid):
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("RssAnon"):
                seen.append(int(line.split()[1]) / 1024)

    def refreshed_with(rows):
        def run():
            PG.run("DELETE FROM bench.q_events WHERE id LIKE 'new%'")
            PG.run(f"INSERT INTO bench.q_events (id, visitor, at, url, loaded_at) {rows}")
            PG.run("VACUUM")
            seconds, _ = PG.run("SELECT FROM journey.refresh('q')", keep=False, watch=watch, maintenance_work_mem="64MB")
            return seconds, []
        return run

    url = "'https://www.acme.test/page/1', '2026-01-02 00:00+00'"
    compare("q", {"small": refreshed_with(f"SELECT 'new' || n, 'small-' || n, timestamptz '2010-01-03 00:00+00', {url}"
                                          " FROM generate_series(0, 99) AS n"),
                  "before": refreshed_with(f"VALUES ('new', 'big', timestamptz '2010-01-01 00:00+00' - interval '1 minute', {url})")})
    RESULT["figures"]["session"] = {"events": big, "peak_mb": max(seen), "idle_mb": min(seen)}
    say(f"  q {RESULT['figures']['session']}")
    PG.run("SELECT journey.drop_model('q'); DROP TABLE bench.q_events")


# -- the whole --------------------------------------------------------------------------------------

def sample(events, schema, later):
    values = {"events": events, "schema": schema, "crm": f"{schema}_crm", "later": later, "late": 10}
    arguments = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
    subprocess.run(["psql", "-qX", *arguments, "-f", "test/sample/generate.sql"], check=True)


def prepare():
    """The sample, and one of a tenth with as many events in its later load."""
    say(f"making {EVENTS:,} events")
    sample(EVENTS, "rudder", later=1)
    sample(EVENTS // 10, "tenth", later=10)
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
        done = set()
        try:
            for case in CASES:
                say(f"case {case}: {known[case].__doc__.splitlines()[0]}")
                known[case]()
                done.add(case)
        finally:
            # what was measured before a case failed is not lost
            RESULT.update(events=EVENTS, runs=RUNS, machine=machine())
            folder = HERE if done == set(known) and EVENTS >= 1_000_000 else Path("tmp_check/bench")
            report.write(json.loads(json.dumps(RESULT, default=float)), folder)
            say("see " + ("bench" if folder == HERE else str(folder)) + "/RESULTS.md")


if __name__ == "__main__":
    main()
