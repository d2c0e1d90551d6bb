"""The first task of a DAG run."""

from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator, Context

from cinemill_airflow import lake, runs


class StartOperator(BaseOperator):
    """Skips the run where a later one of this DAG has published the table: a backfill must not
    set it back to an earlier day."""

    def __init__(
        self, *, output_folder: str, aws_conn_id: str = "aws_default", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.output_folder = output_folder
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> None:
        dag_run = context["dag_run"]
        own = runs.run_id(dag_run)
        published = lake.published_run(
            S3Hook(aws_conn_id=self.aws_conn_id).conn, self.output_folder
        )
        self.log.info("run %s; %s has %s", own, self.output_folder, published or "no table yet")
        if published and runs.is_later(published, own, dag_run.dag_id):
            raise AirflowSkipException(f"{self.output_folder} has the rows of {published} already")
