-- Which 20 films earned most?
SELECT
    title,
    release_date,
    budget,
    revenue,
    profit
FROM public.movies
WHERE budget > 0 AND revenue > 0
ORDER BY profit DESC, movie_id
LIMIT 20
