-- films that stand in the file more than once
-- severity: warn
-- films.sql keeps one record of each.
SELECT
  id       AS movie_id,
  count(*) AS records
FROM movies_csv
WHERE id IS NOT NULL
GROUP BY id
HAVING count(*) > 1
