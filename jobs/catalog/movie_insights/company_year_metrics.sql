-- One row per year and company: films, money, and mean popularity.
WITH metrics AS (
  SELECT
    year(f.release_date) AS year,
    c.company_name,
    count(*)             AS film_count,
    sum(f.budget)        AS budget,
    sum(f.revenue)       AS revenue,
    sum(f.profit)        AS profit,
    count(f.exact_popularity) AS popularity_count,
    -- As decimals, see top_rated_movies.sql.
    CAST(sum(f.exact_popularity) AS DOUBLE) AS popularity_sum
  FROM (
    -- Of values that no film has (1e10 and more, NaN), nothing is known.
    SELECT *, try_cast(popularity AS DECIMAL(28, 18)) AS exact_popularity FROM movies
  ) f
  JOIN film_companies c ON c.movie_id = f.movie_id
  WHERE f.release_date IS NOT NULL
  GROUP BY year(f.release_date), c.company_name
)
SELECT
  year,
  company_name,
  film_count,
  budget,
  revenue,
  profit,
  popularity_sum / nullif(popularity_count, 0) AS popularity_mean
FROM metrics
