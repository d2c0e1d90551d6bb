-- One row per film.
--
-- 0 stands for an unknown budget or revenue in the file; it is kept as 0, and so is the profit
-- that follows from it.
SELECT
  movie_id,
  imdb_id,
  title,
  original_language,
  release_date,
  budget,
  revenue,
  revenue - budget AS profit,
  runtime_minutes,
  popularity,
  vote_average,
  vote_count,
  is_adult
FROM films
