"""A service: as many tasks as it desires, of the definition that it has now."""

import logging
import math
import threading
import time
from typing import Any

from moto.core.utils import utcnow
from moto.ecs.models import Service
from moto.moto_api._internal import mock_random

from local_aws.ecs.tasks import EcsTask

log = logging.getLogger(__name__)

# Tasks that end sooner than this after they began are started again ever later.
SHORT_S = 10
PAUSE_MIN_S = 0.2
PAUSE_MAX_S = 10

DEPLOYMENT = {"minimumHealthyPercent": 100, "maximumPercent": 200}


class EcsService(Service):
    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.tasks: list[EcsTask] = []
        self.capacity_provider_strategy: list[dict[str, Any]] = []
        self.deployment_configuration: dict[str, Any] = {}
        self.failures = 0
        self.pause_until = 0.0
        self.created_at = utcnow()
        super().__init__(*arguments, **settings)
        self.deployment = self.new_deployment()

    # --- what moto tells; it sets these too, without having tasks -------------------------------

    @property
    def running_count(self) -> int:
        return sum(task.status == "RUNNING" for task in self.tasks)

    @running_count.setter
    def running_count(self, _: int) -> None:
        pass

    @property
    def pending_count(self) -> int:
        return sum(task.status == "PROVISIONING" for task in self.tasks)

    @pending_count.setter
    def pending_count(self, _: int) -> None:
        pass

    @property
    def deployments(self) -> list[dict[str, Any]]:
        current = [task for task in self.tasks if task.told["startedBy"] == self.deployment]
        running = sum(task.status == "RUNNING" for task in current)
        is_done = running == self.desired_count == len(self.living)
        return [
            {
                "id": self.deployment,
                "status": "PRIMARY",
                "taskDefinition": self.task_definition,
                "desiredCount": self.desired_count,
                "runningCount": running,
                "pendingCount": sum(task.status == "PROVISIONING" for task in current),
                "failedTasks": self.failures,
                "createdAt": self.created_at,
                "updatedAt": self.created_at,
                "rolloutState": "COMPLETED" if is_done else "IN_PROGRESS",
                "networkConfiguration": self.network_configuration,
            }
        ]

    @deployments.setter
    def deployments(self, _: list[dict[str, Any]]) -> None:
        pass

    # --- tasks ----------------------------------------------------------------------------------

    @property
    def living(self) -> list[EcsTask]:
        return [task for task in self.tasks if not task.has_ended]

    def new_deployment(self) -> str:
        self.deployment = f"ecs-svc/{mock_random.randint(10**18, 10**19)}"
        self.created_at = utcnow()
        return self.deployment

    def launch(self) -> None:
        threading.Thread(target=self._live, name=self.name, daemon=True).start()

    def _live(self) -> None:
        with self._backend.changed:
            while self.status == "ACTIVE" or self.living:
                self._count_failures()
                self._reconcile()
                # A pause or a protection may end without anybody's doing.
                self._backend.changed.wait(1)
            self.status = "INACTIVE"

    def _count_failures(self) -> None:
        """Forgets tasks that ended, and waits longer the more of them in a row ended early."""
        for task in [task for task in self.tasks if task.has_ended]:
            self.tasks.remove(task)
            if task.stop_code not in ("EssentialContainerExited", "TaskFailedToStart"):
                continue
            began = task.times.get("startedAt", task.times["stoppedAt"])
            was_short = (task.times["stoppedAt"] - began).total_seconds() < SHORT_S
            self.failures = self.failures + 1 if was_short else 0
            pause = min(PAUSE_MIN_S * 2**self.failures, PAUSE_MAX_S) if was_short else 0
            self.pause_until = time.monotonic() + pause

    def _reconcile(self) -> None:
        wanted = [task for task in self.living if task.is_wanted]
        old = [task for task in wanted if task.told["startedBy"] != self.deployment]
        new = [task for task in wanted if task.told["startedBy"] == self.deployment]
        limits = DEPLOYMENT | self.deployment_configuration
        most = max(1, self.desired_count * limits["maximumPercent"] // 100)
        least = math.ceil(self.desired_count * limits["minimumHealthyPercent"] / 100)

        if time.monotonic() >= self.pause_until:
            room = most - len(self.living)
            for _ in range(min(self.desired_count - len(new), room)):
                self._start_task()
        running = sum(task.status == "RUNNING" for task in wanted)
        self._stop_tasks(old, running - least)
        self._stop_tasks(new, len(new) - self.desired_count)

    def _stop_tasks(self, tasks: list[EcsTask], count: int) -> None:
        """Stops so many, the newest first, and none that is protected."""
        free = [task for task in reversed(tasks) if not task.is_protected]
        for task in free[: max(0, count)]:
            reason = f"Scaling activity initiated by (deployment {self.deployment})"
            task.stop("ServiceSchedulerInitiated", reason)

    def stop_all(self) -> None:
        """Ends the service, also its protected tasks; under the lock."""
        self.desired_count = 0
        self.status = "DRAINING"
        for task in self.living:
            task.stop("ServiceSchedulerInitiated", "Service was deleted")

    def _start_task(self) -> None:
        told: dict[str, Any] = {
            "group": f"service:{self.name}",
            "startedBy": self.deployment,
            "launchType": self.launch_type,
        }
        if self.capacity_provider_strategy:
            told |= {"launchType": "FARGATE", "capacityProviderName": self._provider()}
        registry = next((each["registryArn"] for each in self.service_registries), None)
        task = self._backend.start_ecs_task(
            self.cluster_name, self.task_definition, told, self._free_address(registry)
        )
        self.tasks.append(task)

    def _free_address(self, registry: str | None) -> str | None:
        """The address that the service's name stands for, while no other task has it."""
        if registry is None:
            return None
        address = self._backend.registered_address(self.cluster_name, registry)
        return None if any(task.address == address for task in self.living) else address

    def _provider(self) -> str:
        """The capacity provider of the next task: bases first, then by weight."""
        names = [task.told.get("capacityProviderName") for task in self.living]
        strategy = self.capacity_provider_strategy
        for each in strategy:
            if names.count(each["capacityProvider"]) < each.get("base", 0):
                return each["capacityProvider"]

        def load(each: dict[str, Any]) -> float:
            beyond = names.count(each["capacityProvider"]) - each.get("base", 0)
            return (beyond + 1) / each["weight"]

        weighted = [each for each in strategy if each.get("weight", 0)] or strategy
        return min(weighted, key=load)["capacityProvider"]
