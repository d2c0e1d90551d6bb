SELECT l.table_name, l.load_number, l.load_id, l.mode, l.job, l.run_id, l.source, l.published_at, l.loaded_rows, l.inserted_rows, l.table_rows, l.loaded_bytes, l.started_at, l.finished_at, l.database_user, l.client, l.forced
FROM cinemill.loads AS l
WHERE l.table_name = 'marts.films' AND l.load_id = '01a1fdff-0000-7000-8000-000000000000'
ORDER BY l.load_number DESC
LIMIT 1;

SELECT l.table_name, l.load_number, l.load_id, l.mode, l.job, l.run_id, l.source, l.published_at, l.loaded_rows, l.inserted_rows, l.table_rows, l.loaded_bytes, l.started_at, l.finished_at, l.database_user, l.client, l.forced
FROM cinemill.loads AS l
WHERE
    l.table_name = 'marts.films'
    AND l.job = 'films'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode = 'replace'
    AND l.load_number = (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'marts.films'
    )
    AND l.table_rows = (SELECT COUNT(*) FROM "marts"."films")
ORDER BY l.load_number DESC
LIMIT 1;

SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable
FROM information_schema.columns
WHERE table_schema = 'marts' AND table_name = 'films'
ORDER BY ordinal_position;

SELECT c.relname
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = 'cinemill' AND c.relname IN ('loads', 'freshness');

SELECT table_name, load_number, load_id, mode, job, run_id, source, published_at, loaded_rows, inserted_rows, table_rows, loaded_bytes, started_at, finished_at, database_user, client, forced
FROM cinemill.loads
WHERE table_name = 'marts.films'
ORDER BY finished_at DESC, load_number DESC;

SELECT table_name, load_number, load_id, mode, job, run_id, source, published_at, loaded_rows, inserted_rows, table_rows, loaded_bytes, started_at, finished_at, database_user, client, forced
FROM cinemill.loads
WHERE table_name IN ('marts.films', 'marts.others')
ORDER BY finished_at DESC, load_number DESC;

SELECT table_name, load_number, load_id, mode, job, run_id, source, published_at, loaded_rows, inserted_rows, table_rows, loaded_bytes, started_at, finished_at, database_user, client, forced
FROM cinemill.loads
ORDER BY finished_at DESC, load_number DESC;
