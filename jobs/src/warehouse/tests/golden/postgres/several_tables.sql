SELECT pg_advisory_xact_lock(hashtextextended('cinemill load: stars.day_dim', 0));

SELECT pg_advisory_xact_lock(hashtextextended('cinemill load: stars.film_dim', 0));

SELECT pg_advisory_xact_lock(hashtextextended('cinemill load: stars.rank_fact', 0));

CREATE TABLE IF NOT EXISTS "stars"."day_dim" (
    "day_key" INTEGER NOT NULL,
    PRIMARY KEY ("day_key")
);

CREATE TABLE IF NOT EXISTS "stars"."film_dim" (
    "film_key" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    "title" TEXT,
    "is_current" BOOLEAN,
    PRIMARY KEY ("film_key", "version")
);

CREATE TABLE IF NOT EXISTS "stars"."rank_fact" (
    "film_key" INTEGER NOT NULL,
    "day_key" INTEGER NOT NULL,
    "place" INTEGER,
    PRIMARY KEY ("film_key", "day_key")
);

SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.day_dim'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.load_number >= (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.day_dim' AND m.mode = 'replace'
    )
    AND EXISTS (SELECT 1 FROM "stars"."day_dim");

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
    AND EXISTS (SELECT 1 FROM "stars"."film_dim");

SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
FROM cinemill.loads AS l
WHERE
    l.table_name = 'stars.rank_fact'
    AND l.job = 'stars'
    AND l.run_id = '2026-11-21'
    AND l.published_at = TIMESTAMP '2026-11-21 06:00:00.000000'
    AND l.mode = 'replace'
    AND l.load_number = (
        SELECT COALESCE(MAX(m.load_number), 0) FROM cinemill.loads AS m
        WHERE m.table_name = 'stars.rank_fact'
    )
    AND l.table_rows = (SELECT COUNT(*) FROM "stars"."rank_fact");

CREATE TEMP TABLE cinemill_stage_1 (LIKE "stars"."day_dim" INCLUDING DEFAULTS);

COPY cinemill_stage_1 ("day_key") FROM STDIN (FORMAT binary);

CREATE TEMP TABLE cinemill_stage_2 (LIKE "stars"."film_dim" INCLUDING DEFAULTS);

COPY cinemill_stage_2 ("film_key", "version", "title", "is_current") FROM STDIN (FORMAT binary);

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
);

SELECT 'stars.day_dim: ' || (
SELECT 'day_key stands more than once: ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "day_key" FROM cinemill_stage_1 GROUP BY "day_key" HAVING COUNT(*) > 1 ORDER BY "day_key" LIMIT 1) AS d
);

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
);

SELECT 'stars.film_dim: ' || (
SELECT 'film_key, version stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("version" AS VARCHAR)
FROM (SELECT "film_key", "version" FROM cinemill_stage_2 GROUP BY "film_key", "version" HAVING COUNT(*) > 1 ORDER BY "film_key", "version" LIMIT 1) AS d
);

ANALYZE cinemill_stage_1;

ANALYZE cinemill_stage_2;

CREATE TEMP TABLE cinemill_before AS
SELECT
    CAST('stars.day_dim' AS VARCHAR(256)) AS target_table,
    CAST((SELECT COUNT(*) FROM cinemill_stage_1 AS s WHERE NOT EXISTS (
    SELECT 1 FROM "stars"."day_dim" AS t WHERE t."day_key" = s."day_key"
)) AS BIGINT) AS inserted_rows,
    CAST((SELECT COUNT(*) FROM "stars"."day_dim") AS BIGINT) AS table_rows
UNION ALL
SELECT
    CAST('stars.film_dim' AS VARCHAR(256)) AS target_table,
    CAST((SELECT COUNT(*) FROM cinemill_stage_2 AS s WHERE NOT EXISTS (
    SELECT 1 FROM "stars"."film_dim" AS t WHERE t."film_key" = s."film_key" AND t."version" = s."version"
)) AS BIGINT) AS inserted_rows,
    CAST((SELECT COUNT(*) FROM "stars"."film_dim") AS BIGINT) AS table_rows
UNION ALL
SELECT
    CAST('stars.rank_fact' AS VARCHAR(256)) AS target_table,
    CAST(2 AS BIGINT) AS inserted_rows,
    CAST(0 AS BIGINT) AS table_rows;

INSERT INTO "stars"."day_dim" ("day_key")
SELECT s."day_key"
FROM cinemill_stage_1 AS s
WHERE NOT EXISTS (
    SELECT 1 FROM "stars"."day_dim" AS t WHERE t."day_key" = s."day_key"
);

