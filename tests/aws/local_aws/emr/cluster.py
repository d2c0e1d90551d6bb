"""A cluster's life: its nodes boot, its steps run, it ends."""

import logging
import threading
from pathlib import Path
from typing import Any

from moto.core.utils import utcnow
from moto.emr.exceptions import ValidationException
from moto.emr.models import Cluster

from local_aws import addresses, site
from local_aws.emr.groups import Group
from local_aws.emr.nodes import Node
from local_aws.emr.steps import EmrStep

log = logging.getLogger(__name__)

UP = {"RUNNING", "WAITING"}
OVER = {"TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"}


class EmrCluster(Cluster):
    """STARTING → BOOTSTRAPPING → RUNNING or WAITING → TERMINATING → TERMINATED(_WITH_ERRORS).

    Everything that changes happens under `changed`.
    """

    def __init__(self, emr_backend: Any, **settings: Any) -> None:
        self.changed = threading.Condition()
        self.addresses = addresses.Addresses(addresses.EMR)
        self.region = emr_backend.region_name
        self.reason: dict[str, str] = {}
        self.policies: dict[str, Any] = {}
        self.launched = False
        super().__init__(emr_backend, **settings)

    # --- what moto's constructor calls ----------------------------------------------------------

    def run_bootstrap_actions(self) -> None:
        """Nothing yet: moto adds the instance groups after the cluster."""

    def add_steps(self, steps: list[Any]) -> list[EmrStep]:
        added = [EmrStep(self, step) for step in steps]
        if self.launched:
            self._check_steps(added)
        with self.changed:
            self.steps += added
            self.changed.notify_all()
        return added

    def _check_steps(self, added: list[EmrStep]) -> None:
        if self.state in OVER:
            raise ValidationException(
                "A job flow that is shutting down, terminating, or finished may not be modified."
            )
        continued = all(step.action_on_failure == "CONTINUE" for step in added)
        if self.step_concurrency_level > 1 and not continued:
            raise ValidationException("The ActionOnFailure setting is not valid.")

    # --- what moto tells ------------------------------------------------------------------------

    @property
    def status(self) -> dict[str, Any]:
        return super().status | {"StateChangeReason": self.reason}

    @property
    def master_public_dns_name(self) -> str | None:
        return self.primary.address if self.primary else None

    @property
    def is_up(self) -> bool:
        return self.state in UP

    @property
    def is_alive(self) -> bool:
        return self.state not in OVER

    @property
    def groups(self) -> list[Group]:
        return [self.emr_backend.instance_groups[each] for each in self.instance_group_ids]

    @property
    def nodes(self) -> list[Node]:
        return [node for group in self.groups for node in group.nodes]

    @property
    def primary(self) -> Node | None:
        group = self.emr_backend.instance_groups.get(self.master_instance_group_id)
        return group.nodes[0] if group and group.nodes else None

    @property
    def log_folder(self) -> str | None:
        return f"{self.log_uri.rstrip('/')}/{self.id}" if self.log_uri else None

    # --- nodes ----------------------------------------------------------------------------------

    def launch(self) -> None:
        """Starts the nodes, the primary first, since the others are told its address."""
        self.launched = True
        with self.changed:
            for group in sorted(self.groups, key=lambda group: group.role != "MASTER"):
                group.fill()
        threading.Thread(target=self._live, name=self.id, daemon=True).start()

    def add_node(self, node: Node) -> None:
        self.emr_backend.nodes[node.ec2_id] = node

    def node_changed(self, node: Node) -> None:
        with self.changed:
            if self.state == "STARTING":
                self.state = "BOOTSTRAPPING"
            self.changed.notify_all()

    def node_lost(self, node: Node) -> None:
        """Brings the group of a node that was taken away back to its size; not the primary's."""
        with self.changed:
            if self.is_alive and node.group.role == "MASTER":
                reason = "The master node was terminated"
                self.end("TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE", reason)
            elif self.is_up:
                node.group.fill()
            self.changed.notify_all()

    def _boot_failure(self) -> str | None:
        """Why the cluster cannot come up: its primary failed, or most of its core nodes did."""
        for group in self.groups:
            failed = [n for n in group.nodes if n.reason.get("Code") == "BOOTSTRAP_FAILURE"]
            if group.role != "TASK" and len(failed) * 2 > len(group.nodes):
                return failed[0].reason["Message"]
        return None

    # --- life -----------------------------------------------------------------------------------

    def _live(self) -> None:
        with self.changed:
            if self._await_boot():
                self.ready_datetime = utcnow()
                while self.is_alive:
                    self._go_on()
                    if self.is_alive:
                        self.changed.wait()

    def _await_boot(self) -> bool:
        """Waits until every node runs or has failed."""
        while self.is_alive:
            failure = self._boot_failure()
            if failure:
                self.end("TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE", failure)
            elif all(node.state in ("RUNNING", "TERMINATED") for node in self.nodes):
                return True
            else:
                self.changed.wait()
        return False

    def _go_on(self) -> None:
        """Starts the steps that may run now, and ends a cluster that has nothing left to do."""
        active = [step for step in self.steps if not step.has_ended]
        running = [step for step in active if step.state != "PENDING"]
        pending = [step for step in active if step.state == "PENDING"]
        for step in pending[: max(0, self.step_concurrency_level - len(running))]:
            step.begin()
        self.state = "RUNNING" if active else "WAITING"
        if not active and not self.keep_job_flow_alive_when_no_steps:
            self.end("TERMINATED", "ALL_STEPS_COMPLETED", "Steps completed")

    def step_ended(self, step: EmrStep, code: int) -> None:
        if self.log_folder:
            self.keep_logs(step.folder, step.log_uri)
        with self.changed:
            if step.state == "CANCEL_PENDING":
                step.end("CANCELLED")
            elif not self.is_alive:
                step.end("INTERRUPTED")
            elif code == 0:
                step.end("COMPLETED")
            else:
                step.fail(code)
                self._act_on(step)
            self.changed.notify_all()

    def _act_on(self, failed: EmrStep) -> None:
        if failed.action_on_failure == "CONTINUE":
            return
        for step in self.steps:
            if step.state == "PENDING":
                step.end("CANCELLED")
        if failed.action_on_failure == "CANCEL_AND_WAIT" or self.termination_protected:
            return
        self.end("TERMINATED_WITH_ERRORS", "STEP_FAILURE", "Shut down as step failed")

    def keep_logs(self, folder: Path, uri: str) -> None:
        """Brings a folder's log files to the cluster's place in S3."""
        for file in sorted(folder.iterdir()):
            if file.name in ("stdout", "stderr", "controller"):
                try:
                    site.current().storage.upload_packed(file.read_bytes(), f"{uri}/{file.name}.gz")
                except Exception:
                    log.exception("failed to upload %s", file)

    # --- the end --------------------------------------------------------------------------------

    def terminate(self) -> None:
        """What TerminateJobFlows does."""
        with self.changed:
            if self.is_alive:
                self.end("TERMINATED", "USER_REQUEST", "Terminated by user request")

    def end(self, state: str, code: str, message: str) -> None:
        """Begins to end the cluster, in a thread of its own."""
        self.state = "TERMINATING"
        self.reason = {"Code": code, "Message": message}
        log.info("%s ends: %s %s", self.id, code, message)
        threading.Thread(target=self._end, args=[state], name=f"end {self.id}", daemon=True).start()
        self.changed.notify_all()

    def _end(self, state: str) -> None:
        for node in self.nodes:
            node.terminate("CLUSTER_TERMINATED", "Cluster was terminated")
        with self.changed:
            for step in self.steps:
                if step.state == "PENDING":
                    step.end("CANCELLED")
            while not all(step.has_ended for step in self.steps):
                self.changed.wait()
            self.end_datetime = utcnow()
            self.state = state
