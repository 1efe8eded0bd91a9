"""Attribution against published figures and independent calculations; speaks TAP.

test/tap/attribution_data.t calls it. Random cases follow the seed in SEED, else one that is printed.
Credits are computed anew in fractions, removal effects by solving the chain without each channel in numpy,
Shapley values by looking at every coalition.
"""

import csv
import itertools
import json
import os
import random
import re
import subprocess
from collections import defaultdict
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

try:
    import numpy
except ImportError:
    numpy = None

TOP = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("SEED") or random.randrange(10**9))
rng = random.Random(SEED)
getcontext().prec = 80
count = 0


def ok(good, what, *more):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {what}", flush=True)
    if not good:
        for line in "\n".join(str(m) for m in more).splitlines()[:40]:
            print(f"# {line}")


def same(got, wanted, what):
    ok(got == wanted, what, f"got    {got!r}", f"wanted {wanted!r}")


def skip(what, why):
    global count
    count += 1
    print(f"ok {count} - {what} # SKIP {why}")


def sql(text):
    """Runs SQL; the one column of JSON that it gives, row by row."""
    done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1"], input=text, text=True,
                          capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines() if line]


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, (list, tuple)):
        return "ARRAY[" + ", ".join(literal(v) for v in value) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def load(table, columns, rows):
    """SQL that makes a temporary table of rows."""
    text = f"CREATE TEMP TABLE {table} ({columns});\n"
    for i in range(0, len(rows), 500):
        text += f"INSERT INTO {table} VALUES " + ", ".join(
            "(" + ", ".join(literal(v) for v in row) + ")" for row in rows[i:i + 500]) + ";\n"
    return text


def shared(name):
    for base in (os.environ.get("PGJ_SHARED"), TOP / "../shared", TOP / "shared"):
        if base and (Path(base) / "data/attribution" / name).exists():
            return Path(base) / "data/attribution" / name
    return None


def rows_of(name):
    with open(shared(name), newline="") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------------------------------------------
# published figures
# ---------------------------------------------------------------------------------------------------

def check_transforms():
    cases = rows_of("derived_path_transform_cases.csv")
    calls = {"trim_long_path": ("trim_long_path", ["1"]), "trim_long_path2": ("last_n_steps", ["2"]),
             "unique_path": ("unique_path", None), "frequency_path": ("frequency_path", None),
             "exposure_path": ("exposure_path", None), "first_path": ("first_path", None),
             "remove_if_not_all": ("remove_if_not_all", ["Direct"]),
             "remove_if_last_and_not_all": ("remove_if_last_and_not_all", ["Direct"])}
    for column, (transform, args) in calls.items():
        got = sql("".join(
            f"SELECT to_json(array_to_string(journey.transform_path({literal(case['raw_array'].split(' > '))}, "
            f"'{transform}', {literal(args)}), ' > '));\n" for case in cases))
        same(got, [case[column] for case in cases], f"transform {column} of published paths")


