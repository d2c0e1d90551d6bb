"""The operator that runs a command on the worker. What it runs here is the shell."""

import os
import time
import unittest
from pathlib import Path
from unittest import mock

from support import FOLDER
from support.steps import LOG, InThread, execute
from support.world import wait_for

# isort: split
# Airflow reads its settings when it is imported.
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from cinemill_airflow.command import CinemillCommandOperator

KEYS = '{"conn_type": "aws", "login": "AKEY", "password": "SECRET", "extra": {"region_name": "r"}}'


def command(script: str, **changed: object) -> CinemillCommandOperator:
    settings = {"task_id": "command", "program": "sh", "arguments": ["-c", script]}
    return CinemillCommandOperator(**settings | changed)


class Command(unittest.TestCase):
    def setUp(self) -> None:
        self.enterContext(mock.patch.object(CinemillCommandOperator, "log", LOG))

    def failure(self, script: str) -> AirflowException:
        with self.assertRaises(AirflowException) as raised:
            execute(command(script), {})
        return raised.exception

    def test_output_is_logged_as_it_comes(self) -> None:
        go_on = FOLDER / "go-on"
        script = f"echo one >&2; while ! [ -e {go_on} ]; do sleep 0.05; done; echo two"
        with self.assertLogs(LOG, "INFO") as log:
            task = InThread(command(script), {})
            wait_for("the first line", lambda: "INFO:task:one" in log.output)
            self.assertNotIn("INFO:task:two", log.output)
            go_on.touch()
            self.assertIsNone(task.end())
        self.assertIn("INFO:task:two", log.output)

    def test_the_last_json_line_is_what_it_returns(self) -> None:
        script = """echo '{"id": "j-1"}'; echo '{"id": "j-2"}'; echo '{no json'; echo done >&2"""
        self.assertEqual(execute(command(script, push_json=True), {}), {"id": "j-2"})
        self.assertIsNone(execute(command(script), {}))

    def test_exit_codes(self) -> None:
        for code in (2, 10, 11, 12, 21, 22, 23, 40):
            with self.subTest(code):
                self.assertIsInstance(self.failure(f"exit {code}"), AirflowFailException)
        for code in (20, 30):
            with self.subTest(code):
                error = self.failure(f"exit {code}")
                self.assertNotIsInstance(error, AirflowFailException)
                self.assertIn(f"failed with exit code {code}, worth a retry", str(error))

    def test_one_that_the_machine_killed_is_tried_again(self) -> None:
        error = self.failure("kill -KILL $$")
        self.assertNotIsInstance(error, AirflowFailException)
        self.assertIn("was ended by SIGKILL", str(error))

    def test_a_failure_tells_the_error(self) -> None:
        error = self.failure("echo fetching; echo 'error: failed'; echo 'hint: try'; exit 12")
        lines = str(error).splitlines()
        self.assertEqual(lines[1:], ["error: failed", "hint: try"])

    def test_a_failure_without_an_error_tells_the_last_lines(self) -> None:
        error = self.failure("seq 1 9; exit 21")
        self.assertEqual(str(error).splitlines()[1:], ["5", "6", "7", "8", "9"])

    def test_a_killed_task_stops_it_and_waits(self) -> None:
        marks = FOLDER / "stopped"
        stop = f"trap 'sleep 0.3; touch {marks}; exit 22' TERM"
        task = command(f"{stop}; echo ready; while true; do sleep 0.05; done")
        with self.assertLogs(LOG, "INFO") as log:
            going_on = InThread(task, {})
            wait_for("it runs", lambda: "INFO:task:ready" in log.output)
            task.on_kill()
        self.assertTrue(marks.exists())
        self.assertNotIsInstance(going_on.end(), AirflowFailException)

    def test_one_that_does_not_stop_is_killed(self) -> None:
        task = command(
            "trap '' TERM; echo ready; while true; do sleep 0.05; done", stop_grace_s=0.2
        )
        began = time.monotonic()
        with self.assertLogs(LOG, "INFO") as log:
            going_on = InThread(task, {})
            wait_for("it runs", lambda: "INFO:task:ready" in log.output)
            task.on_kill()
        self.assertIn("was ended by SIGKILL", str(going_on.end()))
        self.assertLess(time.monotonic() - began, 30)

    def test_it_is_whom_the_connections_say(self) -> None:
        warehouse = '{"conn_type": "postgres", "password": "open sesame"}'
        variables = {"AIRFLOW_CONN_KEYS": KEYS, "AIRFLOW_CONN_WAREHOUSE": warehouse}
        shown = FOLDER / "shown"
        script = f"env >{shown}; tr '\\0' ' ' </proc/$$/cmdline >>{shown}.line"
        with mock.patch.dict(os.environ, variables):
            task = command(script, aws_conn_id="keys", password_conn_id="warehouse")
            execute(task, {})
        environment = shown.read_text().splitlines()
        self.assertIn("AWS_ACCESS_KEY_ID=AKEY", environment)
        self.assertIn("AWS_SECRET_ACCESS_KEY=SECRET", environment)
        self.assertIn("AWS_REGION=r", environment)
        self.assertIn("PGPASSWORD=open sesame", environment)
        self.assertNotIn("SECRET", Path(f"{shown}.line").read_text())
        self.assertNotIn("sesame", Path(f"{shown}.line").read_text())

    def test_without_keys_it_finds_the_workers_own(self) -> None:
        shown = FOLDER / "own"
        execute(command(f"env >{shown}"), {})
        self.assertNotIn("AWS_ACCESS_KEY_ID", shown.read_text())


if __name__ == "__main__":
    unittest.main()
