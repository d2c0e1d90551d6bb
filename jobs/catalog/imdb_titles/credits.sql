-- One row per place in a title's list of directors or of writers.
--
-- The lists are texts such as 'nm0000005,nm0000007'. The place counts from 0 within its list; a
-- person who stands in a list twice is here twice. A title without a list has no rows.
SELECT
  tconst,
  'directors' AS role,
  posexplode(split(directors, ',')) AS (place, nconst)
FROM crew
UNION ALL
SELECT
  tconst,
  'writers' AS role,
  posexplode(split(writers, ',')) AS (place, nconst)
FROM crew
