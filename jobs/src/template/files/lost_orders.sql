-- an order with a category is counted in its category
SELECT o.order_id, o.category
FROM sized_orders o
LEFT JOIN {{job}} j ON j.category = o.category
WHERE o.category IS NOT NULL AND j.category IS NULL
