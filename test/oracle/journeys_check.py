"""Compares the functions on journeys with journeys.py, on random stories. Prints TAP.

JOURNEYS_SEED picks the stories (default: of today), JOURNEYS_STORIES how many of each kind. With
JOURNEYS_PEERS set, ClickHouse (chdb), DuckDB and SciPy are asked the same where they have the function;
python must then have these packages.
"""
import json
import os
import random
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import journeys as oracle

SEED = int(os.environ.get('JOURNEYS_SEED') or time.time() / 86400)
STORIES = int(os.environ.get('JOURNEYS_STORIES') or 400)
tests = 0


def result(name, wrong):
    """One line of TAP; `wrong` are descriptions of differences."""
    global tests
    tests += 1
    print(f"{'not ok' if wrong else 'ok'} {tests} - {name}")
    for line in wrong[:5]:
        print('#  ' + line.replace('\n', '\n#  '))
    sys.stdout.flush()


def sql(script):
    """The rows of a script's last query, parsed from JSON."""
    done = subprocess.run(['psql', '-qXAt', '-v', 'ON_ERROR_STOP=1'], input=script, text=True,
                          capture_output=True, env=os.environ)
    if done.returncode:
        print('Bail out! ' + done.stderr)
        sys.exit(1)
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def table(name, columns, rows):
    lines = '\n'.join('\t'.join('\\N' if v is None else str(v).replace('\\', '\\\\') for v in row)
                      for row in rows)
    return f'CREATE TABLE {name} ({columns});\nCOPY {name} FROM stdin;\n{lines}\n\\.\n'


def story(rng, n, excluded=False, rows=8, seconds=8):  # few seconds: many rows of one time
    """Rows by time; letters of the alphabet of conditions are rare beside each other."""
    made = []
    for _ in range(rng.randint(0, rows)):
        steps = {s for s in range(1, n + 1) if rng.random() < 0.2}
        if not steps and rng.random() < 0.8:
            steps = {rng.randint(1, n)}
        out = {'x'} if excluded and rng.random() < 0.15 else set()
        made.append((rng.randint(0, seconds), steps, out))
    return sorted(made, key=lambda r: r[0])


def name_of(row):
    return 'e' + ''.join(map(str, sorted(row[1]))) + ''.join(row[2])


def load(rng, stories):
    """The rows of all stories, with ids that tell nothing of the order."""
    return table('story', 'n int, id text, second int, name text',
                 [(i, f'{rng.randint(0, 999):03}-{j}', row[0], name_of(row))
                  for i, rows in enumerate(stories) for j, row in enumerate(rows)])


AT = "timestamptz '2026-01-01 00:00:00+00' + second * interval '1 second'"
TIMELINES = f"""
CREATE VIEW timelines AS
SELECT n, journey.timeline_agg(id, {AT}, name, NULL, NULL, NULL, NULL) AS t FROM story GROUP BY n;
"""
SECONDS = "ARRAY(SELECT extract(epoch FROM x - timestamptz '2026-01-01 00:00:00+00')::int FROM unnest({}) AS x)"


def clean():
    sql('DROP VIEW IF EXISTS timelines; DROP TABLE IF EXISTS story, cases;')


LAST = time.monotonic()


def compare(name, asked, expected, given, shown):
    global LAST
    wrong = []
    if os.environ.get('JOURNEYS_TIMES'):
        print(f'# {time.monotonic() - LAST:.1f} s')
    LAST = time.monotonic()
    for i, want in enumerate(expected):
        got = given.get(i)
        if got != want:
            wrong.append(f'{shown(i)}\n{asked[i]}\nexpected {want}\ngot      {got}')
    result(f'{name}: {len(expected)} random stories of seed {SEED}', wrong)