def check_sessions():
    """Paths, and what three rules give, from the sessions and conversions of the published example."""
    sessions = [(r["customer_id"], r["visit_start_tstamp"], r["channel"])
                for r in rows_of("snowplow_fractribution_sessions_by_customer_id_expected.csv")]
    conversions = [(r["customer_id"], r["conversion_tstamp"], Decimal(r["revenue"]))
                   for r in rows_of("snowplow_fractribution_conversions_by_customer_id_expected.csv")]
    tables = load("sessions", "customer text, at timestamp, channel text", sessions) + load(
        "conversions", "customer text, at timestamp, revenue numeric", conversions)
    paths = """CREATE TEMP VIEW paths AS SELECT c.customer, c.revenue, array_agg(s.channel ORDER BY s.at) AS path
        FROM conversions c JOIN sessions s ON s.customer = c.customer AND s.at BETWEEN c.at - interval '30 days' AND c.at
        GROUP BY c.customer, c.at, c.revenue;\n"""
    got = sql(tables + paths + "SELECT json_build_array(customer, array_to_string(path, ' > '), array_to_string("
              "journey.transform_path(path, 'exposure_path'), ' > ')) FROM paths ORDER BY customer")
    wanted = sorted([r["customer_id"], r["path"], r["transformed_path"]]
                    for r in rows_of("snowplow_fractribution_paths_to_conversion_expected.csv"))
    same(got, wanted, "paths of the published conversions")

    got = sql(tables + paths + """SELECT json_build_array(rule, channel, sum(value)) FROM paths,
        unnest(ARRAY['first', 'last', 'linear']) AS rule, LATERAL (SELECT journey.transform_path(path, 'exposure_path')
        AS steps) AS s, LATERAL unnest(steps, journey.split_amount(revenue, journey.credits(cardinality(steps), rule)))
        AS t (channel, value) GROUP BY rule, channel""")
    figures = {(rule, channel): value for rule, channel, value in got}
    same(figures, {("last", "Direct"): Decimal("234.42"), ("last", "Organic_Search"): Decimal("66.50"),
                   ("last", "Video"): 200, ("first", "Direct"): Decimal("94.42"),
                   ("first", "Organic_Search"): Decimal("206.50"), ("first", "Video"): 200,
                   ("linear", "Direct"): Decimal("164.42"), ("linear", "Organic_Search"): Decimal("136.50"),
                   ("linear", "Video"): 200}, "first, last and linear revenue of the published conversions")
    table = {r["CHANNEL"]: Decimal(r["REVENUE"])
             for r in rows_of("fractribution_channel_attribution.csv") if r["ATTRIBUTION_TYPE"] == "last_touch"}
    same({c: figures.get(("last", c), Decimal(0)) for c in table},
         {c: round(v, 10) for c, v in table.items()}, "last touch as in the published report")


def check_fractribution():
    """Their credits are a model of their own; split as amounts they give their revenue, to the cent."""
    summary = {tuple(r["transformed_path"].split(" > ")):
               (int(r["conversions"]), int(r["non_conversions"]), Decimal(r["revenue"] or 0))
               for r in rows_of("fractribution_path_summary.csv")}

    def probability(path):
        converted, not_converted, _ = summary.get(path, (0, 0, 0))
        return Fraction(converted, converted + not_converted) if converted else Fraction(0)

    totals, counts = defaultdict(Decimal), defaultdict(Decimal)
    for path, (converted, _, revenue) in summary.items():
        if not converted:
            continue
        gains = [max(probability(path) - probability(path[:i] + path[i + 1:]), 0) for i in range(len(path))]
        credits = [Decimal(g.numerator) / Decimal(g.denominator) for g in gains]
        [parts], [shares] = [sql(f"SELECT to_json(journey.split_amount({amount}, {literal(credits)}, {scale}))")
                             for amount, scale in ((revenue, 2), (converted, 12))]
        for channel, part, share in zip(path, parts, shares):
            totals[channel] += part
            counts[channel] += share
    table = {r["CHANNEL"]: r for r in rows_of("fractribution_channel_attribution.csv")
             if r["ATTRIBUTION_TYPE"] == "shapley"}
    same({c: totals[c] for c in table}, {c: round(Decimal(r["REVENUE"]), 2) for c, r in table.items()},
         "the published fractribution revenue, to the cent")
    ok(all(abs(counts[c] - Decimal(r["CONVERSIONS"])) < Decimal("1e-9") for c, r in table.items()),
       "the published fractribution conversions", dict(counts))


