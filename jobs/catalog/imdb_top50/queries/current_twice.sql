-- Which films have several current versions, as only a lost history leaves them?
SELECT
    movie.imdb_id,
    COUNT(*) AS current_versions,
    MIN(movie.valid_from) AS first_valid_from,
    MAX(movie.valid_from) AS last_valid_from
FROM public.movie_dim AS movie
WHERE movie.is_current
GROUP BY movie.imdb_id
HAVING COUNT(*) > 1
ORDER BY movie.imdb_id
