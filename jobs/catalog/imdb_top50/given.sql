-- Which of the optional inputs there are: without title.akas no market is asked for, and a scraped
-- list goes before the computed one.
SELECT a.akas, s.scraped
FROM (SELECT count(*) AS akas FROM akas) a
CROSS JOIN (SELECT count(*) AS scraped FROM scraped) s
