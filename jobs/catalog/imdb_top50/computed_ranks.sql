-- The lists, one row per genre and place. Of equals, the one with more votes comes first, then the
-- one with the lower id.
WITH placed AS (
  SELECT
    imdb_id,
    genre,
    weighted_rating,
    row_number() OVER (
      PARTITION BY genre ORDER BY weighted_rating DESC, num_votes DESC, imdb_id
    ) AS place
  FROM (SELECT imdb_id, num_votes, weighted_rating, explode(split(genres, ',')) AS genre FROM weighted)
)
SELECT imdb_id, genre, CAST(place AS INT) AS genre_rank, weighted_rating
FROM placed
WHERE place <= :list_size
