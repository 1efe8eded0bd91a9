select 'Paid Search' as channel, date '2026-03-02' as day, 12.50 as spend
