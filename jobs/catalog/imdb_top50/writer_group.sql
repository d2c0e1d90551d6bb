-- One row per person of each set of writers. Its key says who is in a set, so that a set which was
-- there before is the same row again.
SELECT writer_group_key, nconst, name, position, weight
FROM writer_groups_before
UNION
SELECT
  m.writer_group_key,
  p.person.nconst,
  p.person.name,
  CAST(p.position + 1 AS INT),
  1e0 / size(m.written)
FROM movies m
LATERAL VIEW posexplode(m.written) p AS position, person
