"""A task: a folder, an address, and the process of its container."""

import logging
import subprocess
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from local_aws import site
from local_aws.ecs.container import PROGRAMS, Container, Names
from local_aws.ecs.logs import LogStream, Missing, follow
from local_aws.machine import Machine
from local_aws.processes import Closed

if TYPE_CHECKING:
    from moto.ecs.models import TaskDefinition

    from local_aws.ecs.api import Backend

log = logging.getLogger(__name__)


def now() -> datetime:
    return datetime.now(UTC)


class EcsTask(Machine):
    """PROVISIONING → RUNNING → STOPPING → STOPPED. All that changes does so under the lock."""

    def __init__(
        self,
        backend: "Backend",
        cluster: str,
        definition: "TaskDefinition",
        address: str,
        told: dict[str, Any],
    ) -> None:
        """`told` is what DescribeTasks repeats as it was asked for: group, startedBy, …"""
        self.id = uuid.uuid4().hex
        self.backend = backend
        self.changed = backend.changed
        self.cluster = cluster
        self.definition = definition
        self.told = told
        place = f"{backend.region_name}:{backend.account_id}"
        self.arn = f"arn:aws:ecs:{place}:task/{cluster}/{self.id}"
        here = site.current()
        super().__init__(here.work_dir / cluster / self.id, address, {PROGRAMS: here.programs})
        definitions = definition.container_definitions
        self.container = Container.of(definitions, told.get("overrides") or {})
        self.process: subprocess.Popen | None = None
        self.status = "PROVISIONING"
        self.wanted = "RUNNING"
        self.stop_code = ""
        self.reason = ""
        self.exit_code: int | None = None
        self.protected_until: datetime | None = None
        self.times: dict[str, datetime] = {"createdAt": now()}
        self.cancelled = threading.Event()
        threading.Thread(target=self._live, name=f"task {self.id}", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        return self.status == "STOPPED"

    @property
    def is_wanted(self) -> bool:
        return self.wanted == "RUNNING"

    @property
    def is_protected(self) -> bool:
        return self.protected_until is not None and self.protected_until > now()

    @property
    def owner(self) -> str:
        return f"{self.cluster}/{self.id}"

    # --- life -----------------------------------------------------------------------------------

    def _live(self) -> None:
        self.cancelled.wait(site.current().boot_delay_s)
        try:
            self._run()
        except Closed:
            return
        except (Missing, OSError) as cause:
            self._fail(str(cause))
        with self.changed:
            self._change("STOPPED", "stoppedAt")
            self.wanted = "STOPPED"
            self.changed.notify_all()

    def _run(self) -> None:
        if self.container is None:
            image = self.definition.container_definitions[0]["image"]
            self._fail(f"CannotPullContainerError: this AWS has no image {image}")
            return
        with self.changed:
            if not self.is_wanted:
                return
            output = self._start()
        code = self.process.wait()
        # What is left of the container goes with its first process.
        site.current().processes.kill(self.owner)
        output.join()
        with self.changed:
            self.exit_code = code if code >= 0 else 128 - code
            if self.is_wanted:
                self._fail("Essential container in task exited", "EssentialContainerExited")

    def _start(self) -> threading.Thread:
        (self.folder / "tmp").mkdir(parents=True)
        stream = None
        if self.container.logs:
            account, region = self.backend.account_id, self.backend.region_name
            name = self.container.name
            stream = LogStream(account, region, self.container.logs, name, self.id)
        names = self.backend.names(self.cluster)
        self.process = site.current().processes.start(
            self.owner,
            self.words([names.resolve(word) for word in self.container.command]),
            self._environment(names),
            self.folder,
            subprocess.PIPE,
            subprocess.STDOUT,
        )
        self._change("RUNNING", "startedAt")
        self.changed.notify_all()
        return follow(self.process.stdout, open(self.folder / "log", "ab"), stream)

    def _environment(self, names: Names) -> dict[str, str]:
        here = site.current()
        given = self.container.environment
        return (
            here.aws_environment(self.backend.region_name)
            | {
                "ECS_AGENT_URI": f"{here.endpoint}/local-aws/ecs-agent/{self.id}",
                "HOME": str(self.folder),
                "LANG": "C.UTF-8",
                "PATH": f"{here.programs}:/usr/bin:/bin",
                "TMPDIR": str(self.folder / "tmp"),
            }
            | {name: self.word(names.resolve(value)) for name, value in given.items()}
        )

    def _change(self, status: str, time: str) -> None:
        self.status = status
        self.times[time] = now()
        log.info("task %s of %s is %s %s", self.id, self.told["group"], status, self.reason)

    def _fail(self, reason: str, code: str = "TaskFailedToStart") -> None:
        self.wanted = "STOPPED"
        self.stop_code = code
        self.reason = reason

    def stop(self, code: str, reason: str) -> None:
        """SIGTERM, and SIGKILL when its stopTimeout is over; under the lock."""
        if not self.is_wanted:
            return
        self.wanted = "STOPPED"
        self.stop_code = code
        self.reason = reason
        self.cancelled.set()
        if self.process and self.process.poll() is None:
            self._change("STOPPING", "stoppingAt")
            self.process.terminate()
            timer = threading.Timer(self.container.stop_timeout_s, self.process.kill)
            timer.daemon = True
            timer.start()

    # --- what is told of it ---------------------------------------------------------------------

    def protect(self, minutes: int | None) -> None:
        """Keeps it from scale-in for some minutes, or no longer."""
        self.protected_until = now() + timedelta(minutes=minutes) if minutes else None
        self.changed.notify_all()

    def protection(self) -> dict[str, Any]:
        told = {"taskArn": self.arn, "protectionEnabled": self.is_protected}
        return told | ({"expirationDate": self.protected_until} if self.is_protected else {})

    def describe(self) -> dict[str, Any]:
        """The task as DescribeTasks tells it."""
        told = {
            "taskArn": self.arn,
            "clusterArn": self.backend.clusters[self.cluster].arn,
            "taskDefinitionArn": self.definition.arn,
            "desiredStatus": self.wanted,
            "lastStatus": self.status,
            "cpu": self.definition.cpu,
            "memory": self.definition.memory,
            "healthStatus": "UNKNOWN",
            "containers": [self._describe_container()] if self.container else [],
            "attachments": [self._describe_attachment()],
        }
        if self.stop_code:
            told |= {"stopCode": self.stop_code, "stoppedReason": self.reason}
        return told | self.times | self.told

    def _describe_container(self) -> dict[str, Any]:
        told = {
            "name": self.container.name,
            "image": self.container.image,
            "taskArn": self.arn,
            "lastStatus": self.status,
            "networkInterfaces": [{"privateIpv4Address": self.address}],
            "healthStatus": "UNKNOWN",
        }
        return told | ({} if self.exit_code is None else {"exitCode": self.exit_code})

    def _describe_attachment(self) -> dict[str, Any]:
        return {
            "type": "ElasticNetworkInterface",
            "status": "DETACHED" if self.has_ended else "ATTACHED",
            "details": [{"name": "privateIPv4Address", "value": self.address}],
        }
