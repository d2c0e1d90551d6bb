"""Runs a job on an EMR cluster as a step, and stays with it until it has ended."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowException, BaseOperator, Context
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cinemill_airflow import outcome
from cinemill_airflow.emr_steps import ATTACHABLE, CANCEL_GRACE_S, Step, Steps, name_of
from cinemill_airflow.ending import explain
from cinemill_airflow.report import Report
from cinemill_airflow.runs import own_run_id

# Where the bootstrap action puts it.
PROGRAM = "/usr/local/bin/cinemill"
# How long a scheduler that is just starting is waited for.
SCHEDULER_WAIT_S = 300
# EMR's API allows few requests per second, to all clients of the account together.
CLIENT = Config(retries={"mode": "standard", "max_attempts": 6})
THROTTLED = {"ThrottlingException", "Throttling", "RequestLimitExceeded"}


class CinemillStepOperator(BaseOperator):
    """Adds a step that runs `cinemill submit`, or attaches to the one that an earlier try added.

    Adding and watching are one task, so that a retry covers both, and there is no moment between
    them at which nobody would cancel the step.

    :param is_further: whether another job of the DAG run goes before, whose run has the DAG run's id
    :param poll_s: seconds between two looks at the step, give or take a quarter
    :param patience_s: seconds for which EMR may fail to answer before the task fails; the step
        goes on then, and the retry attaches to it
    :param cancel_grace_s: seconds that a step has to end after SIGTERM before it is killed
    :param log_wait_s: seconds that the logs of a step that left no report are waited for
    """

    template_fields: Sequence[str] = ("cluster_id", "scheduler")
    ui_color = "#f5de9a"

    def __init__(
        self,
        *,
        job: str,
        inputs: Sequence[str],
        output_folder: str,
        reports: str,
        cluster_id: str,
        scheduler: str,
        is_further: bool = False,
        aws_conn_id: str = "aws_default",
        poll_s: float = 10.0,
        patience_s: float = 600.0,
        cancel_grace_s: float = CANCEL_GRACE_S,
        log_wait_s: float = 90.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.inputs = inputs
        self.output_folder = output_folder
        self.reports = reports
        self.cluster_id = cluster_id
        self.scheduler = scheduler
        self.is_further = is_further
        self.aws_conn_id = aws_conn_id
        self.poll_s = poll_s
        self.patience_s = patience_s
        self.cancel_grace_s = cancel_grace_s
        self.log_wait_s = log_wait_s
        self._steps: Steps | None = None
        self._step_name = ""
        self._step_id: str | None = None
        self._killed = False

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Returns the run's verdict."""
        run = own_run_id(context["dag_run"], self.job if self.is_further else None)
        emr = EmrHook(aws_conn_id=self.aws_conn_id, config=CLIENT).conn
        s3 = S3Hook(aws_conn_id=self.aws_conn_id).conn
        self._step_name = name_of(self.job, run)
        self._steps = Steps(emr, self.cluster_id)
        step = self._attached() or self._added(run)
        if self._killed:
            self._steps.cancel(step.id, self.cancel_grace_s, self.log)
        location = step.flag("--report")
        report = Report(s3, location) if location else None
        step = self._watched(report)
        if step.state != "COMPLETED":
            ending = explain(f"run {run}", step, self._steps, report, s3, self.log_wait_s)
            # One that was killed along with its worker may try again; nobody else cancels for fun.
            retry = ending.retry or self._killed
            raise outcome.failure(self.log, ending.lines, retry=retry)
        self.log.info("step %s COMPLETED: %s", step.id, report.verdict() if report else "")
        return (report.end or {}).get("verdict") if report else None

    def on_kill(self) -> None:
        """Cancels the step. Airflow 3 calls this in a signal handler, after which `execute` goes
        on and sees the step end; Airflow 2 breaks `execute` off."""
        self._killed = True
        if not self._steps:
            return
        # The answer with its id may have been on its way.
        found = None if self._step_id else self._steps.find(self._step_name, ATTACHABLE)
        if step_id := self._step_id or (found and found.id):
            self._steps.cancel(step_id, self.cancel_grace_s, self.log)

    def _attached(self) -> Step | None:
        step = self._steps.find(self._step_name, ATTACHABLE)
        if step:
            self._step_id = step.id
            self.log.info("attached to step %s, which is %s", step.id, step.state)
        return step

    def _added(self, run: str) -> Step:
        # Each try has a report of its own: one left by an earlier try is not taken for this one's.
        report = f"{self.reports}/{run}/{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"
        command = [PROGRAM, "submit", self.job]
        for place in self.inputs:
            command += ["--input", place]
        command += ["--output", self.output_folder, "--run-id", run, "--report", report]
        command += ["--scheduler", self.scheduler, "--wait-for-scheduler", str(SCHEDULER_WAIT_S)]
        try:
            self._step_id = self._steps.add(self._step_name, command)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            lines = [f"failed to add a step to cluster {self.cluster_id}: {error}"]
            lines.append("hint: clear the task that creates the cluster, with those after it")
            raise outcome.failure(self.log, lines, retry=False) from error
        self.log.info("added step %s to cluster %s: %s", self._step_id, self.cluster_id, command)
        return Step(self._step_id, "PENDING", command)

    def _watched(self, report: Report | None) -> Step:
        """Tells what is reported until the step has ended."""
        while True:
            # In this order, so that nothing is missed that comes before the end.
            step = self._looked_at()
            self._tell(report)
            if not step.goes_on:
                return step
            time.sleep(self.poll_s * random.uniform(0.75, 1.25))

    def _looked_at(self) -> Step:
        """The step as EMR describes it; waits while EMR is too busy to."""
        begun = time.monotonic()
        while True:
            try:
                return self._steps.describe(self._step_id)
            except (BotoCoreError, ClientError) as error:
                if not passes(error) or time.monotonic() - begun > self.patience_s:
                    raise AirflowException(
                        f"failed to describe step {self._step_id}: {error}; it may go on"
                    ) from error
                self.log.warning("EMR does not tell how step %s is: %s", self._step_id, error)
                time.sleep(self.poll_s * random.uniform(1, 3))

    def _tell(self, report: Report | None) -> None:
        try:
            for text in report.news() if report else []:
                self.log.info("%s", text)
        except (ClientError, BotoCoreError, ValueError, KeyError) as error:
            # Only the step's state decides.
            self.log.warning("failed to read the report %s: %r", report.location, error)


def passes(error: BotoCoreError | ClientError) -> bool:
    """Whether it may be over at the next look."""
    if isinstance(error, BotoCoreError):
        # Connections, time limits, credentials that are about to be renewed.
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return error.response["Error"]["Code"] in THROTTLED or status >= 500
