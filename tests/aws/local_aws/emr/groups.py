"""Instance groups: their size owns nodes."""

from typing import TYPE_CHECKING, Any

from moto.emr.exceptions import InvalidRequestException, ValidationException
from moto.emr.models import InstanceGroup
from moto.emr.utils import random_id

from local_aws.emr.bootstrap import Boot
from local_aws.emr.nodes import Node

if TYPE_CHECKING:
    from local_aws.emr.cluster import EmrCluster

# Of a request's settings, those that moto's group takes.
SETTINGS = (
    "instance_count",
    "instance_role",
    "instance_type",
    "market",
    "name",
    "bid_price",
    "ebs_configuration",
    "auto_scaling_policy",
)


class Group(InstanceGroup):
    def __init__(self, cluster: "EmrCluster", settings: Any) -> None:
        given = {name: settings[name] for name in SETTINGS if name in settings}
        if "bid_price" in given:
            given.setdefault("market", "SPOT")
        super().__init__(cluster.id, instance_group_id=f"ig-{random_id()}", **given)
        self.cluster = cluster
        self.nodes: list[Node] = []

    @property
    def living(self) -> list[Node]:
        return [node for node in self.nodes if node.is_alive]

    @property
    def running_instance_count(self) -> int:
        return sum(node.state == "RUNNING" for node in self.nodes)

    @property
    def status(self) -> dict[str, Any]:
        return super().status | {"State": self._state()}

    def _state(self) -> str:
        if not self.cluster.is_alive:
            return "TERMINATED"
        if all(node.state == "RUNNING" for node in self.living):
            return "RUNNING"
        return "RESIZING" if self.cluster.is_up else "PROVISIONING"

    def fill(self) -> None:
        """Starts the nodes that are missing."""
        for _ in range(self.num_instances - len(self.living)):
            node = Node(self, self.cluster.addresses.next())
            self.nodes.append(node)
            self.cluster.add_node(node)
            Boot(node, self.cluster.node_changed)

    def resize(self, request: Any) -> None:
        """What ModifyInstanceGroups does with one group."""
        if self.role == "MASTER":
            raise ValidationException("The master instance group cannot be resized.")
        if not self.cluster.is_up:
            raise InvalidRequestException(
                "An instance group may only be modified when the job flow is running or waiting"
            )
        named = request.get("EC2InstanceIdsToTerminate") or []
        if named:
            gone = [node for node in self.living if node.ec2_id in named]
            self.num_instances -= len(gone)
            self._terminate(gone)
        if request.get("InstanceCount") is not None:
            self._set_count(int(request["InstanceCount"]), request.get("ShrinkPolicy") or {})

    def _set_count(self, count: int, policy: Any) -> None:
        if count < (1 if self.role == "CORE" else 0):
            raise ValidationException(f"Instance count {count} is too small for {self.role}.")
        self.num_instances = count
        resize = policy.get("InstanceResizePolicy") or {}
        named = resize.get("InstancesToTerminate") or []
        kept = resize.get("InstancesToProtect") or []
        first = [node for node in self.living if node.ec2_id in named]
        rest = [node for node in reversed(self.living) if node.ec2_id not in [*named, *kept]]
        too_many = max(0, len(self.living) - count)
        self._terminate([*first, *rest][:too_many])
        self.fill()

    def _terminate(self, nodes: list[Node]) -> None:
        for node in nodes:
            node.terminate("USER_REQUEST", "Instance group was resized")
            self.cluster.node_changed(node)
