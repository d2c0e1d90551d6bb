-- Which 20 companies produced the most films?
SELECT
    c.company_name,
    COUNT(DISTINCT mc.movie_id) AS films
FROM public.movie_companies AS mc
INNER JOIN public.companies AS c ON mc.company_id = c.company_id
GROUP BY c.company_name
ORDER BY films DESC, c.company_name
LIMIT 20
