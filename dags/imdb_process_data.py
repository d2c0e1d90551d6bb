"""### IMDb's files to one wide table

Brings the files to S3, makes an EMR cluster, runs `imdb_titles` on it as a step, and terminates
the cluster, whatever became of the step. Started by hand; `imdb_daily` does the same every night.

**When it is red:** the last lines of the first red task say why, and whether another try may help.
Clear it: the run goes on under its id, on a new cluster, which is made along with it, and takes up
what was done already. See docs/airflow.md.
"""

from airflow.providers.common.compat.sdk import chain
from cinemill_airflow.factory import pipeline

titles = pipeline("imdb_titles")

with titles.dag("imdb_process_data", __doc__):
    upload, step, terminate = titles.process_data()
    chain(titles.start(), upload)
    chain([step, terminate], titles.end())
