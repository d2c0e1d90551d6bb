-- Which directors have most films in the lists, and in how many places?
SELECT
    director.nconst,
    MAX(director.name) AS director,
    COUNT(DISTINCT place.imdb_id) AS films,
    COUNT(*) AS places,
    MIN(place.genre_rank) AS best_rank
FROM public.movie_performance_fact AS place
INNER JOIN (
    SELECT
        imdb_id,
        genre,
        MAX(capture_number) AS capture_number
    FROM public.movie_performance_fact
    GROUP BY imdb_id, genre
) AS latest
    ON
        place.imdb_id = latest.imdb_id
        AND place.genre = latest.genre
        AND place.capture_number = latest.capture_number
INNER JOIN public.movie_dim AS movie
    ON place.imdb_id = movie.imdb_id AND movie.is_current
INNER JOIN public.director_group AS director
    ON movie.director_group_key = director.director_group_key
WHERE place.genre_rank IS NOT NULL
GROUP BY director.nconst
ORDER BY films DESC, places DESC, director.nconst ASC
LIMIT 20
