"""### Is today's table there?

At 06:00, an hour before people look at it: asks the warehouse whether the table has the rows of
tonight's `imdb_daily`. If not, publishes to SNS what is known, and fails. A DAG of its own, so that
it tells even when `imdb_daily` never began.

**When it is red:** the table in the warehouse is an old one, whole and usable. Look at `imdb_daily`.
"""

from cinemill_airflow.factory import pipeline

titles = pipeline("imdb_titles")

with titles.dag("imdb_daily_deadline", __doc__, titles.at(titles.settings.daily.deadline)):
    titles.check_deadline("imdb_daily")
