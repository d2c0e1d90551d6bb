SELECT pg_advisory_xact_lock(hashtextextended('cinemill load: marts.films', 0));

SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)
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
    AND l.table_rows = (SELECT COUNT(*) FROM "marts"."films");

ALTER TABLE "marts"."films" ADD COLUMN "stored_at" TIMESTAMPTZ;

ALTER TABLE "marts"."films" ADD COLUMN "poster" BYTEA;

CREATE TEMP TABLE cinemill_before AS
SELECT
    CAST('marts.films' AS VARCHAR(256)) AS target_table,
    CAST(3 AS BIGINT) AS inserted_rows,
    CAST(0 AS BIGINT) AS table_rows;

DELETE FROM "marts"."films";

COPY "marts"."films" ("film_key", "title", "is_adult", "genres", "votes", "revenue", "popularity", "rating", "budget", "released_on", "seen_at", "stored_at", "poster") FROM STDIN (FORMAT binary);

SELECT CASE
    WHEN f.f1 <> 3 THEN 'rows: expected 3, found ' || CAST(f.f1 AS VARCHAR)
    WHEN f.f2 <> 3 THEN 'values in film_key: expected 3, found ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 <> 27 THEN 'checksum of film_key: expected 27, found ' || CAST(f.f3 AS VARCHAR)
    WHEN f.f4 <> 2 THEN 'values in title: expected 2, found ' || CAST(f.f4 AS VARCHAR)
    WHEN f.f5 <> 40 THEN 'checksum of title: expected 40, found ' || CAST(f.f5 AS VARCHAR)
    WHEN f.f6 <> 3 THEN 'values in is_adult: expected 3, found ' || CAST(f.f6 AS VARCHAR)
    WHEN f.f7 <> 1 THEN 'checksum of is_adult: expected 1, found ' || CAST(f.f7 AS VARCHAR)
    WHEN f.f8 <> 3 THEN 'values in genres: expected 3, found ' || CAST(f.f8 AS VARCHAR)
    WHEN f.f9 <> 6 THEN 'checksum of genres: expected 6, found ' || CAST(f.f9 AS VARCHAR)
    WHEN f.f10 <> 2 THEN 'values in votes: expected 2, found ' || CAST(f.f10 AS VARCHAR)
    WHEN f.f11 <> 300 THEN 'checksum of votes: expected 300, found ' || CAST(f.f11 AS VARCHAR)
    WHEN f.f12 <> 2 THEN 'values in revenue: expected 2, found ' || CAST(f.f12 AS VARCHAR)
    WHEN f.f13 <> 9000000000 THEN 'checksum of revenue: expected 9000000000, found ' || CAST(f.f13 AS VARCHAR)
    WHEN f.f14 <> 3 THEN 'values in popularity: expected 3, found ' || CAST(f.f14 AS VARCHAR)
    WHEN f.f15 <> 12500 THEN 'checksum of popularity: expected 12500, found ' || CAST(f.f15 AS VARCHAR)
    WHEN f.f16 <> 3 THEN 'values in rating: expected 3, found ' || CAST(f.f16 AS VARCHAR)
    WHEN f.f17 <> 3 THEN 'values in budget: expected 3, found ' || CAST(f.f17 AS VARCHAR)
    WHEN f.f18 <> 1234.56 THEN 'checksum of budget: expected 1234.56, found ' || CAST(f.f18 AS VARCHAR)
    WHEN f.f19 <> 3 THEN 'values in released_on: expected 3, found ' || CAST(f.f19 AS VARCHAR)
    WHEN f.f20 <> 54321 THEN 'checksum of released_on: expected 54321, found ' || CAST(f.f20 AS VARCHAR)
    WHEN f.f21 <> 3 THEN 'values in seen_at: expected 3, found ' || CAST(f.f21 AS VARCHAR)
    WHEN f.f22 <> 1700000000 THEN 'checksum of seen_at: expected 1700000000, found ' || CAST(f.f22 AS VARCHAR)
    WHEN f.f23 <> 0 THEN 'values in stored_at: expected 0, found ' || CAST(f.f23 AS VARCHAR)
    WHEN f.f24 <> 0 THEN 'checksum of stored_at: expected 0, found ' || CAST(f.f24 AS VARCHAR)
    WHEN f.f25 <> 0 THEN 'values in poster: expected 0, found ' || CAST(f.f25 AS VARCHAR)
    WHEN f.f26 <> 0 THEN 'checksum of poster: expected 0, found ' || CAST(f.f26 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COUNT("film_key") AS f2,
    COALESCE(SUM(OCTET_LENGTH("film_key")), 0) AS f3,
    COUNT("title") AS f4,
    COALESCE(SUM(OCTET_LENGTH("title")), 0) AS f5,
    COUNT("is_adult") AS f6,
    COALESCE(SUM(CASE WHEN "is_adult" THEN 1 ELSE 0 END), 0) AS f7,
    COUNT("genres") AS f8,
    COALESCE(SUM("genres"), 0) AS f9,
    COUNT("votes") AS f10,
    COALESCE(SUM("votes"), 0) AS f11,
    COUNT("revenue") AS f12,
    COALESCE(SUM("revenue"), 0) AS f13,
    COUNT("popularity") AS f14,
    COALESCE(SUM(CAST(FLOOR(CAST("popularity" AS DOUBLE PRECISION) * 1000) AS DECIMAL(38, 0))), 0) AS f15,
    COUNT("rating") AS f16,
    COUNT("budget") AS f17,
    COALESCE(SUM("budget"), 0) AS f18,
    COUNT("released_on") AS f19,
    COALESCE(SUM("released_on" - DATE '1970-01-01'), 0) AS f20,
    COUNT("seen_at") AS f21,
    COALESCE(SUM(CAST(FLOOR(EXTRACT(EPOCH FROM "seen_at")) AS BIGINT)), 0) AS f22,
    COUNT("stored_at") AS f23,
    COALESCE(SUM(CAST(FLOOR(EXTRACT(EPOCH FROM "stored_at")) AS BIGINT)), 0) AS f24,
    COUNT("poster") AS f25,
    COALESCE(SUM(OCTET_LENGTH("poster")), 0) AS f26
FROM "marts"."films") AS f;

