-- How much did the films of each company take in, by year?
SELECT
    year,
    company_name,
    film_count,
    revenue
FROM public.company_year_metrics
WHERE revenue > 0
ORDER BY year DESC, revenue DESC, company_name
