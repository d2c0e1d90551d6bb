-- Which genres are most popular with users?
SELECT
    rank,
    genre_name,
    rating_count,
    user_count,
    rating_mean
FROM public.genre_popularity
ORDER BY rank
