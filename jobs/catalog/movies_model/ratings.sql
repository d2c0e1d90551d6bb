-- One row per rating of a film that is in movies.
--
-- MovieLens numbers films in its own way: links.csv says which of TMDB's ids each of them means.
-- Two of its numbers may mean one film, so that a user can have rated it twice, even in one second.
SELECT
  r.userId AS user_id,
  m.movie_id,
  r.rating,
  -- Null beyond the years 1 to 9999.
  timestamp_seconds(
    if(r.timestamp BETWEEN -62135596800 AND 253402300799, r.timestamp, NULL)
  ) AS rated_at
FROM ratings_csv r
JOIN links_csv l ON l.movieId = r.movieId
JOIN movies m    ON m.movie_id = l.tmdbId
