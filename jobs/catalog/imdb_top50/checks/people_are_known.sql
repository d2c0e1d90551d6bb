-- Someone in a listed film's list of people whose id is none or whose name is not known
-- severity: warn
SELECT imdb_id, role, nconst, name
FROM people
WHERE role IS NOT NULL AND (nconst IS NULL OR name IS NULL)
