"""Makes the table of targets and the chart of what bench.py measured, from results.json alone:

    python3 bench/report.py [FOLDER]
"""
import json
import statistics
import sys
from pathlib import Path

# label, bars in the chart: (name of the variant, what it is); the first is ours
CHART = [
    ("a", "raw rows to sessions", [("a_ours", "pg_journey, all columns"), ("a_ours_few", "pg_journey"), ("a_plain", "plain SQL"),
                                   ("a_duckdb", "DuckDB"), ("a_clickhouse", "ClickHouse"), ("a_floor", "GROUP BY alone")]),
    ("b", "first build of a model", [("ours", "pg_journey"), ("plain", "plain SQL"), ("segment", "Segment's dbt package")]),
    ("c", "1 % new events", [("refresh", "pg_journey"), ("refresh_of_a_tenth", "on a tenth of the history")]),
    ("e", "parse URLs", [("e_campaign", "campaign()"), ("e_touch", "touch()"), ("e_plain", "six substring()")]),
    ("f", "touches per visitor", [("f_touches_ours", "stored timelines"), ("f_touches_plain", "plain SQL")]),
    ("n", "events of raw JSON", [("n_parse", "parse_event()"), ("n_redact", "with redaction"), ("n_plain", "jsonb expressions"),
                                      ("n_refresh", "model of payloads"), ("n_refresh_plain", "table by jsonb expressions, and model")]),
    ("g", "session numbers", [("g_ours", "session_number()"), ("g_plain", "lag, running sum")]),
]


# Results of another commit, for a column beside: what `make bench` wrote in a checkout of it with this bench/ in it.
BEFORE = Path(__file__).parent / "before.json"
BEFORE = json.loads(BEFORE.read_text()) if BEFORE.exists() else None

# Of case k, by the name of their files.
QUESTIONS = {
    "channels": "sessions by channel and week", "revenue": "revenue by the last touch before the order",
    "signups": "sign-ups by campaign and week", "landing": "conversion by landing page",
    "retention": "retention by week", "funnel": "three-step funnel", "pages": "top pages", "day": "events of one day",
}


class Times:
    """Medians of a result by case and variant, and ratios of them; NaN where something was not measured."""

    def __init__(self, result):
        self.times, self.figures = result["times"], result["figures"]

    def median(self, case, name):
        seconds = self.times.get(case, {}).get(name)
        return statistics.median(seconds) if seconds else float("nan")

    def ratio(self, case, name, other):
        return self.median(case, name) / self.median(case, other)

    def figure(self, name, key):
        return self.figures.get(name, {}).get(key, float("nan"))


