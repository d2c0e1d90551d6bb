-- Who wrote the series Ozark?
SELECT
    primary_title,
    release_year,
    writers
FROM public.imdb_titles
WHERE primary_title = 'Ozark' AND title_type = 'tvSeries'
ORDER BY title_key
