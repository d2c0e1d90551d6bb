-- The lists by weighted rating. Of equals, the one with more votes comes first, then the one with
-- the lower id. People are lines of role, name (not known yet) and id.
WITH by_genre AS (
  SELECT *, explode(split(genres, ',')) AS genre
  FROM weighted
),
placed AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY genre ORDER BY weighted_rating DESC, num_votes DESC, imdb_id
    ) AS place
  FROM by_genre
)
SELECT
  p.imdb_id, p.title, p.original_title, p.title_type, p.release_year, p.runtime_minutes, p.genres,
  p.average_rating, p.num_votes, p.weighted_rating, p.genre,
  CAST(p.place AS INT) AS genre_rank,
  concat(
    coalesce(regexp_replace(c.directors, ',*([^,]+),*', 'director\t\t$1\n'), ''),
    coalesce(regexp_replace(c.writers, ',*([^,]+),*', 'writer\t\t$1\n'), '')
  ) AS people
FROM placed p
LEFT JOIN crew c ON c.tconst = p.imdb_id
WHERE p.place <= :list_size
