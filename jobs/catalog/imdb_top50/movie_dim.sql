-- All versions of all films that were ever listed. A new version ends the current one; keys go on
-- where the run before stopped.
WITH judged AS (
  SELECT *, coalesce(new_fingerprint <> current_fingerprint, false) AS has_changed
  FROM versions
)
SELECT
  coalesce(
    movie_key,
    coalesce(last_key, 0) + row_number() OVER (PARTITION BY movie_key IS NULL ORDER BY imdb_id)
  ) AS movie_key,
  imdb_id, title, original_title, title_type, release_year, runtime_minutes, certificate, genres,
  summary, actors, directors, writers, genre_group_key, director_group_key, writer_group_key,
  valid_from,
  if(movie_key IS NOT NULL AND is_current AND has_changed, :run_date, valid_to) AS valid_to,
  is_current AND (movie_key IS NULL OR NOT has_changed) AS is_current
FROM judged
WHERE movie_key IS NOT NULL OR current_fingerprint IS NULL OR has_changed
