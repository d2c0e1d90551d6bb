-- One row per film and production company, however often the film's list names it.
SELECT DISTINCT
  movie_id,
  company_id
FROM film_companies