def targets(t):
    """Rows (case, what, ratio or amount, bound, at most or at least)."""
    yield "a", "all columns of a session, of plain SQL with the few", t.ratio("a", "a_ours", "a_plain"), 0.20, "<="
    yield "a", "the same few columns, of plain SQL", t.ratio("a", "a_ours_few", "a_plain"), 0.20, "<="
    yield "a", "all columns, of DuckDB with the few", t.ratio("a", "a_ours", "a_duckdb"), 1, "<"
    yield "a", "all columns, of ClickHouse's window form with the few", t.ratio("a", "a_ours", "a_clickhouse"), 1, "<"
    yield "b", "first refresh, of the plain-SQL pipeline", t.ratio("b", "ours", "plain"), 0.18, "<="
    yield "b", "first refresh, of the Segment package's models", t.ratio("b", "ours", "segment"), 0.5, "<="
    yield "b", "first refresh, of writing its rows once", t.ratio("b", "ours", "floor"), 2, "<="
    plain = t.median("b", "plain")
    yield "c", "refresh with 1 % new events, of the plain-SQL pipeline", t.median("c", "refresh") / plain, 0.012, "<="
    yield "c", "refresh with 5 % new events, of the plain-SQL pipeline", t.median("c", "refresh_5") / plain, 0.04, "<="
    yield "c", "the same batch, of one on a tenth of the history", t.ratio("c", "refresh", "refresh_of_a_tenth"), 1.2, "<="
    for name, what in (("big_end", "100 events at the end of very many"), ("big_past", "100 amid very many"),
                       ("pinger_end", "100 at the end of an endless session"), ("pinger_past", "100 amid an endless session")):
        yield "d", f"{what}, of 100 for small visitors", t.ratio("d", name, "small"), 2, "<="
    yield "e", "campaign(url), of six substring(url FROM ..)", t.ratio("e", "e_campaign", "e_plain"), 0.10, "<="
    yield "e", "touch(url, referrer), of campaign(url)", t.ratio("e", "e_touch", "e_campaign"), 2, "<="
    for name, what in (("timeout", "sessions with another timeout"), ("touches", "first and last touches"),
                       ("pages", "page views per session")):
        yield "f", f"{what}, of plain SQL", t.ratio("f", f"f_{name}_ours", f"f_{name}_plain"), 0.10, "<="
    yield "n", "parse_event(), of the same in jsonb expressions", t.ratio("n", "n_parse", "n_plain"), 1, "<="
    yield "n", "with redaction by the default set, of parse_event()", t.ratio("n", "n_redact", "n_parse"), 2, "<="
    yield "n", "refresh of payloads, of jsonb expressions into a table and a refresh of that", t.ratio(
        "n", "n_refresh", "n_refresh_plain"), 0.8, "<="
    yield "g", "session_number(), of lag and running sum", t.ratio("g", "g_ours", "g_plain"), 0.6, "<="
    memory = t.figure("memory", "peak_mb") - t.figure("memory", "idle_mb")
    yield "h", "MB of a first refresh above an idle backend", memory, 64 + 150, "<="
    web, indexes, sources = (t.figure("sizes", key) for key in ("web", "indexes", "rudder"))
    yield "i", "size of the model without indexes, of the sources", web / sources, 0.65, "<="
    yield "i", "size of its indexes, of the model without", indexes / web, 0.4, "<="
    yield "j", "serial, of two workers: all columns", t.ratio("j", "j_ours_serial", "j_ours_two_workers"), 1.4, ">="
    yield "j", "serial, of two workers: few columns", t.ratio("j", "j_ours_few_serial", "j_ours_few_two_workers"), 1.4, ">="
    yield "o", "nothing new in 100 tables, of one statement that takes the newest load time of each", t.ratio("o", "idle", "newest"), 5, "<="
    yield "o", "statements of a refresh with nothing new, 8 tables", t.figure("statements", "nothing new"), 30, "<="
    yield "o", "statements of one with news in 8 tables", t.figure("statements", "news in 8 tables"), 120, "<="
    yield "p", "WAL of a refresh of 200 events, of that of writing its rows once", t.figure("wal", "refresh") / t.figure("wal", "floor"), 2, "<="
    yield "p", "updates of profiles that touch no index", t.figure("hot", "profiles"), 0.7, ">="
    yield "p", "updates of sessions that touch no index", t.figure("hot", "sessions"), 0.4, ">="
    yield "q", "one event before a session of very many, of 100 for small visitors", t.ratio("q", "before", "small"), 10, "<="
    yield "q", "MB of that above an idle backend", t.figure("session", "peak_mb") - t.figure("session", "idle_mb"), 214, "<="
    questions = [(what, t.ratio("k", f"k_{name}_ours", f"k_{name}_plain")) for name, what in QUESTIONS.items()]
    yield "k", "daily questions, the median of the ratios below", statistics.median(r for _, r in questions), 0.5, "<="
    for what, ratio in questions:
        yield "k", f"{what}, of plain SQL on raw rows", ratio, 1, "<="
    yield "l", "markov on a million paths, of their steps in plain SQL", t.ratio("l", "l_markov", "l_steps"), 1, "<"
    yield "l", "credits of seven rules, of plain SQL", t.ratio("l", "l_credits_ours", "l_credits_plain"), 0.2, "<="
    yield "l", "refresh with 1 % new and conversions, of one without", t.ratio("l", "l_refresh_converting", "l_refresh_without"), 1.3, "<="
    yield "m", "three-step funnel of stored timelines, of ClickHouse on raw rows", t.ratio(
        "m", "m_funnel_ours", "m_funnel_clickhouse"), 1, "<"
    yield "m", "the same, of ClickHouse sorted by device", t.ratio("m", "m_funnel_ours", "m_funnel_clickhouse_sorted"), 2, "<="
    yield "m", "the same, of DuckDB", t.ratio("m", "m_funnel_ours", "m_funnel_duckdb"), 1, "<"
    for name, what in (("funnel", "three-step funnel"), ("retention", "retention by week"), ("sequence", "sequence pattern"),
                       ("paths", "top paths")):
        yield "m", f"{what}, of plain SQL", t.ratio("m", f"m_{name}_ours", f"m_{name}_plain"), 0.1, "<="


