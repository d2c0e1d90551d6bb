-- How much do films take in by the quarter of their release?
SELECT
    quarter,
    SUM(film_count) AS film_count,
    SUM(revenue_total) AS revenue_total,
    SUM(revenue_total) / SUM(film_count) AS revenue_mean
FROM public.box_office_by_month
GROUP BY quarter
ORDER BY quarter
