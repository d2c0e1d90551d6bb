-- A place of a list that several films have
-- severity: warn
SELECT genre, genre_rank, count(*) AS films
FROM listed
GROUP BY genre, genre_rank
HAVING count(*) > 1
