-- One row per genre. Of several names under one id, the one that sorts first counts.
SELECT
  genre_id,
  min(genre_name) AS genre_name
FROM film_genres
GROUP BY genre_id
