"""The alert: that it comes when the day's table is not in the warehouse, and only then."""

import os
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from support.steps import LOG, execute
from support.world import bad_source, deployment, good_source, wait_for

# isort: split
# Airflow reads its settings when it is imported.
from airflow.providers.common.compat.sdk import AirflowFailException
from cinemill_airflow.deadline import CinemillDeadlineOperator, Day, day_before
from cinemill_airflow.settings import Daily
from fixtures import cinemill, programs

# Yesterday, since today may not have come to 02:00.
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
DEADLINE = DAY + timedelta(hours=6)


def run_of(days_before: int) -> str:
    return f"imdb_daily-{DAY - timedelta(days=days_before):%Y%m%d}T020000Z"


class Deadline(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.world = deployment()
        cls.target = cls.world.redshift.target
        cls.enterClassContext(mock.patch.dict(os.environ, cls.world.environment))
        cls.enterClassContext(mock.patch.object(CinemillDeadlineOperator, "log", LOG))

    def setUp(self) -> None:
        self.table = f"public.{self._testMethodName}"
        self.output = f"s3://films-lake/{self._testMethodName}"

    def publish(self, run: str, source: Path | None = None) -> None:
        raw = (source or good_source()).parent / "plain"
        cinemill("run", "imdb_titles", "--input", raw, "--output", self.output, "--run-id", run)

    def load(self) -> None:
        cinemill("load", self.output, "--to", self.target, "--table", self.table, "--create")

    def check(self, moment: datetime = DEADLINE, **changed: object) -> None:
        settings = {
            "task_id": "check",
            "table": self.table,
            "output_folder": self.output,
            "target": self.target,
            "topic": self.world.topic,
            "daily": Daily(),
            "daily_dag_id": "imdb_daily",
            "program": str(programs() / "cinemill"),
        }
        task = CinemillDeadlineOperator(**settings | changed)
        execute(task, {"dag_run": SimpleNamespace(logical_date=moment)})

    def alert(self, **changed: object) -> str:
        """What people are told; the task fails for good."""
        with self.assertRaises(AirflowFailException) as raised:
            self.check(**changed)
        (told,) = wait_for("an alert", self.world.alerts_told)
        self.assertEqual(str(raised.exception), told)
        return told

    def silence(self, **changed: object) -> None:
        self.check(**changed)
        self.assertEqual(self.world.alerts_told(), [])

    def test_done(self) -> None:
        self.publish(run_of(0))
        self.load()
        self.silence()

    def test_nothing_ever_began(self) -> None:
        told = self.alert()
        self.assertIn(f"{self.table} is late: imdb_daily of {DAY:%Y-%m-%d}", told)
        self.assertIn("the warehouse has no rows", told)
        self.assertIn(f"run {run_of(0)} left no record: look at imdb_daily", told)

    def test_published_and_not_loaded(self) -> None:
        self.publish(run_of(1))
        self.load()
        self.publish(run_of(0))
        told = self.alert(moment=DEADLINE + timedelta(days=1))
        self.assertIn(f"the warehouse has {run_of(1)}", told)
        told = self.alert()
        self.assertIn(f"run {run_of(0)} is succeeded", told)

    def test_a_failed_run(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "ended with 11"):
            self.publish(run_of(0), bad_source())
        self.assertIn(f"run {run_of(0)} is failed: failed to", self.alert())

    def test_a_backfill_of_an_earlier_day_does_not_count(self) -> None:
        self.publish(run_of(2))
        self.load()
        self.alert()

    def test_a_run_that_somebody_started_in_its_place_counts(self) -> None:
        self.publish("imdb_process_data-by-hand")
        self.load()
        self.silence()

    def test_a_warehouse_that_does_not_answer_is_an_alert(self) -> None:
        told = self.alert(target="postgres://nobody@127.0.0.1:1/nothing")
        self.assertIn("the warehouse cannot be asked", told)
        self.assertIn("error: failed to", told)
        self.assertIn("No such file", self.alert(program="/nowhere/cinemill"))


class Days(unittest.TestCase):
    def begins(self, moment: str, **daily: str) -> str:
        day = day_before(datetime.fromisoformat(moment), Daily(**daily), "imdb_daily")
        return f"{day.begins:%Y-%m-%dT%H:%M}"

    def test_the_run_that_is_to_be_done(self) -> None:
        self.assertEqual(self.begins("2026-11-21T06:00Z"), "2026-11-21T02:00")
        self.assertEqual(self.begins("2026-11-21T01:00Z"), "2026-11-20T02:00")

    def test_one_that_begins_in_the_evening(self) -> None:
        self.assertEqual(self.begins("2026-11-21T06:00Z", start="22:30"), "2026-11-20T22:30")

    def test_elsewhere_and_in_summer(self) -> None:
        berlin = {"timezone": "Europe/Berlin"}
        self.assertEqual(self.begins("2026-11-21T05:00Z", **berlin), "2026-11-21T01:00")
        self.assertEqual(self.begins("2026-07-21T04:00Z", **berlin), "2026-07-21T00:00")

    def test_its_run_id(self) -> None:
        day = Day("imdb_daily", datetime(2026, 11, 21, 2, tzinfo=UTC))
        self.assertEqual(day.run_id, "imdb_daily-20261121T020000Z")


if __name__ == "__main__":
    unittest.main()