def met(value, bound, sense):
    return {"<=": value <= bound, "<": value < bound, ">=": value >= bound}[sense]


def table(result):
    machine = result["machine"]
    settings = ", ".join(f"`{name} = {value}`" for name, value in machine["settings"].items())
    words = {"<=": "at most", "<": "less than", ">=": "at least"}
    lines = [
        "# Results of `make bench`", "",
        f"{result['events']:,} events, {result['runs']} runs of each case, in turn; {machine['date']}. Made by `make bench`; "
        "the raw figures are in [results.json](results.json).", "",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory']}, Linux {machine['kernel']}.",
        f"Versions: {', '.join(machine['versions'])}; each with {machine['settings']['max_parallel_workers_per_gather']} threads "
        "(PostgreSQL: two workers beside the leader).",
        f"PostgreSQL: {settings}.", "", "![chart](results.svg)", "",
        "| case | what | before | measured | target | |", "|---|---|---:|---:|---|---|"]
    # of the commit before the engine's work, measured by this very program in a checkout of it
    before = {(case, what): value for case, what, value, _, _ in targets(Times(BEFORE))} if BEFORE else {}
    for case, what, value, bound, sense in targets(Times(result)):
        if value == value:
            was = before.get((case, what), float("nan"))
            lines.append(f"| {case} | {what} | {f'{was:.3g}' if was == was else ''} | {value:.3g} | {words[sense]} {bound:g} |"
                         f" {'met' if met(value, bound, sense) else '**missed**'} |")
    lines += ["", "## Seconds", "", "| case | variant | median | least | most |", "|---|---|---:|---:|---:|"]
    for case, variants in sorted(result["times"].items()):
        for name, seconds in variants.items():
            lines.append(f"| {case} | {name} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {max(seconds):.3f} |")
    figures = result["figures"]
    if "memory" in figures:
        lines += ["", f"Memory (case h): {figures['memory']['events']:,} events; private memory of the backend "
                      f"{figures['memory']['idle_mb']:.0f} MB before, {figures['memory']['peak_mb']:.0f} MB at most."]
    if "sizes" in figures:
        lines += ["", "Sizes (case i): " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in figures["sizes"].items()) + "; "
                      "the largest tables of the model: "
                      + ", ".join(f"`{name}` {size / 1e6:.0f} MB" for name, size in figures["largest"].items()) + "."]
    for name, row in figures.items():
        if name.startswith("first refresh of web") or name.startswith("later refresh of web"):
            phases = ", ".join(f"{key[:-3]} {value / 1000:.2f}" for key, value in row.items()
                               if key.endswith("_ms") and value is not None)
            lines += ["", f"Phases of the {name.split(' of ')[0]}, seconds: {phases}."]
    lines += ["", "Equal before any time was told: " + "; ".join(result["checked"]) + "."]
    return "\n".join(lines) + "\n"


def chart(result):
    """Bars of each case, as long as the median is of the longest in its case."""
    t, y, parts = Times(result), 10, []
    for case, title, bars in CHART:
        bars = [(label, t.median(case, name), name) for name, label in bars if t.median(case, name) == t.median(case, name)]
        if not bars:
            continue
        longest = max(value for _, value, _ in bars)
        parts.append(f'<text x="10" y="{y + 12}" class="title">{case}. {title}</text>')
        y += 20
        for n, (label, value, name) in enumerate(bars):
            ours = n == 0 or "ours" in name or name == "e_touch" or name.startswith("refresh")
            width = max(1, 420 * value / longest)
            parts.append(f'<text x="205" y="{y + 11}" text-anchor="end">{label}</text>'
                         f'<rect x="212" y="{y}" width="{width:.1f}" height="14" class="{"ours" if ours else "peer"}"/>'
                         f'<text x="{218 + width:.1f}" y="{y + 11}">{value:.2f} s</text>')
            y += 18
        y += 10
    style = ("text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.ours{fill:#2a6f97}.peer{fill:#b8c4cc}"
             "rect.ground{fill:#fff}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{y}" viewBox="0 0 720 {y}"><style>{style}</style>'
            f'<rect class="ground" width="720" height="{y}"/>' + "\n".join(parts) + "</svg>\n")


def write(result, folder):
    (folder / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "RESULTS.md").write_text(table(result))
    (folder / "results.svg").write_text(chart(result))


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    write(json.loads((where / "results.json").read_text()), where)
