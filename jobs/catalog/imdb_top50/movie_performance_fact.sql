-- All that was ever noted, and what is new. The number of a capture tells runs of one day apart.
WITH last AS (
  SELECT coalesce(max(capture_number), 0) AS capture_number FROM facts_before
)
SELECT capture_number, day_key, movie_key, imdb_id, genre, genre_rank, average_rating, num_votes,
  weighted_rating, metascore, gross_earnings
FROM facts_before
UNION ALL
SELECT
  CAST(l.capture_number + 1 AS INT),
  CAST(date_format(:run_date, 'yyyyMMdd') AS INT),
  m.movie_key, n.imdb_id, n.genre, n.genre_rank, n.average_rating, n.num_votes, n.weighted_rating,
  n.metascore, n.gross_earnings
FROM new_facts n
JOIN movie_dim m ON m.imdb_id = n.imdb_id AND m.is_current
CROSS JOIN last l
