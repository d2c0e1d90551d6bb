-- How long are the titles that begin with "Mission Impossible:"?
SELECT
    primary_title,
    runtime_minutes
FROM public.imdb_titles
WHERE primary_title LIKE 'Mission Impossible:%' AND runtime_minutes IS NOT NULL
ORDER BY primary_title, title_key
