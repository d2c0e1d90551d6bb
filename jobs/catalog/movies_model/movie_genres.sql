-- One row per film and genre, however often the film's list names it.
SELECT DISTINCT
  movie_id,
  genre_id
FROM film_genres
