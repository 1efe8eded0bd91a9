"""Funnels, sequences, paths and retention by brute force: all choices are tried, none is clever.

test/tap/journeys.t compares the extension with these on random stories. A story is a list of
(second, conditions, excluded) in the order of time; conditions are a set of numbers from 1.
"""
import itertools
import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo


# -- funnels ------------------------------------------------------------------------------------

def attempts(rows, n, within, increase=False, once=False, strict_order=False, exclude=()):
    """Every attempt at steps 1..k for each k: (k, row indexes)."""
    found = []

    def fits(path, k):
        if rows[path[-1]][0] - rows[path[0]][0] > within:
            return False
        for x, start, end in exclude:
            end = min(end, k)
            if start < end and any(x in row[2] and rows[path[start - 1]][0] < row[0] < rows[path[end - 1]][0]
                                   for row in rows):
                return False
        return True

    def go(path, k):
        if k > 0:
            if not fits(path, k):
                return
            found.append((k, tuple(path)))
        if k == n:
            return
        for i, (at, steps, _) in enumerate(rows):
            if k + 1 not in steps or (once and i in path):
                continue
            if k > 0:
                last = rows[path[-1]][0]
                if at < last or (increase and at == last):
                    continue
                if strict_order and any(last < row[0] < at and not row[1] & set(range(1, k + 2))
                                        for row in rows):
                    continue
            go(path + [i], k + 1)

    go([], 0)
    return found


def funnel(rows, n, within, until, **rules):
    """(steps, times, is_open)"""
    found = attempts(rows, n, within, **rules)
    top = max((k for k, _ in found), default=0)
    times = []
    if top:
        best = [[rows[i][0] for i in path] for k, path in found if k == top]
        end = min(t[-1] for t in best)
        best = [t for t in best if t[-1] == end]
        start = max(t[0] for t in best)
        times = min((t for t in best if t[0] == start), key=lambda t: t[::-1])
    is_open = False
    if top < n:
        for k, path in found:
            ended = any(
                x in row[2] and start <= k < end and row[0] > rows[path[start - 1]][0]
                for x, start, end in rules.get('exclude', ()) for row in rows)
            ended |= rules.get('strict_order', False) and any(
                row[0] > rows[path[-1]][0] and not row[1] & set(range(1, k + 2)) for row in rows)
            is_open |= not ended and rows[path[0]][0] + within > until
    return top, times, is_open


def filled(rows, n, once):
    """How many of the steps the rows can fill."""
    if not once:
        return len({s for row in rows for s in row[1]})
    best = 0
    for size in range(min(n, len(rows)), 0, -1):
        for steps in itertools.combinations(range(1, n + 1), size):
            if any(all(s in row[1] for s, row in zip(steps, chosen))
                   for chosen in itertools.permutations(rows, size)):
                return size
    return best


def any_order(rows, n, within, until, once):
    rows = [row for row in rows if row[1]]
    seen = {}
    for end in {row[0] for row in rows}:
        seen[end] = filled([r for r in rows if end - within <= r[0] <= end], n, once)
    top = max(seen.values(), default=0)
    times = []
    if top:
        end = min(t for t in seen if seen[t] == top)
        start = max(r[0] for r in rows if end - within <= r[0] <= end and
                    filled([x for x in rows if r[0] <= x[0] <= end], n, once) == top)
        inside = sorted(r[0] for r in rows if start <= r[0] <= end)
        times = [min(t for t in inside
                     if filled([x for x in rows if start <= x[0] <= t], n, once) >= m)
                 for m in range(1, top + 1)]
    return top, times, top < n and any(r[0] + within > until for r in rows)


def window_funnel(rows, n, within, modes):
    """The walk of the strict modes, by the rows and steps that it has taken."""
    increase, once = 'strict_increase' in modes, 'strict_once' in modes
    if 'strict_order' not in modes and 'strict_deduplication' not in modes:
        return max((k for k, _ in attempts(rows, n, within, increase, once)), default=0)
    taken = [(at, set(), set()) for at, _, _ in rows]

    def reached(step):
        return any(k >= step for k, _ in attempts(taken, n, within, increase, once))

    def ever(step):
        return any(k == step for k, _ in attempts(taken, n, within, increase, once))

    for at in sorted({row[0] for row in rows}):
        here = [i for i, row in enumerate(rows) if row[0] == at]
        if 'strict_order' in modes and ever(1) and any(not rows[i][1] for i in here):
            break
        stop = False
        for step in range(1, n + 1):
            those = [i for i in here if step in rows[i][1]]
            if not those:
                continue
            if step > 1 and 'strict_deduplication' in modes and ever(step):
                stop = True
                break
            if step > 1 and 'strict_order' in modes and ever(1) and not ever(step - 1):
                if 'allow_reentry' in modes:
                    continue
                stop = True
                break
            for i in those:
                taken[i][1].add(step)
            if step > 1 and 'strict_deduplication' in modes and ever(step) and len(those) > 1:
                stop = True
                break
        if stop:
            break
    return max((k for k in range(1, n + 1) if reached(k)), default=0)


