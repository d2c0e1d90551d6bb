-- companies with more films of one genre than films in a year
SELECT
  r.year,
  r.company_name,
  r.genre_name,
  r.film_count AS films_of_genre,
  m.film_count AS films
FROM company_genre_releases r
JOIN company_year_metrics m ON m.year = r.year AND m.company_name = r.company_name
WHERE r.film_count > m.film_count
