-- Which are the three best films of each genre now?
SELECT
    place.genre,
    place.genre_rank,
    movie.title,
    movie.release_year,
    movie.directors,
    place.average_rating,
    place.num_votes
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
WHERE place.genre_rank <= 3
ORDER BY place.genre, place.genre_rank
