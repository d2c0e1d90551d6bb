"""Tells people when the table of the day is not where they will look for it."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.providers.common.compat.sdk import BaseOperator, Context
from botocore.exceptions import BotoCoreError, ClientError

from cinemill_airflow import lake, outcome, runs
from cinemill_airflow.identity import environment
from cinemill_airflow.settings import Daily

# A warehouse that takes longer to answer is as good as none at this hour.
ANSWER_S = 120
# What SNS takes as the subject of a mail.
SUBJECT_MAX = 100


@dataclass(frozen=True)
class Day:
    """The daily run that has to be done by some moment."""

    dag_id: str
    begins: datetime

    @property
    def run_id(self) -> str:
        return f"{self.dag_id}-{runs.stamp(self.begins)}"

    def is_done_by(self, load: dict[str, Any]) -> bool:
        """Whether that load brought this day's rows: by its run, or by one that somebody started
        in its place. A backfill of an earlier day does not count, however late it was loaded."""
        if load["run_id"] == self.run_id:
            return True
        began = datetime.fromisoformat(load["published_at"])
        earlier = runs.is_later(self.run_id, load["run_id"], self.dag_id)
        return began >= self.begins and not earlier


def day_before(moment: datetime, daily: Daily, dag_id: str) -> Day:
    """The last daily run that was to begin before the moment."""
    zone = ZoneInfo(daily.timezone)
    local = moment.astimezone(zone)
    begins = datetime.combine(local.date(), time.fromisoformat(daily.start), zone)
    if begins > local:
        begins = datetime.combine(
            local.date() - timedelta(days=1), time.fromisoformat(daily.start), zone
        )
    return Day(dag_id, begins.astimezone(UTC))


class CinemillDeadlineOperator(BaseOperator):
    """Fails, and publishes to SNS, unless the day's table is in the warehouse.

    It asks the warehouse and not Airflow, so it does not matter whether the daily run failed, is
    slow, or never began. Where the warehouse does not answer, that is an alert, too.
    """

    template_fields: Sequence[str] = ("target",)
    ui_color = "#f3c6c0"

    def __init__(
        self,
        *,
        table: str,
        output_folder: str,
        target: str,
        topic: str,
        daily: Daily,
        daily_dag_id: str,
        program: str = "cinemill",
        aws_conn_id: str = "aws_default",
        password_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.output_folder = output_folder
        self.target = target
        self.topic = topic
        self.daily = daily
        self.daily_dag_id = daily_dag_id
        self.program = program
        self.aws_conn_id = aws_conn_id
        self.password_conn_id = password_conn_id

    def execute(self, context: Context) -> None:
        moment = context["dag_run"].logical_date or datetime.now(UTC)
        day = day_before(moment, self.daily, self.daily_dag_id)
        trouble = self._trouble(day)
        if not trouble:
            self.log.info("%s is in the warehouse, from %s", self.table, day.run_id)
            return
        subject = f"{self.table} is late: {self.daily_dag_id} of {day.begins:%Y-%m-%d}"
        lines = [subject, *trouble]
        SnsHook(aws_conn_id=self.aws_conn_id).publish_to_target(
            self.topic, "\n".join(lines), subject[:SUBJECT_MAX]
        )
        self.log.error("published to %s", self.topic)
        # No retry: one alert is enough.
        raise outcome.failure(self.log, lines, retry=False)

    def _trouble(self, day: Day) -> list[str]:
        try:
            loads = self._loads()
        except (OSError, subprocess.SubprocessError, ValueError) as cause:
            said = getattr(cause, "stderr", None) or str(cause)
            return ["the warehouse cannot be asked:", *said.splitlines()]
        newest = next(iter(loads), None)
        if newest and day.is_done_by(newest):
            return []
        has = f"{newest['run_id']}, published {newest['published_at']}" if newest else "no rows"
        return [f"the warehouse has {has}", self._how_far(day)]

    def _loads(self) -> list[dict[str, Any]]:
        """The loads into the table, newest first."""
        command = [self.program, "loads", "--to", self.target, "--table", self.table, "--json"]
        asked = subprocess.run(
            command,
            env=os.environ | environment(self.aws_conn_id, self.password_conn_id),
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=True,
        )
        return json.loads(asked.stdout)

    def _how_far(self, day: Day) -> str:
        """What the run of the day has come to; it does not matter for whether there is an alert."""
        try:
            s3 = S3Hook(aws_conn_id=self.aws_conn_id).conn
            record = lake.run_record(s3, self.output_folder, day.run_id)
        except (BotoCoreError, ClientError) as error:
            return f"how far run {day.run_id} is cannot be told: {error}"
        if not record:
            return f"run {day.run_id} left no record: look at {self.daily_dag_id} in Airflow"
        error = record.get("error")
        reason = f": failed to {error['action']}: {error['cause']}" if error else ""
        return f"run {day.run_id} is {record['state']}{reason}"
