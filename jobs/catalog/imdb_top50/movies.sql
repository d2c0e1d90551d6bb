-- The listed films with the attributes that a version of a film consists of. Keys of groups come
-- from the members' ids and names.
WITH credited AS (
  SELECT
    imdb_id, title, original_title, title_type, release_year, runtime_minutes, certificate, genres,
    summary,
    array_sort(collect_list(if(role = 'director', struct(position, nconst, name), NULL))) AS directed,
    array_sort(collect_list(if(role = 'writer', struct(position, nconst, name), NULL))) AS written,
    array_sort(collect_list(if(role = 'actor', struct(position, nconst, name), NULL))) AS acted
  FROM (SELECT * EXCEPT (role), if(nconst IS NULL, NULL, role) AS role FROM people) p
  GROUP BY
    imdb_id, title, original_title, title_type, release_year, runtime_minutes, certificate, genres,
    summary
)
SELECT
  imdb_id, title, original_title, title_type, release_year, runtime_minutes, certificate, genres,
  summary,
  directed, written,
  nullif(array_join(acted.name, ', '), '') AS actors,
  nullif(array_join(directed.name, ', '), '') AS directors,
  nullif(array_join(written.name, ', '), '') AS writers,
  md5(genres) AS genre_group_key,
  if(size(directed) > 0,
    md5(concat(array_join(directed.nconst, ','), '\t', array_join(directed.name, '\t'))), NULL)
    AS director_group_key,
  if(size(written) > 0,
    md5(concat(array_join(written.nconst, ','), '\t', array_join(written.name, '\t'))), NULL)
    AS writer_group_key
FROM credited
