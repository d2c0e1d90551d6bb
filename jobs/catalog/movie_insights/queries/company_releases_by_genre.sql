-- How many films of each genre did each company bring out, by year?
SELECT
    year,
    company_name,
    genre_name,
    film_count
FROM public.company_genre_releases
ORDER BY year DESC, film_count DESC, company_name, genre_name
