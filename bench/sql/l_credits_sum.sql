SELECT count(*), sum(hashtextextended(concat_ws(' ', conversion_id, touch_id, position, path_length, {columns}), 0))
FROM bench.credits_{which}
