-- values of the price index that are no number above 0, and neither '.' nor empty
SELECT
  `DATE`          AS month,
  CUSR0000SS62031 AS cpi
FROM cpi_csv
WHERE NOT (
  trim(coalesce(CUSR0000SS62031, '')) IN ('', '.')
  -- NaN counts as more than any number.
  OR coalesce(try_cast(CUSR0000SS62031 AS DOUBLE) BETWEEN 1e-3 AND 1e9, false)
)
