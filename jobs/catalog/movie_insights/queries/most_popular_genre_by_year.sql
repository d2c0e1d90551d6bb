-- Which genre was the most popular in each year?
SELECT
    year,
    genre_name,
    film_count,
    popularity_sum,
    popularity_mean
FROM public.genre_year_metrics
WHERE popularity_rank = 1
ORDER BY year
