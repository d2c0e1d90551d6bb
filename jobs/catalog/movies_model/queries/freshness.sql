-- How fresh are the tables, and how many rows have they?
SELECT
    table_name,
    loaded_at,
    published_at,
    loaded_rows,
    table_rows,
    run_id
FROM cinemill.freshness
WHERE table_name IN (
    'public.movies',
    'public.genres',
    'public.movie_genres',
    'public.companies',
    'public.movie_companies',
    'public.ratings',
    'public.dates',
    'public.cpi'
)
ORDER BY table_name
