-- The 250 films that are rated best, weighted as IMDb does it: to each film's ratings come
-- :prior_ratings more of the overall mean, so that a handful of enthusiasts makes no classic.
--
-- Ratings are summed as decimals, here and elsewhere: such sums do not depend on the order of the
-- rows, and equal ones are equal, so that the next criterion decides.
WITH overall AS (
  SELECT
    CAST(sum(try_cast(rating AS DECIMAL(20, 6))) AS DOUBLE) / nullif(count(*), 0) AS c,
    :prior_ratings AS m
  FROM ratings
),
rated AS (
  SELECT
    movie_id,
    count(*) AS rating_count,
    CAST(sum(try_cast(rating AS DECIMAL(20, 6))) AS DOUBLE) / count(*) AS rating_mean
  FROM ratings
  GROUP BY movie_id
),
weighted AS (
  SELECT
    movie_id,
    rating_count,
    rating_mean,
    rating_count / (rating_count + m) * rating_mean + m / (rating_count + m) * c
      AS weighted_rating
  FROM rated
  CROSS JOIN overall
)
SELECT
  row_number() OVER (ORDER BY w.weighted_rating DESC, w.movie_id) AS rank,
  w.movie_id,
  movies.title,
  w.rating_count,
  w.rating_mean,
  w.weighted_rating
FROM weighted w
JOIN movies ON movies.movie_id = w.movie_id
ORDER BY rank
LIMIT 250
