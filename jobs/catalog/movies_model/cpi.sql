-- One row per month that has a value. FRED writes a missing one as '.'; what else is no
-- number ends the run, see checks/cpi_values.sql.
WITH monthly AS (
  SELECT
    `DATE`                              AS month,
    try_cast(CUSR0000SS62031 AS DOUBLE) AS cpi
  FROM cpi_csv
)
SELECT
  month,
  cpi
FROM monthly
WHERE month IS NOT NULL AND cpi IS NOT NULL
