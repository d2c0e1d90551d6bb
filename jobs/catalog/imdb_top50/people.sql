-- Directors and writers of the listed films, and the actors that a scraped list names, each person
-- once per film and role.
WITH listed AS (
  SELECT DISTINCT imdb_id FROM ranks
),
scraped_lists AS (
  SELECT imdb_id, 'director' AS role, directors AS list FROM scraped_films
  UNION ALL
  SELECT imdb_id, 'actor', actors FROM scraped_films
),
-- `Name@nconst,Name@nconst`: a comma that does not follow an id belongs to a name.
scraped_people AS (
  SELECT imdb_id, role, position, substring_index(person, '@', -1) AS nconst,
    substring_index(person, '@', 1) AS name
  FROM scraped_lists
  LATERAL VIEW posexplode(split(regexp_replace(list, '(@nm[0-9]+),', '$1\n'), '\n')) p
    AS position, person
),
lists AS (
  SELECT tconst, 'director' AS role, directors AS list FROM crew
  UNION ALL
  SELECT tconst, 'writer', writers FROM crew
),
computed AS (
  SELECT l.tconst AS imdb_id, l.role, p.position, p.nconst
  FROM lists l
  JOIN listed ON listed.imdb_id = l.tconst
  CROSS JOIN given g
  LATERAL VIEW posexplode(split(l.list, ',')) p AS position, nconst
  WHERE g.scraped = 0
),
all_people AS (
  SELECT imdb_id, role, position, nconst, name FROM scraped_people
  UNION ALL
  SELECT c.imdb_id, c.role, c.position, c.nconst, n.primaryName
  FROM computed c
  LEFT JOIN names n ON n.nconst = c.nconst
)
SELECT imdb_id, role, nconst, max(name) AS name, min(position) AS position
FROM all_people
GROUP BY imdb_id, role, nconst
