-- One row per listed film, role and person, in the order of the list; of a film without people, one
-- row with none. A person counts once in a list.
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
    nullif(substring_index(substring_index(line, '\t', 2), '\t', -1), '') AS own_name,
    substring_index(line, '\t', -1) AS nconst
  FROM lines
  WHERE line IS NULL OR line <> ''
),
numbered AS (
  SELECT *, row_number() OVER (PARTITION BY imdb_id, role, nconst ORDER BY position) AS copy
  FROM members
)
SELECT
  m.imdb_id, m.title, m.original_title, m.title_type, m.release_year, m.runtime_minutes,
  m.certificate, m.genres, m.summary, m.role, m.position, m.nconst,
  coalesce(m.own_name, n.primaryName) AS name
FROM numbered m
LEFT JOIN names n ON n.nconst = m.nconst
WHERE m.copy = 1
