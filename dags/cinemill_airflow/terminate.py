"""Ends the cluster of a run."""

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.common.compat.sdk import AirflowException, Context
from botocore.exceptions import BotoCoreError, ClientError

from cinemill_airflow.command import CinemillCommandOperator
from cinemill_airflow.emr_steps import CANCEL_GRACE_S, GOING_ON, Steps, name_of
from cinemill_airflow.runs import own_run_id, run_id


class CinemillTerminateOperator(CinemillCommandOperator):
    """`cinemill cluster terminate`, by the cluster's name: also one that a lost task has made.

    A step that goes on is cancelled first. Airflow begins this task as soon as somebody has marked
    the step's task as failed, which itself may not have noticed yet; and one that was lost for
    good notices nothing at all.
    """

    def __init__(self, *, job: str, further: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(arguments=["cluster", "terminate", "--target", "emr", "--force"], **kwargs)
        self.job = job
        self.further = further

    def execute(self, context: Context) -> None:
        name = run_id(context["dag_run"])
        names = [name_of(self.job, name)]
        names += [name_of(job, own_run_id(context["dag_run"], job)) for job in self.further]
        try:
            self._cancel_steps(name, names)
        except (AirflowException, BotoCoreError, ClientError) as error:
            # The cluster's end ends it as well.
            self.log.warning("failed to cancel the steps of run %s: %s", name, error)
        self.run([*self.arguments, "--cluster", name])

    def _cancel_steps(self, cluster_name: str, names: Sequence[str]) -> None:
        hook = EmrHook(aws_conn_id=self.aws_conn_id)
        cluster = hook.get_cluster_id_by_name(cluster_name, ["RUNNING", "WAITING"])
        if not cluster:
            return
        steps = Steps(hook.conn, cluster)
        for name in names:
            if step := steps.find(name, GOING_ON):
                steps.cancel(step.id, CANCEL_GRACE_S, self.log)
