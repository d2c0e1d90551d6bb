"""### A job as a plain EMR step

Nothing of cinemill's own in Airflow: the provider's `EmrAddStepsOperator` and `EmrStepSensor`, and
EMR's `command-runner.jar`, on a cluster that is there. For those who have such DAGs already.

What it lacks: marking the task as failed leaves the step running, a retry of the first task adds
another step, and the task's log does not say why a step failed; the step's `stderr.gz` does. The
run id keeps the second step from doing anything twice.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator
from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor
from airflow.providers.common.compat.sdk import DAG, Param

# Letters, digits, `-`, `_` and `.` are what ids of runs are made of.
RUN_ID = "{{ dag.dag_id }}-{{ run_id | replace(':', '-') | replace('+', '-') }}"

with DAG(
    "plain_emr_step",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "cinemill", "retries": 1, "retry_delay": timedelta(minutes=1)},
    params={
        "cluster_id": Param(type="string", title="Id of the cluster", pattern="^j-"),
        "scheduler": Param("127.0.0.1:50050", type="string", title="Scheduler, on the primary"),
        "input": Param(type="string", title="Folder of the raw files"),
        "output": Param(type="string", title="Folder of the table"),
    },
    tags=["cinemill"],
):
    add = EmrAddStepsOperator(
        task_id="add_cinemill_step",
        job_flow_id="{{ params.cluster_id }}",
        steps=[
            {
                "Name": f"cinemill imdb_titles {RUN_ID}",
                "ActionOnFailure": "CONTINUE",
                "HadoopJarStep": {
                    "Jar": "command-runner.jar",
                    "Args": [
                        "/usr/local/bin/cinemill",
                        "submit",
                        "imdb_titles",
                        "--input={{ params.input }}",
                        "--output={{ params.output }}",
                        f"--run-id={RUN_ID}",
                        "--scheduler={{ params.scheduler }}",
                    ],
                },
            }
        ],
    )
    watch = EmrStepSensor(
        task_id="watch_cinemill_step",
        job_flow_id="{{ params.cluster_id }}",
        step_id="{{ ti.xcom_pull(task_ids='add_cinemill_step')[0] }}",
        poke_interval=15,
    )
    add >> watch
