-- One row per person of each set of directors.
SELECT director_group_key, nconst, name, position, weight
FROM director_groups_before
UNION ALL
SELECT
  group_key,
  nconst,
  name,
  CAST(row_number() OVER (PARTITION BY group_key ORDER BY position) AS INT),
  1e0 / count(*) OVER (PARTITION BY group_key)
FROM (
  -- Films with the same people in the same order share a group.
  SELECT DISTINCT c.group_key, p.nconst, p.name, p.position
  FROM (
    SELECT group_key, min(imdb_id) AS imdb_id
    FROM credits
    WHERE role = 'director'
    GROUP BY group_key
  ) c
  JOIN people p ON p.imdb_id = c.imdb_id AND p.role = 'director'
  LEFT JOIN director_groups_before b ON b.director_group_key = c.group_key
  WHERE b.director_group_key IS NULL
)
