-- Which films came into a list or left one in the last capture?
SELECT
    place.genre,
    movie.title,
    CASE WHEN place.genre_rank IS NULL THEN 'left' ELSE 'came' END AS news,
    place.genre_rank,
    earlier.genre_rank AS rank_before
FROM public.movie_performance_fact AS place
INNER JOIN public.movie_dim AS movie ON place.movie_key = movie.movie_key
LEFT JOIN (
    SELECT
        fact.imdb_id,
        fact.genre,
        MAX(fact.capture_number) AS capture_number
    FROM public.movie_performance_fact AS fact
    WHERE fact.capture_number < (
        SELECT MAX(newest.capture_number) FROM public.movie_performance_fact AS newest
    )
    GROUP BY fact.imdb_id, fact.genre
) AS latest_before
    ON place.imdb_id = latest_before.imdb_id AND place.genre = latest_before.genre
LEFT JOIN public.movie_performance_fact AS earlier
    ON
        latest_before.imdb_id = earlier.imdb_id
        AND latest_before.genre = earlier.genre
        AND latest_before.capture_number = earlier.capture_number
WHERE
    place.capture_number = (
        SELECT MAX(newest.capture_number) FROM public.movie_performance_fact AS newest
    )
    AND (place.genre_rank IS NULL OR earlier.genre_rank IS NULL)
ORDER BY place.genre, news, place.genre_rank, movie.title
