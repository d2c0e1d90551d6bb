-- One row per production company. Of several names under one id, the one that sorts first counts.
SELECT
  company_id,
  min(company_name) AS company_name
FROM film_companies
GROUP BY company_id
