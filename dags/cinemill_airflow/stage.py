"""Brings the raw files of a run's day."""

from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import Context

from cinemill_airflow import lake
from cinemill_airflow.command import CinemillCommandOperator
from cinemill_airflow.settings import Places


class CinemillStageOperator(CinemillCommandOperator):
    """`cinemill stage`: today's files come from the source; those of an earlier day, for a
    backfill, from the archive, if it has them."""

    def __init__(self, *, places: Places, **kwargs: Any) -> None:
        is_file = places.source.endswith(".toml")
        source = ["--source-file", places.source] if is_file else [places.source]
        super().__init__(arguments=["stage", *source, "--to", places.raw], **kwargs)
        self.places = places

    def execute(self, context: Context) -> None:
        self.run([*self.arguments, *self._origin(context["dag_run"].logical_date)])

    def _origin(self, moment: datetime | None) -> list[str]:
        places = self.places
        split = ["--split-mb", str(places.split_mb)] if places.split_mb else []
        day = moment.astimezone(UTC).date() if moment else datetime.now(UTC).date()
        if places.archive and day < datetime.now(UTC).date():
            archived = f"{places.archive}/{day}"
            if lake.holds_something(S3Hook(aws_conn_id=self.aws_conn_id).conn, archived):
                return ["--from", archived, *split]
            self.log.warning("%s is empty: the run takes what the source has now", archived)
        origin = ["--from", places.source_from] if places.source_from else []
        archive = ["--archive", places.archive] if places.archive else []
        return [*origin, *archive, *split]