def check_model():
    """The published sessions and conversions as the sources of a model: its sessions, paths, revenue by the last touch,
    and what was spent for it."""
    def given(value, none):
        return None if value == none else value

    events = [(f"s{i}", r["customer_id"], r["visit_start_tstamp"] + "+00", given(r["source"], "(direct)"),
               given(r["medium"], "(none)"), given(r["campaign"], "(not set)"))
              for i, r in enumerate(rows_of("snowplow_fractribution_sessions_by_customer_id_expected.csv"))]
    conversions = [(f"c{i}", r["customer_id"], r["conversion_tstamp"] + "+00", Decimal(r["revenue"]))
                   for i, r in enumerate(rows_of("snowplow_fractribution_conversions_by_customer_id_expected.csv"))]
    spend = [(r["channel"], Decimal(r["spend"])) for r in rows_of("snowplow_fractribution_channel_spend_expected.csv")]
    channels = [{"source": "youtube.com", "channel": "Video"}, {"medium": "organic", "channel": "Organic_Search"},
                {"medium": "cpc", "channel": "Paid_Search_Other"}, {"medium": "referral", "channel": "Referral"},
                {"medium": "affiliate", "channel": "Unmatched_Channel"}]
    options = json.dumps({"timeout": "1 second", "lookback": "30 days", "channel_rules": channels})
    sql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS published CASCADE; CREATE SCHEMA published;"
        + (load("published.events", "event_id text, visitor_id text, event_time timestamptz, source text, medium text, "
                "campaign text, kind text DEFAULT 'page', url text DEFAULT 'https://shop.test/'", []) +
           "".join(f"INSERT INTO published.events VALUES ({', '.join(literal(v) for v in row)});" for row in events) +
           load("published.conversions", "id text, visitor_id text, converted_at timestamptz, value numeric", conversions) +
           load("published.spend", "channel text, spend numeric", spend)).replace("TEMP TABLE", "TABLE") +
        f"SELECT 1 FROM journey.create_model('shop', NULL, {literal(options)});"
        "SELECT 1 FROM journey.add_source('shop', 'published.events');"
        "SELECT 1 FROM journey.add_source('shop', 'published.conversions', 'conversion', '{}', '{\"name\": \"Order\"}');"
        "SELECT 1 FROM journey.refresh('shop')")

    got = sql("SELECT json_build_array(channel, coalesce(campaign, '(not set)'), source, medium, count(*)) FROM shop.sessions"
              " GROUP BY channel, campaign, source, medium")
    wanted = [[r["channel"], r["campaign"], r["source"], r["medium"], int(r["number_of_sessions"])]
              for r in rows_of("fractribution_channel_counts.csv")]
    same(sorted(got), sorted(wanted), "sessions of a model by channel, as published")

    got = sql("SELECT json_build_array(array_to_string(path, ' > '), conversions, value)"
              " FROM journey.paths_to_conversion('shop', 'Order') WHERE conversions > 0")
    wanted = [[r["TRANSFORMED_PATH"], int(r["CONVERSIONS"]), Decimal(r["REVENUE"])]
              for r in rows_of("fractribution_path_summary_with_channels.csv")
              if r["ATTRIBUTION_TYPE"] == "last_touch" and r["CONVERSIONS"] != "0"]
    same(sorted(got), sorted(wanted), "its paths to conversion")

    got = {r[0]: [Decimal(v) for v in r[1:]] for r in sql(
        "SELECT json_build_array(touch, coalesce(conversions, 0), coalesce(value, 0), spend, coalesce(round(roas, 10), 0))"
        " FROM journey.attribution_overview('shop', '{last}', spend => 'published.spend')")}
    wanted = {r["CHANNEL"]: [Decimal(r["CONVERSIONS"]), round(Decimal(r["REVENUE"]), 2), Decimal(r["SPEND"]),
                             Decimal(r["ROAS"])]
              for r in rows_of("fractribution_report_table.csv") if r["ATTRIBUTION_TYPE"] == "last_touch"}
    same(got, wanted, "its revenue, spend and return on it by the last touch")
    sql("SET client_min_messages = warning; SELECT 1 FROM journey.drop_model('shop')")


def check_last_non_direct():
    sessions = rows_of("derived_last_non_direct_input.csv")
    wanted = [r["last_non_direct_source"] for r in rows_of("derived_last_non_direct_expected.csv")]
    got = []
    for n in range(1, len(sessions) + 1):
        direct = [i + 1 for i in range(n) if sessions[i]["session_source"] == "(direct)"]
        [credits] = sql(f"SELECT to_json(journey.credits({n}, 'last_non_direct', NULL, "
                        f"'{json.dumps({'direct': direct})}'))")
        got.append(sessions[credits.index(1)]["session_source"])
    same(got, wanted, "last non-direct source of the published sessions")
    urls = [r["url"] for r in rows_of("derived_query_param_input.csv")]
    got = sql("".join(f"SELECT to_json(concat_ws(',', coalesce(journey.url_param({literal(u)}, 'param1'), ''), "
                      f"coalesce(journey.url_param({literal(u)}, 'param2'), ''), "
                      f"coalesce(journey.url_param({literal(u)}, 'param3'), '')));\n" for u in urls))
    same(got, [",".join(r.values()) for r in rows_of("derived_query_param_expected.csv")],
         "parameters of the published URLs")


