-- How much did the films of each genre take in, by year?
SELECT
    year,
    genre_name,
    film_count,
    revenue
FROM public.genre_year_metrics
WHERE revenue > 0
ORDER BY year DESC, revenue DESC, genre_name
