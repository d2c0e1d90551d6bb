"""The steps of a cluster, as far as one that runs cinemill needs them."""

import gzip
import time
from dataclasses import dataclass, field
from logging import Logger
from typing import Any

from botocore.client import BaseClient

from cinemill_airflow import lake

GOING_ON = ["PENDING", "RUNNING", "CANCEL_PENDING"]
# What a retry may take for its own.
ATTACHABLE = ["PENDING", "RUNNING", "COMPLETED"]
# How long a step has to end after SIGTERM before it is killed: cinemill cancels the run first.
CANCEL_GRACE_S = 30.0
STDERR_LINES = 5


def name_of(job: str, run: str) -> str:
    """A step's name, by which later tries find it."""
    return f"cinemill {job} {run}"


@dataclass(frozen=True)
class Step:
    id: str
    state: str
    command: list[str]
    details: dict[str, str] = field(default_factory=dict)

    @property
    def goes_on(self) -> bool:
        return self.state in GOING_ON

    def flag(self, name: str) -> str | None:
        """The value of a flag in the command that the step runs."""
        following = dict(zip(self.command, self.command[1:], strict=False))
        return following.get(name)


@dataclass(frozen=True)
class Cluster:
    state: str
    # Why it is in this state.
    reason: str
    # The folder of its logs in S3, where it keeps any.
    logs: str | None

    @property
    def is_gone(self) -> bool:
        return self.state.startswith("TERMINAT")


class Steps:
    def __init__(self, emr: BaseClient, cluster_id: str) -> None:
        self.cluster_id = cluster_id
        self._emr = emr

    def find(self, name: str, states: list[str]) -> Step | None:
        """The newest one of that name in one of the states."""
        pages = self._emr.get_paginator("list_steps")
        listed = pages.paginate(ClusterId=self.cluster_id, StepStates=states)
        named = (step for page in listed for step in page["Steps"] if step["Name"] == name)
        return next(map(read, named), None)

    def add(self, name: str, command: list[str]) -> str:
        # With several steps at a time EMR allows no other action on failure.
        step = {
            "Name": name,
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": command},
        }
        return self._emr.add_job_flow_steps(JobFlowId=self.cluster_id, Steps=[step])["StepIds"][0]

    def describe(self, step_id: str) -> Step:
        return read(self._emr.describe_step(ClusterId=self.cluster_id, StepId=step_id)["Step"])

    def cancel(self, step_id: str, grace_s: float, log: Logger) -> None:
        """Cancels a step and waits for its end.

        One that does not end in time is to be killed. EMR does not say whether it does that to a
        step that is being cancelled already; the end of the cluster ends it in any case.
        """
        log.warning("cancelling step %s", step_id)
        self._cancel(step_id, "SEND_INTERRUPT", log)
        until = time.monotonic() + grace_s
        while self.describe(step_id).goes_on:
            if time.monotonic() > until:
                log.warning("step %s did not end in %s s: killing it", step_id, grace_s)
                self._cancel(step_id, "TERMINATE_PROCESS", log)
                return
            time.sleep(1)

    def _cancel(self, step_id: str, option: str, log: Logger) -> None:
        answer = self._emr.cancel_steps(
            ClusterId=self.cluster_id, StepIds=[step_id], StepCancellationOption=option
        )
        for info in answer["CancelStepsInfoList"]:
            if info["Status"] == "FAILED":
                log.warning("%s of step %s was refused: %s", option, step_id, info["Reason"])

    def cluster(self) -> Cluster:
        found = self._emr.describe_cluster(ClusterId=self.cluster_id)["Cluster"]
        reason = found["Status"].get("StateChangeReason", {}).get("Message", "")
        # EMR tells the bucket as s3n:// at times.
        _, _, logs = found.get("LogUri", "").partition("://")
        place = f"s3://{logs.rstrip('/')}/{self.cluster_id}" if logs else None
        return Cluster(found["Status"]["State"], reason, place)


def read(step: dict[str, Any]) -> Step:
    status = step["Status"]
    details = status.get("FailureDetails") or {}
    return Step(step["Id"], status["State"], list(step["Config"]["Args"]), details)


def stderr(s3: BaseClient, logs: str) -> list[str]:
    """The last lines of a step's standard error; none while EMR has not brought it."""
    content = lake.read(s3, f"{logs}/stderr.gz")
    text = gzip.decompress(content).decode(errors="replace") if content else ""
    return [line for line in text.splitlines() if line.strip()][-STDERR_LINES:]
