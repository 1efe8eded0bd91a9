SELECT c.channel, round(c.removal_effect, 9), round(c.conversions, 4)
FROM (SELECT journey.markov(path, conversions, value, nulls) AS credits FROM bench.paths) AS m, unnest(credits) AS c
