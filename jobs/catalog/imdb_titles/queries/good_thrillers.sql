-- Which thrillers among the movies are rated above 8, the best first?
SELECT
    primary_title,
    title_type,
    average_rating,
    num_votes
FROM public.imdb_titles
WHERE
    title_type = 'movie'
    AND average_rating > 8
    AND LOWER(genres) LIKE '%thriller%'
ORDER BY average_rating DESC, num_votes DESC, title_key
