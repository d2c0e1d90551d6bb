-- Which ten films are rated highest of all time?
SELECT
    rank,
    title,
    rating_count,
    rating_mean,
    weighted_rating
FROM public.top_rated_movies
WHERE rank <= 10
ORDER BY rank
