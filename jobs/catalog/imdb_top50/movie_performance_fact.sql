-- All that was ever noted, and what is new. The number of a capture is its day and a number that
-- tells runs of the day apart; it grows with every capture, even if all history is lost.
WITH all_facts AS (
  SELECT capture_number, day_key, movie_key, imdb_id, genre, genre_rank, average_rating, num_votes,
    weighted_rating, metascore, gross_earnings
  FROM facts_before
  UNION ALL
  SELECT CAST(NULL AS INT), year(:run_date) * 10000 + month(:run_date) * 100 + day(:run_date),
    m.movie_key, n.imdb_id, n.genre, n.genre_rank, n.average_rating, n.num_votes,
    n.weighted_rating, n.metascore, n.gross_earnings
  FROM new_facts n
  JOIN movie_dim m ON m.imdb_id = n.imdb_id AND m.is_current
)
SELECT
  CAST(coalesce(
    capture_number,
    greatest(coalesce(max(capture_number) OVER (), 0), day_key * 100) + 1
  ) AS INT) AS capture_number,
  day_key, movie_key, imdb_id, genre, genre_rank, average_rating, num_votes, weighted_rating,
  metascore, gross_earnings
FROM all_facts
