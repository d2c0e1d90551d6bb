"""### IMDb's titles, every night

`imdb_process_data` and `imdb_to_redshift` one after the other, early enough to be done at 06:00:
people look at the table from 07:00 on. `imdb_daily_deadline` tells when it is not there.

**A missed day** is done by `airflow backfill create --dag-id imdb_daily --from-date … --to-date …`.
It takes that day's files from the archive, where there is one. A day is skipped when a later one is
published already, so that the table never goes back.

**When it is red:** look at the first red task; see docs/airflow.md.
"""

from airflow.providers.common.compat.sdk import TaskGroup, chain
from cinemill_airflow.factory import pipeline

titles = pipeline("imdb_titles")

with titles.dag("imdb_daily", __doc__, titles.at(titles.settings.daily.start)):
    with TaskGroup("imdb_process_data"):
        upload, step, terminate = titles.process_data()
    with TaskGroup("imdb_to_redshift"):
        first, last = titles.to_warehouse()
    chain(titles.start(), upload)
    # A cluster that does not want to go must not make the table late.
    chain(step, first)
    chain([terminate, last], titles.end())
