"""One instance of a cluster: a folder that looks like a node, and the processes on it."""

import json
import logging
import os
import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from moto.moto_api._internal import mock_random

from local_aws import site
from local_aws.machine import Machine
from local_aws.processes import Closed
from local_aws.units import Service, Unit

if TYPE_CHECKING:
    from local_aws.emr.groups import Group

log = logging.getLogger(__name__)

# What the bootstrap script shares out. A test has several nodes on one machine.
MEMORY_KB = 2_621_440

# Folders of a node that command lines name.
FOLDERS = ("/usr/local/bin", "/opt/cinemill", "/mnt", "/var/log/cinemill", "/emr")

ROLES = {"MASTER": "Master", "CORE": "Core", "TASK": "Task"}


def now() -> datetime:
    return datetime.now(UTC)


class Node(Machine):
    """PROVISIONING → BOOTSTRAPPING → RUNNING → TERMINATED."""

    def __init__(self, group: "Group", address: str) -> None:
        self.group = group
        self.cluster = group.cluster
        self.id = f"ci-{mock_random.get_random_hex(17).upper()}"
        self.ec2_id = f"i-{mock_random.get_random_hex(17)}"
        folder = site.current().work_dir / self.cluster.id / self.ec2_id
        super().__init__(folder, address, {name: folder / name[1:] for name in FOLDERS})
        self.state = "PROVISIONING"
        self.reason: dict[str, str] = {}
        self.created_at = now()
        self.ready_at: datetime | None = None
        self.ended_at: datetime | None = None
        # When the spot instance is taken away, once EC2 has said so.
        self.taken_at: datetime | None = None
        self.services: dict[str, Service] = {}
        self.lock = threading.Lock()

    @property
    def is_alive(self) -> bool:
        return self.state != "TERMINATED"

    @property
    def owner(self) -> str:
        return f"{self.cluster.id}/{self.ec2_id}"

    def path(self, absolute: str) -> Path:
        """Where a path of the node lies here."""
        return self.folder / absolute.lstrip("/")

    def prepare(self) -> None:
        """Makes the folder look as EMR leaves a node before the bootstrap actions."""
        for folder in ("proc", "tmp", "home/hadoop", "mnt/var/lib/info", "var/log"):
            (self.folder / folder).mkdir(parents=True)
        (self.folder / "proc/meminfo").write_text(f"MemTotal:       {MEMORY_KB} kB\n")
        info = self.folder / "mnt/var/lib/info"
        primary = self.cluster.primary.address
        is_primary = self.group.role == "MASTER"
        written = {
            "instance.json": {"isMaster": is_primary, "isRunningNameNode": is_primary},
            "job-flow.json": {"jobFlowId": self.cluster.id, "masterPrivateDnsName": primary},
            "extraInstanceData.json": {
                "instanceRole": ROLES[self.group.role].lower(),
                "masterHost": primary,
            },
        }
        for name, content in written.items():
            (info / name).write_text(json.dumps(content))

    def environment(self) -> dict[str, str]:
        """What processes on the node find in their environment."""
        here = site.current()
        return here.aws_environment(self.cluster.region) | {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{here.endpoint}/local-aws/imds/{self.ec2_id}",
            "CINEMILL_BOOTSTRAP_ROOT": str(self.folder),
            "CINEMILL_SCHEDULER": f"{self.cluster.primary.address}:50050",
            "HOME": str(self.folder / "home/hadoop"),
            "LANG": "C.UTF-8",
            "LOCAL_AWS_TOOLS": f"{here.endpoint}/local-aws/nodes/{self.ec2_id}/tools",
            "PATH": f"{site.SHIMS}:{self.folder}/usr/local/bin:{os.environ['PATH']}",
            "TMPDIR": str(self.folder / "tmp"),
            "USER": "hadoop",
        }

    def start(self, argv: list[str], log_folder: Path) -> subprocess.Popen | None:
        """Starts a process whose output goes to two files of a folder; none on a lost node.

        When the local AWS stops, all nodes are lost.
        """
        log_folder.mkdir(parents=True, exist_ok=True)
        files = (log_folder / "stdout", log_folder / "stderr")
        return self._start(argv, self.environment(), files)

    def _start(
        self, argv: list[str], environment: dict[str, str], files: tuple[Path, Path]
    ) -> subprocess.Popen | None:
        # Under the lock, so that none is started while the node is taken away.
        with self.lock, open(files[0], "ab") as stdout, open(files[1], "ab") as stderr:
            if not self.is_alive:
                return None
            try:
                return site.current().processes.start(
                    self.owner, argv, environment, self.folder, stdout, stderr
                )
            except Closed:
                return None

    # --- services -------------------------------------------------------------------------------

    def start_service(self, name: str) -> None:
        running = self.services.get(name)
        if running and running.is_active:
            return
        unit = Unit.read((self.folder / "etc/systemd/system" / name).read_text())
        self.services[name] = Service(f"{self.ec2_id} {name}", unit, self._start_unit)

    def stop_service(self, name: str) -> None:
        if name in self.services:
            self.services[name].stop()

    def _start_unit(self, unit: Unit) -> subprocess.Popen | None:
        files = [self.path(name or "/var/log/messages") for name in (unit.stdout, unit.stderr)]
        environment = self.environment() | unit.environment
        return self._start(self.words(unit.command), environment, (files[0], files[1]))

    # --- life -----------------------------------------------------------------------------------

    def change(self, state: str, code: str = "", message: str = "") -> bool:
        """Enters a state; not if the node is gone already."""
        with self.lock:
            if not self.is_alive:
                return False
            self.state = state
            if code:
                self.reason = {"Code": code, "Message": message}
            if state == "RUNNING":
                self.ready_at = now()
            if state == "TERMINATED":
                self.ended_at = now()
        log.info("%s of %s is %s %s", self.ec2_id, self.cluster.id, state, message)
        return True

    def terminate(self, code: str, message: str) -> None:
        """Takes the instance away, with all that runs on it, as EC2 does: nothing is drained.

        Of its disk, the logs stay.
        """
        if self.change("TERMINATED", code, message):
            site.current().processes.kill(self.owner)
            for name in ("opt", "tmp", "mnt/cinemill"):
                shutil.rmtree(self.folder / name, ignore_errors=True)

    def describe(self) -> dict:
        """The node as ListInstances tells it."""
        timeline = {
            "CreationDateTime": self.created_at,
            "ReadyDateTime": self.ready_at,
            "EndDateTime": self.ended_at,
        }
        return {
            "Id": self.id,
            "Ec2InstanceId": self.ec2_id,
            "PrivateDnsName": self.address,
            "PrivateIpAddress": self.address,
            "PublicDnsName": "",
            "InstanceGroupId": self.group.id,
            "InstanceType": self.group.instance_type,
            "Market": self.group.market,
            "Status": {
                "State": self.state,
                "StateChangeReason": self.reason,
                "Timeline": {name: at for name, at in timeline.items() if at},
            },
        }
