-- Orders that count, one row each.
SELECT order_id, category, amount
FROM orders
WHERE amount >= :min_amount
