-- A film stands on the pages of several genres, which are not fetched in the same moment: of all its
-- rows the one with most votes is the newest, and tells about the film.
WITH numbered AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY imdb_movie_id ORDER BY num_voted_users DESC, ranked_genre
    ) AS number
  FROM scraped
)
SELECT
  imdb_movie_id AS imdb_id,
  title,
  release_year,
  nullif(certificate, 'NULL') AS certificate,
  nullif(run_time_min, -1) AS runtime_minutes,
  CAST(nullif(imdb_rating, -1) AS DECIMAL(3, 1)) AS average_rating,
  nullif(metascore, -1) AS metascore,
  nullif(description, 'NULL') AS summary,
  nullif(num_voted_users, -1) AS num_votes,
  nullif(gross, -1) AS gross_earnings,
  nullif(genre, 'NULL') AS genres,
  nullif(director, 'NULL') AS directors,
  nullif(`cast`, 'NULL') AS actors
FROM numbered
WHERE number = 1
