-- How popular are the films of each company on average, by year?
SELECT
    year,
    company_name,
    film_count,
    popularity_mean
FROM public.company_year_metrics
WHERE popularity_mean IS NOT NULL
ORDER BY year DESC, popularity_mean DESC, company_name