def by_rule(paths, rule, options="{}"):
    """Conversions by channel of (path, conversions) under a rule."""
    totals = defaultdict(Decimal)
    for path, conversions in paths:
        ages = [f"{len(path) - i - 1} days" for i in range(len(path))]
        [credits] = sql(f"SELECT to_json(journey.credits({len(path)}, '{rule}', {literal(ages)}::interval[], "
                        f"'{options}'))")
        for channel, credit in zip(path, credits):
            totals[channel] += conversions * credit
    return totals


def close(got, wanted):
    return set(got) >= set(wanted) and all(abs(Decimal(got[c]) - Decimal(Fraction(w).numerator) / Fraction(
        w).denominator) < Decimal("1e-10") for c, w in wanted.items())


def check_small_cases():
    cases = json.load(open(shared("expected_small_cases.json")))
    journeys = [(path.split(" > "), conversions)
                for path, conversions, _ in cases["mta_journeys"]["paths"]]
    for rule, key in (("first", "first"), ("last", "last"), ("linear", "linear"),
                      ("position", "position_40_20_40")):
        ok(close(by_rule(journeys, rule), cases["mta_journeys"][key]), f"{rule} of the published journeys",
           by_rule(journeys, rule))
    decay = by_rule(journeys, "time_decay")
    ok(decay["email"] > decay["search"] > decay["social"] and abs(sum(decay.values()) - 10) < Decimal("1e-9"),
       "time decay of the published journeys", decay)
    case = cases["mta_linear_proportional"]
    ok(close(by_rule([(p.split(" > "), c) for p, c, _ in case["paths"]], "linear"), case["linear"]),
       "linear counts repeated touches")
    for case in cases["mta_shapley"]:
        got = aggregate("shapley", [(p.split(" > "), c, None, 0) for p, c, _ in case["paths"]])
        ok(close({c: r["conversions"] for c, r in got.items()}, case["shapley"]),
           f"shapley of {len(case['paths'])} published paths", got)
    check_mam(cases["mam"])
    check_transitions(cases["mta_markov_transitions"])


def check_mam(mam):
    journeys = [(path.split(" > "), mam["value_each"]) for path in mam["journeys"]]
    for rule in ("first", "last", "linear", "position", "time_decay", "last_non_direct"):
        ok(abs(sum(by_rule(journeys, rule).values()) - mam["total_each_model"]) < Decimal("1e-9"),
           f"{rule} gives out all of the published journeys")
    got = by_rule([(["A", "B", "C"], 3), (["X", "Y"], 3)], "position")
    ok(close(got, {"A": mam["position_0.4_0.2_0.4"]["len3_first"], "X": mam["position_0.4_0.2_0.4"]["len2_first"]}),
       "position of three and of two")


def check_transitions(case):
    rows = [(path.split(" > "), converted, None, null) for path, converted, null in case["paths"]]
    [matrix] = sql(load("p", "path text[], conversions bigint, value numeric, nulls bigint", rows) +
                   "SELECT to_json(journey.markov_matrix(path, conversions, value, nulls)) FROM p")
    got = {(t["from_channels"] or ["start"])[0] + ">" +
           (t["to_channel"] or {"conversion": "conv", "null": "null"}[t["outcome"]]): t["probability"] for t in matrix}
    ok(set(got) == set(case["P"]) and close(got, case["P"]), "transitions of the published paths", got)
    effects = {c: r["removal_effect"] for c, r in aggregate("markov", rows).items()}
    ok(close(effects, {"a": 1, "b": Fraction(3, 4), "c": Fraction(1, 4)}), "their removal effects", effects)


def vectors():
    """The paragraphs of small_vectors.md by number."""
    text = re.sub(r"\n +", " ", shared("small_vectors.md").read_text())
    return {int(n): body for n, body in re.findall(r"^(\d+)\. (.*)$", text, re.M)}


def pairs(text):
    """Channels with numbers: 'a 4, b 2' or 'Direct 3.54, Video 1.'"""
    return {name: Fraction(number) for name, number in re.findall(r"([A-Za-z_]+):? (\d+(?:\.\d+)?)", text)}


