-- One row per month of the year: what the films that came out in it took in.
SELECT
  month(release_date)   AS month,
  quarter(release_date) AS quarter,
  count(*)              AS film_count,
  sum(revenue)          AS revenue_total,
  avg(revenue)          AS revenue_mean,
  median(revenue)       AS revenue_median
FROM movies
-- A revenue of 0 is an unknown one.
WHERE revenue > 0 AND release_date IS NOT NULL
GROUP BY month(release_date), quarter(release_date)
