-- The listed films with the attributes that a version of a film consists of.
WITH sorted AS (
  SELECT *, array_join(array_sort(split(genres, ',')), ',') AS sorted_genres
  FROM films
)
SELECT
  f.imdb_id,
  f.title,
  f.original_title,
  f.title_type,
  f.release_year,
  f.runtime_minutes,
  f.certificate,
  f.sorted_genres AS genres,
  f.summary,
  a.names AS actors,
  d.names AS directors,
  w.names AS writers,
  md5(f.sorted_genres) AS genre_group_key,
  d.group_key AS director_group_key,
  w.group_key AS writer_group_key
FROM sorted f
LEFT JOIN credits a ON a.imdb_id = f.imdb_id AND a.role = 'actor'
LEFT JOIN credits d ON d.imdb_id = f.imdb_id AND d.role = 'director'
LEFT JOIN credits w ON w.imdb_id = f.imdb_id AND w.role = 'writer'
