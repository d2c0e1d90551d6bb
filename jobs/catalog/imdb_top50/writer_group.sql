-- One row per person of each set of writers.
SELECT writer_group_key, nconst, name, position, weight
FROM writer_groups_before
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
    WHERE role = 'writer'
    GROUP BY group_key
  ) c
  JOIN people p ON p.imdb_id = c.imdb_id AND p.role = 'writer'
  LEFT JOIN writer_groups_before b ON b.writer_group_key = c.group_key
  WHERE b.writer_group_key IS NULL
)
