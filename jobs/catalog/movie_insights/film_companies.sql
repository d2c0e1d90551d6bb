-- One row per film and name of a company: two ids of one name count once.
SELECT DISTINCT
  movie_id,
  company_name
FROM movie_companies
JOIN companies USING (company_id)
