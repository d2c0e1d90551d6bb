-- All versions of all films that were ever listed. Keys go on where the run before stopped.
WITH last AS (
  SELECT coalesce(max(movie_key), 0) AS movie_key FROM movies_before
)
SELECT
  b.movie_key, b.imdb_id, b.title, b.original_title, b.title_type, b.release_year,
  b.runtime_minutes, b.certificate, b.genres, b.summary, b.actors, b.directors, b.writers,
  b.genre_group_key, b.director_group_key, b.writer_group_key,
  b.valid_from,
  if(c.imdb_id IS NULL, b.valid_to, :run_date) AS valid_to,
  b.is_current AND c.imdb_id IS NULL AS is_current
FROM movies_before b
LEFT JOIN changed_movies c ON c.replaced_key = b.movie_key
UNION ALL
SELECT
  l.movie_key + row_number() OVER (ORDER BY c.imdb_id), c.imdb_id, c.title, c.original_title,
  c.title_type, c.release_year,
  c.runtime_minutes, c.certificate, c.genres, c.summary, c.actors, c.directors, c.writers,
  c.genre_group_key, c.director_group_key, c.writer_group_key,
  :run_date,
  CAST(NULL AS DATE),
  true
FROM changed_movies c
CROSS JOIN last l
