-- ranks that skip or repeat a place
WITH ranks AS (
  SELECT 'top_rated_movies' AS mart, count(*) AS places, max(rank) AS last FROM top_rated_movies
  UNION ALL
  SELECT 'genre_popularity', count(*), max(rank) FROM genre_popularity
  UNION ALL
  SELECT 'genre_earnings_real', count(*), max(rank) FROM genre_earnings_real
)
SELECT
  mart,
  places,
  last
FROM ranks
WHERE last <> places
