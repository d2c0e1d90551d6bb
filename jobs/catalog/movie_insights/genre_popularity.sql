-- One row per genre: how often, by how many users and how well its films are rated.
WITH rated AS (
  SELECT
    g.genre_name,
    count(*)                  AS rating_count,
    count(DISTINCT r.user_id) AS user_count,
    CAST(sum(try_cast(r.rating AS DECIMAL(20, 6))) AS DOUBLE) / count(*) AS rating_mean
  FROM ratings r
  JOIN film_genres g ON g.movie_id = r.movie_id
  GROUP BY g.genre_name
)
SELECT
  row_number() OVER (ORDER BY rating_count DESC, genre_name) AS rank,
  genre_name,
  rating_count,
  user_count,
  rating_mean
FROM rated