def check_funnels(rng):
    stories, asked, expected = [], [], []
    for _ in range(STORIES):
        n = rng.randint(1, 4)
        within, until = rng.randint(0, 8), rng.randint(0, 16)
        kind = rng.choice(['plain', 'plain', 'order', 'exclude', 'exclude', 'any'])
        rows = story(rng, n, kind == 'exclude', rows=6 if kind == 'any' else 8)
        once = rng.random() < 0.7
        options = {'once': once, 'until': oracle.at(until).isoformat()}
        if kind == 'any':
            options['any_order'] = True
            want = oracle.any_order(rows, n, within, until, once)
        else:
            rules = {'once': once, 'increase': rng.random() < 0.2}
            options['strict_increase'] = rules['increase']
            if kind == 'order':
                options['strict_order'] = rules['strict_order'] = True
            if kind == 'exclude' and n > 1:
                start = rng.randint(1, n - 1)
                end = rng.randint(start + 1, n)
                rules['exclude'] = [('x', start, end)]
                options['exclude'] = [{'step': '*x*', 'from': start, 'to': end}]
            want = oracle.funnel(rows, n, within, until, **rules)
        stories.append(rows)
        asked.append((n, within, options))
        expected.append([want[0], list(want[1]), want[2]])
    given = sql(load(rng, stories) + TIMELINES + table(
        'cases', 'n int, steps text[], within interval, options jsonb',
        [(i, '{' + ','.join(f'*{s}*' for s in range(1, n + 1)) + '}', f'{within} s', json.dumps(options))
         for i, (n, within, options) in enumerate(asked)]) + f"""
SELECT json_build_array(n, (r).steps, {SECONDS.format('(r).times')}, (r).is_open)
FROM (SELECT n, journey.funnel(coalesce(t, '[]'), steps, within, options) AS r
      FROM cases LEFT JOIN timelines USING (n)) AS x;""")
    clean()
    compare('funnel', asked, expected, {r[0]: r[1:] for r in given}, lambda i: str(stories[i]))


MODES = ['', 'strict_increase', 'strict_once', 'strict_order', 'strict_deduplication',
         'strict_order,allow_reentry', 'strict_order,strict_increase', 'strict_once,strict_increase',
         'strict_order,strict_once', 'strict_deduplication,strict_once',
         'strict_deduplication,strict_order,strict_increase']


def check_window_funnels(rng):
    stories, asked, expected = [], [], []
    for _ in range(STORIES):
        seconds = rng.choice([5, 8, 40])
        n, within, mode = rng.randint(1, 4), rng.randint(0, seconds), rng.choice(MODES)
        rows = story(rng, n, seconds=seconds)
        stories.append(rows)
        asked.append((n, within, mode))
        expected.append([oracle.window_funnel(rows, n, within, mode.split(','))])
    given = sql(load(rng, stories) + table(
        'cases', 'n int, steps int, within interval, mode text',
        [(i, n, f'{within} s', mode) for i, (n, within, mode) in enumerate(asked)]) + f"""
SELECT json_build_array(n, journey.window_funnel(within, mode, {AT}, VARIADIC
    ARRAY(SELECT name LIKE '%' || s || '%' FROM generate_series(1, steps) AS s ORDER BY s)))
FROM cases LEFT JOIN story USING (n) GROUP BY n;""")
    clean()
    compare('window_funnel', asked, expected, {r[0]: r[1:] for r in given}, lambda i: str(stories[i]))
    if os.environ.get('JOURNEYS_PEERS'):
        import peers
        peers.window_funnels(result, stories, asked, expected)


def random_sequence(rng):
    tokens, timed = [], False
    for i in range(rng.randint(1, 5)):
        if i > 0:
            if rng.random() < 0.3:
                tokens.append(f"(?t{rng.choice(['<=', '<', '>=', '>', '=='])}{rng.randint(0, 5)})")
            if rng.random() < 0.4:
                tokens.append('.*')
        tokens.append('.' if rng.random() < 0.15 else f'(?{rng.randint(1, 3)})')
    return ''.join(tokens)


