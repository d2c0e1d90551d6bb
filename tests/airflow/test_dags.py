"""The DAG files: that they load, what they consist of, and what they say when they cannot load."""

import json
import os
import unittest
from itertools import pairwise
from pathlib import Path
from unittest import mock

from support import DAGS, FOLDER
from support.airflow import MAJOR
from support.deployment import toml

# isort: split
# Airflow reads its settings when it is imported.
from cinemill_airflow import catalog

if MAJOR == 2:
    from airflow.models.dagbag import DagBag
else:
    from airflow.dag_processing.dagbag import DagBag

NAMES = ["imdb_titles", "imdb_top50", "movies_model", "movie_insights"]
JOBS = [{"name": name, "description": name, "table": f"public.{name}"} for name in NAMES]
TOP = {"reports": "s3://lake/reports", "alerts_topic": "arn:aws:sns:us-east-1:1:alerts"}
TABLES = {
    "cluster": {"file": "emr.toml"},
    "warehouse": {"target": "redshift://films/lake", "password_conn_id": "warehouse"},
    "jobs.imdb_titles": {"source": "imdb", "raw": "s3://raw/imdb", "output": "s3://lake/titles"},
    "jobs.imdb_top50": {"source": "imdb", "raw": "s3://raw/imdb", "output": "s3://lake/top50"},
    "jobs.movies_model": {
        "source": ["movielens", "fred", "kaggle"],
        "raw": "s3://raw/films",
        "output": "s3://lake/model",
    },
    "jobs.movie_insights": {"raw": "s3://lake/model", "output": "s3://lake/insights"},
}
PROCESS = ["upload_raw_files_to_s3", "create_emr_cluster", "add_and_watch_step"]
LOAD = ["create_redshift_cluster", "transfer_s3_to_redshift", "run_data_validation"]
FILES = sorted(DAGS.glob("*.py"))


def loaded(top: dict = TOP, tables: dict = TABLES, jobs: list = JOBS) -> DagBag:
    folder = FOLDER / "dags"
    folder.mkdir(exist_ok=True)
    (folder / "dags.toml").write_text(toml(top, tables))
    (folder / "jobs.json").write_text(json.dumps(jobs))
    variables = {
        "CINEMILL_DAGS_CONFIG": str(folder / "dags.toml"),
        "CINEMILL_JOBS_JSON": str(folder / "jobs.json"),
    }
    catalog.catalog.cache_clear()
    with mock.patch.dict(os.environ, variables):
        return DagBag(str(DAGS))


