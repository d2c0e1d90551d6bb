"""The operators round the run: staging, the gate at the start, the warehouse."""

import os
import unittest
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest import mock

from support import FOLDER
from support.steps import LOG, execute
from support.world import deployment, good_source

# isort: split
# Airflow reads its settings when it is imported.
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    BaseOperator,
)
from cinemill_airflow.runs import is_later, run_id
from cinemill_airflow.settings import Places
from cinemill_airflow.stage import CinemillStageOperator
from cinemill_airflow.start import StartOperator
from cinemill_airflow.warehouse import WarehouseOperator, provisioned
from fixtures import cinemill, programs

TODAY = datetime.now(UTC)
CREATION = {"NodeType": "ra3.large", "NumberOfNodes": 2, "MasterUsername": "admin"}


def dag_run(moment: datetime | None, run: str = "manual__1", dag: str = "imdb_daily") -> dict:
    return {"dag_run": SimpleNamespace(dag_id=dag, run_id=run, logical_date=moment)}


class InTheWorld(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.world = deployment()
        cls.enterClassContext(mock.patch.dict(os.environ, cls.world.environment))
        cls.enterClassContext(mock.patch.object(BaseOperator, "log", LOG))


class Stage(InTheWorld):
    def setUp(self) -> None:
        name = self._testMethodName
        self.places = Places(
            source="imdb",
            source_from=str(good_source()),
            raw=f"s3://films-raw/{name}",
            archive=f"s3://films-archive/{name}",
            output="s3://films-lake/none",
        )

    def stage(self, moment: datetime | None, **changed: object) -> list[str]:
        places = Places(**vars(self.places) | changed)
        program = str(programs() / "cinemill")
        task = CinemillStageOperator(task_id="stage", places=places, program=program)
        with self.assertLogs(LOG, "INFO") as log:
            execute(task, dag_run(moment))
        return log.output

    def raw(self) -> bytes:
        name = self.places.raw.removeprefix("s3://films-raw/")
        s3 = self.world.s3.client()
        return s3.get_object(Bucket="films-raw", Key=f"{name}/title.akas.tsv.gz")["Body"].read()

    def test_today(self) -> None:
        for moment in (TODAY, None):
            self.stage(moment)
        self.assertTrue(self.raw())
        again = "\n".join(self.stage(TODAY))
        self.assertIn("unchanged, skipped", again)

    def test_an_earlier_day_comes_from_the_archive(self) -> None:
        earlier = TODAY - timedelta(days=3)
        then = FOLDER / "then"
        then.mkdir()
        for file in good_source().iterdir():
            (then / file.name).write_bytes(file.read_bytes())
        akas = then / "title.akas.tsv.gz"
        akas.write_bytes(akas.read_bytes() + (good_source() / akas.name).read_bytes())
        folder = self.places.archive.removeprefix("s3://films-archive/")
        for file in then.iterdir():
            key = f"{folder}/{earlier:%Y-%m-%d}/{file.name}"
            self.world.s3.client().upload_file(str(file), "films-archive", key)

        self.stage(TODAY)
        self.assertEqual(self.raw(), (good_source() / akas.name).read_bytes())
        self.stage(earlier)
        self.assertEqual(self.raw(), akas.read_bytes())

    def test_an_earlier_day_that_was_not_archived(self) -> None:
        told = "\n".join(self.stage(TODAY - timedelta(days=4)))
        self.assertIn("is empty: the run takes what the source has now", told)
        self.assertTrue(self.raw())

    def test_a_source_of_ones_own(self) -> None:
        file = FOLDER / "ours.toml"
        file.write_text(f'from = "{good_source()}"\n[[file]]\nname = "title.akas.tsv.gz"\n')
        self.stage(TODAY, source=str(file), source_from=None)
        self.assertTrue(self.raw())


class Start(InTheWorld):
    def test_a_run_is_skipped_when_a_later_one_was_published(self) -> None:
        output = "s3://films-lake/start"
        start = StartOperator(task_id="start", output_folder=output)
        execute(start, dag_run(TODAY))
        cinemill(
            *("run", "imdb_titles", "--input", good_source().parent / "plain"),
            *("--output", output, "--run-id", run_id(**dag_run(TODAY))),
        )
        execute(start, dag_run(TODAY))
        execute(start, dag_run(TODAY + timedelta(days=1)))
        with self.assertRaises(AirflowSkipException):
            execute(start, dag_run(TODAY - timedelta(days=1)))
        # Another DAG's dates say nothing about these.
        execute(start, dag_run(TODAY - timedelta(days=1), dag="imdb_process_data"))


class Warehouse(InTheWorld):
    def ready(self, name: str, **cluster: object) -> str:
        target = f"redshift://{name}/lake?type=cluster"
        execute(WarehouseOperator(task_id="ready", target=target, cluster=cluster), {})
        redshift = self.world.aws.client("redshift")
        (described,) = redshift.describe_clusters(ClusterIdentifier=name)["Clusters"]
        self.assertEqual(described["DBName"], "lake")
        return described["ClusterStatus"]

    def test_a_cluster_is_created_and_resumed(self) -> None:
        self.assertEqual(self.ready("films", **CREATION), "available")
        self.assertEqual(self.ready("films"), "available")
        self.world.aws.client("redshift").pause_cluster(ClusterIdentifier="films")
        self.assertEqual(self.ready("films"), "available")

    def test_a_cluster_that_is_missing(self) -> None:
        with self.assertRaisesRegex(AirflowFailException, "hint: \\[warehouse.cluster\\]"):
            self.ready("nowhere")

    def test_what_is_not_a_cluster_needs_nothing(self) -> None:
        for target in ("redshift://films/lake", "postgres://loader@warehouse/lake"):
            self.assertIsNone(provisioned(target))
            execute(WarehouseOperator(task_id="ready", target=target, cluster={}), {})


class RunIds(unittest.TestCase):
    def test_of_a_date(self) -> None:
        moment = datetime.fromisoformat("2026-11-21T03:00+01:00")
        self.assertEqual(run_id(**dag_run(moment)), "imdb_daily-20261121T020000Z")

    def test_without_a_date(self) -> None:
        found = run_id(**dag_run(None, "manual__2026-11-21T02:00:00+00:00"))
        self.assertEqual(found, "imdb_daily-manual__2026-11-21T02-00-00-00-00")

    def test_only_dates_of_one_dag_are_compared(self) -> None:
        own = "imdb_daily-20261121T020000Z"
        self.assertTrue(is_later("imdb_daily-20261122T020000Z", own, "imdb_daily"))
        self.assertFalse(is_later(own, own, "imdb_daily"))
        self.assertFalse(is_later("imdb_daily-manual__9", own, "imdb_daily"))
        self.assertFalse(is_later("other-20261122T020000Z", own, "imdb_daily"))


if __name__ == "__main__":
    unittest.main()
