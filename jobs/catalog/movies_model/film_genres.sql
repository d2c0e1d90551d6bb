-- One row per entry in a film's list of genres.
--
-- An entry without an integer id or without a name in text is left out.
SELECT
  movie_id,
  genre.id   AS genre_id,
  genre.name AS genre_name
FROM films
LATERAL VIEW explode(genres) AS genre
WHERE genre.id IS NOT NULL AND genre.name IS NOT NULL