SELECT CASE
    WHEN f.f1 = 0 THEN 'the table has no rows'
    WHEN f.f2 > 0 THEN 'film_key is not null: rows that break it: ' || CAST(f.f2 AS VARCHAR)
    WHEN f.f3 > 0 THEN 'rating is not negative: rows that break it: ' || CAST(f.f3 AS VARCHAR)
END
FROM (SELECT
    COUNT(*) AS f1,
    COALESCE(SUM(CASE WHEN NOT ("film_key" IS NOT NULL) THEN 1 ELSE 0 END), 0) AS f2,
    COALESCE(SUM(CASE WHEN NOT ("rating" >= 0) THEN 1 ELSE 0 END), 0) AS f3
FROM "marts"."films") AS f;

SELECT 'film_key stands more than once: ' || CAST("film_key" AS VARCHAR)
FROM (SELECT "film_key" FROM "marts"."films" GROUP BY "film_key" HAVING COUNT(*) > 1 ORDER BY "film_key" LIMIT 1) AS d;

INSERT INTO cinemill.loads (table_name, load_number, load_id, mode, job, run_id, source, published_at, loaded_rows, inserted_rows, table_rows, loaded_bytes, started_at, finished_at, database_user, client, forced)
SELECT
    'marts.films',
    (
        SELECT COALESCE(MAX(l.load_number), 0) + 1
        FROM cinemill.loads AS l
        WHERE l.table_name = 'marts.films'
    ),
    '01a1fdff-0000-7000-8000-000000000000',
    'replace',
    'films',
    '2026-11-21',
    's3://lake/films/_manifest.json',
    TIMESTAMP '2026-11-21 06:00:00.000000',
    3,
    b.inserted_rows,
    (SELECT COUNT(*) FROM "marts"."films"),
    300,
    CURRENT_TIMESTAMP AT TIME ZONE 'UTC',
    CLOCK_TIMESTAMP() AT TIME ZONE 'UTC',
    CURRENT_USER,
    'ana@etl-1',
    FALSE
FROM cinemill_before AS b
WHERE b.target_table = 'marts.films';

ANALYZE "marts"."films";
