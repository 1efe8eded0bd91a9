"""ClickHouse and SciPy asked the same, where they have the function and mean the same by it.

Only for journeys_check.py with JOURNEYS_PEERS set.
"""
import re


def rows_of(stories):
    """The rows of all stories as a table of ClickHouse: story, second, conditions 1 to 4, each for itself."""
    lines = [f'{i}\t{second}\t' + '\t'.join(str(int(s in steps)) for s in (1, 2, 3, 4))
             for i, rows in enumerate(stories) for second, steps, _ in rows]
    return '\n'.join(lines)


def open_clickhouse(stories):
    from chdb import session
    clickhouse = session.Session()
    clickhouse.query('CREATE TABLE story (n Int32, second UInt32, c1 UInt8, c2 UInt8, c3 UInt8, c4 UInt8)'
                     ' ENGINE = Memory')
    clickhouse.query('INSERT INTO story FORMAT TSV\n' + rows_of(stories))
    return clickhouse


def ask(clickhouse, query):
    return {int(line.split('\t')[0]): line.split('\t')[1:]
            for line in str(clickhouse.query(query, 'TSV')).splitlines()}


def window_funnels(result, stories, asked, expected):
    """All modes but strict_increase, of whose chains ClickHouse loses some, and strict_once where a row
    fulfils several conditions or rows have one time, which it fills in the order of their arrival."""
    clickhouse = open_clickhouse(stories)
    wrong, compared = [], 0
    for kind in sorted(set(asked)):
        n, within, mode = kind
        if 'strict_increase' in mode:
            continue
        modes = ''.join(f", '{m}'" for m in mode.split(',') if m)
        got = ask(clickhouse, f'SELECT n, windowFunnel({within}{modes})(second, '
                  + ', '.join(f'c{s}' for s in range(1, n + 1)) + ') FROM story GROUP BY n')
        for i, one in enumerate(asked):
            times = [row[0] for row in stories[i]]
            simple = len(set(times)) == len(times) and all(len(row[1]) < 2 for row in stories[i])
            if one != kind or i not in got or ('strict_once' in mode and not simple):
                continue
            compared += 1
            if int(got[i][0]) != expected[i][0]:
                wrong.append(f'{stories[i]} {kind}: ClickHouse {got[i][0]}, expected {expected[i][0]}')
    result(f'windowFunnel of ClickHouse: {compared} stories', wrong)


def sequences(result, stories, asked, expected):
    """Without ties, which ClickHouse takes as they come, and without a time condition behind .*, which it
    measures from elsewhere."""
    clickhouse = open_clickhouse(stories)
    wrong, compared = [], 0
    for pattern in sorted(set(asked)):
        if re.search(r'\.\*\(\?t|\(\?t[^)]*\)\.\*|^\.|\)\.', pattern):
            continue
        got = ask(clickhouse, f"SELECT n, sequenceMatch('{pattern}')(toDateTime(second), c1, c2, c3),"
                  f" sequenceCount('{pattern}')(toDateTime(second), c1, c2, c3) FROM story GROUP BY n")
        for i, one in enumerate(asked):
            times = [row[0] for row in stories[i]]
            if one != pattern or i not in got or len(set(times)) != len(times):
                continue
            compared += 1
            want = [str(int(expected[i][0])), str(expected[i][1])]
            if got[i] != want:
                wrong.append(f'{stories[i]} {pattern}: ClickHouse {got[i]}, expected {want}')
    result(f'sequenceMatch and sequenceCount of ClickHouse: {compared} stories', wrong)


