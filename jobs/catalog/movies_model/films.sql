-- The one record that is kept of each film, as typed columns.
--
-- A film that stands in the file more than once is described by its record with the most votes;
-- then by the most popular one, then by the one whose title comes first. Records whose id is no
-- integer are left out here; the reader has counted them as rejects.
WITH ranked AS (
  SELECT
    *,
    -- Amounts and votes may be written with a point ('0.0'), which no integer has.
    try_cast(try_cast(budget AS DECIMAL(38, 6)) AS BIGINT)  AS whole_budget,
    try_cast(try_cast(revenue AS DECIMAL(38, 6)) AS BIGINT) AS whole_revenue,
    try_cast(try_cast(vote_count AS DECIMAL(38, 6)) AS INT) AS votes
  FROM movies_csv
  WHERE id IS NOT NULL
),
placed AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY id
      ORDER BY votes DESC NULLS LAST, popularity DESC NULLS LAST, title ASC NULLS LAST
    ) AS place
  FROM ranked
)
SELECT
  id                AS movie_id,
  imdb_id,
  title,
  original_language,
  release_date,
  whole_budget      AS budget,
  whole_revenue     AS revenue,
  runtime           AS runtime_minutes,
  popularity,
  vote_average,
  votes             AS vote_count,
  adult             AS is_adult,
  -- Null where the text is no list; fields that do not fit are null, see film_genres.sql.
  from_python_literal(genres, 'array<struct<id: int, name: string>>')               AS genres,
  from_python_literal(production_companies, 'array<struct<id: int, name: string>>') AS companies
FROM placed
WHERE place = 1
