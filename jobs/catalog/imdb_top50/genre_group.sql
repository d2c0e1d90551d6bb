-- One row per genre of each set of genres.
SELECT genre_group_key, genre, position, weight
FROM genre_groups_before
UNION ALL
SELECT n.genre_group_key, g.genre, CAST(g.position + 1 AS INT), 1e0 / size(split(n.genres, ','))
FROM (
  SELECT DISTINCT c.genre_group_key, c.genres
  FROM changed_movies c
  LEFT JOIN genre_groups_before b ON b.genre_group_key = c.genre_group_key
  WHERE b.genre_group_key IS NULL
) n
LATERAL VIEW posexplode(split(n.genres, ',')) g AS position, genre
