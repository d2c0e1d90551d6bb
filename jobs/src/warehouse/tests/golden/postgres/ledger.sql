SELECT pg_advisory_xact_lock(hashtextextended('cinemill load: cinemill', 0));

CREATE SCHEMA IF NOT EXISTS cinemill;

CREATE TABLE IF NOT EXISTS cinemill.loads (
    table_name VARCHAR(256) NOT NULL,
    load_number INTEGER NOT NULL,
    load_id VARCHAR(36) NOT NULL,
    mode VARCHAR(16) NOT NULL,
    job VARCHAR(256) NOT NULL,
    run_id VARCHAR(256) NOT NULL,
    source VARCHAR(2048) NOT NULL,
    published_at TIMESTAMP NOT NULL,
    loaded_rows BIGINT NOT NULL,
    inserted_rows BIGINT NOT NULL,
    table_rows BIGINT NOT NULL,
    loaded_bytes BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    database_user VARCHAR(256) NOT NULL,
    client VARCHAR(512) NOT NULL,
    forced BOOLEAN NOT NULL,
    PRIMARY KEY (table_name, load_number)
);

CREATE OR REPLACE VIEW cinemill.freshness AS
SELECT
    latest.table_name,
    latest.finished_at AS loaded_at,
    latest.published_at,
    latest.job,
    latest.run_id,
    latest.source,
    latest.mode,
    latest.loaded_rows,
    latest.table_rows
FROM cinemill.loads AS latest
INNER JOIN (
    SELECT
        table_name,
        MAX(load_number) AS load_number
    FROM cinemill.loads
    GROUP BY table_name
) AS newest
    ON latest.table_name = newest.table_name AND latest.load_number = newest.load_number;
