-- One row per genre of each set of genres that a version of a film has.
SELECT
  s.genre_group_key,
  g.genre,
  CAST(g.position + 1 AS INT) AS position,
  1e0 / size(split(s.genres, ',')) AS weight
FROM (SELECT DISTINCT genre_group_key, genres FROM movie_dim) s
LATERAL VIEW posexplode(split(s.genres, ',')) g AS position, genre