MERGE INTO "stars"."film_dim"
USING cinemill_stage_2
ON "film_dim"."film_key" = cinemill_stage_2."film_key" AND "film_dim"."version" = cinemill_stage_2."version"
WHEN MATCHED THEN UPDATE SET
    "title" = cinemill_stage_2."title",
    "is_current" = cinemill_stage_2."is_current"
WHEN NOT MATCHED THEN INSERT ("film_key", "version", "title", "is_current")
VALUES (cinemill_stage_2."film_key", cinemill_stage_2."version", cinemill_stage_2."title", cinemill_stage_2."is_current");

DELETE FROM "stars"."rank_fact";

COPY "stars"."rank_fact" ("film_key", "day_key", "place") FROM STDIN (FORMAT binary);

SELECT 'stars.day_dim: ' || (
SELECT CASE
    WHEN a.table_rows <> b.table_rows + b.inserted_rows
    THEN 'rows of the table: expected ' || CAST(b.table_rows + b.inserted_rows AS VARCHAR)
        || ', found ' || CAST(a.table_rows AS VARCHAR)
END
FROM (SELECT COUNT(*) AS table_rows FROM "stars"."day_dim") AS a
CROSS JOIN cinemill_before AS b
WHERE b.target_table = 'stars.day_dim'
);

SELECT 'stars.day_dim: ' || (
SELECT CASE
    WHEN f.f2 > 0 THEN 'day_key is not null: rows that break it: ' || CAST(f.f2 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COALESCE(SUM(CASE WHEN NOT ("day_key" IS NOT NULL) THEN 1 ELSE 0 END), 0) AS f2
FROM "stars"."day_dim") AS f
);

SELECT 'stars.day_dim: ' || (
SELECT 'day_key stands more than once: ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "day_key" FROM "stars"."day_dim" GROUP BY "day_key" HAVING COUNT(*) > 1 ORDER BY "day_key" LIMIT 1) AS d
);

SELECT 'stars.film_dim: ' || (
SELECT CASE
    WHEN a.table_rows <> b.table_rows + b.inserted_rows
    THEN 'rows of the table: expected ' || CAST(b.table_rows + b.inserted_rows AS VARCHAR)
        || ', found ' || CAST(a.table_rows AS VARCHAR)
END
FROM (SELECT COUNT(*) AS table_rows FROM "stars"."film_dim") AS a
CROSS JOIN cinemill_before AS b
WHERE b.target_table = 'stars.film_dim'
);

SELECT 'stars.film_dim: ' || (
SELECT CASE
    WHEN f.f1 < 2 THEN 'the number of rows is at least 2, but is ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 > 0 THEN 'film_key is not null: rows that break it: ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 > 0 THEN 'version is not null: rows that break it: ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 > 0 THEN 'is_current is one of true, false: rows that break it: ' || CAST(f.f4 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COALESCE(SUM(CASE WHEN NOT ("film_key" IS NOT NULL) THEN 1 ELSE 0 END), 0) AS f2,
    COALESCE(SUM(CASE WHEN NOT ("version" IS NOT NULL) THEN 1 ELSE 0 END), 0) AS f3,
    COALESCE(SUM(CASE WHEN NOT ("is_current" IN (TRUE, FALSE)) THEN 1 ELSE 0 END), 0) AS f4
FROM "stars"."film_dim") AS f
);

SELECT 'stars.film_dim: ' || (
SELECT 'film_key, version stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("version" AS VARCHAR)
FROM (SELECT "film_key", "version" FROM "stars"."film_dim" GROUP BY "film_key", "version" HAVING COUNT(*) > 1 ORDER BY "film_key", "version" LIMIT 1) AS d
);

SELECT 'stars.film_dim: ' || (
SELECT 'film_key, title stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("title" AS VARCHAR)
FROM (SELECT "film_key", "title" FROM "stars"."film_dim" WHERE "film_key" IS NOT NULL AND "title" IS NOT NULL GROUP BY "film_key", "title" HAVING COUNT(*) > 1 ORDER BY "film_key", "title" LIMIT 1) AS d
);

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
FROM "stars"."rank_fact") AS f
);

