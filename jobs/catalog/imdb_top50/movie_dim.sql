-- All versions of all films that were ever listed. A new version ends the current one. Its key
-- consists of the day, the number of the film's version in the day and the film's number, so that
-- it never becomes another film's key, even if all history is lost.
WITH judged AS (
  SELECT *, coalesce(new_fingerprint <> current_fingerprint, false) AS has_changed
  FROM versions
)
SELECT
  coalesce(
    movie_key,
    (CAST(datediff(:run_date, DATE'1970-01-01') AS BIGINT) * 100 + begun_today + 1) * 1000000000
      + try_cast(regexp_replace(imdb_id, '^tt([0-9]{1,9})$', '$1') AS BIGINT)
  ) AS movie_key,
  imdb_id, title, original_title, title_type, release_year, runtime_minutes, certificate, genres,
  summary, actors, directors, writers, genre_group_key, director_group_key, writer_group_key,
  valid_from,
  if(movie_key IS NOT NULL AND is_current AND has_changed, :run_date, valid_to) AS valid_to,
  is_current AND (movie_key IS NULL OR NOT has_changed) AS is_current
FROM judged
WHERE movie_key IS NOT NULL OR current_fingerprint IS NULL OR has_changed
