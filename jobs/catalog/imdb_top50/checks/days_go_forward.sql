-- A capture that is newer than this run: history is not written backwards
SELECT capture_date
FROM days_before
WHERE capture_date > :run_date
