"""Makes sure that there is a warehouse to load into."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow.providers.amazon.aws.hooks.redshift_cluster import RedshiftHook
from airflow.providers.common.compat.sdk import BaseOperator, Context

from cinemill_airflow import outcome

NOT_FOUND = "cluster_not_found"
WAIT = {"Delay": 30, "MaxAttempts": 60}


class WarehouseOperator(BaseOperator):
    """Creates or resumes a provisioned Redshift cluster, and waits until it is available.

    Serverless workgroups wake up by themselves, and PostgreSQL is somebody else's: for these
    targets there is nothing to do.

    :param target: as `cinemill load --to` takes it
    :param cluster: parameters of CreateCluster; without them a missing cluster is an error
    """

    template_fields: Sequence[str] = ("target",)
    ui_color = "#d9d2f0"

    def __init__(
        self,
        *,
        target: str,
        cluster: dict[str, Any],
        aws_conn_id: str = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.cluster = cluster
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> None:
        name = provisioned(self.target)
        if not name:
            self.log.info("nothing to create or to resume for %s", self.target)
            return
        hook = RedshiftHook(aws_conn_id=self.aws_conn_id)
        status = hook.cluster_status(name)
        self.log.info("cluster %s: %s", name, status)
        if status == NOT_FOUND:
            self._create(hook, name)
        elif status in ("pausing", "paused"):
            hook.get_waiter("cluster_paused").wait(ClusterIdentifier=name, WaiterConfig=WAIT)
            hook.conn.resume_cluster(ClusterIdentifier=name)
        hook.conn.get_waiter("cluster_available").wait(ClusterIdentifier=name, WaiterConfig=WAIT)
        self.log.info("cluster %s is available", name)

    def _create(self, hook: RedshiftHook, name: str) -> None:
        if not self.cluster:
            lines = [
                f"failed to find the Redshift cluster {name}: there is none of that name",
                "hint: [warehouse.cluster] of the settings would say how to create it",
            ]
            raise outcome.failure(self.log, lines, retry=False)
        database = urlsplit(self.target).path.strip("/")
        # Secrets Manager makes the password and keeps it; nobody else knows it.
        given = {"DBName": database, "ManageMasterPassword": True} | self.cluster
        hook.conn.create_cluster(ClusterIdentifier=name, **given)


def provisioned(target: str) -> str | None:
    """The name of the Redshift cluster in a target; None for every other kind of target."""
    parts = urlsplit(target)
    is_cluster = parse_qs(parts.query).get("type") == ["cluster"]
    return parts.hostname if parts.scheme == "redshift" and is_cluster else None
