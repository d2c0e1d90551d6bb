-- months without a price index between the first and the last that have one
-- severity: warn
-- A film of such a month counts as one without CPI in genre_earnings_real.
WITH following AS (
  SELECT
    month,
    lead(month) OVER (ORDER BY month) AS next_month
  FROM cpi
)
SELECT
  month      AS last_before_gap,
  next_month AS first_after_gap
FROM following
WHERE next_month <> add_months(month, 1)
