-- One row per film and role: the people in the order of the list, as text and as the key of their
-- group. The ids are in the key, so that two people of one name are two groups.
WITH listed AS (
  SELECT
    imdb_id,
    role,
    array_sort(collect_list(struct(position, nconst, name))) AS people
  FROM people
  GROUP BY imdb_id, role
)
SELECT
  imdb_id,
  role,
  array_join(people.name, ', ') AS names,
  md5(concat(array_join(people.nconst, ','), '|', array_join(people.name, ','))) AS group_key
FROM listed
