-- What was noted last of each film and genre.
SELECT f.imdb_id, f.genre, f.genre_rank, f.average_rating, f.num_votes, f.metascore, f.gross_earnings
FROM facts_before f
JOIN (
  SELECT imdb_id, genre, max(capture_number) AS capture_number
  FROM facts_before
  GROUP BY imdb_id, genre
) latest
  ON latest.imdb_id = f.imdb_id
  AND latest.genre = f.genre
  AND latest.capture_number = f.capture_number
