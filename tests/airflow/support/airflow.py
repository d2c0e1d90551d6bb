"""An Airflow of one's own: `airflow dags test`, and one that is served with all its processes."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

from airflow import __version__
from fixtures import wait_for

from support.redshift import Redshift

MAJOR = int(__version__.split(".")[0])
PROGRAM = Path(sys.executable).parent / "airflow"
# Signs of life and looks for lost tasks, by the second; all of these are half a minute and more.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "8",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "8",
    "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "1",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}


class Airflow:
    """Its metadata lie in PostgreSQL, as in earnest: SQLite takes one writer at a time."""

    def __init__(self, folder: Path, redshift: Redshift, environment: dict[str, str]) -> None:
        self.folder = folder
        self.redshift = redshift
        self.database = redshift.database(f"airflow_{folder.name}")
        user, rest = self.database.removeprefix("postgres://").split("@")
        password = redshift.environment["PGPASSWORD"]
        self.environment = os.environ | environment | IMPATIENT
        self.environment |= {
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": (
                f"postgresql+psycopg2://{user}:{password}@{rest}"
            ),
        }
        self.run("db", "migrate")

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        done = self.attempt(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"airflow {arguments} ended with {done.returncode}: {done.stdout}")
        return done

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs `airflow` to its end; all that it printed is in `stdout`."""
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def tasks(self, dag_id: str, run_id: str) -> dict[str, tuple[str, int, int]]:
        """State, number of tries and process of every task of a run."""
        query = "SELECT task_id, state, try_number, pid FROM task_instance"
        rows = self.redshift.ask(
            f"{query} WHERE dag_id = %s AND run_id = %s", dag_id, run_id, url=self.database
        )
        return {task: (state, tries, pid) for task, state, tries, pid in rows}

    def log(self, dag_id: str, run_id: str, task_id: str, number: int = 1) -> list[str]:
        """The lines of a task's log, as the file has them; none before it has begun."""
        place = f"dag_id={dag_id}/run_id={run_id}/task_id={task_id}/attempt={number}.log"
        file = self.folder / "logs" / place
        return file.read_text().splitlines() if file.exists() else []


class Served(Airflow):
    """With its processes, which run what is triggered."""

    def __init__(self, folder: Path, redshift: Redshift, environment: dict[str, str]) -> None:
        super().__init__(folder, redshift, environment)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment |= {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        }
        self.programs = (
            ["scheduler"] if MAJOR == 2 else ["api-server", "dag-processor", "scheduler"]
        )
        self.processes: list[subprocess.Popen] = []

    def start(self) -> Self:
        for program in self.programs:
            with open(self.folder / f"{program}.log", "w") as log:
                process = subprocess.Popen(
                    [PROGRAM, program],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self.processes.append(process)
        return self

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                pass
            # What it started is in its session, but for what made one of its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def unpause(self, dag_id: str) -> None:
        """Has what is triggered run, and of a schedule what is due."""
        self._wait_for(dag_id)
        if MAJOR == 2:
            self.run("dags", "unpause", dag_id)
        else:
            self._call("PATCH", f"dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, run_id: str) -> None:
        self.unpause(dag_id)
        if MAJOR == 2:
            self.run("dags", "trigger", dag_id, "--run-id", run_id)
        else:
            body = {"dag_run_id": run_id, "logical_date": None}
            self._call("POST", f"dags/{dag_id}/dagRuns", body)

    def backfill(self, dag_id: str, first: date, last: date) -> None:
        if MAJOR == 2:
            days = ["--start-date", str(first), "--end-date", str(last + timedelta(days=1))]
            self.run("dags", "backfill", dag_id, *days)
            return
        days = ["--from-date", str(first), "--to-date", str(last + timedelta(days=1))]
        limits = ["--max-active-runs", "1", "--reprocess-behavior", "failed"]
        self.run("backfill", "create", "--dag-id", dag_id, *days, *limits)

    def runs(self, dag_id: str) -> dict[str, str]:
        """The states of a DAG's runs, in the order of their dates."""
        query = "SELECT run_id, state FROM dag_run WHERE dag_id = %s ORDER BY logical_date"
        if MAJOR == 2:
            query = query.replace("logical_date", "execution_date")
        return dict(self._ask(query, dag_id))

    def _wait_for(self, dag_id: str) -> None:
        query = "SELECT 1 FROM serialized_dag WHERE dag_id = %s"
        wait_for(f"{dag_id} is parsed", lambda: self._ask(query, dag_id), 90)
        if MAJOR == 3:
            wait_for("the API answers", self._is_healthy, 90)

    def _ask(self, query: str, *values: object) -> list[tuple]:
        return self.redshift.ask(query, *values, url=self.database)

    def _is_healthy(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{self.url}/api/v2/monitor/health").close()
            return True
        return False

    def _call(self, method: str, path: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        urllib.request.urlopen(request).close()

    def fail(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Marks a task as failed, as people do who want it to stop."""
        if MAJOR == 2:
            # What the web server does; starting one takes half a minute.
            self._set_failed(dag_id, run_id, task_id)
            return
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._call("PATCH", path, {"new_state": "failed"})

    def _set_failed(self, *key: str) -> None:
        script = (
            "import sys; from airflow.models import TaskInstance as T\n"
            "from airflow.utils.session import create_session\n"
            "with create_session() as session:\n"
            "    dag, run, task = sys.argv[1:]\n"
            "    task = session.query(T).filter_by(dag_id=dag, run_id=run, task_id=task).one()\n"
            "    task.set_state('failed', session)\n"
        )
        subprocess.run([sys.executable, "-c", script, *key], env=self.environment, check=True)

    def wait(self, dag_id: str, run_id: str, seconds: float = 180) -> str:
        """Waits for the run's end; its state."""

        def ended() -> str | None:
            state = self.runs(dag_id)[run_id]
            return state if state in ("success", "failed") else None

        return wait_for(f"{run_id} of {dag_id} ends", ended, seconds)
