-- Which genres have earned most, in the money of the latest price index?
SELECT
    rank,
    genre_name,
    film_count,
    revenue_nominal,
    revenue_real,
    films_without_cpi
FROM public.genre_earnings_real
ORDER BY rank