def check_small_vectors():
    given = vectors()
    ok(sorted(given) == list(range(1, 9)), "eight small vectors", sorted(given))
    path, n, credits = re.search(r"path (\S+), conv (\d+) -> ([^(]*)", given[1]).groups()
    ok(close(by_rule([(path.split(">"), int(n))], "linear"), pairs(credits)), "vector 1: linear")
    paths, credits = re.search(r"\{(.*)\} -> ([^(]*)", given[2]).groups()
    rows = [(p.split(">"), int(n), None, 0) for p, n in re.findall(r"(\S+):(\d+)", paths)]
    got = aggregate("shapley", rows)
    ok(close({c: r["conversions"] for c, r in got.items()}, pairs(credits)), "vector 2: shapley", got)
    path, n, each = re.search(r"(\S+) conv (\d+) -> (\S+) each", given[3]).groups()
    got = aggregate("shapley", [(path.split(">"), int(n), None, 0)])
    ok(close({c: r["conversions"] for c, r in got.items()}, dict.fromkeys(path.split(">"), Fraction(each))),
       "vector 3: shapley of one path", got)
    check_vector_of_markov(given[4])
    check_vectors_of_rules(given)
    published = {r["CHANNEL"]: Fraction(r["CONVERSIONS"]) for r in rows_of("fractribution_channel_attribution.csv")
                 if r["ATTRIBUTION_TYPE"] == "shapley"}
    ok(all(abs(published[c] - v) < Fraction(1, 10**5) for c, v in pairs(given[8].split("exactly")[1]).items()),
       "vector 8: the figures of fractribution", published)


def check_vector_of_markov(text):
    rows = [(p.split(">"), int(n), None, int(nulls)) for p, n, nulls in re.findall(r"(\S+) conv(\d+) null(\d+)", text)]
    got = aggregate("markov", rows)
    effects = {c: re.search(rf"removal\({c}\)=[^;]*?([\d/]+)(?:;| normalised)", text)[1] for c in got}
    ok(close({c: r["removal_effect"] for c, r in got.items()}, effects), "vector 4: removal effects", got)
    ok(close({c: r["conversions"] for c, r in got.items()}, pairs(text.split("normalised")[1].split(":")[1])),
       "vector 4: markov", got)
    [matrix] = sql(load("p", "path text[], conversions bigint, value numeric, nulls bigint", rows) +
                   "SELECT to_json(journey.markov_matrix(path, conversions, value, nulls)) FROM p")
    steps = {f"{(t['from_channels'] or ['start'])[0]}->{t['to_channel'] or t['outcome'][:4]}": t["probability"] for t in matrix}
    ok(close(steps, dict(re.findall(r"(\w+->\w+) ([\d/]+)", text))), "vector 4: transitions", steps)


def check_vectors_of_rules(given):
    first, middle, last = (Fraction(w) for w in re.search(r"position (\d+)/(\d+)/(\d+)", given[5]).groups())
    weights = [Fraction(w) for w in re.search(r"W-shaped (\d+)/(\d+)/(\d+)/(\d+)", given[6]).groups()]
    half_life = int(re.search(r"halflife (\d+) d", given[7])[1])
    for n in range(1, 7):
        [got] = sql(f"SELECT to_json(journey.credits({n}, 'position'))")
        wanted = [1] if n == 1 else [Fraction(1, 2)] * 2 if n == 2 else \
            [first / 100] + [middle / 100 / (n - 2)] * (n - 2) + [last / 100]
        ok(close(dict(enumerate(got)), dict(enumerate(wanted))), f"vector 5: position of {n}", got)
        ages = [f"{3 * (n - i)} days" for i in range(n)]
        [got] = sql(f"SELECT to_json(journey.credits({n}, 'time_decay', {literal(ages)}::interval[]))")
        shares = [Decimal(2) ** (-Decimal(3 * (n - i)) / half_life) for i in range(n)]
        ok(all(abs(c - share / sum(shares)) < Decimal("1e-11") for c, share in zip(got, shares)),
           f"vector 7: time decay of {n}", got)
    [got] = sql("SELECT to_json(journey.credits(2, 'position', NULL, '{\"position\": [50, 20, 10]}'))")
    ok(close(dict(enumerate(got)), {0: Fraction(50, 60), 1: Fraction(10, 60)}), "vector 5: weights of one's own, of two", got)
    for n in (3, 5):
        [got] = sql(f"SELECT to_json(journey.credits({n}, 'w_shaped', NULL, '{{\"lead\": 2}}'))")
        wanted = [weights[0], weights[1]] + [weights[3] / (n - 3)] * (n - 3) + [weights[2]] if n > 3 else weights[:3]
        ok(close(dict(enumerate(got)), dict(enumerate(w / sum(wanted) for w in wanted))), f"vector 6: W-shaped of {n}", got)


