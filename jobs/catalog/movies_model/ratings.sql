-- One row per rating of a film that is in movies.
--
-- MovieLens numbers films in its own way: links.csv says which of TMDB's ids each of them means.
-- Two of its numbers may mean one film, so that a user can have rated it twice.
SELECT
  r.userId                       AS user_id,
  m.movie_id,
  r.rating,
  timestamp_seconds(r.timestamp) AS rated_at
FROM ratings_csv r
JOIN links_csv l ON l.movieId = r.movieId
JOIN movies m    ON m.movie_id = l.tmdbId
-- What no user gave at any time is no rating.
WHERE r.userId IS NOT NULL AND r.timestamp IS NOT NULL
