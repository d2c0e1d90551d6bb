-- Listed films of which there is no version yet, or whose current version differs.
SELECT l.*, b.movie_key AS replaced_key
FROM listed_movies l
LEFT JOIN movies_before b ON b.imdb_id = l.imdb_id AND b.is_current
WHERE b.movie_key IS NULL OR NOT (
  l.title <=> b.title
  AND l.original_title <=> b.original_title
  AND l.title_type <=> b.title_type
  AND l.release_year <=> b.release_year
  AND l.runtime_minutes <=> b.runtime_minutes
  AND l.certificate <=> b.certificate
  AND l.genres <=> b.genres
  AND l.summary <=> b.summary
  AND l.actors <=> b.actors
  AND l.director_group_key <=> b.director_group_key
  AND l.writer_group_key <=> b.writer_group_key
)