# ---------------------------------------------------------------------------------------------------
# credits and amounts
# ---------------------------------------------------------------------------------------------------

def largest_remainder(shares, units):
    """Whole parts of units in proportion to shares, of equal remainders the first first."""
    total = sum(shares)
    exact = [share * units / total for share in shares]
    parts = [int(e) for e in exact]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[:int(units - sum(parts))]:
        parts[i] += 1
    return parts


def shares_of(rule, ages, direct, lead, half_life, position, w_shaped):
    n = len(ages)
    if rule == "w_shaped" and not lead:
        rule = "position"
    if rule == "time_decay":
        return [Fraction(Decimal(2) ** (-Decimal(a - min(ages)) / half_life)) for a in ages]
    if rule in ("position", "w_shaped"):
        roles = [Fraction(0)] * n
        weights = position if rule == "position" else [w_shaped[0], w_shaped[3], w_shaped[2]]
        named = {0, n - 1} | ({lead - 1} if rule == "w_shaped" else set())
        roles[0] += weights[0]
        roles[n - 1] += weights[2]
        if rule == "w_shaped":
            roles[lead - 1] += w_shaped[1]
        others = [i for i in range(n) if i not in named]
        for i in others:
            roles[i] = Fraction(weights[1]) / len(others)
        return roles if sum(roles) else [Fraction(1)] * n
    place = {"first": 0, "last": n - 1,
             "last_non_direct": max([i for i in range(n) if i + 1 not in direct], default=n - 1)}
    return [Fraction(1) if rule == "linear" or place[rule] == i else Fraction(0) for i in range(n)]


def random_case():
    n = rng.choice([1, 2, 3, 4, 5, 7, 12, 30])
    ages = sorted((rng.choice([0, 3600, 86400, 604800, rng.randrange(90 * 86400)]) * 10**6 + rng.choice([0, 0, 1, 999])
                   for _ in range(n)), reverse=True)
    weight = lambda: rng.choice([0, 1, 10, 22.5, 30, 40, 0.001, rng.randrange(1000)])
    position, w_shaped = [weight() for _ in range(3)], [weight() for _ in range(4)]
    return {"rule": rng.choice(["first", "last", "last_non_direct", "linear", "position", "w_shaped", "time_decay",
                                "time_decay"]),
            "ages": ages, "direct": sorted(rng.sample(range(1, n + 1), rng.randrange(n + 1))),
            "lead": rng.choice([0, rng.randrange(1, n + 1)]),
            "half_life": rng.choice([7 * 86400, 86400, 3600, rng.randrange(1, 10**7)]) * 10**6,
            "position": position if any(position) else [40, 20, 40],
            "w_shaped": w_shaped if any(w_shaped) else [30, 30, 30, 10]}


