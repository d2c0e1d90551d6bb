-- One row per year and genre: films, money, and popularity with its rank among the year's genres.
WITH metrics AS (
  SELECT
    year(f.release_date) AS year,
    g.genre_name,
    count(*)             AS film_count,
    sum(f.budget)        AS budget,
    sum(f.revenue)       AS revenue,
    sum(f.profit)        AS profit,
    count(f.exact_popularity) AS popularity_count,
    -- As decimals, so that equal sums are equal; see top_rated_movies.sql.
    CAST(sum(f.exact_popularity) AS DOUBLE) AS popularity_sum
  FROM (
    -- Of values that no film has (1e10 and more, NaN), nothing is known.
    SELECT *, try_cast(popularity AS DECIMAL(28, 18)) AS exact_popularity FROM movies
  ) f
  JOIN film_genres g ON g.movie_id = f.movie_id
  WHERE f.release_date IS NOT NULL
  GROUP BY year(f.release_date), g.genre_name
)
SELECT
  year,
  genre_name,
  film_count,
  budget,
  revenue,
  profit,
  popularity_sum,
  popularity_sum / nullif(popularity_count, 0) AS popularity_mean,
  row_number() OVER (
    PARTITION BY year
    ORDER BY popularity_sum DESC NULLS LAST, genre_name
  ) AS popularity_rank
FROM metrics
