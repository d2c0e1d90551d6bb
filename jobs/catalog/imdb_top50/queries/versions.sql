-- Which films have changed, and from when to when did each version hold?
SELECT
    movie.imdb_id,
    movie.movie_key,
    movie.title,
    movie.genres,
    movie.directors,
    movie.valid_from,
    movie.valid_to
FROM public.movie_dim AS movie
WHERE
    movie.imdb_id IN (
        SELECT ended.imdb_id FROM public.movie_dim AS ended
        WHERE NOT ended.is_current
    )
ORDER BY movie.imdb_id, movie.movie_key
