-- How did the rank of The Dark Knight change in each list?
SELECT
    place.genre,
    captured.capture_date,
    place.capture_number,
    place.genre_rank,
    place.average_rating,
    place.num_votes,
    movie.title
FROM public.movie_performance_fact AS place
INNER JOIN public.day_dim AS captured ON place.day_key = captured.day_key
INNER JOIN public.movie_dim AS movie ON place.movie_key = movie.movie_key
WHERE place.imdb_id = 'tt0468569'
ORDER BY place.genre, place.capture_number
