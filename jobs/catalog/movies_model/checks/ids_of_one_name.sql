-- genres that share a name
-- severity: warn
-- Marts go by name: a film with both ids counts once.
SELECT
  genre_name,
  count(*) AS genre_ids
FROM genres
GROUP BY genre_name
HAVING count(*) > 1
