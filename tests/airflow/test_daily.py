"""The daily DAG, as the scheduler begins it; its deadline; a backfill."""

import unittest
from datetime import UTC, datetime, timedelta

from support.deployment import TITLES
from support.world import SMALL, deployment, good_source, served, wait_for

DAG = "imdb_daily"


def latest() -> datetime:
    """When the last run was due."""
    now = datetime.now(UTC)
    due = now.replace(hour=2, minute=0, second=0, microsecond=0)
    return due if due <= now else due - timedelta(days=1)


class Daily(unittest.TestCase):
    def setUp(self) -> None:
        self.world = deployment()
        self.world.redshift.clear()
        self.airflow, self.settings = served()
        self.settings.write(good_source(), **SMALL)
        self.due = latest()
        self.deadline = self.due.replace(hour=6).isoformat()
        self.run_id = f"{DAG}-{self.due:%Y%m%d}T020000Z"

    def test_a_day(self) -> None:
        self.an_alert_comes_when_the_deadline_is_missed()
        self.the_scheduler_does_the_day()
        self.no_alert_comes_when_the_deadline_is_met()
        self.a_backfill_of_earlier_days_changes_nothing()

    def an_alert_comes_when_the_deadline_is_missed(self) -> None:
        missed = self.airflow.attempt("dags", "test", "imdb_daily_deadline", self.deadline)
        self.assertEqual(missed.returncode, 1, missed.stdout[-2000:])
        (told,) = wait_for("an alert", self.world.alerts_told)
        self.assertIn(f"run {self.run_id} left no record: look at imdb_daily", told)

    def the_scheduler_does_the_day(self) -> None:
        self.airflow.unpause(DAG)
        run = wait_for("the run that is due", lambda: next(iter(self.airflow.runs(DAG)), None), 90)
        self.assertEqual(self.airflow.wait(DAG, run), "success", self.airflow.tasks(DAG, run))
        self.assertEqual(self.loads(), [(self.run_id, TITLES)])

    def loads(self) -> list[tuple]:
        query = "SELECT run_id, table_rows FROM cinemill.loads ORDER BY load_number"
        return self.world.redshift.ask(query)

    def no_alert_comes_when_the_deadline_is_met(self) -> None:
        self.airflow.run("dags", "test", "imdb_daily_deadline", self.deadline)
        self.assertEqual(self.world.alerts_told(), [])

    def a_backfill_of_earlier_days_changes_nothing(self) -> None:
        day = self.due.date()
        self.airflow.backfill(DAG, day - timedelta(days=2), day - timedelta(days=1))
        wait_for("three runs", lambda: len(self.airflow.runs(DAG)) == 3)
        for run in self.airflow.runs(DAG):
            self.assertEqual(self.airflow.wait(DAG, run), "success")
        *backfilled, _ = self.airflow.runs(DAG)
        for run in backfilled:
            states = {task: state for task, (state, _, _) in self.airflow.tasks(DAG, run).items()}
            self.assertEqual(set(states.values()), {"skipped"}, states)
        self.assertEqual(self.loads(), [(self.run_id, TITLES)])
        self.assertEqual(len(self.world.clusters(f"{DAG}-")), 1)


if __name__ == "__main__":
    unittest.main()
