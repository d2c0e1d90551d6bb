"""Runs a `cinemill` command on the Airflow worker."""

import json
import os
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from cinemill_airflow import outcome
from cinemill_airflow.identity import environment

# Of what it printed, so many lines say why a command failed that printed no error of its own.
LAST_LINES = 5


class CinemillCommandOperator(BaseOperator):
    """Runs a command, with its output in the task's log.

    Secrets are not among the arguments, which everybody on the machine can read: AWS credentials
    come from the connection or the worker, a password for PostgreSQL from another connection.

    :param arguments: what follows `cinemill`
    :param password_conn_id: a connection with the password for the warehouse
    :param push_json: whether the last line that is a JSON object goes to XCom
    :param stop_grace_s: seconds that a command has after SIGTERM before it is killed
    """

    template_fields: Sequence[str] = ("arguments",)
    ui_color = "#cfe8cf"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        program: str = "cinemill",
        aws_conn_id: str = "aws_default",
        password_conn_id: str | None = None,
        push_json: bool = False,
        stop_grace_s: float = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = arguments
        self.program = program
        self.aws_conn_id = aws_conn_id
        self.password_conn_id = password_conn_id
        self.push_json = push_json
        self.stop_grace_s = stop_grace_s
        self._child: subprocess.Popen[str] | None = None
        self._killed = False

    def execute(self, context: Context) -> dict[str, Any] | None:
        return self.run(self.arguments)

    def run(self, arguments: Sequence[str]) -> dict[str, Any] | None:
        """Runs to the end. Returns the last JSON object that was printed, if that is wanted."""
        command = [self.program, *arguments]
        self.log.info("running %s", command)
        self._child = subprocess.Popen(
            command,
            env=os.environ | environment(self.aws_conn_id, self.password_conn_id),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Airflow signals the task's whole group, which would interrupt it in its cleaning up.
            start_new_session=True,
        )
        answer, last = None, deque(maxlen=LAST_LINES)
        for line in self._child.stdout:
            self.log.info("%s", line.rstrip())
            last.append(line.rstrip())
            answer = json_object(line) or answer
        code = self._child.wait()
        if code != 0:
            self._fail(f"cinemill {arguments[0]}", code, list(last))
        return answer if self.push_json else None

    def on_kill(self) -> None:
        self._killed = True
        child = self._child
        if not child or child.poll() is not None:
            return
        self.log.warning("stopping process %s", child.pid)
        child.terminate()
        try:
            child.wait(self.stop_grace_s)
        except subprocess.TimeoutExpired:
            self.log.warning("process %s did not end; it is killed", child.pid)
            child.kill()

    def _fail(self, what: str, code: int, last: list[str]) -> None:
        if code < 0:
            # Nobody but the machine does this, for lack of memory, or a shutdown.
            lines = [f"{what} was ended by {signal.Signals(-code).name}", *last]
            raise outcome.failure(self.log, lines, retry=True)
        errors = [number for number, line in enumerate(last) if line.startswith("error:")]
        reason = last[errors[-1] :] if errors else last
        retry = code in outcome.RETRYABLE or self._killed
        raise outcome.failure(self.log, [outcome.heading(what, code), *reason], retry=retry)


def json_object(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None
