-- One row per day on which a film came out.
SELECT DISTINCT
  release_date             AS date,
  day(release_date)        AS day,
  -- ISO's week, which may belong to the year before or after.
  weekofyear(release_date) AS week,
  month(release_date)      AS month,
  quarter(release_date)    AS quarter,
  year(release_date)       AS year
FROM movies
WHERE release_date IS NOT NULL
