SELECT CAST(COALESCE((
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.day_dim'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.day_dim' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."day_dim")
), (
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.film_dim'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.film_dim' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."film_dim")
), (
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.rank_fact'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.rank_fact' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."rank_fact")
), (
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.day_dim'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.day_dim' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."day_dim")
), (
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.film_dim'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.film_dim' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."film_dim")
), (
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.rank_fact'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.rank_fact' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."rank_fact")
), (
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.day_dim'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.day_dim' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."day_dim")
), (
SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.film_dim'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode <> 'append_new'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.film_dim' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."film_dim")
), '1') AS INTEGER);

SELECT CAST(COALESCE((
SELECT 'stars.day_dim: ' || (
SELECT CASE
    WHEN f.f1 <> 1 THEN 'rows: expected 1, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 1 THEN 'values in day_key: expected 1, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 20261121 THEN 'checksum of day_key: expected 20261121, found ' || CAST(f.f3 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("day_key") AS f2,
    COALESCE(SUM("day_key"), 0) AS f3
FROM cinemill_stage_1) AS f
)
), (
SELECT 'stars.day_dim: ' || (
SELECT 'day_key stands more than once: ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "day_key" FROM cinemill_stage_1 GROUP BY "day_key" HAVING COUNT(*) > 1 ORDER BY "day_key" LIMIT 1) AS d
)
), (
SELECT 'stars.film_dim: ' || (
SELECT CASE
    WHEN f.f1 <> 3 THEN 'rows: expected 3, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 3 THEN 'values in film_key: expected 3, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 6 THEN 'checksum of film_key: expected 6, found ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 <> 3 THEN 'values in version: expected 3, found ' || CAST(f.f4 AS VARCHAR)
    WHEN f.f5 <> 4 THEN 'checksum of version: expected 4, found ' || CAST(f.f5 AS VARCHAR)
    WHEN f.f6 <> 3 THEN 'values in title: expected 3, found ' || CAST(f.f6 AS VARCHAR)
    WHEN f.f7 <> 30 THEN 'checksum of title: expected 30, found ' || CAST(f.f7 AS VARCHAR)
    WHEN f.f8 <> 3 THEN 'values in is_current: expected 3, found ' || CAST(f.f8 AS VARCHAR)
    WHEN f.f9 <> 2 THEN 'checksum of is_current: expected 2, found ' || CAST(f.f9 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("film_key") AS f2,
    COALESCE(SUM("film_key"), 0) AS f3,
    COUNT("version") AS f4,
    COALESCE(SUM("version"), 0) AS f5,
    COUNT("title") AS f6,
    COALESCE(SUM(OCTET_LENGTH("title")), 0) AS f7,
    COUNT("is_current") AS f8,
    COALESCE(SUM(CASE WHEN "is_current" THEN 1 ELSE 0 END), 0) AS f9
FROM cinemill_stage_2) AS f
)
), (
SELECT 'stars.film_dim: ' || (
SELECT 'film_key, version stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("version" AS VARCHAR)
FROM (SELECT "film_key", "version" FROM cinemill_stage_2 GROUP BY "film_key", "version" HAVING COUNT(*) > 1 ORDER BY "film_key", "version" LIMIT 1) AS d
)
), (
SELECT 'stars.rank_fact: ' || (
SELECT CASE
    WHEN f.f1 <> 2 THEN 'rows: expected 2, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 2 THEN 'values in film_key: expected 2, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 3 THEN 'checksum of film_key: expected 3, found ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 <> 2 THEN 'values in day_key: expected 2, found ' || CAST(f.f4 AS VARCHAR)
    WHEN f.f5 <> 40522242 THEN 'checksum of day_key: expected 40522242, found ' || CAST(f.f5 AS VARCHAR)
    WHEN f.f6 <> 2 THEN 'values in place: expected 2, found ' || CAST(f.f6 AS VARCHAR)
    WHEN f.f7 <> 3 THEN 'checksum of place: expected 3, found ' || CAST(f.f7 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("film_key") AS f2,
    COALESCE(SUM("film_key"), 0) AS f3,
    COUNT("day_key") AS f4,
    COALESCE(SUM("day_key"), 0) AS f5,
    COUNT("place") AS f6,
    COALESCE(SUM("place"), 0) AS f7
FROM cinemill_stage_3) AS f
)
), (
SELECT 'stars.rank_fact: ' || (
SELECT 'film_key, day_key stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "film_key", "day_key" FROM cinemill_stage_3 GROUP BY "film_key", "day_key" HAVING COUNT(*) > 1 ORDER BY "film_key", "day_key" LIMIT 1) AS d
)
), (
SELECT 'stars.day_dim: ' || (
SELECT CASE
    WHEN f.f1 <> 1 THEN 'rows: expected 1, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 1 THEN 'values in day_key: expected 1, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 20261121 THEN 'checksum of day_key: expected 20261121, found ' || CAST(f.f3 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("day_key") AS f2,
    COALESCE(SUM("day_key"), 0) AS f3
FROM cinemill_stage_4) AS f
)
), (
SELECT 'stars.day_dim: ' || (
SELECT 'day_key stands more than once: ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "day_key" FROM cinemill_stage_4 GROUP BY "day_key" HAVING COUNT(*) > 1 ORDER BY "day_key" LIMIT 1) AS d
)
), (
SELECT 'stars.film_dim: ' || (
SELECT CASE
    WHEN f.f1 <> 3 THEN 'rows: expected 3, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 3 THEN 'values in film_key: expected 3, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 6 THEN 'checksum of film_key: expected 6, found ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 <> 3 THEN 'values in version: expected 3, found ' || CAST(f.f4 AS VARCHAR)
    WHEN f.f5 <> 4 THEN 'checksum of version: expected 4, found ' || CAST(f.f5 AS VARCHAR)
    WHEN f.f6 <> 3 THEN 'values in title: expected 3, found ' || CAST(f.f6 AS VARCHAR)
    WHEN f.f7 <> 30 THEN 'checksum of title: expected 30, found ' || CAST(f.f7 AS VARCHAR)
    WHEN f.f8 <> 3 THEN 'values in is_current: expected 3, found ' || CAST(f.f8 AS VARCHAR)
    WHEN f.f9 <> 2 THEN 'checksum of is_current: expected 2, found ' || CAST(f.f9 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("film_key") AS f2,
    COALESCE(SUM("film_key"), 0) AS f3,
    COUNT("version") AS f4,
    COALESCE(SUM("version"), 0) AS f5,
    COUNT("title") AS f6,
    COALESCE(SUM(OCTET_LENGTH("title")), 0) AS f7,
    COUNT("is_current") AS f8,
    COALESCE(SUM(CASE WHEN "is_current" THEN 1 ELSE 0 END), 0) AS f9
FROM cinemill_stage_5) AS f
)
), (
SELECT 'stars.film_dim: ' || (
SELECT 'film_key, version stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("version" AS VARCHAR)
FROM (SELECT "film_key", "version" FROM cinemill_stage_5 GROUP BY "film_key", "version" HAVING COUNT(*) > 1 ORDER BY "film_key", "version" LIMIT 1) AS d
)
), (
SELECT 'stars.rank_fact: ' || (
SELECT CASE
    WHEN f.f1 <> 2 THEN 'rows: expected 2, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 2 THEN 'values in film_key: expected 2, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 3 THEN 'checksum of film_key: expected 3, found ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 <> 2 THEN 'values in day_key: expected 2, found ' || CAST(f.f4 AS VARCHAR)
    WHEN f.f5 <> 40522242 THEN 'checksum of day_key: expected 40522242, found ' || CAST(f.f5 AS VARCHAR)
    WHEN f.f6 <> 2 THEN 'values in place: expected 2, found ' || CAST(f.f6 AS VARCHAR)
    WHEN f.f7 <> 3 THEN 'checksum of place: expected 3, found ' || CAST(f.f7 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("film_key") AS f2,
    COALESCE(SUM("film_key"), 0) AS f3,
    COUNT("day_key") AS f4,
    COALESCE(SUM("day_key"), 0) AS f5,
    COUNT("place") AS f6,
    COALESCE(SUM("place"), 0) AS f7
FROM cinemill_stage_6) AS f
)
), (
SELECT 'stars.rank_fact: ' || (
SELECT 'film_key, day_key stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "film_key", "day_key" FROM cinemill_stage_6 GROUP BY "film_key", "day_key" HAVING COUNT(*) > 1 ORDER BY "film_key", "day_key" LIMIT 1) AS d
)
), (
SELECT 'stars.day_dim: ' || (
SELECT CASE
    WHEN f.f1 <> 1 THEN 'rows: expected 1, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 1 THEN 'values in day_key: expected 1, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 20261121 THEN 'checksum of day_key: expected 20261121, found ' || CAST(f.f3 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("day_key") AS f2,
    COALESCE(SUM("day_key"), 0) AS f3
FROM cinemill_stage_7) AS f
)
), (
SELECT 'stars.day_dim: ' || (
SELECT 'day_key stands more than once: ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "day_key" FROM cinemill_stage_7 GROUP BY "day_key" HAVING COUNT(*) > 1 ORDER BY "day_key" LIMIT 1) AS d
)
), (
SELECT 'stars.film_dim: ' || (
SELECT CASE
    WHEN f.f1 <> 3 THEN 'rows: expected 3, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 3 THEN 'values in film_key: expected 3, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 6 THEN 'checksum of film_key: expected 6, found ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 <> 3 THEN 'values in version: expected 3, found ' || CAST(f.f4 AS VARCHAR)
    WHEN f.f5 <> 4 THEN 'checksum of version: expected 4, found ' || CAST(f.f5 AS VARCHAR)
    WHEN f.f6 <> 3 THEN 'values in title: expected 3, found ' || CAST(f.f6 AS VARCHAR)
    WHEN f.f7 <> 30 THEN 'checksum of title: expected 30, found ' || CAST(f.f7 AS VARCHAR)
    WHEN f.f8 <> 3 THEN 'values in is_current: expected 3, found ' || CAST(f.f8 AS VARCHAR)
    WHEN f.f9 <> 2 THEN 'checksum of is_current: expected 2, found ' || CAST(f.f9 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("film_key") AS f2,
    COALESCE(SUM("film_key"), 0) AS f3,
    COUNT("version") AS f4,
    COALESCE(SUM("version"), 0) AS f5,
    COUNT("title") AS f6,
    COALESCE(SUM(OCTET_LENGTH("title")), 0) AS f7,
    COUNT("is_current") AS f8,
    COALESCE(SUM(CASE WHEN "is_current" THEN 1 ELSE 0 END), 0) AS f9
FROM cinemill_stage_8) AS f
)
), (
SELECT 'stars.film_dim: ' || (
SELECT 'film_key, version stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("version" AS VARCHAR)
FROM (SELECT "film_key", "version" FROM cinemill_stage_8 GROUP BY "film_key", "version" HAVING COUNT(*) > 1 ORDER BY "film_key", "version" LIMIT 1) AS d
)
), '1') AS INTEGER);
