-- This run's lists: film, genre, place.
SELECT imdb_id, genre, genre_rank, weighted_rating
FROM computed_ranks
UNION ALL
SELECT imdb_movie_id, ranked_genre, ranking_by_genre, CAST(NULL AS DOUBLE)
FROM scraped
