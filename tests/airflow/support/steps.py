"""A cluster whose nodes have a stand-in for cinemill, and tasks that add steps to it."""

import logging
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, BaseOperator
from cinemill_airflow.step import CinemillStepOperator

from support.world import deployment, wait_for

# Both Airflows have loggers of their own.
LOG = logging.getLogger("task")
LOG.propagate = False
STAND_IN = Path(__file__).parent / "stand_in.sh"


class StandIn:
    """A cluster of its own."""

    def __init__(self) -> None:
        self.world = deployment()
        self.world.s3.client().upload_file(str(STAND_IN), "films-releases", "stand-in.sh")
        action = {"Path": "s3://films-releases/stand-in.sh", "Args": []}
        actions = [{"Name": "stand-in", "ScriptBootstrapAction": action}]
        self.cluster = self.world.emr.start(name="stand-in", BootstrapActions=actions)

    def task(self, job: str, **changed: Any) -> CinemillStepOperator:
        settings = {
            "task_id": "step",
            "job": job,
            "inputs": ["s3://films-raw/imdb"],
            "output_folder": "s3://films-lake/titles",
            "reports": "s3://films-lake/reports",
            "cluster_id": self.cluster,
            "scheduler": "127.0.0.1:50050",
            "poll_s": 0.1,
            "log_wait_s": 10,
        }
        return CinemillStepOperator(**settings | changed)

    def context(self, run: str) -> dict[str, Any]:
        """What `execute` looks at of Airflow's context."""
        return {"dag_run": SimpleNamespace(dag_id="films", run_id=run, logical_date=None)}

    def steps(self, run: str) -> list[dict]:
        """The run's steps, oldest first."""
        listed = self.world.emr.client.list_steps(ClusterId=self.cluster)["Steps"]
        return [step for step in reversed(listed) if step["Name"].endswith(f"films-{run}")]

    def running(self, run: str) -> str:
        """Waits until the run's step tells something; its id."""

        def told() -> str | None:
            s3 = self.world.s3.client()
            reports = s3.list_objects_v2(Bucket="films-lake", Prefix=f"reports/films-{run}/")
            return self.steps(run)[-1]["Id"] if reports["KeyCount"] else None

        return wait_for(f"the step of {run} tells something", told)


def execute(task: BaseOperator, context: dict[str, Any]) -> Any:
    """Without what Airflow has round it, which wants to be in a task of its own."""
    return type(task).execute.__wrapped__(task, context)


class InThread:
    """A task that goes on meanwhile."""

    def __init__(self, task: CinemillStepOperator, context: dict[str, Any]) -> None:
        self.task = task
        self.error: AirflowException | None = None
        self.thread = threading.Thread(target=self._run, args=[context], daemon=True)
        self.thread.start()

    def _run(self, context: dict[str, Any]) -> None:
        try:
            execute(self.task, context)
        except AirflowException as error:
            self.error = error

    def end(self) -> AirflowException | None:
        """Waits for it; what it raised."""
        self.thread.join(60)
        if self.thread.is_alive():
            raise AssertionError("the task goes on")
        return self.error
