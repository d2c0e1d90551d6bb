"""### The best films per genre, and how they got there

Brings IMDb's files, runs `imdb_top50` on an EMR cluster, and loads its star schema: what changed
since the last run becomes new facts and new versions of films. A day without changes adds nothing,
and the same day may be run again.

**When it is red:** exit code 11 says what does not hold, such as a capture that is newer than this
run. Nothing was published then, and the next run compares with what there is. See docs/airflow.md.
"""

from airflow.providers.common.compat.sdk import chain
from cinemill_airflow.factory import pipeline

top = pipeline("imdb_top50")

with top.dag("imdb_top50", __doc__):
    upload, published, terminate = top.process_data()
    first, last = top.to_warehouse()
    chain(top.start(), upload)
    chain(published, first)
    chain([terminate, last], top.end())
