-- A film stands on the pages of several genres, which were not fetched in the same moment: the row
-- with most votes is the newest, and tells about the film. -1 and NULL say that a value is not known.
SELECT
  imdb_movie_id AS imdb_id,
  ranked_genre AS genre,
  ranking_by_genre AS genre_rank,
  first_value(title) OVER w AS title,
  first_value(release_year) OVER w AS release_year,
  nullif(first_value(certificate) OVER w, 'NULL') AS certificate,
  nullif(first_value(run_time_min) OVER w, -1) AS runtime_minutes,
  CAST(nullif(first_value(imdb_rating) OVER w, -1) AS DECIMAL(3, 1)) AS average_rating,
  nullif(first_value(metascore) OVER w, -1) AS metascore,
  nullif(first_value(description) OVER w, 'NULL') AS summary,
  nullif(first_value(num_voted_users) OVER w, -1) AS num_votes,
  nullif(first_value(gross) OVER w, -1) AS gross_earnings,
  array_join(
    array_distinct(split(trim(nullif(first_value(genre) OVER w, 'NULL')), ' *, *')), ','
  ) AS genres,
  nullif(first_value(director) OVER w, 'NULL') AS directors,
  nullif(first_value(`cast`) OVER w, 'NULL') AS actors
FROM scraped
WINDOW w AS (PARTITION BY imdb_movie_id ORDER BY num_voted_users DESC, ranked_genre)
