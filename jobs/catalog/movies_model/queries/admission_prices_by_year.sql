-- How have the prices of admission to films risen?
SELECT
    DATE_PART('year', month) AS price_year,
    AVG(cpi) AS cpi_mean
FROM public.cpi
GROUP BY DATE_PART('year', month)
ORDER BY price_year
