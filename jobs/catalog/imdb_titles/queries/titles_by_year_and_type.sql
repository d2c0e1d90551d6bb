-- How many titles of each type came out in each year?
SELECT
    release_year,
    title_type,
    COUNT(*) AS titles
FROM public.imdb_titles
WHERE release_year IS NOT NULL
GROUP BY release_year, title_type
ORDER BY release_year, title_type
