-- This run's lists, one row per film and genre, with all that is known of the film. Where there is a
-- scraped list, it takes the place of the computed one.
WITH both_lists AS (
  SELECT
    0 AS is_scraped, imdb_id, genre, genre_rank, weighted_rating, title, original_title, title_type,
    release_year, runtime_minutes, CAST(NULL AS STRING) AS certificate, genres,
    CAST(NULL AS STRING) AS summary, average_rating, num_votes, CAST(NULL AS INT) AS metascore,
    CAST(NULL AS BIGINT) AS gross_earnings, people
  FROM computed
  UNION ALL
  -- `Name@nconst,Name@nconst`: a comma that does not follow an id belongs to a name. What is left
  -- over behind the last id is a line without one.
  SELECT
    1, imdb_id, genre, genre_rank, CAST(NULL AS DOUBLE), title, CAST(NULL AS STRING),
    CAST(NULL AS STRING), release_year, runtime_minutes, certificate, genres,
    summary, average_rating, num_votes, metascore,
    gross_earnings,
    concat(
      coalesce(regexp_replace(
        translate(directors, '\t\r\n', '   '),
        '(.*?)@ *([a-z]+[0-9]+) *(,|$)|(.+)$', 'director\t$1$4\t$2\n'), ''),
      coalesce(regexp_replace(
        translate(actors, '\t\r\n', '   '),
        '(.*?)@ *([a-z]+[0-9]+) *(,|$)|(.+)$', 'actor\t$1$4\t$2\n'), '')
    )
  FROM scraped_list
),
chosen AS (
  SELECT *, max(is_scraped) OVER () AS has_scraped
  FROM both_lists
)
SELECT
  imdb_id, genre, genre_rank, weighted_rating, title, original_title, title_type, release_year,
  runtime_minutes, certificate, array_join(array_sort(split(genres, ',')), ',') AS genres, summary,
  average_rating, num_votes, metascore, gross_earnings, people
FROM chosen
WHERE is_scraped = has_scraped
