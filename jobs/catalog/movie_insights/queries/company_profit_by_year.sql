-- How much did the films of each company earn, by year?
SELECT
    year,
    company_name,
    film_count,
    profit
FROM public.company_year_metrics
WHERE profit <> 0
ORDER BY year DESC, profit DESC, company_name
