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
    backfill, from the archive, if it has them. A job may have several sources."""

    def __init__(self, *, places: Places, **kwargs: Any) -> None:
        super().__init__(arguments=["stage"], **kwargs)
        self.places = places

    def execute(self, context: Context) -> None:
        for source in self.places.sources:
            name = ["--source-file", source] if source.endswith(".toml") else [source]
            origin = self._origin(source, context["dag_run"].logical_date)
            self.run([*self.arguments, *name, "--to", self.places.raw, *origin])

    def _origin(self, source: str, moment: datetime | None) -> list[str]:
        places = self.places
        split = ["--split-mb", str(places.split_mb)] if places.split_mb else []
        day = moment.astimezone(UTC).date() if moment else datetime.now(UTC).date()
        if places.archive and day < datetime.now(UTC).date():
            archived = f"{places.archive}/{day}"
            if lake.holds_something(S3Hook(aws_conn_id=self.aws_conn_id).conn, archived):
                return ["--from", archived, *split]
            self.log.warning("%s is empty: the run takes what the source has now", archived)
        given = places.origin(source)
        origin = ["--from", given] if given else []
        archive = ["--archive", places.archive] if places.archive else []
        return [*origin, *archive, *split]
