-- ---------------------------------------------------------------------------------------------
-- the page of a report
--
-- One page of HTML with style and pictures in it, without a script, a font or a link. Whatever comes
-- from the data goes through _html(), in text and in attributes alike.
-- ---------------------------------------------------------------------------------------------

-- Text as HTML, cut where it is longer than what anybody reads. Control characters are blanks.
CREATE FUNCTION journey._html(value text, longest integer DEFAULT 200) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT replace(replace(replace(replace(replace(
               translate(left(v.cut, longest), v.controls, repeat(' ', 32)),
               '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
           || CASE WHEN length(v.cut) > longest THEN '&hellip;' ELSE '' END
    FROM (SELECT left(coalesce(value, ''), longest + 1) AS cut,
                 (SELECT string_agg(chr(n), '') FROM generate_series(1, 31) AS n) || chr(127) AS controls) AS v
$$;
COMMENT ON FUNCTION journey._html(text, integer) IS 'internal: text as HTML, in attributes too';

CREATE FUNCTION journey._in_words(count numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT coalesce(to_char(count, 'FM999,999,999,999,990'), '-')$$;
COMMENT ON FUNCTION journey._in_words(numeric) IS 'internal: a whole number for people';

CREATE FUNCTION journey._compact(count numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN count < 10000 THEN to_char(count, 'FM9990')
                WHEN count < 1000000 THEN to_char(count / 1000, 'FM999') || 'k'
                WHEN count < 10000000 THEN to_char(count / 1000000, 'FM9.0') || 'M'
                ELSE to_char(count / 1000000, 'FM999999999') || 'M' END
$$;
COMMENT ON FUNCTION journey._compact(numeric) IS 'internal: a round number for a scale';

CREATE FUNCTION journey._percent(share numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT coalesce(to_char(round(100 * share, 1), 'FM999,999,990.0') || ' %', '-')$$;
COMMENT ON FUNCTION journey._percent(numeric) IS 'internal: a share for people';

CREATE FUNCTION journey._duration(seconds numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN seconds IS NULL THEN '-'
                WHEN seconds < 100 THEN to_char(seconds, 'FM990') || ' s'
                WHEN seconds < 6000 THEN to_char(seconds / 60, 'FM990.0') || ' min'
                WHEN seconds < 172800 THEN to_char(seconds / 3600, 'FM990.0') || ' h'
                ELSE to_char(seconds / 86400, 'FM999,990.0') || ' d' END
$$;
COMMENT ON FUNCTION journey._duration(numeric) IS 'internal: a length of time for people';

-- ---------------------------------------------------------------------------------------------
-- tables and pictures
-- ---------------------------------------------------------------------------------------------

-- A table. cells has a row of texts for each line, the first its name. With bars there is a column of them, the
-- length by the greatest of both.
CREATE FUNCTION journey._page_table(id text, caption text, heads text[], cells text[],
    bars numeric[] DEFAULT NULL, more_bars numeric[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lines text[] := '{}';
    line text;
    most numeric := (SELECT nullif(max(b), 0) FROM unnest(bars || more_bars) AS b);
BEGIN
    FOR i IN 1 .. coalesce(array_length(cells, 1), 0) LOOP
        line := format('<tr><th scope="row">%s</th>', coalesce(nullif(journey._html(cells[i][1]), ''), '(none)'));
        IF bars IS NOT NULL THEN
            line := line || format('<td class="b"><svg viewBox="0 0 100 %s" preserveAspectRatio="none" '
                'aria-hidden="true">'
                '<rect class="a" width="%s" height="8"/>%s</svg></td>',
                CASE WHEN more_bars IS NULL THEN 8 ELSE 18 END, round(coalesce(100 * bars[i] / most, 0), 2),
                CASE WHEN more_bars IS NULL THEN ''
                     ELSE format('<rect class="o" y="10.5" width="%s" height="7"/>',
                                 round(coalesce(100 * more_bars[i] / most, 0), 2)) END);
        END IF;
        FOR j IN 2 .. array_length(cells, 2) LOOP
            line := line || '<td>' || journey._html(cells[i][j]) || '</td>';
        END LOOP;
        lines := lines || (line || '</tr>');
    END LOOP;
    RETURN format('<div class="scroll" tabindex="0" role="region" aria-label="%1$s"><table '
        'id="%2$s"><caption>%1$s</caption>'
        '<thead><tr>%3$s</tr></thead><tbody>%4$s</tbody></table></div>', journey._html(caption), id,
        (SELECT string_agg(CASE WHEN n = 2 AND bars IS NOT NULL THEN '<td></td>' ELSE '' END
                           || '<th scope="col">' || journey._html(head) || '</th>', '' ORDER BY n)
         FROM unnest(heads) WITH ORDINALITY AS h (head, n)), array_to_string(lines, E'\n'));
END
$$;
COMMENT ON FUNCTION journey._page_table(text, text, text[], text[], numeric[], numeric[]) IS
    'internal: a table of the page';

-- A round number not less than another, for the top of a scale.
CREATE FUNCTION journey._round_up(n numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN n <= 4 THEN 4 ELSE (
        SELECT min(m * p) FROM unnest('{1,2,4,6,8,10}'::numeric[]) AS m,
               (SELECT power(10::numeric, floor(log(n))) AS p) AS p WHERE m * p >= n) END
$$;
COMMENT ON FUNCTION journey._round_up(numeric) IS 'internal: the top of a scale';

-- The frame of a picture with a scale from 0 to `top`, on 800 x 260.
CREATE FUNCTION journey._svg_frame(id text, title text, description text, top numeric, base numeric, suffix text,
    labels text[], body text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('<svg class="chart" id="%1$s-chart" viewBox="0 0 800 270" role="group" aria-labelledby="%1$s-t '
        '%1$s-d">'
        '<title id="%1$s-t">%2$s</title><desc id="%1$s-d">%3$s</desc>%4$s%5$s%6$s</svg>',
        id, journey._html(title), journey._html(description),
        (SELECT string_agg(format('<path class="grid" d="M70 %1$sH795"/><text class="t" x="64" y="%2$s" '
            'text-anchor="end">%3$s</text>',
                                  round(220 - 180 * (v - base) / (top - base), 1),
                                      round(225 - 180 * (v - base) / (top - base), 1),
                                  journey._compact(abs(v)) || suffix), '' ORDER BY v)
         FROM (SELECT DISTINCT v FROM unnest(ARRAY[base, 0, top / 2, top]) AS v) AS g),
        (SELECT string_agg(format('<text class="t" x="%s" y="255" text-anchor="%s">%s</text>',
                    CASE n WHEN 1 THEN 70 WHEN cardinality(labels) THEN 795 ELSE round(70 + (n - 0.5) * 725.0 /
                        cardinality(labels)) END,
                    CASE n WHEN 1 THEN 'start' WHEN cardinality(labels) THEN 'end' ELSE 'middle' END,
                        journey._html(l, 12)), '' ORDER BY n)
         FROM unnest(labels) WITH ORDINALITY AS x (l, n)
         WHERE n = ANY (ARRAY[1, cardinality(labels)] || CASE WHEN cardinality(labels) > 4 THEN (cardinality(labels)
             + 1) / 2 END)),
        body)
$$;
COMMENT ON FUNCTION journey._svg_frame(text, text, text, numeric, numeric, text, text[], text) IS
    'internal: the frame of a picture';

-- Columns, and a line. A column stacks one height of each row of `heights`, drawn by the class of the same number, on the
-- zero line; what is below hangs from it. Focus and pointer show what a column says.
CREATE FUNCTION journey._svg_columns(id text, title text, description text, labels text[], classes text[],
    heights numeric[], below numeric[], line numeric[], tips text[], suffix text DEFAULT '')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    places integer := cardinality(labels);
    top numeric := journey._round_up((
        SELECT coalesce(max(v), 0)
        FROM (SELECT sum(heights[k][n]) FROM generate_subscripts(classes, 1) AS k, generate_series(1, places) AS n
              GROUP BY n
              UNION ALL SELECT unnest(line)) AS x (v)));
    base numeric := CASE WHEN below IS NULL THEN 0
                         ELSE -journey._round_up((SELECT coalesce(max(v), 0) FROM unnest(below) AS v)) END;
    scale numeric := 180.0 / (top - base);
    zero numeric := 220 + base * scale;
    width numeric := 725.0 / greatest(places, 1);
    body text;
BEGIN
    SELECT string_agg(format('<g class="p" tabindex="0" role="img" aria-label="%1$s"><title>%1$s</title>'
               '<rect class="hit" x="%2$s" y="34" width="%3$s" height="186"/>%4$s'
               '<text class="tip" x="%5$s" y="22" text-anchor="%6$s">%1$s</text></g>',
               journey._html(tips[n]), round(70 + (n - 1) * width, 2), round(width, 2),
               (SELECT string_agg(format('<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>', s.class,
                                         round(70 + (n - 0.88) * width, 2), round(zero - s.upper * scale, 2),
                                         round(width * 0.76, 2), round(s.height * scale, 2)), '' ORDER BY s.k)
                FROM (SELECT k, classes[k], heights[k][n], sum(heights[k][n]) OVER (ORDER BY k)
                      FROM generate_subscripts(classes, 1) AS k
                      UNION ALL SELECT NULL, 'd', below[n], 0) AS s (k, class, height, upper)
                WHERE s.height > 0),
               CASE WHEN n <= places / 2 THEN 70 ELSE 795 END,
               CASE WHEN n <= places / 2 THEN 'start' ELSE 'end' END), '' ORDER BY n)
           || coalesce('<path class="l" d="M' || (
               SELECT string_agg(format('%s %s', round(70 + (x.n - 0.5) * width, 2), round(zero - v * scale, 2)),
                                 'L' ORDER BY x.n)
               FROM unnest(line) WITH ORDINALITY AS x (v, n)) || '"/>', '')
    INTO body
    FROM generate_series(1, places) AS n;
    RETURN journey._svg_frame(id, title, description, top, base, suffix, labels, coalesce(body, ''));
END
$$;
COMMENT ON FUNCTION journey._svg_columns(text, text, text, text[], text[], numeric[], numeric[], numeric[], text[], text)
    IS 'internal: a picture of columns';

-- A Sankey diagram of the edges of a report on paths, {"step", "source", "target", "persons", "is_end"} each.
CREATE FUNCTION journey._svg_sankey(id text, title text, description text, edges jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps integer := (SELECT max(x.step) + 1 FROM jsonb_to_recordset(edges) AS x (step integer));
    room numeric := 730.0 / greatest(steps - 1, 1);
    height numeric;
    links text;
    nodes text;
BEGIN
    WITH e AS (
        SELECT x.step, x.source, x.target, x.persons, x.is_end
        FROM jsonb_to_recordset(edges) AS x (step integer, source text, target text, persons numeric, is_end boolean)
    ), n AS (
        SELECT v.step, v.label, v.is_end, max(v.persons) AS persons
        FROM (SELECT step, source AS label, false AS is_end, sum(persons) AS persons FROM e GROUP BY 1, 2
              UNION ALL SELECT step + 1, target, is_end, sum(persons) FROM e GROUP BY 1, 2, 3) AS v
        GROUP BY 1, 2, 3
    ), ranked AS (
        SELECT n.*, row_number() OVER w AS rank, sum(n.persons) OVER w - n.persons AS above
        FROM n WINDOW w AS (PARTITION BY n.step ORDER BY n.is_end, n.label = '(other)', n.persons DESC,
            n.label COLLATE "C"
                            ROWS UNBOUNDED PRECEDING)
    ), scaled AS (
        SELECT r.*, s.scale FROM ranked AS r CROSS JOIN (
            SELECT 320.0 / max(t.total) AS scale
            FROM (SELECT sum(persons) AS total FROM n GROUP BY step) AS t) AS s
    ), placed AS (
        SELECT s.*, round(10 + (s.step - 1) * room, 1) AS x, s.above * s.scale + (s.rank - 1) * 16 + 16 AS y,
               greatest(s.persons * s.scale, 1) AS h FROM scaled AS s
    ), linked AS (
        SELECT e.*, a.x AS x1, b.x AS x2, e.persons * a.scale AS h,
               a.y + a.scale * (sum(e.persons) OVER (PARTITION BY e.step,
                   e.source ORDER BY b.rank ROWS UNBOUNDED PRECEDING) - e.persons) AS y1,
               b.y + a.scale * (sum(e.persons) OVER (PARTITION BY e.step, e.target,
                   e.is_end ORDER BY a.rank ROWS UNBOUNDED PRECEDING) - e.persons) AS y2
        FROM e
        JOIN placed AS a ON a.step = e.step AND a.label = e.source AND NOT a.is_end
        JOIN placed AS b ON b.step = e.step + 1 AND b.label = e.target AND b.is_end = e.is_end
    )
    SELECT (SELECT string_agg(format('<path class="k%s" d="M%s %sC%s %s %s %s %s %sV%sC%s %s %s %s %s '
        '%sZ"><title>%s</title></path>',
                   CASE WHEN is_end THEN ' x' ELSE '' END,
                   x1 + 10, round(y1, 1), round(x1 + room / 2, 1), round(y1, 1), round(x2 - room / 2, 1), round(y2,
                       1), x2, round(y2, 1),
                   round(y2 + h, 1), round(x2 - room / 2, 1), round(y2 + h, 1), round(x1 + room / 2, 1),
                       round(y1 + h, 1), x1 + 10,
                   round(y1 + h, 1),
                   journey._html(source) || ' &rarr; ' || journey._html(target) || ': '
                       || journey._in_words(persons)), '')
            FROM linked),
           (SELECT string_agg(format('<g class="p" tabindex="0" role="img" aria-label="%1$s: %2$s"><title>%1$s: '
               '%2$s</title>'
                   '<rect class="%3$s" x="%4$s" y="%5$s" width="10" height="%6$s"/>'
                   '<text class="n" x="%7$s" y="%8$s">%9$s <tspan class="v">%2$s</tspan></text></g>',
                   journey._html(label), journey._in_words(persons), CASE WHEN is_end THEN 'd' ELSE 'a' END, x,
                       round(y, 1), round(h, 1),
                   x + 14, round(y + h / 2 + 4, 1), journey._html(label, 20)), '' ORDER BY step, rank)
            FROM placed), max(y + h)
    INTO links, nodes, height
    FROM placed;
    RETURN format('<div class="scroll wide" tabindex="0" role="region" aria-label="%2$s"><svg class="sankey" '
        'id="%1$s-chart" '
        'viewBox="0 0 960 %4$s" role="group" aria-labelledby="%1$s-t %1$s-d"><title id="%1$s-t">%2$s</title><desc '
            'id="%1$s-d">%3$s</desc>'
        '%5$s%6$s</svg></div>', id, journey._html(title), journey._html(description), ceil(height + 20), links,
            nodes);
END
$$;
COMMENT ON FUNCTION journey._svg_sankey(text, text, text, jsonb) IS 'internal: a Sankey diagram';

CREATE FUNCTION journey._page_section(id text, title text, note text, body text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(E'<section aria-labelledby="h-%1$s">\n<h2 id="h-%1$s">%2$s</h2>\n'
        '<p class="note">%3$s</p>\n%4$s\n</section>\n',
                  id, title, journey._html(note, 1000), body)
$$;
COMMENT ON FUNCTION journey._page_section(text, text, text, text) IS 'internal: a section of the page';

CREATE FUNCTION journey._page_style() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT $css$
:root{--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--a:#2563a8;--o:#b4540a;--e:#5b4a9c;--link:rgba(37,99,168,.28);--soft:#f3f5f8}
@media(prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e6edf3;--dim:#a3afbc;--line:#3a434d;--a:#6cb0f5;--o:#f0a35e;--e:#b9a6f5;--link:rgba(108,176,245,.3);--soft:#1b2128}}
@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--a:#2563a8;--o:#b4540a;--e:#5b4a9c;--link:rgba(37,99,168,.28);--soft:#f3f5f8}}
*{box-sizing:border-box;print-color-adjust:exact;-webkit-print-color-adjust:exact}
html{color-scheme:light dark}
body{margin:0 auto;max-width:66rem;padding:1.5rem 1rem 3rem;background:var(--bg);color:var(--fg);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.75rem 0 .25rem}
h3{font-size:1rem;margin:1.5rem 0 .25rem;overflow-wrap:anywhere}
p{margin:.25rem 0 .75rem}
.note,caption,.key{color:var(--dim);font-size:.875rem}
nav a{color:var(--a);margin-right:1rem;white-space:nowrap}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1.25rem 0 0;padding:0}
.tiles div{background:var(--soft);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
.tiles dt{color:var(--dim);font-size:.875rem}
.tiles dd{margin:0;font-size:1.5rem;font-variant-numeric:tabular-nums}
.scroll{max-height:38rem;overflow:auto;border:1px solid var(--line);border-radius:.5rem;margin:.75rem 0}
.wide{max-height:none}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.5rem .75rem}
th,td{padding:.35rem .75rem;text-align:right;border-top:1px solid var(--line);unicode-bidi:isolate;white-space:nowrap}
thead th{color:var(--dim);font-weight:600;vertical-align:bottom;white-space:normal;min-width:4.5rem}
th:first-child{text-align:left;font-weight:500;white-space:normal;overflow-wrap:anywhere;min-width:9rem}
td.b{width:34%;min-width:5rem;padding:.35rem .25rem}
td.b svg{display:block;width:100%;height:1rem}
td.w{white-space:normal;text-align:left;min-width:14rem}
svg{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.chart{display:block;width:100%;height:auto;margin:.75rem 0;overflow:visible}
.sankey{display:block;width:100%;min-width:52rem;height:auto}
.t,.n,.tip{fill:var(--fg)}.t,.v{fill:var(--dim)}
.n{paint-order:stroke;stroke:var(--bg);stroke-width:3px;stroke-linejoin:round}
.a{fill:var(--a)}.o{fill:url(#hatch)}td.b .o{fill:var(--o)}.e{fill:url(#dots)}
.d{fill:var(--bg);stroke:var(--dim);stroke-width:1.5;stroke-dasharray:3 2}
.l{fill:none;stroke:var(--o);stroke-width:2.5;vector-effect:non-scaling-stroke;pointer-events:none}
.grid{stroke:var(--line);fill:none}.hit{fill:transparent}
.k{fill:var(--link)}.k.x{fill:none;stroke:var(--dim);stroke-opacity:.35;stroke-dasharray:3 3}
.tip{visibility:hidden;font-weight:600}
.p:hover .tip,.p:focus .tip{visibility:visible}
.p:hover .hit,.p:focus .hit{fill:var(--link)}
:focus-visible{outline:3px solid var(--o);outline-offset:2px}
.p:focus{outline:2px solid var(--o)}
.sw{display:inline-block;width:1.6em;height:.9em;vertical-align:-.05em;margin:0 .4em 0 1em}
.key .sw:first-child{margin-left:0}
.heat td{text-align:center;border:2px solid var(--bg);min-width:4.2rem}
.heat th{border:2px solid var(--bg);text-align:center}.heat th:first-child{text-align:left}
.heat td.u{outline:1.5px dashed var(--dim);outline-offset:-4px;background:none}
.h0,.h1,.h2,.h3,.h4,.h5{color:#0d1b2a}.h6,.h7,.h8,.h9{color:#fff}
.h0{background:#eef5fb}.h1{background:#dbe9f6}.h2{background:#c3daef}.h3{background:#a9cbe8}
.h4{background:#8db9e0}.h5{background:#72a8d9}
.h6{background:#2f6fad}.h7{background:#255d96}.h8{background:#1b4b7d}.h9{background:#123a63}
@media(max-width:40rem){body{padding:1rem .75rem 2rem}.chart .t,.chart .tip{font-size:24px}
.chart .tip{font-size:21px}td.b{min-width:4rem}th,td{padding:.35rem .5rem}th:first-child{min-width:7rem}}
@media print{body{max-width:none;padding:0}nav{display:none}.scroll{max-height:none;overflow:visible;border:0}
section,tr,svg{break-inside:avoid}thead{display:table-header-group}.sankey{min-width:0}}
@media(prefers-reduced-motion:reduce){*{transition:none!important;animation:none!important}}
$css$
$$;
COMMENT ON FUNCTION journey._page_style() IS 'internal: the style of the page';

-- ---------------------------------------------------------------------------------------------
-- sections
-- ---------------------------------------------------------------------------------------------

-- Options of the page that all its reports have.
CREATE FUNCTION journey._inherited(r journey._reading) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$SELECT jsonb_strip_nulls(jsonb_build_object('data_until', r.data_until, 'segment', r.segment))$$;
COMMENT ON FUNCTION journey._inherited(journey._reading) IS 'internal: options of all reports of the page';

-- Sessions and people of each day; of weeks, months or years where there are many days.
CREATE FUNCTION journey._page_days(r journey._reading, since timestamptz, until timestamptz) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first date;
    last date;
    unit text;
    labels text[];
    visits numeric[];
    people numeric[];
    tips text[];
BEGIN
    EXECUTE format('SELECT min(session_date), max(session_date) FROM %I.sessions '
                   'WHERE started_at >= $1 AND started_at < $2 AND %s',
                   r.schema, journey._is_reported(r, 'person_id'::text)) INTO first, last USING since, until;
    unit := CASE WHEN last - first < 100 THEN 'day' WHEN last - first < 700 THEN 'week'
                 WHEN last - first < 3000 THEN 'month' ELSE 'year' END;
    EXECUTE format($sql$
        SELECT array_agg(to_char(d.day, CASE $3 WHEN 'year' THEN 'YYYY' WHEN 'month' THEN 'YYYY-MM' ELSE
            'YYYY-MM-DD' END) ORDER BY d.day),
               array_agg(coalesce(s.visits, 0) ORDER BY d.day), array_agg(coalesce(s.people, 0) ORDER BY d.day)
        FROM generate_series(date_trunc($3, $4::timestamp), date_trunc($3, $5::timestamp), ('1 '
            || $3)::interval) AS d (day)
        LEFT JOIN (SELECT date_trunc($3, session_date::timestamp) AS day, count(*) AS visits,
            count(DISTINCT person_id) AS people
                   FROM %I.sessions
                   WHERE started_at >= $1 AND started_at < $2 AND %s GROUP BY 1) AS s USING (day)$sql$,
                       r.schema, journey._is_reported(r, 'person_id'::text))
        INTO labels, visits, people USING since, until, unit, first, last;
    IF labels IS NULL THEN
        RETURN journey._page_section('days'::text, 'Sessions and people'::text,
            'There are no sessions in this time.'::text, ''::text);
    END IF;
    SELECT array_agg(format('%s: %s sessions, %s people', l, journey._in_words(v),
        journey._in_words(p)) ORDER BY n) INTO tips
    FROM unnest(labels, visits, people) WITH ORDINALITY AS x (l, v, p, n);
    RETURN journey._page_section('days'::text, 'Sessions and people'::text,
        format('By %s, time zone %s. People are counted once in each %1$s.', unit, r.time_zone),
        '<p class="key"><svg class="sw" aria-hidden="true"><rect class="a" width="100%" height="100%"/></svg>sessions'
        '<svg class="sw" viewBox="0 0 16 9" aria-hidden="true"><path class="l" d="M0 5H16"/></svg>people</p>'
        || journey._svg_columns('days'::text, 'Sessions and people by ' || unit,
            format('From %s to %s. The table below has the same values.',
               labels[1], labels[cardinality(labels)]), labels, '{a}'::text[], ARRAY[visits], NULL::numeric[], people, tips)
        || journey._page_table('days'::text, 'Sessions and people by ' || unit, ARRAY[unit, 'Sessions', 'People'],
               (SELECT array_agg(ARRAY[l, journey._in_words(v), journey._in_words(p)] ORDER BY n DESC)
                FROM unnest(labels, visits, people) WITH ORDINALITY AS x (l, v, p, n))));
END
$$;
COMMENT ON FUNCTION journey._page_days(journey._reading, timestamptz,
    timestamptz) IS 'internal: a section of the page';

CREATE FUNCTION journey._page_channels(r journey._reading, since timestamptz, until timestamptz, rows integer)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cells text[];
    bars numeric[];
BEGIN
    EXECUTE format($sql$
        WITH s AS (
            SELECT channel, person_id, page_views, is_bounce FROM %I.sessions
            WHERE started_at >= $1 AND started_at < $2 AND %s
        ), ranked AS (
            SELECT channel, row_number() OVER (ORDER BY count(*) DESC, channel COLLATE "C") AS rank,
                count(*) OVER () AS n
            FROM s GROUP BY channel
        ), sums AS (
            SELECT least(k.rank, $3 + 1) AS rank,
                   CASE WHEN min(k.rank) <= $3 THEN min(s.channel) ELSE format('(other: %%s more)',
                       max(k.n) - $3) END AS channel,
                   count(*) AS visits, count(DISTINCT s.person_id) AS people,
                   count(*) FILTER (WHERE s.is_bounce)::numeric / count(*) AS bounces, avg(s.page_views) AS pages
            FROM s JOIN ranked AS k ON k.channel IS NOT DISTINCT FROM s.channel
            GROUP BY least(k.rank, $3 + 1)
        )
        SELECT array_agg(ARRAY[channel, journey._in_words(visits), journey._in_words(people),
            journey._percent(bounces),
                               to_char(pages, 'FM999,990.0')] ORDER BY rank),
                                   array_agg(visits ORDER BY rank) FROM sums$sql$, r.schema,
                                       journey._is_reported(r, 'person_id'::text))
        INTO cells, bars USING since, until, rows;
    RETURN journey._page_section('channels'::text, 'Channels'::text,
        'Where sessions come from: the default channel group of each session. People may come by several.'::text,
        journey._page_table('channels'::text, 'Sessions by channel'::text,
            '{Channel,Sessions,People,Bounce rate,Pages per session}'::text[], cells, bars));
END
$$;
COMMENT ON FUNCTION journey._page_channels(journey._reading, timestamptz, timestamptz,
    integer) IS 'internal: a section of the page';

CREATE FUNCTION journey._page_campaigns(r journey._reading, since timestamptz, until timestamptz, rows integer)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cells text[];
    firsts numeric[];
    lasts numeric[];
BEGIN
    EXECUTE format($sql$
        WITH sums AS (
            SELECT campaign, sum(visits) AS visits, sum(firsts) AS firsts, sum(lasts) AS lasts
            FROM (SELECT campaign, count(DISTINCT session_id) AS visits, 0 AS firsts, 0 AS lasts FROM %1$I.touches
                  WHERE touched_at >= $1 AND touched_at < $2 AND campaign IS NOT NULL AND %2$s GROUP BY 1
                  UNION ALL
                  SELECT first_touch_campaign, 0, count(*), 0 FROM %1$I.profiles
                  WHERE first_touch_at >= $1 AND first_touch_at < $2 AND first_touch_campaign IS NOT NULL
                      AND %2$s GROUP BY 1
                  UNION ALL
                  SELECT last_touch_campaign, 0, 0, count(*) FROM %1$I.profiles
                  WHERE last_touch_at >= $1 AND last_touch_at < $2
                      AND last_touch_campaign IS NOT NULL AND %2$s GROUP BY 1) AS t
            GROUP BY campaign
        ), ranked AS (
            SELECT s.*, row_number() OVER (ORDER BY firsts DESC, visits DESC, campaign COLLATE "C") AS rank,
                count(*) OVER () AS n FROM sums AS s
        ), shown AS (
            SELECT least(rank, $3 + 1) AS rank,
                   CASE WHEN min(rank) <= $3 THEN min(campaign) ELSE format('(other: %%s more)',
                       max(n) - $3) END AS campaign,
                   sum(visits) AS visits, sum(firsts) AS firsts, sum(lasts) AS lasts
            FROM ranked GROUP BY least(rank, $3 + 1)
        )
        SELECT array_agg(ARRAY[campaign, journey._in_words(visits), journey._in_words(firsts),
            journey._in_words(lasts)] ORDER BY rank),
               array_agg(firsts ORDER BY rank), array_agg(lasts ORDER BY rank) FROM shown$sql$, r.schema,
               journey._is_reported(r, 'person_id'::text))
        INTO cells, firsts, lasts USING since, until, rows;
    RETURN journey._page_section('campaigns'::text, 'Campaigns'::text,
        CASE WHEN cells IS NULL THEN 'No session of this time came by a campaign.'
             ELSE 'Sessions that a campaign brought, and people whose first or last touch in this time is of it.' END,
        coalesce('<p class="key"><svg class="sw" aria-hidden="true"><rect class="a" width="100%" '
            'height="100%"/></svg>first touch '
        '(upper bar)<svg class="sw" aria-hidden="true"><rect fill="var(--o)" width="100%" '
            'height="100%"/></svg>last touch (lower bar)</p>'
        || journey._page_table('campaigns'::text, 'Campaigns'::text,
               '{Campaign,Sessions,People by first touch,People by last touch}'::text[], nullif(cells, '{}'),
                   firsts, lasts), ''));
END
$$;
COMMENT ON FUNCTION journey._page_campaigns(journey._reading, timestamptz, timestamptz,
    integer) IS 'internal: a section of the page';

-- The steps of a funnel that nobody asked for: to come, to be known, to pay.
CREATE FUNCTION journey._usual_steps(r journey._reading) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result text[];
BEGIN
    EXECUTE format($sql$
        SELECT ARRAY[CASE WHEN sum(page_views) > 0 THEN '{"kind": "page"}' ELSE '*' END]
               || CASE WHEN bool_or(identified_at IS NOT NULL) THEN 'kind:identify' END
               || (SELECT e.key FROM %1$I.profiles AS p CROSS JOIN jsonb_each(p.event_counts) AS e
                   WHERE p.revenue IS NOT NULL AND e.key = ANY ('{Order Completed,Checkout '
                       'Completed,Purchase,purchase,Subscription Started}'::text[])
                   GROUP BY e.key ORDER BY count(*) DESC, e.key COLLATE "C" LIMIT 1)
        FROM %1$I.profiles$sql$, r.schema) INTO result;
    RETURN (SELECT array_agg(CASE s WHEN '{"kind": "page"}' THEN 'kind:page' ELSE s END ORDER BY n)
            FROM unnest(result) WITH ORDINALITY AS x (s, n) WHERE s IS NOT NULL);
END
$$;
COMMENT ON FUNCTION journey._usual_steps(journey._reading) IS 'internal: the steps of a funnel that nobody asked for';

CREATE FUNCTION journey._page_funnel(model name, r journey._reading, since timestamptz, until timestamptz,
    options jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps text[] := (SELECT array_agg(s ORDER BY n) FROM jsonb_array_elements_text(options -> 'funnel') WITH
        ORDINALITY AS x (s, n));
    within interval := coalesce(journey._option_interval(options, 'within'::text), interval '168 hours');
    cells text[];
    bars numeric[];
    closed numeric;
    asked boolean := steps IS NOT NULL;
BEGIN
    steps := coalesce(steps, journey._usual_steps(r));
    SELECT array_agg(ARRAY[f.step || '. ' || f.name, journey._in_words(f.persons), journey._percent(f.share),
                           journey._percent(f.share_of_previous), journey._in_words(f.dropped),
                               journey._in_words(f.still_open),
                           journey._duration(f.median_seconds)] ORDER BY f.step),
           array_agg(f.persons ORDER BY f.step), (array_agg(f.closed_share ORDER BY f.step DESC))[1]
    INTO cells, bars, closed
    FROM journey.funnel_report(model, steps, within, since, until,
             options => journey._inherited(r)) AS f;
    RETURN journey._page_section('funnel'::text, 'Funnel'::text,
        format('People who took the steps in order within %s of the first, other events may lie between.%s Of '
            'those who came to the '
               'step before, dropped off are those whose time is over, still open those whose time is not; the '
                   'median time is from there. Of all whose time is over %s went all the way.',
               journey._duration(extract(epoch FROM within)),
               CASE WHEN asked THEN '' ELSE ' Nobody asked for steps (option funnel), so these are the usual ones.'
                   END,
               journey._percent(closed)),
        journey._page_table('funnel'::text, 'People per step'::text,
            '{Step,People,Of the start,Of the step before,Dropped off,Still open,Median time}'::text[],
            cells, bars));
END
$$;
COMMENT ON FUNCTION journey._page_funnel(name, journey._reading, timestamptz, timestamptz,
    jsonb) IS 'internal: a section of the page';

-- The table of cohorts, the newest at most; one scale of shades for all of it.
CREATE FUNCTION journey._page_retention(model name, r journey._reading, since timestamptz, until timestamptz,
    options jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unit text := coalesce(options ->> 'unit', 'week');
    first_step text := options ->> 'first_step';
    lines text;
    heads text;
    means numeric[];
    cohorts bigint;
BEGIN
    WITH cells AS (
        SELECT c.*, dense_rank() OVER (ORDER BY c.cohort DESC) AS age
        FROM journey.retention_report(model, first_step, options ->> 'return_step', unit, 8, NULL::text, since, until,
                 journey._inherited(r)) AS c
    ), scale AS (
        SELECT nullif(max(share), 0) AS top FROM cells WHERE age <= 16
    ), lined AS (
        SELECT c.cohort, format('<tr><th scope="row">%s%s</th><td>%s</td>%s</tr>',
                   to_char(c.cohort, CASE WHEN unit ~ 'hour|minute' THEN 'YYYY-MM-DD HH24:MI' ELSE 'YYYY-MM-DD' END),
                   CASE WHEN bool_or(c.is_cut) THEN ' (cut)' ELSE '' END, journey._in_words(max(c.persons)),
                   string_agg(CASE
                       WHEN c.returned IS NULL THEN '<td></td>'
                       WHEN NOT c.is_complete THEN format('<td class="u" title="%1$s of %2$s so far">%3$s *</td>',
                           c.returned, c.persons,
                                                          journey._percent(c.returned::numeric / c.persons))
                       ELSE format('<td class="h%1$s" title="%2$s of %3$s">%4$s</td>',
                                   least(9, floor(coalesce(10 * c.share / s.top, 0))), c.returned, c.persons,
                                   journey._percent(c.share)) END, '' ORDER BY c.period)) AS line
        FROM cells AS c CROSS JOIN scale AS s WHERE c.age <= 16 GROUP BY c.cohort
    ), mean AS (
        SELECT c.period, sum(c.returned) FILTER (WHERE c.is_complete)::numeric
                         / nullif(sum(c.persons) FILTER (WHERE c.is_complete), 0) AS share
        FROM cells AS c WHERE c.age <= 16 GROUP BY c.period
    )
    SELECT (SELECT string_agg(line, E'\n' ORDER BY cohort) FROM lined)
           || (SELECT '<tr class="mean"><th scope="row">Weighted mean</th><td></td>'
                      || string_agg('<td>' || journey._percent(share) || '</td>', '' ORDER BY period)
                          || '</tr>' FROM mean),
           (SELECT string_agg('<th scope="col">' || period || '</th>', '' ORDER BY period) FROM mean),
           (SELECT array_agg(round(100 * share, 1) ORDER BY period) FROM mean),
           (SELECT count(DISTINCT cohort) FROM cells)
    INTO lines, heads, means, cohorts;
    IF lines IS NULL THEN
        RETURN journey._page_section('retention'::text, 'Retention'::text, 'Nobody began in this time.'::text,
            ''::text);
    END IF;
    RETURN journey._page_section('retention'::text, 'Retention'::text,
        format('Of the people whose first %s falls into a %s, how many return in that one (0) and in each of the '
            'next. Time zone '
               '%s%s. Shades have one scale over the whole table. * not over yet, and in no mean.%s',
               coalesce(first_step, 'active event ever'), unit, r.time_zone,
               CASE unit WHEN 'week' THEN ', weeks begin on Monday' WHEN 'sunday_week' THEN
                   ', weeks begin on Sunday' ELSE '' END,
               CASE WHEN cohorts > 16 THEN format(' The last 16 of %s cohorts are shown.', cohorts) ELSE '' END),
        journey._svg_columns('retention'::text, 'Weighted mean of retention'::text,
            'The share that returned, by period. The last line of the table has the same values.'::text,
            (SELECT array_agg(unit || ' ' || n - 1 ORDER BY n) FROM generate_series(1, cardinality(means)) AS n),
                '{a}'::text[], ARRAY[means], NULL::numeric[], NULL::numeric[],
            (SELECT array_agg(format('%s %s: %s', unit, n - 1, journey._percent(m / 100)) ORDER BY n)
             FROM unnest(means) WITH ORDINALITY AS x (m, n)), ' %'::text)
        || format('<div class="scroll wide" tabindex="0" role="region" aria-label="Retention by cohort"><table '
            'id="retention" class="heat">'
                  '<caption>Retention by cohort</caption><thead><tr><th scope="col">Cohort (%s)</th><th '
                      'scope="col">People</th>%s</tr></thead>'
                  '<tbody>%s</tbody></table></div>', journey._html(unit), heads, lines));
END
$$;
COMMENT ON FUNCTION journey._page_retention(name, journey._reading, timestamptz, timestamptz,
    jsonb) IS 'internal: a section of the page';

CREATE FUNCTION journey._page_lifecycle(model name, r journey._reading, since timestamptz, until timestamptz,
    options jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unit text := coalesce(options ->> 'unit', 'week');
    l record;
BEGIN
    IF unit ~ '^[0-9]' THEN
        unit := 'week';         -- it has periods of the calendar alone
    END IF;
    SELECT array_agg(to_char(x.period, 'YYYY-MM-DD') ORDER BY x.period) AS labels,
           array_agg(x.new_persons::numeric ORDER BY x.period) AS fresh,
           array_agg(x.returning_persons::numeric ORDER BY x.period) AS again,
           array_agg(x.resurrected_persons::numeric ORDER BY x.period) AS resurrected,
           array_agg(x.dormant_persons::numeric ORDER BY x.period) AS dormant,
           array_agg(format('%s: %s new, %s returning, %s resurrected, %s dormant', to_char(x.period, 'YYYY-MM-DD'),
               x.new_persons,
                            x.returning_persons, x.resurrected_persons, coalesce(x.dormant_persons::text,
                                '?')) ORDER BY x.period) AS tips,
           array_agg(ARRAY[to_char(x.period, 'YYYY-MM-DD') || CASE WHEN x.is_complete THEN '' ELSE ' *' END,
                           journey._in_words(x.active_persons), journey._in_words(x.new_persons),
                           journey._in_words(x.returning_persons), journey._in_words(x.resurrected_persons),
                           journey._in_words(x.dormant_persons)] ORDER BY x.period DESC) AS cells
    INTO l
    FROM (SELECT y.* FROM journey.lifecycle_report(model, NULL::text, unit, since, until,
        journey._inherited(r)) AS y
          ORDER BY y.period DESC LIMIT 60) AS x;
    IF l.labels IS NULL THEN
        RETURN '';
    END IF;
    RETURN journey._page_section('lifecycle'::text, 'Lifecycle'::text,
        format('Active people by %s: new, returning (active in the %1$s before too), resurrected (back after a '
            'pause); below the line '
               'dormant ones, who were active in the %1$s before and not in this. * not over yet.', unit),
        '<p class="key"><svg class="sw" aria-hidden="true"><rect class="o" width="100%" height="100%"/></svg>new'
        '<svg class="sw" aria-hidden="true"><rect class="a" width="100%" height="100%"/></svg>returning'
        '<svg class="sw" aria-hidden="true"><rect class="e" width="100%" height="100%"/></svg>resurrected'
        '<svg class="sw" aria-hidden="true"><rect class="d" width="100%" height="100%"/></svg>dormant</p>'
        || journey._svg_columns('lifecycle'::text, 'Lifecycle by ' || unit,
            'The table below has the same values.'::text, l.labels, '{a,o,e}'::text[],
            ARRAY[l.again, l.fresh, l.resurrected], l.dormant, NULL::numeric[], l.tips)
        || journey._page_table('lifecycle'::text, 'Lifecycle by ' || unit, ARRAY[unit, 'Active', 'New', 'Returning',
            'Resurrected', 'Dormant'],
               l.cells));
END
$$;
COMMENT ON FUNCTION journey._page_lifecycle(name, journey._reading, timestamptz, timestamptz,
    jsonb) IS 'internal: a section of the page';

CREATE FUNCTION journey._page_paths(model name, r journey._reading, since timestamptz, until timestamptz,
    options jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_what text;
    start_at text := options ->> 'start_at';
    edges jsonb;
    cells text[];
BEGIN
    EXECUTE format('SELECT CASE WHEN sum(page_views) > 0 THEN %L ELSE %L END FROM %I.sessions', 'pages', 'events',
        r.schema) INTO of_what;
    SELECT jsonb_agg(jsonb_build_object('step', p.step, 'source', p.source, 'target', p.target, 'persons',
        p.persons, 'is_end', p.is_end)),
           array_agg(ARRAY[p.step || '. ' || p.source, p.target, journey._in_words(p.persons),
               journey._percent(p.share)]
                     ORDER BY p.step, p.persons DESC, p.source COLLATE "C", p.target COLLATE "C")
    INTO edges, cells
    FROM journey.paths_report(model, start_at, NULL::text, 4, since, until,
             jsonb_build_object('per', 'session', 'nodes', 8, 'of', of_what) || journey._inherited(r)) AS p;
    IF edges IS NULL THEN
        RETURN journey._page_section('paths'::text, 'Paths'::text, 'No session has a path in this time.'::text,
            ''::text);
    END IF;
    RETURN journey._page_section('paths'::text, 'Paths'::text,
        format('Sessions, from %s on, over four steps: the %s seen one after the other, the same again right '
            'after counts once. Of each step '
               'the eight most frequent have a name.', coalesce(start_at, 'their begin'), of_what),
        journey._svg_sankey('paths'::text, 'Paths of sessions'::text,
            'What comes from the left goes on to the right or ends. The table below has '
            'the same values.'::text, edges)
        || journey._page_table('paths'::text, 'Paths of sessions'::text, '{From,To,Sessions,Share}'::text[], cells));
END
$$;
COMMENT ON FUNCTION journey._page_paths(name, journey._reading, timestamptz, timestamptz,
    jsonb) IS 'internal: a section of the page';

CREATE FUNCTION journey._page_pages(model name, r journey._reading, since timestamptz, until timestamptz,
    rows integer)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cells text[];
    bars numeric[];
    more bigint;
BEGIN
    SELECT array_agg(ARRAY[p.page, journey._in_words(p.views), journey._in_words(p.entries),
        journey._in_words(p.exits),
                           journey._percent(p.bounce_rate), journey._duration(p.median_seconds)] ORDER BY p.n),
           array_agg(p.views ORDER BY p.n), max(p.total) - rows
    INTO cells, bars, more
    FROM (SELECT x.*, row_number() OVER (ORDER BY x.views DESC, x.page COLLATE "C") AS n, count(*) OVER () AS total
          FROM journey.page_report(model, since, until, options => journey._inherited(r)) AS x) AS p
    WHERE p.n <= rows;
    RETURN journey._page_section('pages'::text, 'Pages'::text,
        'In sessions that began in this time. Bounces are of those who entered here; time is to the next event of '
            'the session.'
        || CASE WHEN more > 0 THEN format(' %s more pages are not shown.', journey._in_words(more)) ELSE '' END,
        coalesce(journey._page_table('pages'::text, 'Views by page'::text,
            '{Page,Views,Entries,Exits,Bounce rate,Median time}'::text[],
                 nullif(cells, '{}'), bars), ''));
END
$$;
COMMENT ON FUNCTION journey._page_pages(name, journey._reading, timestamptz, timestamptz,
    integer) IS 'internal: a section of the page';

-- The interval of a difference as a picture; `most` is the end of its scale.
CREATE FUNCTION journey._svg_interval(difference numeric, lower numeric, upper numeric, most numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN lower IS NULL OR most IS NULL THEN '' ELSE format('<svg viewBox="0 0 100 12" '
        'aria-hidden="true"><path class="grid" d="M50 0V12"/>'
        '<path class="l" d="M%s 6H%s"/><circle class="a" cx="%s" cy="6" r="3"/></svg>',
        round(50 + 48 * lower / most, 1), round(50 + 48 * upper / most, 1), round(50 + 48 * difference / most, 1)) END
$$;
COMMENT ON FUNCTION journey._svg_interval(numeric, numeric, numeric,
    numeric) IS 'internal: the interval of a difference';

CREATE FUNCTION journey._page_experiment(model name, r journey._reading, since timestamptz, until timestamptz,
    asked jsonb, number integer)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lines text;
    said text;
BEGIN
    PERFORM journey._check_keys(asked, '{name,exposure,variant,goals,weights,options}'::text[]);
    WITH x AS (
        SELECT e.*, max(greatest(abs(e.lower), abs(e.upper))) OVER (PARTITION BY e.metric, e.goal) AS most
        FROM journey.experiment_report(model, CASE jsonb_typeof(asked -> 'exposure') WHEN 'string' THEN asked ->>
            'exposure'
                     ELSE (asked -> 'exposure')::text END, asked ->> 'variant',
                 (SELECT coalesce(array_agg(g ORDER BY n), '{}') FROM jsonb_array_elements_text(asked -> 'goals')
                     WITH ORDINALITY AS y (g, n)),
                 nullif(asked -> 'weights', 'null'), since, until,
                 coalesce(asked -> 'options', '{}') || journey._inherited(r)) WITH ORDINALITY
             AS e (metric, goal, variant_name, is_control, persons, several_variants, converted, still_open, rate,
                 mean, difference,
                   lower, upper, lift, statistic, p_value, fisher_p_value, comparisons, message, n)
    )
    SELECT string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td '
        'class="b">%s</td><td>%s</td></tr>',
               journey._html(CASE x.metric WHEN 'exposure' THEN 'Exposed' WHEN 'conversion' THEN x.goal
                   WHEN 'retention' THEN coalesce('Returned: ' || x.goal, 'Returned')
                   ELSE CASE x.metric WHEN 'revenue' THEN 'Revenue per person' ELSE 'Revenue per person, CUPED' END
                       || coalesce(', ' || x.goal, '') END),
               journey._html(x.variant_name) || CASE WHEN x.is_control THEN ' (control)' ELSE '' END,
                   journey._in_words(x.persons),
               CASE WHEN x.mean IS NULL THEN journey._percent(x.rate::numeric) ELSE to_char(x.mean::numeric,
                   'FM999,999,990.00') END,
               CASE WHEN x.difference IS NULL THEN '' WHEN x.mean IS NULL
                    THEN format('%s (%s to %s) points', round(100 * x.difference::numeric, 2),
                        round(100 * x.lower::numeric, 2), round(100 * x.upper::numeric, 2))
                    ELSE format('%s (%s to %s)', round(x.difference::numeric, 2), round(x.lower::numeric, 2),
                        round(x.upper::numeric, 2)) END,
               journey._svg_interval(x.difference::numeric, x.lower::numeric, x.upper::numeric,
                   nullif(x.most::numeric, 0)),
               CASE WHEN x.metric = 'exposure' OR x.p_value IS NULL THEN '' ELSE round(x.p_value::numeric,
                   4)::text END), E'\n' ORDER BY x.n),
           concat_ws(' ', coalesce(max(x.message) FILTER (WHERE x.metric = 'exposure'),
                                   CASE WHEN count(*) = 0 THEN 'Nobody was exposed in this time.' END),
                     CASE WHEN max(x.comparisons) > 0 THEN
                         format('Comparisons made at once: %s. Of twenty without any effect one has a p below '
                             '0.05.', max(x.comparisons)) END)
    INTO lines, said
    FROM x;
    RETURN format('<h3>%s</h3><p class="note">%s</p><div class="scroll wide" tabindex="0" role="region" '
        'aria-label="%1$s"><table id="experiment-%3$s">'
        '<caption>%1$s</caption><thead><tr><th scope="col">Of</th><th scope="col">Variant</th><th '
            'scope="col">People</th><th scope="col">Rate or mean</th>'
        '<th scope="col">Difference to the control</th><td></td><th '
            'scope="col">p</th></tr></thead><tbody>%4$s</tbody></table></div>',
        journey._html(coalesce(asked ->> 'name', asked ->> 'exposure')), journey._html(said, 1000),
        number, coalesce(lines, ''));
END
$$;
COMMENT ON FUNCTION journey._page_experiment(name, journey._reading, timestamptz, timestamptz, jsonb, integer) IS
    'internal: an experiment on the page';

CREATE FUNCTION journey._page_health(model name, r journey._reading) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cells text[];
    bars numeric[];
    body text := '';
BEGIN
    IF has_table_privilege(to_regclass(format('%I.rejected_events', r.schema)), 'SELECT') THEN
        EXECUTE format('SELECT array_agg(ARRAY[reason, journey._in_words(n)] ORDER BY n DESC, reason COLLATE '
            '"C"), array_agg(n ORDER BY n DESC, reason COLLATE "C") '
                       'FROM (SELECT reason, count(*) AS n FROM %I.rejected_events GROUP BY reason ORDER BY n '
                           'DESC LIMIT 50) AS x', r.schema)
            INTO cells, bars;
        body := CASE WHEN cells IS NULL THEN '<p>No row was rejected.</p>'
                     ELSE journey._page_table('rejected'::text, 'Rejected rows by reason'::text,
                         '{Reason,Rows}'::text[], cells, bars) END;
    END IF;
    SELECT array_agg(ARRAY[x.name, pg_size_pretty(x.bytes)] ORDER BY x.bytes DESC, x.name),
        array_agg(x.bytes ORDER BY x.bytes DESC, x.name)
    INTO cells, bars
    FROM (SELECT c.relname::text AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class AS c
          WHERE c.relnamespace IN (to_regnamespace(quote_ident(r.schema)),
                                   to_regnamespace(quote_ident(r.store_schema)))
            AND c.relkind = ANY ('{r,m,p}'::"char"[])
          ORDER BY 2 DESC LIMIT 8) AS x;
    RETURN journey._page_section('health'::text, 'Health of the model'::text,
        format('Last refresh %s UTC, %s before this page was made. The newest event is of %s UTC.',
               coalesce(to_char(r.refreshed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), 'never'),
               journey._duration(extract(epoch FROM transaction_timestamp() - r.refreshed_at)),
               coalesce(to_char(r.data_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '-')),
        body || journey._page_table('sizes'::text, 'Largest relations, with indexes'::text,
            '{Relation,Size}'::text[], cells, bars));
END
$$;
COMMENT ON FUNCTION journey._page_health(name, journey._reading) IS 'internal: a section of the page';

-- Figures of the whole time.
CREATE FUNCTION journey._page_tiles(r journey._reading, since timestamptz, until timestamptz) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format($sql$
        SELECT format('<dl class="tiles"><div><dt>Sessions</dt><dd '
            'id="tile-sessions">%%s</dd></div><div><dt>People</dt><dd id="tile-people">%%s</dd></div>'
                      '<div><dt>New people</dt><dd id="tile-new">%%s</dd></div><div><dt>Pages per '
                          'session</dt><dd>%%s</dd></div>'
                      '<div><dt>Bounce rate</dt><dd>%%s</dd></div></dl>',
                      journey._in_words(count(*)), journey._in_words(count(DISTINCT person_id)),
                      journey._in_words((SELECT count(*) FROM %1$I.profiles
                                         WHERE first_seen_at >= $1 AND first_seen_at < $2 AND %2$s)),
                      coalesce(to_char(avg(page_views), 'FM999,990.0'), '-'),
                      journey._percent(count(*) FILTER (WHERE is_bounce)::numeric / nullif(count(*), 0)))
        FROM %1$I.sessions WHERE started_at >= $1 AND started_at < $2 AND %2$s$sql$,
        r.schema, journey._is_reported(r, 'person_id'::text)) INTO result USING since, until;
    RETURN result;
END
$$;
COMMENT ON FUNCTION journey._page_tiles(journey._reading, timestamptz,
    timestamptz) IS 'internal: figures of the page';

-- ---------------------------------------------------------------------------------------------
-- the page
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION journey.report(model name, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    r journey._reading := journey._read_model(model, options,
        '{title,rows,funnel,within,unit,first_step,return_step,start_at,experiments}'::text[]);
    rows integer := least(journey._option_count(options, 'rows'::text, 15), 100);
    title text := coalesce(options ->> 'title', format('Journeys of %s', model));
    from_at timestamptz;
    to_at timestamptz := coalesce(until, 'infinity');
    experiments text;
BEGIN
    IF options ? 'funnel' AND NOT journey._is_texts(options -> 'funnel') THEN
        PERFORM journey._bad_option('funnel'::text, options -> 'funnel', 'an array of steps'::text);
    END IF;
    IF coalesce(jsonb_typeof(options -> 'experiments'), 'array') <> 'array' OR jsonb_array_length(options ->
        'experiments') > 20 THEN
        PERFORM journey._bad_option('experiments'::text, options -> 'experiments',
            'an array of at most 20 experiments'::text);
    END IF;
    -- without a begin the last twelve weeks and what there is of this
    from_at := coalesce(since, date_trunc('week', least(until,
        r.data_until) AT TIME ZONE r.time_zone - interval '12 weeks')
                               AT TIME ZONE r.time_zone, '-infinity');
    SELECT string_agg(journey._page_experiment(model, r, since, until, e, n::integer), '' ORDER BY n) INTO experiments
    FROM jsonb_array_elements(options -> 'experiments') WITH ORDINALITY AS x (e, n);
    RETURN '<!DOCTYPE html>' || E'\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        || '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''">'
            || E'\n'
        || '<meta name="viewport" content="width=device-width, initial-scale=1">' || E'\n<title>'
            || journey._html(title) || E'</title>\n<style>'
        || journey._page_style() || E'</style>\n</head>\n<body>\n'
        -- the patterns of all pictures: they are found by their ids
        || '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
           '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
           '<rect width="6" height="6" style="fill:var(--bg)"/><rect width="3.5" height="6" '
               'style="fill:var(--o)"/></pattern>'
           '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" '
               'style="fill:var(--bg)"/>'
           '<circle cx="3" cy="3" r="2.3" style="fill:var(--e)"/></pattern></defs></svg>'
        || format(E'<header><h1>%s</h1>\n<p class="note">%s to %s, time zone %s. Data until %s.</p>\n'
                  '<nav aria-label="Sections">%s</nav></header>\n<main>\n',
               journey._html(title), to_char(nullif(from_at, '-infinity') AT TIME ZONE r.time_zone,
                   'YYYY-MM-DD HH24:MI'),
               coalesce(to_char(until AT TIME ZONE r.time_zone, 'YYYY-MM-DD HH24:MI'), 'the newest event'),
                   journey._html(r.time_zone),
               coalesce(to_char(r.data_until AT TIME ZONE r.time_zone, 'YYYY-MM-DD HH24:MI'), '-'),
               (SELECT string_agg(format('<a href="#h-%s">%s</a>', id, name), ' ' ORDER BY n)
                FROM unnest('{Sessions,Channels,Campaigns,Funnel,Retention,Lifecycle,Paths,Pages,Experiments,'
                            'Health}'::text[]) WITH ORDINALITY AS s (name, n)
                CROSS JOIN LATERAL (SELECT CASE name WHEN 'Sessions' THEN 'days' ELSE lower(name) END) AS i (id)))
        || journey._page_tiles(r, from_at, to_at)
        || journey._page_days(r, from_at, to_at)
        || journey._page_channels(r, from_at, to_at, rows)
        || journey._page_campaigns(r, from_at, to_at, rows)
        || journey._page_funnel(model, r, from_at, until, options)
        || journey._page_retention(model, r, from_at, until, options)
        || journey._page_lifecycle(model, r, from_at, until, options)
        || journey._page_paths(model, r, from_at, until, options)
        || journey._page_pages(model, r, from_at, until, rows)
        || journey._page_section('experiments'::text, 'Experiments'::text,
               CASE WHEN experiments IS NULL THEN 'None was asked for (option experiments).'
                    ELSE 'Each person counts in the variant of the first exposure, and what came before it does '
                        'not count. The values hold for a '
                         'size that was fixed before: who looks often and stops at the first p below 0.05 errs '
                             'more often.' END,
               coalesce(experiments, ''))
        || journey._page_health(model, r)
        || E'</main>\n</body>\n</html>\n';
END
$$;
COMMENT ON FUNCTION journey.report(name, timestamptz, timestamptz, jsonb) IS
    'a page of HTML about a model: sessions, channels, campaigns, funnel, retention, paths, experiments, health';
