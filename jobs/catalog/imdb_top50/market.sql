-- Titles that are known in the language, or in one of the regions.
SELECT DISTINCT titleId AS imdb_id
FROM akas
WHERE language = :language OR array_contains(split(:regions, ','), region)
