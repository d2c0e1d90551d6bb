"""ECS' API: moto's, with the services and tasks of this package."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs import models, urls
from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse

from local_aws.addresses import ECS, Addresses
from local_aws.ecs import protection
from local_aws.ecs.container import Names
from local_aws.ecs.services import EcsService
from local_aws.ecs.tasks import EcsTask


class Backend(EC2ContainerServiceBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.changed = threading.Condition()
        self.started: dict[str, EcsTask] = {}
        self.networks: dict[str, Addresses] = {}
        self.registries: dict[str, str] = {}

    @property
    def _url_module(self) -> Any:
        return urls

    # --- tasks ----------------------------------------------------------------------------------

    def start_ecs_task(
        self, cluster: str, definition: str, told: dict[str, Any], address: str | None
    ) -> EcsTask:
        address = address or self._network(cluster).next()
        task = EcsTask(self, cluster, self.describe_task_definition(definition), address, told)
        self.started[task.id] = task
        return task

    def _network(self, cluster: str) -> Addresses:
        if cluster not in self.networks:
            self.networks[cluster] = Addresses(ECS)
        return self.networks[cluster]

    def registered_address(self, cluster: str, registry: str) -> str:
        """The address that a name in Cloud Map stands for, whichever task has it."""
        if registry not in self.registries:
            self.registries[registry] = self._network(cluster).next()
        return self.registries[registry]

    def names(self, cluster: str) -> Names:
        """The names that tasks of a cluster can look up."""
        address_of = partial(self.registered_address, cluster)
        return Names(self.account_id, self.region_name, address_of)

    def task(self, cluster: str, name: str) -> EcsTask | None:
        task = self.started.get(name.split("/")[-1])
        return task if task and task.cluster == self._get_cluster(cluster).name else None

    def living(self, cluster: str) -> list[EcsTask]:
        tasks = self.started.values()
        return [task for task in tasks if task.cluster == cluster and not task.has_ended]

    # --- what moto has --------------------------------------------------------------------------

    def describe_clusters(self, cluster_names: list[str]) -> tuple[list[Any], list[Any]]:
        clusters, failures = super().describe_clusters(cluster_names)
        for each in clusters:
            statuses = [task.status for task in self.living(each.name)]
            each.running_tasks_count = statuses.count("RUNNING")
            each.pending_tasks_count = statuses.count("PROVISIONING")
        return clusters, failures

    def delete_cluster(self, cluster_str: str) -> Any:
        if self.living(self._get_cluster(cluster_str).name):
            text = "The Cluster cannot be deleted while Tasks are active."
            raise ECSException("ClusterContainsTasksException", text)
        return super().delete_cluster(cluster_str)

    def delete_service(self, cluster_name: str, service_name: str, force: bool) -> EcsService:
        with self.changed:
            service = super().delete_service(cluster_name, service_name, force)
            service.stop_all()
            self.changed.notify_all()
        return service

    def update_service(self, service_properties: dict[str, Any]) -> EcsService:
        renewed = service_properties.get("force_new_deployment", False)
        with self.changed:
            cluster = service_properties.get("cluster", "default")
            service = self._get_service(cluster, service_properties["service"].split("/")[-1])
            before = service.task_definition
            super().update_service(service_properties)
            service.task_definition = self.describe_task_definition(service.task_definition).arn
            if renewed or service.task_definition != before:
                service.new_deployment()
            self.changed.notify_all()
        return service


class Response(EC2ContainerServiceResponse):
    def _told(self) -> dict[str, Any]:
        names = ("startedBy", "overrides", "launchType", "platformVersion", "tags")
        return {name: self._get_param(name) for name in names if self._get_param(name)}

    def create_service(self) -> ActionResult:
        answer = super().create_service()
        service = answer.result["service"]
        service.deployment_configuration = self._get_param("deploymentConfiguration", {})
        strategy = self._get_param("capacityProviderStrategy")
        if strategy:
            service.capacity_provider_strategy = strategy
            service.launch_type = None
        service.launch()
        return answer

    def run_task(self) -> ActionResult:
        backend = self.ecs_backend
        definition = backend.describe_task_definition(self._get_param("taskDefinition"))
        if definition.network_mode == "awsvpc" and not self._get_param("networkConfiguration"):
            text = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
            raise InvalidParameterException(text)
        told = self._told()
        told["group"] = self._get_param("group") or f"family:{definition.family}"
        strategy = self._get_param("capacityProviderStrategy")
        if strategy:
            provider = strategy[0]["capacityProvider"]
            told |= {"launchType": "FARGATE", "capacityProviderName": provider}
        cluster = backend._get_cluster(self._get_param("cluster", "default")).name
        with backend.changed:
            tasks = [
                backend.start_ecs_task(cluster, definition.arn, told, None)
                for _ in range(self._get_int_param("count", 1))
            ]
        return ActionResult({"tasks": [task.describe() for task in tasks], "failures": []})

    def list_tasks(self) -> ActionResult:
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default")).name
        wanted = self._get_param("desiredStatus", "RUNNING")
        started_by = self._get_param("startedBy")
        service = self._get_param("serviceName")
        family = self._get_param("family")
        found = [
            task.arn
            for task in self.ecs_backend.started.values()
            if task.cluster == cluster
            and task.wanted == wanted
            and (not started_by or task.told.get("startedBy") == started_by)
            and (not service or task.told["group"] == f"service:{service.split('/')[-1]}")
            and (not family or task.definition.family == family)
        ]
        return ActionResult({"taskArns": found})

    def describe_tasks(self) -> ActionResult:
        cluster = self._get_param("cluster", "default")
        found, failures = [], []
        for name in self._get_param("tasks", []):
            task = self.ecs_backend.task(cluster, name)
            if task:
                found.append(task.describe())
            else:
                failures.append({"arn": name, "reason": "MISSING"})
        return ActionResult({"tasks": found, "failures": failures})

    def stop_task(self) -> ActionResult:
        task = self.ecs_backend.task(self._get_param("cluster", "default"), self._get_param("task"))
        if task is None:
            raise InvalidParameterException("The referenced task was not found.")
        with self.ecs_backend.changed:
            task.stop("UserInitiated", self._get_param("reason", "Task stopped by user"))
            self.ecs_backend.changed.notify_all()
        return ActionResult({"task": task.describe()})

    def update_task_protection(self) -> ActionResult:
        is_on = self._get_bool_param("protectionEnabled")
        minutes = self._get_int_param("expiresInMinutes", protection.MINUTES) if is_on else None
        protection.checked(minutes)
        return self._protections(protection.CHANGED_MAX, lambda task: task.protect(minutes))

    def get_task_protection(self) -> ActionResult:
        return self._protections(protection.ASKED_MAX, lambda task: None)

    def _protections(self, most: int, act: Callable[[EcsTask], None]) -> ActionResult:
        names = self._get_param("tasks", [])
        if len(names) > most:
            raise InvalidParameterException(f"Too many tasks: at most {most} in one call.")
        cluster = self._get_param("cluster", "default")
        protected, failures = [], []
        with self.ecs_backend.changed:
            for name in names:
                task = self.ecs_backend.task(cluster, name)
                reason = protection.refusal(task)
                if reason:
                    failures.append({"arn": name, "reason": reason})
                else:
                    act(task)
                    protected.append(task.protection())
        return ActionResult({"protectedTasks": protected, "failures": failures})


def task(task_id: str) -> EcsTask | None:
    """A task of any region."""
    for _, _, backend in ecs_backends.iter_backends():
        if task_id in backend.started:
            return backend.started[task_id]
    return None


def install() -> None:
    models.Service = EcsService
    ecs_backends.backend = Backend
    urls.url_paths = {"{0}/$": Response.dispatch}
