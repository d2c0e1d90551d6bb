-- A capture or a version that is newer than this run: history is not written backwards
SELECT capture_date AS day
FROM days_before
WHERE capture_date > :run_date
UNION
SELECT greatest(valid_from, coalesce(valid_to, valid_from))
FROM movies_before
WHERE valid_from > :run_date OR valid_to > :run_date