def check_credits(cases=1500):
    given = [random_case() for _ in range(cases)]
    for case in given:
        case["amount"] = Decimal(rng.randrange(-10**rng.randrange(1, 14), 10**rng.randrange(1, 14))) / 100
        case["scale"] = rng.choice([2, 2, 3, 4])
    rows = []
    for i, case in enumerate(given):
        options = {k: case[k] for k in ("direct", "position", "w_shaped")}
        options["half_life"] = f"{case['half_life'] // 10**6} seconds"
        if case["lead"]:
            options["lead"] = case["lead"]
        rows.append((i, case["rule"], [f"{a} microseconds" for a in case["ages"]], json.dumps(options),
                     case["amount"], case["scale"]))
    got = sql(load("given", "i int, rule text, ages text[], options jsonb, amount numeric, scale int", rows) +
              "SELECT json_build_array(c, journey.split_amount(amount, c, scale)) FROM (SELECT *, journey.credits("
              "cardinality(ages), rule, ages::interval[], options) AS c FROM given) AS x ORDER BY i")
    wrong = []
    for case, (credits, parts) in zip(given, got):
        shares = shares_of(case["rule"], case["ages"], case["direct"], case["lead"], case["half_life"],
                           [Fraction(str(w)) for w in case["position"]], [Fraction(str(w)) for w in case["w_shaped"]])
        wanted = largest_remainder(shares, 10**12)
        units = abs(int(case["amount"] * 10**case["scale"]))
        sign = -1 if case["amount"] < 0 else 1
        split = [sign * p for p in largest_remainder([Fraction(c) for c in credits], units)]
        if [int(c * 10**12) for c in credits] != wanted or sum(credits) != 1 or \
                [int(p * 10**case["scale"]) for p in parts] != split or sum(parts) != case["amount"]:
            wrong.append((case, credits, parts))
    same(wrong[:1], [], f"{cases} random credits and amounts, in fractions")


# ---------------------------------------------------------------------------------------------------
# models of all paths
# ---------------------------------------------------------------------------------------------------

def aggregate(name, rows, depth=None):
    """What markov or shapley gives, by channel."""
    arguments = {"markov": "path, conversions, value, nulls", "shapley": "path, conversions, value"}[name]
    if depth:
        arguments += f", {depth}"
    [credits] = sql(load("p", "path text[], conversions bigint, value numeric, nulls bigint", rows) +
                    f"SELECT to_json(journey.{name}({arguments})) FROM p")
    return {c["channel"]: c for c in credits}


def random_paths(channels, n, longest, loops=0):
    names = [f"c{i:04}" for i in range(channels)]
    weights = [1 / (i + 1) for i in range(channels)]
    rows = []
    for i in range(n):
        path = rng.choices(names, weights, k=rng.randrange(1, longest + 1))
        if rng.random() < loops:
            path += rng.sample(names, 2) * rng.randrange(100, 400)
        converted = rng.choice([0, 0, 1, 1, 2, 5])
        rows.append((path, converted, Decimal(rng.randrange(10**6)) / 100 if converted else None, rng.randrange(3)))
    return rows


def chain_of(rows, depth):
    """Transition matrix, conversion rates and values by state, start row; numpy arrays."""
    counts, states = defaultdict(float), {}
    for path, converted, value, null in rows:
        if converted + null == 0:
            continue
        before = ()
        for channel in path:
            state = (before + (channel,))[-depth:] if depth > 1 else (channel,)
            states.setdefault(state, len(states))
            counts[before, state] += converted + null
            before = state
        counts[before, "conversion"] += converted
        counts[before, "value"] += float(value or 0)
        counts[before, "null"] += null
    n = len(states)
    steps, ends, start = numpy.zeros((n, n)), numpy.zeros((n, 2)), numpy.zeros(n)
    out = numpy.zeros(n)
    for (before, after), weight in counts.items():
        if before == ():
            start[states[after]] = weight
            continue
        i = states[before]
        if after == "value":
            ends[i, 1] += weight
            continue
        out[i] += weight
        if after == "conversion":
            ends[i, 0] += weight
        elif after != "null":
            steps[i, states[after]] = weight
    return states, steps / out[:, None], ends / out[:, None], start / start.sum()


def effects_in_numpy(rows, depth):
    """By channel, how much of conversions and value is lost without it."""
    states, steps, ends, start = chain_of(rows, depth)
    whole = start @ numpy.linalg.solve(numpy.eye(len(states)) - steps, ends)
    effects = {}
    for channel in sorted({s[-1] for s in states}):
        keep = numpy.array([i for s, i in states.items() if s[-1] != channel], dtype=int)
        left = start[keep] @ numpy.linalg.solve(numpy.eye(len(keep)) - steps[numpy.ix_(keep, keep)], ends[keep]) \
            if len(keep) else numpy.zeros(2)
        effects[channel] = 1 - left / whole
    return effects


def effects_by_inverse(rows):
    """The same for depth 1 and many channels, from the inverse; tested against the other one below."""
    states, steps, ends, start = chain_of(rows, 1)
    inverse = numpy.linalg.inv(numpy.eye(len(states)) - steps)
    solved = inverse @ ends
    hit = (start @ inverse) / numpy.diag(inverse)
    return {s[-1]: hit[i] * solved[i] / (start @ solved) for s, i in states.items()}


