-- One row per listed film, with all that this run knows about it.
WITH ranked AS (
  SELECT DISTINCT imdb_id FROM computed_ranks
),
computed AS (
  SELECT
    t.tconst AS imdb_id,
    t.primaryTitle AS title,
    t.originalTitle AS original_title,
    t.titleType AS title_type,
    t.startYear AS release_year,
    t.runtimeMinutes AS runtime_minutes,
    t.genres,
    w.average_rating,
    w.num_votes
  FROM ranked r
  JOIN titles t ON t.tconst = r.imdb_id
  JOIN weighted w ON w.imdb_id = r.imdb_id
)
SELECT
  imdb_id, title, original_title, title_type, release_year, runtime_minutes,
  CAST(NULL AS STRING) AS certificate, genres, CAST(NULL AS STRING) AS summary,
  average_rating, num_votes, CAST(NULL AS INT) AS metascore, CAST(NULL AS BIGINT) AS gross_earnings
FROM computed
UNION ALL
SELECT
  imdb_id, title, CAST(NULL AS STRING), CAST(NULL AS STRING), release_year, runtime_minutes,
  certificate, genres, summary,
  average_rating, num_votes, metascore, gross_earnings
FROM scraped_films
