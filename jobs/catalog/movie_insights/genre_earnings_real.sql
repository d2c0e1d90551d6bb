-- One row per genre: what its films took in, in the money of the last month that has a CPI.
--
-- Count and sums are over the films whose month of release has a CPI; the others, and those
-- without a release date, are counted apart.
WITH latest AS (
  SELECT max_by(cpi, month) AS cpi
  FROM cpi
),
priced AS (
  SELECT
    g.genre_name,
    f.revenue,
    cpi.cpi                          AS then_cpi,
    f.revenue * latest.cpi / cpi.cpi AS revenue_now
  FROM movies f
  JOIN film_genres g ON g.movie_id = f.movie_id
  CROSS JOIN latest
  LEFT JOIN cpi ON cpi.month = trunc(f.release_date, 'MM')
  -- A revenue of 0 is an unknown one.
  WHERE f.revenue > 0
),
earnings AS (
  SELECT
    genre_name,
    count(then_cpi)                                                  AS film_count,
    coalesce(sum(revenue) FILTER (WHERE then_cpi IS NOT NULL), 0)    AS revenue_nominal,
    coalesce(sum(revenue_now), 0)                                    AS revenue_real,
    count_if(then_cpi IS NULL)                                       AS films_without_cpi
  FROM priced
  GROUP BY genre_name
)
SELECT
  row_number() OVER (ORDER BY revenue_real DESC, genre_name) AS rank,
  genre_name,
  film_count,
  revenue_nominal,
  revenue_real,
  films_without_cpi
FROM earnings
