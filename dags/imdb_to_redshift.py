"""### The wide table into the warehouse

Creates or resumes the Redshift cluster where the target is one, loads the published table in one
transaction, creating it where there is none, and checks it. Started by hand; `imdb_daily` does the
same every night. A load that was done already does nothing.

**When it is red:** exit code 40 says that rows or columns do not fit; the warehouse's table is as
before. See docs/airflow.md and docs/warehouses.md.
"""

from airflow.providers.common.compat.sdk import chain
from cinemill_airflow.factory import pipeline

titles = pipeline("imdb_titles")

with titles.dag("imdb_to_redshift", __doc__):
    first, last = titles.to_warehouse()
    chain(titles.start(), first)
    chain(last, titles.end())
