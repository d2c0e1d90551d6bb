-- How much was spent on the films of each company, by year?
SELECT
    year,
    company_name,
    film_count,
    budget
FROM public.company_year_metrics
WHERE budget > 0
ORDER BY year DESC, budget DESC, company_name
