"""Builds the DAGs of a job, from the catalogue and the settings."""

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, BaseOperator, chain
from airflow.timetables.trigger import CronTriggerTimetable

from cinemill_airflow import catalog, settings
from cinemill_airflow.command import CinemillCommandOperator
from cinemill_airflow.deadline import CinemillDeadlineOperator
from cinemill_airflow.runs import run_id
from cinemill_airflow.settings import Settings, SettingsError, Warehouse
from cinemill_airflow.stage import CinemillStageOperator
from cinemill_airflow.start import StartOperator
from cinemill_airflow.step import CinemillStepOperator
from cinemill_airflow.terminate import CinemillTerminateOperator
from cinemill_airflow.warehouse import WarehouseOperator

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
except ImportError:
    # Airflow 2.
    from airflow.operators.empty import EmptyOperator

# The cluster of a run has the run's name, so that one is found which a lost task made.
CLUSTER = "{{ cinemill_run_id(dag_run) }}"
# A cluster that stays costs money by the hour.
TERMINATE_RETRIES = 5


def pipeline(job: str) -> "Pipeline":
    given = settings.read()
    return Pipeline(catalog.find(job, given.program), given)


class Pipeline:
    """The way of one job's files from their source into the warehouse."""

    def __init__(self, job: catalog.Job, given: Settings) -> None:
        self.job = job
        self.settings = given
        self.places = given.of(job.name)
        self.command = {"program": given.program, "aws_conn_id": given.aws_conn_id}

    def dag(self, dag_id: str, doc: str, schedule: CronTriggerTimetable | None = None) -> DAG:
        return DAG(
            dag_id,
            description=self.job.description,
            doc_md=doc,
            schedule=schedule,
            start_date=datetime(2026, 1, 1, tzinfo=UTC),
            # What is to be done about missed days, somebody says: `airflow backfill create`.
            catchup=False,
            max_active_runs=1,
            default_args={
                "owner": "cinemill",
                "retries": self.settings.retries,
                "retry_delay": timedelta(seconds=self.settings.retry_delay_s),
            },
            user_defined_macros={"cinemill_run_id": run_id},
            tags=["cinemill", self.job.name],
        )

    def at(self, time: str) -> CronTriggerTimetable:
        """Every day at that time. The date of a run is the moment at which it begins, in both
        Airflow 2 and 3."""
        hour, minute = time.split(":")
        return CronTriggerTimetable(
            f"{int(minute)} {int(hour)} * * *", timezone=self.settings.daily.timezone
        )

    def start(self) -> BaseOperator:
        # Days begin in their order. This stands at the first task alone: further down, a failure
        # of yesterday would have today's cluster wait for somebody to look, and cost.
        return StartOperator(
            task_id="start_data_pipeline",
            depends_on_past=True,
            output_folder=self.places.output,
            aws_conn_id=self.settings.aws_conn_id,
        )

    def end(self) -> BaseOperator:
        return EmptyOperator(task_id="end_data_pipeline")

    def process_data(self, *further: "Pipeline") -> tuple[BaseOperator, BaseOperator, BaseOperator]:
        """From the source to the published tables, and on the same cluster to those of `further`
        jobs, each of which reads what the one before has published. Returns the first task, the
        one after which all is published, and the last one."""
        upload = CinemillStageOperator(
            task_id="upload_raw_files_to_s3", places=self.places, **self.command
        )
        create = self._create_cluster()
        steps = [self._step("add_and_watch_step", create, is_further=False)]
        for each in further:
            steps.append(each._step(f"add_and_watch_{each.job.name}", create, is_further=True))
        terminate = CinemillTerminateOperator(
            task_id="terminate_emr_cluster",
            job=self.job.name,
            further=[each.job.name for each in further],
            retries=TERMINATE_RETRIES,
            **self.command,
        )
        chain(upload, create, *steps, terminate)
        # A teardown begins whatever failed before, and even when somebody marks the whole run as
        # failed; one setup that succeeded is enough, so a cluster goes that a lost task has made.
        # And who clears the step clears these with it: its cluster is gone by then.
        terminate.as_teardown(setups=[upload, create])
        return upload, steps[-1], terminate

    def _step(
        self, task_id: str, create: BaseOperator, *, is_further: bool
    ) -> CinemillStepOperator:
        return CinemillStepOperator(
            task_id=task_id,
            job=self.job.name,
            inputs=[self.places.raw],
            output_folder=self.places.output,
            reports=self.settings.reports,
            cluster_id=create.output["id"],
            scheduler=create.output["scheduler"],
            is_further=is_further,
            aws_conn_id=self.settings.aws_conn_id,
            poll_s=self.settings.poll_s,
        )

    def _create_cluster(self) -> BaseOperator:
        cluster = self.settings.cluster
        arguments = ["cluster", "create", cluster.file, "--name", CLUSTER, "--json"]
        if cluster.executors is not None:
            arguments += ["--executors", str(cluster.executors)]
        return CinemillCommandOperator(
            task_id="create_emr_cluster",
            arguments=arguments,
            push_json=True,
            multiple_outputs=True,
            **self.command,
        )

    def to_warehouse(self, *further: "Pipeline") -> tuple[BaseOperator, BaseOperator]:
        """From the published tables into the warehouse, of `further` jobs too, one after the other.
        Returns the first and the last task."""
        warehouse = self._warehouse()
        client = self.command | {"password_conn_id": warehouse.password_conn_id}
        ready = WarehouseOperator(
            task_id="create_redshift_cluster",
            target=warehouse.target,
            cluster=warehouse.cluster,
            aws_conn_id=self.settings.aws_conn_id,
        )
        tasks = [ready]
        for each in (self, *further):
            tail = "" if each is self else f"_{each.job.name}"
            load = CinemillCommandOperator(
                task_id=f"transfer_s3_to_redshift{tail}", arguments=each._load(warehouse), **client
            )
            validate = CinemillCommandOperator(
                task_id=f"run_data_validation{tail}",
                arguments=["validate", "--job", each.job.name, "--to", warehouse.target],
                **client,
            )
            tasks += [load, validate]
        chain(*tasks)
        return ready, tasks[-1]

    def _load(self, warehouse: Warehouse) -> list[str]:
        # Tables are created in the load's transaction: nobody sees them empty.
        arguments = ["load", self.places.output, "--to", warehouse.target, "--create"]
        if warehouse.mode:
            arguments += ["--mode", warehouse.mode]
        if warehouse.iam_role:
            arguments += ["--iam-role", warehouse.iam_role]
        return arguments

    def check_deadline(self, daily_dag_id: str) -> BaseOperator:
        warehouse = self._warehouse()
        if not self.settings.alerts_topic:
            raise SettingsError("failed to build a DAG: the settings have no `alerts_topic`")
        return CinemillDeadlineOperator(
            task_id="check_deadline",
            table=self.job.table,
            output_folder=self.places.output,
            target=warehouse.target,
            topic=self.settings.alerts_topic,
            daily=self.settings.daily,
            daily_dag_id=daily_dag_id,
            password_conn_id=warehouse.password_conn_id,
            **self.command,
        )

    def _warehouse(self) -> Warehouse:
        if not self.settings.warehouse:
            raise SettingsError("failed to build a DAG: the settings have no [warehouse]")
        return self.settings.warehouse