def check_sequences(rng):
    stories, asked, expected = [], [], []
    for _ in range(STORIES):
        rows, pattern = story(rng, 3, rows=10, seconds=rng.choice([5, 8, 40])), random_sequence(rng)
        matches = oracle.sequences(rows, pattern)
        stories.append(rows)
        asked.append(pattern)
        expected.append([len(matches) > 0, len(matches), matches[0] if matches else []] * 2)
    conditions = ', '.join(f"name LIKE '%{s}%'" for s in (1, 2, 3))
    names = ('sequence_match({})', 'sequence_count({})', SECONDS.format('sequence_events({})'))
    on_rows = ', '.join(f.format(f'pattern, {AT}, {conditions}') for f in names)
    on_timeline = ', '.join(f.format("t, pattern, '{*1*,*2*,*3*}'") for f in names)
    given = sql('SET search_path = public, journey;' + load(rng, stories) + TIMELINES + table(
        'cases', 'n int, pattern text', list(enumerate(asked))) + f"""
SELECT json_build_array(n, m, c, {SECONDS.format('e')}, {on_timeline})
FROM (SELECT n, pattern, {', '.join(f.format(f'pattern, {AT}, {conditions}') + ' AS ' + a for f, a in
                                    zip(('sequence_match({})', 'sequence_count({})', 'sequence_events({})'), 'mce'))}
      FROM cases LEFT JOIN story USING (n) GROUP BY n, pattern) AS x
LEFT JOIN (SELECT n, coalesce(t, '[]') AS t FROM cases LEFT JOIN timelines USING (n)) AS y USING (n);""")
    clean()
    compare('sequence_match, _count, _events, on rows and on timelines', asked, expected,
            {r[0]: r[1:] for r in given}, lambda i: str(oracle.order(stories[i])))
    if os.environ.get('JOURNEYS_PEERS'):
        import peers
        peers.sequences(result, stories, asked, expected)


def check_neighbours(rng):
    stories, asked, expected = [], [], []
    for _ in range(STORIES):
        names = [rng.choice('abc') for _ in range(rng.randint(0, 8))]
        steps = [rng.choice('abc') for _ in range(rng.randint(1, 3))]
        base, direction = rng.choice(['head', 'tail', 'first_match', 'last_match']), rng.choice([1, -1])
        stories.append(names)
        asked.append((base, direction, steps))
        expected.append([oracle.neighbour(names, steps, base, direction)])
    given = sql(table('story', 'n int, id text, second int, name text',
                      [(i, j, j, s) for i, names in enumerate(stories) for j, s in enumerate(names)])
                + TIMELINES + table('cases', 'n int, base text, direction int, steps text[]',
                                    [(i, b, d, '{' + ','.join(s) + '}') for i, (b, d, s) in enumerate(asked)]) + """
SELECT json_build_array(n, CASE WHEN direction > 0 THEN journey.next_event(coalesce(t, '[]'), steps, base)
                           ELSE journey.previous_event(coalesce(t, '[]'), steps, base) END)
FROM cases LEFT JOIN timelines USING (n);""")
    clean()
    compare('next_event, previous_event', asked, expected, {r[0]: r[1:] for r in given}, lambda i: str(stories[i]))
    if os.environ.get('JOURNEYS_PEERS'):
        import peers
        peers.neighbours(result, stories, asked, expected)


def random_regex(rng, depth=0):
    """A pattern as text and as the tree that journeys.py reads."""
    texts, parts = [], []
    for _ in range(rng.randint(1, 3)):
        roll = rng.random()
        if roll < 0.5 or depth == 2:
            text = rng.choice('abc')
            part = ('one', text)
        elif roll < 0.6:
            text, part = '.', ('one', 'abc')
        elif roll < 0.7:
            some = ''.join(rng.sample('abc', rng.randint(1, 2)))
            text, part = rng.choice([(f'[{some}]', ('one', some)),
                                     (f'[^{some}]', ('one', set('abc') - set(some)))])
        else:
            two = [random_regex(rng, depth + 1) for _ in range(2)]
            text, part = f'({two[0][0]}|{two[1][0]})', ('or', [x for _, x in two])
        sign, least, most = rng.choice([('', 1, 1), ('', 1, 1), ('', 1, 1), ('*', 0, None), ('+', 1, None),
                                        ('?', 0, 1), ('{2}', 2, 2), ('{0,2}', 0, 2), ('{1,}', 1, None)])
        texts.append(text + sign)
        parts.append(('repeat', part, least, most))
    return ''.join(texts), ('then', parts)


