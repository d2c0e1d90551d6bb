-- One row per film and name of a genre: two ids of one name count once.
SELECT DISTINCT
  movie_id,
  genre_name
FROM movie_genres
JOIN genres USING (genre_id)
