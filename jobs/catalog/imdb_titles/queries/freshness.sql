-- How fresh is the table, and how many rows has it?
SELECT
    loaded_at,
    published_at,
    loaded_rows,
    table_rows,
    run_id
FROM cinemill.freshness
WHERE table_name = 'public.imdb_titles'