def check_regexes(rng):
    stories, asked, expected = [], [], []
    for _ in range(STORIES):
        symbols = ''.join(rng.choice('abc') for _ in range(rng.randint(0, 10)))
        (pattern, tree), overlapping = random_regex(rng), rng.random() < 0.3
        stories.append(symbols)
        asked.append((pattern, overlapping))
        expected.append([[list(m) for m in oracle.regex_matches(symbols, tree, overlapping)]])
    given = sql(table('story', 'n int, id text, second int, name text',
                      [(i, j, j, s) for i, symbols in enumerate(stories) for j, s in enumerate(symbols)])
                + TIMELINES + table('cases', 'n int, pattern text, options jsonb',
                                    [(i, p, json.dumps({'overlapping': o})) for i, (p, o) in enumerate(asked)]) + """
SELECT json_build_array(n, coalesce(json_agg(json_build_array(s, s + events) ORDER BY match_number)
                                    FILTER (WHERE match_number IS NOT NULL), '[]'))
FROM cases LEFT JOIN timelines USING (n)
LEFT JOIN LATERAL journey.path_regex(t, pattern, '{a := a,b:=b,C := c}', options) ON true,
LATERAL (SELECT extract(epoch FROM started_at - timestamptz '2026-01-01 00:00:00+00')::int AS s) AS x
GROUP BY n;""")
    clean()
    compare('path_regex', asked, expected, {r[0]: r[1:] for r in given}, lambda i: stories[i])


def check_retention(rng):
    zones = ['UTC', 'Europe/Berlin', 'Asia/Shanghai', 'America/New_York', 'Asia/Kolkata']
    units = ['day', 'week', 'sunday_week', 'month', 'year', '24 hours', '7 days', '36 hours']
    stories, asked, expected = [], [], []
    for _ in range(STORIES):
        base = datetime(2024, rng.choice([3, 10]), 20, tzinfo=timezone.utc)
        events = sorted((base + timedelta(minutes=15 * rng.randint(0, 4 * 24 * 20)), rng.choice('ABC'))
                        for _ in range(rng.randint(0, 8)))
        events += [(e[0], rng.choice('AB')) for e in events if rng.random() < 0.1]
        events.sort()
        back, unit, zone, n = rng.choice('AB'), rng.choice(units), rng.choice(zones), rng.randint(0, 10)
        stories.append(events)
        asked.append((back, unit, zone, n))
        expected.append([oracle.retention(events, 'A', back, n, unit, zone)])
    given = sql(table('story', 'n int, id text, at timestamptz, name text',
                      [(i, f'{rng.randint(0, 999)}-{j}', e[0].isoformat(), e[1])
                       for i, events in enumerate(stories) for j, e in enumerate(events)])
                + table('cases', 'n int, back text, unit text, zone text, periods int',
                        [(i, b, u, z, n) for i, (b, u, z, n) in enumerate(asked)]) + """
SELECT json_build_array(n, journey.retention(coalesce(t, '[]'), 'A', back, periods, unit, zone))
FROM cases LEFT JOIN (SELECT n, journey.timeline_agg(id, at, name, NULL, NULL, NULL, NULL) AS t
                      FROM story GROUP BY n) AS x USING (n);""")
    clean()
    compare('retention', asked, expected, {r[0]: r[1:] for r in given},
            lambda i: str([(e[0].isoformat(), e[1]) for e in stories[i]]))


