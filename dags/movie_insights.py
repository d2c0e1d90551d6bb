"""### What films earn, how they are rated, who makes them

Stages Kaggle's film metadata, MovieLens' ratings and the price index, makes an EMR cluster, runs
`movies_model` and then `movie_insights` on it, terminates it, and loads the tables of both into the
warehouse: those of a job together, in one transaction. Started by hand; the sources change seldom.

**When it is red:** the last lines of the first red task say why. Clear it: what was done is not done
again. Exit code 40 of a load says that rows or columns do not fit; all tables are as before. See
docs/airflow.md.
"""

from airflow.providers.common.compat.sdk import chain
from cinemill_airflow.factory import pipeline

model = pipeline("movies_model")
insights = pipeline("movie_insights")

with model.dag("movie_insights", __doc__):
    upload, published, terminate = model.process_data(insights)
    first, last = model.to_warehouse(insights)
    chain(model.start(), upload)
    chain(published, first)
    chain([terminate, last], model.end())