SELECT 'stars.rank_fact: ' || (
SELECT CASE
    WHEN f.f2 > 0 THEN 'film_key is not null: rows that break it: ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 > 0 THEN 'day_key is not null: rows that break it: ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 > 0 THEN 'place is from 1 to 50: rows that break it: ' || CAST(f.f4 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COALESCE(SUM(CASE WHEN NOT ("film_key" IS NOT NULL) THEN 1 ELSE 0 END), 0) AS f2,
    COALESCE(SUM(CASE WHEN NOT ("day_key" IS NOT NULL) THEN 1 ELSE 0 END), 0) AS f3,
    COALESCE(SUM(CASE WHEN NOT ("place" >= 1 AND "place" <= 50) THEN 1 ELSE 0 END), 0) AS f4
FROM "stars"."rank_fact") AS f
);

SELECT 'stars.rank_fact: ' || (
SELECT 'film_key, day_key stands more than once: ' || CAST("film_key" AS VARCHAR) || ', ' || CAST("day_key" AS VARCHAR)
FROM (SELECT "film_key", "day_key" FROM "stars"."rank_fact" GROUP BY "film_key", "day_key" HAVING COUNT(*) > 1 ORDER BY "film_key", "day_key" LIMIT 1) AS d
);

SELECT CASE
    WHEN f.n > 0 THEN 'stars.rank_fact: film_key stands in film_dim.film_key: rows that break it: ' || CAST(f.n AS VARCHAR)
END
FROM (SELECT COUNT(*) AS n
FROM "stars"."rank_fact" AS s
LEFT JOIN (SELECT DISTINCT "film_key" FROM "stars"."film_dim") AS t ON s."film_key" = t."film_key"
WHERE s."film_key" IS NOT NULL AND t."film_key" IS NULL) AS f;

INSERT INTO cinemill.loads (table_name, load_number, load_id, mode, job, run_id, source, published_at, loaded_rows, inserted_rows, table_rows, loaded_bytes, started_at, finished_at, database_user, client, forced)
SELECT
    'stars.day_dim',
    (
        SELECT COALESCE(MAX(l.load_number), 0) + 1
        FROM cinemill.loads AS l
        WHERE l.table_name = 'stars.day_dim'
    ),
    '01a1fdff-0000-7000-8000-000000000000',
    'append_new',
    'stars',
    '2026-11-21',
    's3://lake/stars/_manifest.json',
    TIMESTAMP '2026-11-21 06:00:00.000000',
    1,
    b.inserted_rows,
    (SELECT COUNT(*) FROM "stars"."day_dim"),
    100,
    CURRENT_TIMESTAMP AT TIME ZONE 'UTC',
    CLOCK_TIMESTAMP() AT TIME ZONE 'UTC',
    CURRENT_USER,
    'ana@etl-1',
    FALSE
FROM cinemill_before AS b
WHERE b.target_table = 'stars.day_dim'
UNION ALL
SELECT
    'stars.film_dim',
    (
        SELECT COALESCE(MAX(l.load_number), 0) + 1
        FROM cinemill.loads AS l
        WHERE l.table_name = 'stars.film_dim'
    ),
    '01a1fdff-0000-7000-8000-000000000000',
    'merge',
    'stars',
    '2026-11-21',
    's3://lake/stars/_manifest.json',
    TIMESTAMP '2026-11-21 06:00:00.000000',
    3,
    b.inserted_rows,
    (SELECT COUNT(*) FROM "stars"."film_dim"),
    100,
    CURRENT_TIMESTAMP AT TIME ZONE 'UTC',
    CLOCK_TIMESTAMP() AT TIME ZONE 'UTC',
    CURRENT_USER,
    'ana@etl-1',
    FALSE
FROM cinemill_before AS b
WHERE b.target_table = 'stars.film_dim'
UNION ALL
SELECT
    'stars.rank_fact',
    (
        SELECT COALESCE(MAX(l.load_number), 0) + 1
        FROM cinemill.loads AS l
        WHERE l.table_name = 'stars.rank_fact'
    ),
    '01a1fdff-0000-7000-8000-000000000000',
    'replace',
    'stars',
    '2026-11-21',
    's3://lake/stars/_manifest.json',
    TIMESTAMP '2026-11-21 06:00:00.000000',
    2,
    b.inserted_rows,
    (SELECT COUNT(*) FROM "stars"."rank_fact"),
    100,
    CURRENT_TIMESTAMP AT TIME ZONE 'UTC',
    CLOCK_TIMESTAMP() AT TIME ZONE 'UTC',
    CURRENT_USER,
    'ana@etl-1',
    FALSE
FROM cinemill_before AS b
WHERE b.target_table = 'stars.rank_fact';

ANALYZE "stars"."day_dim";

ANALYZE "stars"."film_dim";

ANALYZE "stars"."rank_fact";
