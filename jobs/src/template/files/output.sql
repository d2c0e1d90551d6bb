-- One row per category.
SELECT
  category,
  count(*) AS orders
FROM sized_orders
WHERE category IS NOT NULL
GROUP BY category
