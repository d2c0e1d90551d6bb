-- A list without films: files are missing, or no title has min_votes
SELECT 'no film is listed' AS problem
FROM (SELECT count(*) AS films FROM listed) l
WHERE l.films = 0
