-- Titles that may be listed.
SELECT
  t.tconst AS imdb_id,
  t.genres,
  CAST(r.averageRating AS DECIMAL(3, 1)) AS average_rating,
  r.averageRating AS rating,
  r.numVotes AS num_votes
FROM titles t
JOIN ratings r ON r.tconst = t.tconst
CROSS JOIN given g
LEFT JOIN market m ON m.imdb_id = t.tconst
WHERE g.scraped = 0
  AND array_contains(split(:title_types, ','), t.titleType)
  AND r.numVotes >= :min_votes
  AND (g.akas = 0 OR m.imdb_id IS NOT NULL)
