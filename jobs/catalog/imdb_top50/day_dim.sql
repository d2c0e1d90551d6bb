-- Days on which a change was found.
SELECT day_key, capture_date, year, quarter, month, day
FROM days_before
UNION ALL
SELECT
  d.day_key,
  d.capture_date,
  d.year,
  CAST(ceil(d.month / 3) AS INT),
  d.month,
  d.day
FROM (
  SELECT
    CAST(date_format(:run_date, 'yyyyMMdd') AS INT) AS day_key,
    :run_date AS capture_date,
    CAST(date_format(:run_date, 'yyyy') AS INT) AS year,
    CAST(date_format(:run_date, 'MM') AS INT) AS month,
    CAST(date_format(:run_date, 'dd') AS INT) AS day,
    count(*) AS facts
  FROM new_facts
) d
LEFT JOIN days_before b ON b.day_key = d.day_key
WHERE d.facts > 0 AND b.day_key IS NULL