def check_time():
    """Patterns and stories that are slow where one tries and goes back, on 100,000 events of one person."""
    n = 100000
    script = f"""
SET search_path = public, journey;
SET statement_timeout = '10s';
CREATE TABLE story AS SELECT timestamptz '2026-01-01+00' + (i / 10) * interval '1 second' AS at, i,
    'e' || i % 3 AS name FROM generate_series(1, {n}) AS i;
CREATE TABLE one AS SELECT timeline_agg(at, name) AS t FROM story;
"""
    asked = [
        "sequence_match('(?1).*(?1).*(?1).*(?1).*(?1).*(?2)(?3)(?3)', at, name = 'e0', name = 'e1', name = 'e2')",
        "sequence_count('(?1)(?t>=100).*(?t<=101)(?2).*(?1).*(?t==77)(?3)(?3)', at, name = 'e0', name = 'e1', name = 'e2')",
        "sequence_count('.*.*.*(?1).*.*(?2)......', at, true, name = 'e1')",
        "window_funnel('365 days', 'strict_once', at, " + ', '.join(['true'] * 32) + ')',
        "window_funnel('365 days', 'strict_once', timestamptz '2026-01-01', " + ', '.join(['true'] * 31) + ', false)',
        "window_funnel('365 days', 'strict_once', timestamptz '2026-01-01', " + ', '.join(f'i % {k} = 0' for k in range(2, 33)) + ', false)',
        "window_funnel('1 s', 'strict_increase', at, name = 'e0', name = 'e1', name = 'e2', name = 'e0', false)",
    ]
    on_timeline = [
        "SELECT funnel(t, '{e0,e0,e1,e2,e1,e3}', '365 days', '{\"strict_order\": true, \"exclude\": \"e1\"}')",
        "SELECT funnel(t, '{e0,e0,e1,e1,e2,e2,e3}', '1 hour', '{\"any_order\": true}')",
        "SELECT funnel(t, array_fill('*'::text, ARRAY[31]) || ARRAY['e3'], '1 hour', '{\"any_order\": true}')",
        "SELECT count(*) FROM path_regex(t, '((a|b)*(a|c)*(b|c)*){20}$', '{a:=e0,b:=e1,c:=e2}')",
        "SELECT count(*) FROM path_regex(t, 'a(a|b|c)*d|a|b', '{a:=e0,b:=e1,c:=e2,d:=e3}')",
        "SELECT count(*) FROM path_regex(t, '(a|b|c|.){60}d', '{a:=e0,b:=e1,c:=e2,d:=e3}')",
        "SELECT paths(t, 'e0', 'e3')",
        "SELECT retention(t, 'e0', 'e1', 10000, 'hour')",
    ]
    wrong = []
    sql(script)
    for query in [f'SELECT {a} FROM story' for a in asked] + [q + ' FROM one' if 'FROM path' not in q
                                                              else q.replace('FROM path', 'FROM one, path')
                                                              for q in on_timeline]:
        begun = time.monotonic()
        done = subprocess.run(['psql', '-qXAt', '-v', 'ON_ERROR_STOP=1'], text=True, capture_output=True,
                              input="SET statement_timeout = '20s'; SET search_path = public, journey; " + query + ';')
        took = time.monotonic() - begun
        if os.environ.get('JOURNEYS_TIMES'):
            print(f'# {took:.2f} s  {query[:100]}')
        if done.returncode or took > 20:
            wrong.append(f'{query}\n{took:.1f} s {done.stderr}')
    sql('DROP TABLE story, one;')
    result(f'no pattern is slow on {n} events of one person', wrong)


def main():
    rng = random.Random(SEED)
    check_funnels(rng)
    check_window_funnels(rng)
    check_sequences(rng)
    check_neighbours(rng)
    check_regexes(rng)
    check_retention(rng)
    check_time()
    if os.environ.get('JOURNEYS_PEERS'):
        import peers
        peers.statistics(result, sql, rng)
    print(f'1..{tests}')


main()
