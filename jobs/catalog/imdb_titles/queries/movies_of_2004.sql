-- How many movies were released in 2004?
SELECT COUNT(*) AS movies
FROM public.imdb_titles
WHERE release_year = 2004 AND title_type = 'movie'
