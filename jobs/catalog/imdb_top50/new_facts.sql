-- Places and figures that are not what was noted last of the film and genre. A film that has left a
-- list has neither; of a genre that this run has no list of, nothing is known. That the weighted
-- rating moved because other films' ratings did is no news about this one.
WITH numbered AS (
  SELECT *, row_number() OVER (PARTITION BY imdb_id, genre ORDER BY capture_number DESC) AS age
  FROM facts_before
),
latest AS (
  SELECT * FROM numbered WHERE age = 1
),
compared AS (
  SELECT
    coalesce(n.imdb_id, l.imdb_id) AS imdb_id,
    coalesce(n.genre, l.genre) AS genre,
    n.genre_rank, n.average_rating, n.num_votes, n.weighted_rating, n.metascore, n.gross_earnings,
    n.genre_rank <=> l.genre_rank
      AND n.average_rating <=> l.average_rating
      AND n.num_votes <=> l.num_votes
      AND n.metascore <=> l.metascore
      AND n.gross_earnings <=> l.gross_earnings AS is_same,
    max(n.genre) OVER (PARTITION BY coalesce(n.genre, l.genre)) AS listed_genre
  FROM listed n
  FULL OUTER JOIN latest l ON l.imdb_id = n.imdb_id AND l.genre = n.genre
)
SELECT
  imdb_id, genre, genre_rank, average_rating, num_votes, weighted_rating, metascore, gross_earnings
FROM compared
WHERE listed_genre IS NOT NULL AND NOT is_same
