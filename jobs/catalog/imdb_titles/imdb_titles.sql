-- One wide row per title.
--
-- The reader delivers startYear, runtimeMinutes, averageRating and numVotes as numbers, null where
-- the text is none. endYear stays a text, because has_ended looks at the text: a title whose end
-- is 'unknown' has ended.
SELECT
  t.tconst                              AS title_key,
  substring(t.primaryTitle, 1, 200)     AS primary_title,
  substring(t.originalTitle, 1, 200)    AS original_title,
  t.titleType                           AS title_type,
  p.directors                           AS directors,
  p.writers                             AS writers,
  t.genres                              AS genres,
  c.directors IS NOT NULL               AS has_directors,
  c.writers IS NOT NULL                 AS has_writers,
  t.endYear IS NOT NULL                 AS has_ended,
  -- A list of one is a text without a comma; a list of none is null.
  coalesce(size(split(t.genres, ',')), 0)    AS num_of_genres,
  t.startYear                           AS release_year,
  try_cast(t.endYear AS INT)            AS end_year,
  r.averageRating                       AS average_rating,
  r.numVotes                            AS num_votes,
  t.runtimeMinutes                      AS runtime_minutes,
  coalesce(size(split(c.directors, ',')), 0) AS num_directors,
  coalesce(size(split(c.writers, ',')), 0)   AS num_writers
FROM titles t
LEFT JOIN crew c     ON c.tconst = t.tconst
LEFT JOIN credited p ON p.tconst = t.tconst
LEFT JOIN ratings r  ON r.tconst = t.tconst