class Dags(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.bag = loaded()

    def edges(self, dag_id: str) -> set[tuple[str, str]]:
        tasks = self.bag.dags[dag_id].tasks
        return {(task.task_id, after) for task in tasks for after in task.downstream_task_ids}

    def chain(self, *names: str) -> set[tuple[str, str]]:
        return set(pairwise(names))

    def setups(self, process: list[str], terminate: str) -> set[tuple[str, str]]:
        return {(task, terminate) for task in process[:2]}

    def test_they_load(self) -> None:
        self.assertEqual(self.bag.import_errors, {})
        self.assertEqual(set(self.bag.dags), {file.stem for file in FILES})

    def test_files_are_short(self) -> None:
        for file in FILES:
            with self.subTest(file.name):
                self.assertLessEqual(len(file.read_text().splitlines()), 100)

    def test_process_data(self) -> None:
        wanted = self.chain(
            "start_data_pipeline", *PROCESS, "terminate_emr_cluster", "end_data_pipeline"
        )
        # The end follows the step as well: it is red when the step is.
        wanted.add(("add_and_watch_step", "end_data_pipeline"))
        wanted |= self.setups(PROCESS, "terminate_emr_cluster")
        self.assertEqual(self.edges("imdb_process_data"), wanted)

    def test_to_redshift(self) -> None:
        wanted = self.chain("start_data_pipeline", *LOAD, "end_data_pipeline")
        self.assertEqual(self.edges("imdb_to_redshift"), wanted)

    def test_daily(self) -> None:
        process = [f"imdb_process_data.{task}" for task in PROCESS]
        load = [f"imdb_to_redshift.{task}" for task in LOAD]
        terminate = "imdb_process_data.terminate_emr_cluster"
        wanted = self.chain("start_data_pipeline", *process, *load, "end_data_pipeline")
        wanted |= self.chain(process[-1], terminate, "end_data_pipeline")
        wanted |= self.setups(process, terminate)
        self.assertEqual(self.edges("imdb_daily"), wanted)

    def test_top50(self) -> None:
        wanted = self.chain("start_data_pipeline", *PROCESS, *LOAD, "end_data_pipeline")
        wanted |= self.chain(PROCESS[-1], "terminate_emr_cluster", "end_data_pipeline")
        wanted |= self.setups(PROCESS, "terminate_emr_cluster")
        self.assertEqual(self.edges("imdb_top50"), wanted)

    def test_insights_follow_the_model_on_its_cluster(self) -> None:
        process = [*PROCESS, "add_and_watch_movie_insights"]
        load = [*LOAD, "transfer_s3_to_redshift_movie_insights"]
        load.append("run_data_validation_movie_insights")
        wanted = self.chain("start_data_pipeline", *process, *load, "end_data_pipeline")
        wanted |= self.chain(process[-1], "terminate_emr_cluster", "end_data_pipeline")
        wanted |= self.setups(process, "terminate_emr_cluster")
        # It is told which cluster that is.
        wanted.add(("create_emr_cluster", process[-1]))
        self.assertEqual(self.edges("movie_insights"), wanted)
        step = self.bag.dags["movie_insights"].get_task("add_and_watch_movie_insights")
        self.assertEqual(step.inputs, ["s3://lake/model"])
        self.assertTrue(step.is_further)

    def test_clusters_are_terminated_whatever_failed(self) -> None:
        for dag in self.bag.dags.values():
            for task in dag.tasks:
                with self.subTest(dag.dag_id, task=task.task_id):
                    terminates = task.task_id.endswith("terminate_emr_cluster")
                    self.assertEqual(task.is_teardown, terminates)

    def test_runs_come_one_by_one_and_missed_ones_only_when_wanted(self) -> None:
        for dag in self.bag.dags.values():
            with self.subTest(dag.dag_id):
                self.assertEqual(dag.max_active_runs, 1)
                self.assertFalse(dag.catchup)
                self.assertTrue(dag.doc_md)
                waiting = {task.task_id for task in dag.tasks if task.depends_on_past}
                # Any other one would have a cluster wait, and cost.
                self.assertLessEqual(waiting, {"start_data_pipeline"})

    def test_schedules(self) -> None:
        times = {
            dag.dag_id: dag.timetable.summary
            for dag in self.bag.dags.values()
            if dag.dag_id.startswith("imdb_daily")
        }
        wanted = {"imdb_daily": "0 2 * * *", "imdb_daily_deadline": "0 6 * * *"}
        self.assertEqual(times, wanted)

    def test_the_plain_one_uses_nothing_of_ours(self) -> None:
        for task in self.bag.dags["plain_emr_step"].tasks:
            self.assertTrue(type(task).__module__.startswith("airflow.providers.amazon"))
        self.assertNotIn("cinemill_airflow", (DAGS / "plain_emr_step.py").read_text())

    def test_arguments_hold_no_secret_and_name_the_warehouse(self) -> None:
        task = self.bag.dags["imdb_to_redshift"].get_task("transfer_s3_to_redshift")
        wanted = ["load", "s3://lake/titles", "--to", "redshift://films/lake", "--create"]
        self.assertEqual(task.arguments, wanted)
        task = self.bag.dags["movie_insights"].get_task("run_data_validation_movie_insights")
        wanted = ["validate", "--job", "movie_insights", "--to", "redshift://films/lake"]
        self.assertEqual(task.arguments, wanted)
        self.assertEqual(task.password_conn_id, "warehouse")


class Refused(unittest.TestCase):
    """What Airflow shows as the import error."""

    def refused(self, reason: str, **changed: object) -> None:
        errors = loaded(**changed).import_errors
        self.assertTrue(errors)
        for file, error in errors.items():
            with self.subTest(Path(file).name):
                self.assertIn(reason, error)

    def test_an_unknown_key(self) -> None:
        self.refused("unknown key `report`", top=TOP | {"report": "s3://lake"})

    def test_a_missing_key(self) -> None:
        self.refused("reports", top={})

    def test_no_places_for_the_job(self) -> None:
        tables = {name: table for name, table in TABLES.items() if not name.startswith("jobs")}
        self.refused("jobs", tables=tables)

    def test_no_warehouse(self) -> None:
        tables = {name: table for name, table in TABLES.items() if name != "warehouse"}
        bag = loaded(tables=tables)
        self.assertIn("imdb_process_data", bag.dags)
        self.refused("have no [warehouse]", tables=tables)

    def test_an_unknown_job(self) -> None:
        self.refused("`; there are: other", jobs=[JOBS[0] | {"name": "other"}])

    def test_no_program_and_no_file(self) -> None:
        catalog.catalog.cache_clear()
        with self.assertRaisesRegex(ValueError, "CINEMILL_JOBS_JSON may name a file"):
            catalog.find("imdb_titles", "/nowhere/cinemill")


if __name__ == "__main__":
    unittest.main()
