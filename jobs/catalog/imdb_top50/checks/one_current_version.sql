-- A film with none or several current versions
SELECT imdb_id, count_if(is_current) AS current_versions
FROM movie_dim
GROUP BY imdb_id
HAVING count_if(is_current) <> 1
