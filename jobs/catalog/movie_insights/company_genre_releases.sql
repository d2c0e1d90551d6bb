-- One row per year, company and genre: how many films came out.
SELECT
  year(f.release_date) AS year,
  c.company_name,
  g.genre_name,
  count(*)             AS film_count
FROM movies f
JOIN film_companies c ON c.movie_id = f.movie_id
JOIN film_genres g    ON g.movie_id = f.movie_id
WHERE f.release_date IS NOT NULL
GROUP BY year(f.release_date), c.company_name, g.genre_name
