-- How many votes have the listed films of each genre, each film's votes shared among its genres?
SELECT
    listed_genre.genre,
    COUNT(*) AS films,
    CAST(SUM(film.num_votes * listed_genre.weight) AS BIGINT) AS votes
FROM (
    SELECT
        place.imdb_id,
        MAX(place.num_votes) AS num_votes
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
    WHERE place.genre_rank IS NOT NULL
    GROUP BY place.imdb_id
) AS film
INNER JOIN public.movie_dim AS movie
    ON film.imdb_id = movie.imdb_id AND movie.is_current
INNER JOIN public.genre_group AS listed_genre
    ON movie.genre_group_key = listed_genre.genre_group_key
GROUP BY listed_genre.genre
ORDER BY votes DESC, listed_genre.genre ASC
