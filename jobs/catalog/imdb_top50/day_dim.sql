-- Days on which a change was found.
SELECT day_key, capture_date, year, quarter, month, day
FROM days_before
UNION
SELECT
  year(:run_date) * 10000 + month(:run_date) * 100 + day(:run_date),
  :run_date,
  year(:run_date),
  quarter(:run_date),
  month(:run_date),
  day(:run_date)
FROM new_facts
