-- IMDb's weighted rating: v / (v + m) * R + m / (v + m) * C.
SELECT
  c.imdb_id,
  c.genres,
  c.average_rating,
  c.num_votes,
  (c.num_votes * c.rating + :min_votes * m.mean) / (c.num_votes + :min_votes) AS weighted_rating
FROM candidates c
CROSS JOIN (
  SELECT if(:mean_rating > 0, :mean_rating, avg(rating)) AS mean
  FROM candidates
) m
