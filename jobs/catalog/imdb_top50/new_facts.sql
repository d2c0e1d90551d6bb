-- Places and figures that are not what was noted last. That the weighted rating moved because other
-- films did is no news about this one.
SELECT r.imdb_id, r.genre, r.genre_rank, f.average_rating, f.num_votes, r.weighted_rating,
  f.metascore, f.gross_earnings
FROM ranks r
JOIN films f ON f.imdb_id = r.imdb_id
LEFT JOIN latest_facts l ON l.imdb_id = r.imdb_id AND l.genre = r.genre
WHERE l.imdb_id IS NULL OR NOT (
  r.genre_rank <=> l.genre_rank
  AND f.average_rating <=> l.average_rating
  AND f.num_votes <=> l.num_votes
  AND f.metascore <=> l.metascore
  AND f.gross_earnings <=> l.gross_earnings
)
UNION ALL
-- Films that have left a list. Of a genre that this run has no list of, nothing is known.
SELECT l.imdb_id, l.genre, CAST(NULL AS INT), CAST(NULL AS DECIMAL(3, 1)), CAST(NULL AS INT),
  CAST(NULL AS DOUBLE), CAST(NULL AS INT), CAST(NULL AS BIGINT)
FROM latest_facts l
JOIN (SELECT DISTINCT genre FROM ranks) g ON g.genre = l.genre
LEFT JOIN ranks r ON r.imdb_id = l.imdb_id AND r.genre = l.genre
WHERE r.imdb_id IS NULL AND l.genre_rank IS NOT NULL
