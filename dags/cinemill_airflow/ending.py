"""Why a step did not end well, in a few lines, and whether another try may help."""

import time
from dataclasses import dataclass

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from cinemill_airflow import outcome
from cinemill_airflow.emr_steps import Cluster, Step, Steps, stderr
from cinemill_airflow.report import Report, explained

LOOK_EVERY_S = 5.0


@dataclass(frozen=True)
class Ending:
    lines: list[str]
    retry: bool


def explain(
    what: str, step: Step, steps: Steps, report: Report | None, s3: BaseClient, log_wait_s: float
) -> Ending:
    """The report says it best; without one, what EMR says and the step's standard error."""
    cluster = described(steps)
    if report and report.end:
        ending = reported(what, report)
    else:
        # Nothing tells the exit code. A run that had begun was lost on the way, and goes on where
        # it was; a command that said nothing at all would say nothing again.
        retry = step.state == "FAILED" and bool(report and report.begun)
        lines = [f"{what}: its step ended as {step.state} without an end in its report"]
        lines += [f"{name}: {text}" for name, text in step.details.items()]
        lines += printed(s3, cluster, step, log_wait_s)
        ending = Ending(lines, retry)
    where = [f"step {step.id} of cluster {steps.cluster_id}, {step.state}"]
    if report:
        where.append(f"report: {report.location}")
    if cluster and cluster.logs:
        where.append(f"logs: {cluster.logs}/steps/{step.id}/")
    if cluster and cluster.is_gone:
        where.append(f"the cluster is {cluster.state}: {cluster.reason}")
        where.append("hint: clear the task that creates the cluster, with those after it")
    retry = ending.retry and not (cluster and cluster.is_gone)
    return Ending(ending.lines + where, retry)


def reported(what: str, report: Report) -> Ending:
    code = report.end["exit_code"]
    retry = code in outcome.RETRYABLE
    return Ending([outcome.heading(what, code), *explained(report.end["error"])], retry)


def described(steps: Steps) -> Cluster | None:
    """That EMR does not answer now must not hide why the step failed."""
    try:
        return steps.cluster()
    except (BotoCoreError, ClientError):
        return None


def printed(s3: BaseClient, cluster: Cluster | None, step: Step, wait_s: float) -> list[str]:
    """The end of the step's standard error, which EMR brings to S3 some time after its end."""
    if step.state != "FAILED" or not cluster or not cluster.logs:
        return []
    until = time.monotonic() + wait_s
    while not (lines := stderr(s3, f"{cluster.logs}/steps/{step.id}")):
        if time.monotonic() > until:
            break
        time.sleep(LOOK_EVERY_S)
    return lines
