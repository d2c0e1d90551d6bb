-- All versions so far, and behind them a row per listed film, which is a new version if its
-- fingerprint is not that of the current one.
WITH all_rows AS (
  SELECT
    movie_key, imdb_id, title, original_title, title_type, release_year, runtime_minutes,
    certificate, genres, summary, actors, directors, writers, genre_group_key, director_group_key,
    writer_group_key, valid_from, valid_to, is_current
  FROM movies_before
  UNION ALL
  SELECT
    CAST(NULL AS BIGINT), imdb_id, title, original_title, title_type, release_year, runtime_minutes,
    certificate, genres, summary, actors, directors, writers, genre_group_key, director_group_key,
    writer_group_key, :run_date, CAST(NULL AS DATE), true
  FROM movies
),
marked AS (
  SELECT
    *,
    md5(concat_ws(
      '\t', coalesce(title, ''), coalesce(original_title, ''), coalesce(title_type, ''),
      coalesce(CAST(release_year AS STRING), ''), coalesce(CAST(runtime_minutes AS STRING), ''),
      coalesce(certificate, ''), coalesce(genres, ''), coalesce(summary, ''), coalesce(actors, ''),
      coalesce(director_group_key, ''), coalesce(writer_group_key, '')
    )) AS fingerprint
  FROM all_rows
)
SELECT
  *,
  sum(if(movie_key IS NOT NULL AND valid_from = :run_date, 1, 0)) OVER (PARTITION BY imdb_id)
    AS begun_today,
  max(if(movie_key IS NOT NULL AND is_current, fingerprint, NULL)) OVER (PARTITION BY imdb_id)
    AS current_fingerprint,
  max(if(movie_key IS NULL, fingerprint, NULL)) OVER (PARTITION BY imdb_id) AS new_fingerprint
FROM marked
