-- Titles that may be listed. Where title.akas is not given, none is known in any market, and all may.
-- Blanks around the members of a list do not count, nor does a genre that is named twice.
WITH market AS (
  SELECT DISTINCT titleId AS imdb_id
  FROM akas
  WHERE language = trim(:language)
    OR array_contains(split(trim(:regions), ' *, *'), region)
),
rated AS (
  SELECT t.*, r.averageRating, r.numVotes, m.imdb_id, count(m.imdb_id) OVER () AS known
  FROM titles t
  JOIN ratings r ON r.tconst = t.tconst
  LEFT JOIN market m ON m.imdb_id = t.tconst
  WHERE array_contains(split(trim(:title_types), ' *, *'), t.titleType)
    AND r.numVotes >= :min_votes AND r.averageRating IS NOT NULL
)
SELECT
  tconst AS imdb_id,
  primaryTitle AS title,
  originalTitle AS original_title,
  titleType AS title_type,
  startYear AS release_year,
  runtimeMinutes AS runtime_minutes,
  nullif(
    array_join(array_remove(array_distinct(split(trim(genres), ' *, *')), ''), ','), ''
  ) AS genres,
  CAST(averageRating AS DECIMAL(3, 1)) AS average_rating,
  numVotes AS num_votes
FROM rated
WHERE known = 0 OR imdb_id IS NOT NULL
