-- How much did the films of each genre earn, by year?
SELECT
    year,
    genre_name,
    film_count,
    profit
FROM public.genre_year_metrics
WHERE profit <> 0
ORDER BY year DESC, profit DESC, genre_name
