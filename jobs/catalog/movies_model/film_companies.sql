-- One row per entry in a film's list of production companies.
--
-- An entry without an integer id or without a name in text is left out.
SELECT
  movie_id,
  company.id   AS company_id,
  company.name AS company_name
FROM films
LATERAL VIEW explode(companies) AS company
WHERE company.id IS NOT NULL AND company.name IS NOT NULL
