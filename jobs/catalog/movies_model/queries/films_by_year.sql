-- How many films came out in each year?
SELECT
    d.year,
    COUNT(*) AS films
FROM public.movies AS m
INNER JOIN public.dates AS d ON m.release_date = d.date
GROUP BY d.year
ORDER BY d.year
