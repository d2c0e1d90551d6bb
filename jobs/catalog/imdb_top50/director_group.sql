-- One row per person of each set of directors. Its key says who is in a set, so that a set which was
-- there before is the same row again.
SELECT director_group_key, nconst, name, position, weight
FROM director_groups_before
UNION
SELECT
  m.director_group_key,
  p.person.nconst,
  p.person.name,
  CAST(p.position + 1 AS INT),
  1e0 / size(m.directed)
FROM movies m
LATERAL VIEW posexplode(m.directed) p AS position, person