def neighbours(result, stories, asked, expected):
    """Forwards from the head or backwards from the tail alone: ClickHouse refuses the others."""
    from chdb import session
    clickhouse = session.Session()
    clickhouse.query('CREATE TABLE named (n Int32, second UInt32, name String) ENGINE = Memory')
    clickhouse.query('INSERT INTO named FORMAT TSV\n' + '\n'.join(
        f'{i}\t{j}\t{name}' for i, names in enumerate(stories) for j, name in enumerate(names)))
    wrong, compared = [], 0
    for kind in sorted({(b, d, tuple(s)) for b, d, s in asked}):
        base, direction, steps = kind
        if (base, direction) in (('head', -1), ('tail', 1)):
            continue
        way = 'forward' if direction > 0 else 'backward'
        got = ask(clickhouse, f"SELECT n, sequenceNextNode('{way}', '{base}')(toDateTime(second), name, 1, "
                  + ', '.join(f"name = '{s}'" for s in steps)
                  + ') FROM named GROUP BY n SETTINGS allow_experimental_funnel_functions = 1')
        for i, (b, d, s) in enumerate(asked):
            if (b, d, tuple(s)) != kind or i not in got:
                continue
            compared += 1
            want = '\\N' if expected[i][0] is None else expected[i][0]
            if got[i][0] != want:
                wrong.append(f'{stories[i]} {kind}: ClickHouse {got[i][0]}, expected {want}')
    result(f'sequenceNextNode of ClickHouse: {compared} stories', wrong)


def close(a, b):
    return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def statistics(result, sql, rng):
    """Tables and samples of all sizes against SciPy."""
    from scipy import stats
    cases, wrong = [], []
    for _ in range(500):
        n1, n2 = (rng.randint(1, 10 ** rng.randint(1, 6)) for _ in range(2))
        cases.append((n1, min(n1, int(n1 * rng.random() ** 3)), n2, min(n2, int(n2 * rng.random() ** 3))))
    given = sql('CREATE TABLE cases (i int, n1 bigint, x1 bigint, n2 bigint, x2 bigint);\nINSERT INTO cases VALUES '
                + ', '.join(f'({i}, {a}, {b}, {c}, {d})' for i, (a, b, c, d) in enumerate(cases)) + ''';
SELECT json_build_array(i, p_value, p_less, p_greater, w.lower, w.upper, s.p_value, t.p_value, t.lower, t.df)
FROM cases, journey.fisher_exact(x1, n1 - x1, x2, n2 - x2) AS f, journey.wilson(n1, x1) AS w,
     journey.sample_ratio(ARRAY[n1, n2]) AS s (chi, df, p_value, m, t),
     journey.welch_t(n1 + 1, x1, n1, n2 + 1, x2, n2) AS t (d, e, lower, upper, t, df, p_value) ORDER BY i;'''
                .replace('p_value, p_less', 'f.p_value, p_less'))
    sql('DROP TABLE cases;')
    for i, *got in given:
        n1, x1, n2, x2 = cases[i]
        table = [[x1, n1 - x1], [x2, n2 - x2]]
        welch = stats.ttest_ind_from_stats(x1, n1 ** 0.5, n1 + 1, x2, n2 ** 0.5, n2 + 1, equal_var=False)
        df = (n1 / (n1 + 1) + n2 / (n2 + 1)) ** 2 / (
            (n1 / (n1 + 1)) ** 2 / n1 + (n2 / (n2 + 1)) ** 2 / n2)
        lower = x1 - x2 - stats.t.ppf(0.975, df) * (n1 / (n1 + 1) + n2 / (n2 + 1)) ** 0.5
        interval = stats.binomtest(x1, n1).proportion_ci(method='wilson')
        want = [stats.fisher_exact(table)[1], stats.fisher_exact(table, 'less')[1],
                stats.fisher_exact(table, 'greater')[1], interval.low, interval.high,
                stats.chisquare([n1, n2]).pvalue, welch.pvalue, lower, df]
        for name, a, b in zip(('Fisher', 'less', 'greater', 'Wilson', 'Wilson', 'ratio', 'Welch', 'Welch', 'df'),
                              got, want):
            # what is smaller than a double holds is 0 there and here
            if not close(a, b) and max(a, b) > 1e-290 and abs(a - b) > 1e-15:
                wrong.append(f'{name} of {cases[i]}: {a}, SciPy {b}')
    result(f'SciPy: {len(cases)} tables and samples', wrong)
