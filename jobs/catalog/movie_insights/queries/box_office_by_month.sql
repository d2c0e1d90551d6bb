-- How much do films take in by the month of their release?
SELECT
    month,
    quarter,
    film_count,
    revenue_total,
    revenue_mean,
    revenue_median
FROM public.box_office_by_month
ORDER BY month
