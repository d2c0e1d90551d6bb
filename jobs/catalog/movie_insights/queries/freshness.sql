-- How fresh are the marts, and how many rows have they?
SELECT
    table_name,
    loaded_at,
    published_at,
    loaded_rows,
    table_rows,
    run_id
FROM cinemill.freshness
WHERE table_name IN (
    'public.top_rated_movies',
    'public.genre_popularity',
    'public.box_office_by_month',
    'public.genre_earnings_real',
    'public.genre_year_metrics',
    'public.company_year_metrics',
    'public.company_genre_releases'
)
ORDER BY table_name
