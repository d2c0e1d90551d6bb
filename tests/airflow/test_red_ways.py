"""What happens when something fails, is killed or is lost, in an Airflow with all its processes."""

import json
import os
import signal
import unittest
from pathlib import Path

from support.world import (
    SMALL,
    FrozenExecutors,
    bad_source,
    deployment,
    good_source,
    served,
    wait_for,
)

# isort: split
# Airflow reads its settings when it is imported.
from cinemill_airflow import lake

DAG = "imdb_process_data"
STEP = "add_and_watch_step"


class RedWays(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.world = deployment()
        cls.airflow, cls.settings = served()

    def setUp(self) -> None:
        self.name = self._testMethodName.removeprefix("test_").replace("_", "-")
        self.before = {cluster["Id"] for cluster in self.world.clusters("")}

    def trigger(self, source: Path, **changed: object) -> None:
        # Every task reads them anew.
        self.settings.write(source, **SMALL | changed)
        self.airflow.trigger(DAG, self.name)

    def tasks(self) -> dict[str, tuple[str, int, int]]:
        return self.airflow.tasks(DAG, self.name)

    def cluster(self) -> dict:
        """The only one that was made since the test began."""
        made = [each for each in self.world.clusters("") if each["Id"] not in self.before]
        (cluster,) = made
        return cluster

    def steps(self) -> list[dict]:
        return self.world.emr.client.list_steps(ClusterId=self.cluster()["Id"])["Steps"]

    def log(self, task: str, number: int = 1) -> list[str]:
        return self.airflow.log(DAG, self.name, task, number)

    def step_is_running(self) -> None:
        told = "submitted run"
        wait_for("the step is running", lambda: told in "\n".join(self.log(STEP)), 120)

    def ended(self, state: str | None, **tasks: str) -> None:
        """The run is in that state, these tasks in theirs, and the cluster is gone."""
        reached = self.airflow.wait(DAG, self.name)
        self.assertIn(state, (reached, None), self.log(STEP)[-20:])
        found = {task: state for task, (state, _, _) in self.tasks().items()}
        self.assertEqual(found, found | tasks)
        self.assertEqual(found["terminate_emr_cluster"], "success")
        self.assertTrue(self.cluster()["Status"]["State"].startswith("TERMINATED"))

    def test_a_step_fails(self) -> None:
        self.trigger(bad_source())
        self.ended("failed", add_and_watch_step="failed", end_data_pipeline="upstream_failed")
        (step,) = self.steps()
        self.assertEqual(step["Status"]["State"], "FAILED")
        last = "\n".join(self.log(STEP)[-10:])
        self.assertIn("failed with exit code 11, a retry would not help", last)
        self.assertIn(
            "error: failed to publish imdb_titles: `titles.tconst is unique` does not hold", last
        )
        self.assertIn("hint: ", last)
        self.assertIn(f"s3://films-logs/emr/{self.cluster()['Id']}/steps/{step['Id']}/", last)

    def test_a_bootstrap_action_fails(self) -> None:
        self.trigger(good_source(), sha256="0" * 64)
        self.ended("failed", create_emr_cluster="failed", add_and_watch_step="upstream_failed")
        self.assertEqual(self.cluster()["Status"]["State"], "TERMINATED_WITH_ERRORS")
        last = "\n".join(self.log("create_emr_cluster")[-10:])
        self.assertIn("failed with exit code 21", last)
        self.assertIn("bootstrap", last)

    def test_a_task_is_killed(self) -> None:
        with FrozenExecutors(self.world.aws.work_dir):
            self.trigger(good_source())
            self.step_is_running()
            self.airflow.fail(DAG, self.name, STEP)
            self.ended("failed", add_and_watch_step="failed")
        self.run_was_cancelled()

    def test_a_whole_run_is_marked_as_failed(self) -> None:
        with FrozenExecutors(self.world.aws.work_dir):
            self.trigger(good_source())
            self.step_is_running()
            self.airflow.fail_run(DAG, self.name)
            # Airflow judges the run by its last task, which it has skipped.
            self.ended(None, add_and_watch_step="failed", end_data_pipeline="skipped")
        self.run_was_cancelled()

    def run_was_cancelled(self) -> None:
        """By its step, which was asked to end and had the time to."""
        (step,) = self.steps()
        self.assertEqual(step["Status"]["State"], "CANCELLED")
        words = step["Config"]["Args"]
        report = lake.read(self.world.s3.client(), words[words.index("--report") + 1])
        self.assertEqual(json.loads(report.splitlines()[-1])["exit_code"], 22)

    def test_a_task_is_lost(self) -> None:
        with FrozenExecutors(self.world.aws.work_dir) as executors:
            self.trigger(good_source())
            self.step_is_running()
            _, _, pid = self.tasks()[STEP]
            # Its supervisor first, which would tell Airflow of its end.
            os.kill(parent(pid), signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)
            attached = "attached to step"
            wait_for("attached", lambda: attached in "\n".join(self.log(STEP, number=2)), 120)
            executors.thaw()
            self.ended("success", add_and_watch_step="success")
        (step,) = self.steps()
        self.assertEqual(step["Status"]["State"], "COMPLETED")


def parent(pid: int) -> int:
    # After the name in brackets, which may hold anything.
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


if __name__ == "__main__":
    unittest.main()
