-- The first five known people of each list, one row per title that has any.
--
-- Who is not in names, or has no name there, is dropped first; five are taken after that. A title
-- with known writers but no known directors has a row, with null directors.
WITH known AS (
  SELECT
    credits.tconst,
    -- The place leads, so that sorting the pairs brings the names into the order of the list.
    array_sort(
      collect_list(struct(credits.place, names.primaryName))
        FILTER (WHERE credits.role = 'directors')
    ).primaryName AS directors,
    array_sort(
      collect_list(struct(credits.place, names.primaryName))
        FILTER (WHERE credits.role = 'writers')
    ).primaryName AS writers
  FROM credits
  JOIN names ON names.nconst = credits.nconst
  WHERE names.primaryName IS NOT NULL
  GROUP BY credits.tconst
)
SELECT
  tconst,
  -- Nobody is null, not ''.
  if(size(directors) = 0, NULL, array_join(slice(directors, 1, 5), ',')) AS directors,
  if(size(writers) = 0, NULL, array_join(slice(writers, 1, 5), ',')) AS writers
FROM known
