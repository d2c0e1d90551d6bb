-- A director or writer of a listed film whose name is not known
-- severity: warn
SELECT imdb_id, role, nconst
FROM people
WHERE nconst IS NOT NULL AND name IS NULL