# -- sequences ----------------------------------------------------------------------------------

def order(rows):
    """Rows that fulfil something, by time and then by the list of their conditions."""
    return sorted((r for r in rows if r[1]), key=lambda r: (r[0], sorted(r[1])))


def sequences(rows, pattern):
    """All matches one behind the other: the indexes of the named events."""
    rows = order(rows)
    tokens = re.findall(r'\(\?\d+\)|\(\?t[<>=]+\d+\)|\.\*|\.', pattern)

    def times_hold(conditions, seconds):
        return all(eval(f'{seconds}{c}') for c in conditions)

    def go(t, i, last, conditions, path):
        """From token t and row i on; the last matched row, and what must hold of the next."""
        if t == len(tokens):
            return path, last
        token = tokens[t]
        if token == '.*' or token.startswith('(?t'):
            if token != '.*':
                conditions = conditions + [token[3:-1]]
            for j in range(i, len(rows) + 1):
                found = go(t + 1, j, last, conditions, path)
                if found:
                    return found
            return None
        if i >= len(rows):
            return None
        if token != '.' and int(token[2:-1]) not in rows[i][1]:
            return None
        if conditions and not times_hold(conditions, rows[i][0] - rows[last][0]):
            return None
        return go(t + 1, i + 1, i, [], path if token == '.' else path + [i])

    found, start = [], 0
    while start < len(rows):
        match = None
        for i in range(start, len(rows)):
            match = go(0, i, None, [], [])
            if match:
                break
        if not match:
            break
        found.append([rows[i][0] for i in match[0]])
        start = match[1] + 1
    return found


def neighbour(names, steps, base, direction):
    """What follows steps that follow each other, from one event on; None where they do not."""
    starts = {'head': [0], 'tail': [len(names) - 1],
              'first_match': [i for i, n in enumerate(names) if n == steps[0]][:1],
              'last_match': [i for i, n in enumerate(names) if n == steps[0]][-1:]}[base]
    for start in starts:
        walk = [start + direction * i for i in range(len(steps) + 1)]
        if all(0 <= i < len(names) for i in walk) and [names[i] for i in walk[:-1]] == steps:
            return names[walk[-1]]
    return None


# -- regular expressions ------------------------------------------------------------------------

def ends(node, symbols, start):
    """Where a match of a pattern, given as a tree, may end that begins there."""
    kind, *args = node
    if kind == 'one':
        return {start + 1} if start < len(symbols) and symbols[start] in args[0] else set()
    if kind == 'or':
        return set().union(*(ends(x, symbols, start) for x in args[0]))
    if kind == 'then':
        found = {start}
        for x in args[0]:
            found = set().union(*(ends(x, symbols, i) for i in found))
        return found
    part, least, most = args
    found, now = set(), {start}
    # more repetitions than symbols give nothing new
    for count in range(least + len(symbols) + 1):
        if count >= least:
            found |= now
        if count == most:
            break
        now = set().union(*(ends(part, symbols, i) for i in now))
    return found


def regex_matches(symbols, pattern, overlapping):
    """(from, to) of the longest match at each place that is not empty."""
    found, i = [], 0
    while i < len(symbols):
        end = max(ends(pattern, symbols, i) | {i})
        if end > i:
            found.append((i, end))
        i = end if end > i and not overlapping else i + 1
    return found


# -- retention ----------------------------------------------------------------------------------

def period(unit, zone, origin, at):
    """How many periods lie between two times; the calendar is that of the zone."""
    zone = ZoneInfo(zone)
    a, b = origin.astimezone(zone), at.astimezone(zone)
    if unit == 'day':
        return (b.date() - a.date()).days
    if unit in ('week', 'sunday_week'):
        shift = 0 if unit == 'week' else 1
        monday = [x.date() - timedelta(days=(x.weekday() + shift) % 7) for x in (a, b)]
        return (monday[1] - monday[0]).days // 7
    if unit == 'month':
        return (b.year - a.year) * 12 + b.month - a.month
    if unit == 'year':
        return b.year - a.year
    count, name = unit.split()
    return (at - origin) // timedelta(**{name: int(count)})


def retention(events, first, back, n, unit, zone):
    """events: (time, name). None if the first step is not there."""
    firsts = [i for i, e in enumerate(events) if e[1] == first]
    if not firsts:
        return None
    start = min(events[i][0] for i in firsts)
    result = [False] * (n + 1)
    for j, (at, name) in enumerate(events):
        if name == back and at >= start and any(i != j and events[i][0] == start for i in firsts):
            p = period(unit, zone, start, at)
            if p <= n:
                result[p] = True
    return result


def at(second):
    return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=second)
