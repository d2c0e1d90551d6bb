-- IMDb's weighted rating: v / (v + m) * R + m / (v + m) * C. The mean is one of decimals, whose sum
-- is the same in whatever order they are added.
WITH means AS (
  SELECT
    *,
    if(:mean_rating > 0, :mean_rating, CAST(avg(average_rating) OVER () AS DOUBLE)) AS mean
  FROM candidates
)
SELECT
  imdb_id, title, original_title, title_type, release_year, runtime_minutes, genres,
  average_rating, num_votes,
  (num_votes * CAST(average_rating AS DOUBLE) + :min_votes * mean) / (num_votes + :min_votes)
    AS weighted_rating
FROM means
