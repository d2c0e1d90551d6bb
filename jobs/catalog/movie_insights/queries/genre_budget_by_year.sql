-- How much was spent on the films of each genre, by year?
SELECT
    year,
    genre_name,
    film_count,
    budget
FROM public.genre_year_metrics
WHERE budget > 0
ORDER BY year DESC, budget DESC, genre_name