def compare_effects(rows, depth, effects, what):
    got = aggregate("markov", rows, depth)
    conversions = sum(r[1] for r in rows)
    value = sum(r[2] or 0 for r in rows)
    sums = [sum(e[k] for e in effects.values()) for k in range(2)]
    worst = max(max(abs(float(got[c]["removal_effect"]) - e[0]),
                    abs(float(got[c]["conversions"]) / conversions - e[0] / sums[0]),
                    abs(float(got[c]["value"]) / float(value) - e[1] / sums[1])) for c, e in effects.items())
    ok(worst < 1e-10, f"{what}: {len(effects)} channels", f"off by {worst}")
    same((sum(c["conversions"] for c in got.values()), sum(c["value"] for c in got.values())), (conversions, value),
         f"{what}: conversions and value sum to the whole")


def check_markov():
    if numpy is None:
        skip("removal effects against numpy", "numpy cannot be had")
        return
    small = random_paths(6, 60, 5)
    brute, inverse = effects_in_numpy(small, 1), effects_by_inverse(small)
    ok(all(numpy.allclose(brute[c], inverse[c], atol=1e-12) for c in brute), "both calculations in numpy agree")
    for channels, paths, longest, loops in ((2, 5, 3, 0), (3, 8, 4, 0), (12, 300, 6, 0.02), (40, 2000, 8, 0.01)):
        rows = random_paths(channels, paths, longest, loops)
        for depth in (1, 2):
            compare_effects(rows, depth, effects_in_numpy(rows, depth), f"depth {depth}, {paths} random paths")
    rows = random_paths(1200, 2500, 4, 0.002)
    compare_effects(rows, 1, effects_by_inverse(rows), "depth 1, sparse")
    rows = [(rng.choices([f"c{i}" for i in range(36)], k=rng.randrange(1, 7)), rng.randrange(3),
             Decimal(rng.randrange(1000)) / 100, rng.randrange(3)) for _ in range(4000)]
    rows = [(p, c, v if c else None, n) for p, c, v, n in rows]
    rows += random_paths(36, 30, 3, loops=0.5)
    compare_effects(rows, 2, effects_in_numpy(rows, 2), "depth 2, more than a thousand states")


def check_shapley():
    for channels in (2, 4, 7):
        rows = random_paths(channels, 40, 9)
        names = sorted({c for path, *_ in rows for c in path})

        def worth(coalition, k):
            return sum((Fraction(r[k] or 0) for r in rows if set(r[0]) <= coalition), Fraction(0))

        wanted = {}
        for name in names:
            others = [c for c in names if c != name]
            gain = [Fraction(0), Fraction(0)]
            for size in range(len(others) + 1):
                # the share of orders in which exactly these come before
                weight = Fraction(1, len(names))
                for i in range(size):
                    weight = weight * (i + 1) / (len(others) - i)
                for coalition in itertools.combinations(others, size):
                    for k in range(2):
                        gain[k] += weight * (worth(set(coalition) | {name}, k + 1) - worth(set(coalition), k + 1))
            wanted[name] = gain
        got = aggregate("shapley", rows)
        ok(all(abs(Fraction(got[c][key]) - wanted[c][k]) < Fraction(1, 10**12)
               for c in names for k, key in enumerate(("conversions", "value"))),
           f"shapley of {channels} channels against every coalition", got, wanted)
        same((sum(c["conversions"] for c in got.values()), sum(c["value"] for c in got.values())),
             (sum(r[1] for r in rows), sum(r[2] or 0 for r in rows)), "it sums to the whole")


print(f"# SEED={SEED}")
subprocess.run(["psql", "-qX", "-c", "CREATE EXTENSION IF NOT EXISTS pg_journey"], check=True)
for check in (check_transforms, check_sessions, check_fractribution, check_model, check_last_non_direct, check_small_cases,
              check_small_vectors):
    if shared("derived_path_transform_cases.csv"):
        check()
    else:
        skip(check.__name__.replace("_", " "), "no shared data")
for check in (check_credits, check_markov, check_shapley):
    check()
print(f"1..{count}")
