"""EMR's API: moto's, with the clusters of this package."""

from typing import Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.emr import models, urls
from moto.emr.exceptions import InvalidCluster, InvalidRequestException, ValidationException
from moto.emr.models import ElasticMapReduceBackend, emr_backends
from moto.emr.responses import ElasticMapReduceResponse

from local_aws.emr.cluster import EmrCluster
from local_aws.emr.groups import Group
from local_aws.emr.nodes import Node
from local_aws.emr.policies import Policies
from local_aws.emr.steps import EmrStep


class Clusters(dict):
    def __missing__(self, cluster_id: str) -> None:
        raise InvalidCluster(cluster_id)


class Backend(ElasticMapReduceBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.clusters = Clusters()
        self.nodes: dict[str, Node] = {}

    @property
    def _url_module(self) -> Any:
        return urls

    def add_instance_groups(self, cluster_id: str, instance_groups: list[Any]) -> list[Group]:
        cluster = self.clusters[cluster_id]
        added = [Group(cluster, settings) for settings in instance_groups]
        for group in added:
            self.instance_groups[group.id] = group
            cluster.add_instance_group(group)
        if cluster.launched:
            with cluster.changed:
                for group in added:
                    group.fill()
        return added

    def _manage_security_groups(self, **named: Any) -> tuple[str, str, str]:
        """The groups as they are: rules that moto adds it cannot take away again."""
        return (
            named["emr_managed_master_security_group"],
            named["emr_managed_slave_security_group"],
            named["service_access_security_group"],
        )

    def run_instances(self, *_: Any, **__: Any) -> None:
        """Nothing: the groups start their nodes once the cluster is complete."""

    def modify_instance_groups(self, instance_groups: list[Any]) -> None:
        for request in instance_groups:
            group = self.instance_groups.get(request["InstanceGroupId"])
            if group is None:
                raise InvalidRequestException("Instance group id is not valid.")
            with group.cluster.changed:
                group.resize(request)

    def modify_cluster(self, cluster_id: str, step_concurrency_level: int) -> EmrCluster:
        cluster = super().modify_cluster(cluster_id, step_concurrency_level)
        with cluster.changed:
            cluster.changed.notify_all()
        return cluster

    def describe_step(self, cluster_id: str, step_id: str) -> EmrStep:
        step = super().describe_step(cluster_id, step_id)
        if step is None:
            raise InvalidRequestException(f"Step id '{step_id}' is not valid.")
        return step

    def cancel_steps(self, cluster_id: str, step_ids: list[str], option: str) -> list[dict]:
        cluster = self.clusters[cluster_id]
        with cluster.changed:
            answers = [self._cancel(cluster, step_id, option) for step_id in step_ids]
            cluster.changed.notify_all()
        return answers

    def _cancel(self, cluster: EmrCluster, step_id: str, option: str) -> dict:
        step = self.describe_step(cluster.id, step_id)
        if step.state not in ("PENDING", "RUNNING"):
            reason = f"Step is in state {step.state}"
            return {"StepId": step_id, "Status": "FAILED", "Reason": reason}
        step.cancel(option)
        return {"StepId": step_id, "Status": "SUBMITTED", "Reason": ""}


class Response(Policies, ElasticMapReduceResponse):
    def run_job_flow(self) -> ActionResult:
        if self._get_param("Instances.InstanceFleets"):
            raise ValidationException("This AWS knows instance groups only.")
        answer = super().run_job_flow()
        self.backend.clusters[answer.result["JobFlowId"]].launch()
        return answer

    def add_instance_groups(self) -> ActionResult:
        cluster_id = self._get_param("JobFlowId")
        added = self.backend.add_instance_groups(cluster_id, self._get_param("InstanceGroups"))
        return ActionResult(
            {
                "JobFlowId": cluster_id,
                "InstanceGroupIds": [group.id for group in added],
                "ClusterArn": self.backend.clusters[cluster_id].arn,
            }
        )

    def cancel_steps(self) -> ActionResult:
        answers = self.backend.cancel_steps(
            self._get_param("ClusterId"),
            self._get_param("StepIds", []),
            self._get_param("StepCancellationOption", "SEND_INTERRUPT"),
        )
        return ActionResult({"CancelStepsInfoList": answers})

    def list_instances(self) -> ActionResult:
        cluster = self.backend.clusters[self._get_param("ClusterId")]
        group = self._get_param("InstanceGroupId")
        roles = self._get_param("InstanceGroupTypes", [])
        states = self._get_param("InstanceStates", [])
        found = [
            node.describe()
            for node in cluster.nodes
            if (not group or node.group.id == group)
            and (not roles or node.group.role in roles)
            and (not states or node.state in states)
        ]
        return PaginatedResult({"Instances": found})

    def list_instance_fleets(self) -> ActionResult:
        raise InvalidRequestException("Instance fleets and instance groups are mutually exclusive.")


def node(ec2_id: str) -> Node | None:
    """An instance of any region."""
    for _, _, backend in emr_backends.iter_backends():
        if ec2_id in backend.nodes:
            return backend.nodes[ec2_id]
    return None


def install() -> None:
    models.Cluster = EmrCluster
    emr_backends.backend = Backend
    urls.url_paths = {"{0}/$": Response.dispatch}
