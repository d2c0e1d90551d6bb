-- Which 20 movies of 2019 with at least 1,000 votes are rated best?
SELECT
    primary_title,
    average_rating,
    num_votes
FROM public.imdb_titles
WHERE
    release_year = 2019
    AND title_type = 'movie'
    AND num_votes >= 1000
    AND average_rating IS NOT NULL
ORDER BY average_rating DESC, num_votes DESC, title_key
LIMIT 20
