-- A place of this run's lists that is not what was noted last of the film and genre
WITH numbered AS (
  SELECT *, row_number() OVER (PARTITION BY imdb_id, genre ORDER BY capture_number DESC) AS age
  FROM movie_performance_fact
)
SELECT n.imdb_id, n.genre, n.genre_rank, f.genre_rank AS noted_rank
FROM listed n
LEFT JOIN numbered f ON f.imdb_id = n.imdb_id AND f.genre = n.genre AND f.age = 1
WHERE NOT (f.genre_rank <=> n.genre_rank AND f.num_votes <=> n.num_votes
  AND f.average_rating <=> n.average_rating)
