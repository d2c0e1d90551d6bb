-- One row per listed film, role and person, in the order of the list; of a film without people, one
-- row with none. A person counts once in a list. An entry that has no id of a person (nm and digits)
-- has a null one; it is in no group, but people_are_known.sql tells of it.
WITH films AS (
  SELECT DISTINCT
    imdb_id, title, original_title, title_type, release_year, runtime_minutes, certificate, genres,
    summary, people
  FROM listed
),
lines AS (
  SELECT f.*, l.position, l.line
  FROM films f
  LATERAL VIEW OUTER posexplode(split(nullif(f.people, ''), '\n')) l AS position, line
),
members AS (
  SELECT
    *,
    substring_index(line, '\t', 1) AS role,
    nullif(trim(substring_index(substring_index(line, '\t', 2), '\t', -1)), '') AS own_name,
    trim(substring_index(line, '\t', -1)) AS id
  FROM lines
  WHERE line IS NULL OR line <> ''
),
numbered AS (
  SELECT
    *,
    if(id <> '' AND regexp_replace(id, '^nm[0-9]+$', '') = '', id, NULL) AS nconst,
    row_number() OVER (
      PARTITION BY imdb_id, role, id, if(id = '', own_name, NULL) ORDER BY position
    ) AS copy
  FROM members
)
SELECT
  m.imdb_id, m.title, m.original_title, m.title_type, m.release_year, m.runtime_minutes,
  m.certificate, m.genres, m.summary, m.role, m.position, m.nconst,
  coalesce(m.own_name, n.primaryName, if(m.nconst IS NULL, m.id, NULL)) AS name
FROM numbered m
LEFT JOIN names n ON n.nconst = m.nconst
WHERE m.copy = 1
