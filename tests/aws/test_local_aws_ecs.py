"""The local AWS' ECS with the real binaries: services own processes, tasks run to their end."""

import json
import os
import signal
import tempfile
import unittest
import urllib.request
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from fixtures import Ecs, LocalAws, S3Server, wait_for
from fixtures.ecs import LOG_GROUP, address
from observed import owned


class Fleet(unittest.TestCase):
    """A scheduler and two executors; every test leaves them so."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        s3 = cls.enterClassContext(S3Server(folder / "s3"))
        s3.bucket("films-lake")
        cls.aws = cls.enterClassContext(LocalAws(folder / "aws", s3))
        cls.ecs = Ecs(cls.aws, executors=2)
        cls.client = cls.ecs.client

    def setUp(self) -> None:
        self.ecs.scale("executor", 2)
        self.fleet(2)

    def fleet(self, count: int) -> list[dict]:
        """Waits until there are so many executors, and the scheduler knows them all."""
        tasks = self.ecs.wait("executor", count)
        hosts = sorted(address(task) for task in tasks)
        wait_for(f"executors at {hosts}", lambda: self.hosts() == hosts)
        return tasks

    def hosts(self) -> list[str]:
        return sorted(executor["host"] for executor in self.ecs.executors())

    def service(self, name: str) -> dict:
        return self.client.describe_services(cluster=self.ecs.name, services=[name])["services"][0]

    def describe(self, arn: str) -> dict:
        return self.client.describe_tasks(cluster=self.ecs.name, tasks=[arn])["tasks"][0]

    def stopped(self, arn: str) -> dict:
        wait_for("the task stops", lambda: self.describe(arn)["lastStatus"] == "STOPPED")
        self.assertEqual(owned(arn.split("/")[-1]), [])
        return self.describe(arn)

    def agent(self, task: dict, state: dict | None = None) -> dict:
        """Asks a task's agent for its protection, or sets it, as the task itself would."""
        name = task["taskArn"].split("/")[-1]
        url = f"{self.aws.endpoint}/local-aws/ecs-agent/{name}/task-protection/v1/state"
        body = json.dumps(state).encode() if state else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers, method="PUT" if state else "GET")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["protection"]

    def test_what_services_and_tasks_tell(self) -> None:
        service = self.service("executor")
        self.assertEqual((service["runningCount"], service["pendingCount"]), (2, 0))
        (deployment,) = service["deployments"]
        self.assertEqual(deployment["rolloutState"], "COMPLETED")
        for task in self.ecs.tasks("executor"):
            self.assertEqual(task["group"], "service:executor")
            self.assertEqual(task["startedBy"], deployment["id"])
            self.assertEqual(task["launchType"], "FARGATE")
            self.assertIn("startedAt", task)
        providers = [task["capacityProviderName"] for task in self.ecs.tasks("executor")]
        self.assertEqual(sorted(providers), ["FARGATE", "FARGATE_SPOT"])

    def test_out_and_in_again(self) -> None:
        first = {task["taskArn"] for task in self.ecs.tasks("executor")}
        self.ecs.scale("executor", 4)
        grown = {task["taskArn"] for task in self.fleet(4)}
        self.ecs.scale("executor", 2)
        # The newest go.
        self.assertEqual({task["taskArn"] for task in self.fleet(2)}, first)
        for arn in grown - first:
            self.assertEqual(self.stopped(arn)["stopCode"], "ServiceSchedulerInitiated")
            # It was asked to leave, and did.
            self.assertEqual(self.stopped(arn)["containers"][0]["exitCode"], 0)

    def test_a_protected_task_stays(self) -> None:
        oldest, newest = self.ecs.tasks("executor")
        answer = self.agent(newest, {"ProtectionEnabled": True, "ExpiresInMinutes": 5})
        self.assertTrue(answer["ProtectionEnabled"])
        names = [newest["taskArn"], oldest["taskArn"], "no-such-task"]
        told = self.client.get_task_protection(cluster=self.ecs.name, tasks=names)
        kept = {each["taskArn"]: each["protectionEnabled"] for each in told["protectedTasks"]}
        self.assertEqual(kept, {newest["taskArn"]: True, oldest["taskArn"]: False})
        self.assertEqual(told["failures"][0]["reason"], "MISSING")

        with self.assertRaisesRegex(ClientError, "at most 10"):
            self.client.update_task_protection(
                cluster=self.ecs.name, tasks=names[:1] * 11, protectionEnabled=True
            )

        self.ecs.scale("executor", 0)
        self.assertEqual(self.fleet(1)[0]["taskArn"], newest["taskArn"])
        self.client.update_task_protection(
            cluster=self.ecs.name, tasks=[newest["taskArn"]], protectionEnabled=False
        )
        self.fleet(0)
        self.stopped(newest["taskArn"])

    def test_a_task_that_ends_is_replaced(self) -> None:
        first, second = self.ecs.tasks("executor")
        for pid in owned(first["taskArn"].split("/")[-1]):
            os.kill(pid, signal.SIGKILL)
        task = self.stopped(first["taskArn"])
        self.assertEqual(task["stopCode"], "EssentialContainerExited")
        self.assertEqual(task["containers"][0]["exitCode"], 137)
        arns = {task["taskArn"] for task in self.ecs.wait("executor", 2)}
        self.assertIn(second["taskArn"], arns)

    def test_a_scheduler_that_ends_comes_again_by_its_name(self) -> None:
        (old,) = self.ecs.tasks("scheduler")
        self.client.stop_task(cluster=self.ecs.name, task=old["taskArn"], reason="test")
        self.assertEqual(self.stopped(old["taskArn"])["stoppedReason"], "test")
        (new,) = self.ecs.wait("scheduler", 1)
        self.assertEqual(address(new), address(old))

    def test_a_new_deployment(self) -> None:
        before = {task["taskArn"] for task in self.ecs.tasks("executor")}
        self.client.update_service(
            cluster=self.ecs.name, service="executor", forceNewDeployment=True
        )
        for arn in before:
            self.stopped(arn)
        self.fleet(2)

    def run_client(self, *command: str, **settings: Any) -> dict:
        override = {"name": "client", "command": list(command)}
        (task,) = self.client.run_task(
            cluster=self.ecs.name,
            taskDefinition=f"{self.ecs.name}-client",
            launchType="FARGATE",
            networkConfiguration=self.ecs.network["configuration"],
            overrides={"containerOverrides": [override]},
            **settings,
        )["tasks"]
        return task

    def test_a_task_of_its_own(self) -> None:
        task = self.run_client("executors", "--json", startedBy="test")
        ended = self.stopped(task["taskArn"])
        self.assertEqual(ended["containers"][0]["exitCode"], 0)
        self.assertEqual(ended["startedBy"], "test")
        name = task["taskArn"].split("/")[-1]
        events = self.aws.client("logs").filter_log_events(
            logGroupName=LOG_GROUP, logStreamNames=[f"client/client/{name}"]
        )["events"]
        printed = json.loads("\n".join(event["message"] for event in events))
        self.assertEqual(sorted(each["host"] for each in printed), self.hosts())

    def test_a_task_that_fails(self) -> None:
        ended = self.stopped(self.run_client("no-such-verb")["taskArn"])
        self.assertEqual(ended["containers"][0]["exitCode"], 2)
        self.assertEqual(ended["stopCode"], "EssentialContainerExited")

    def test_a_service_that_is_deleted(self) -> None:
        self.ecs.register("idle", "cinemill-executor", ["--scheduler", "127.0.0.1:9"], 1)
        self.ecs.create_service("idle", 1)
        (task,) = self.ecs.wait("idle", 1)
        with self.assertRaisesRegex(ClientError, "Tasks are active"):
            self.client.delete_cluster(cluster=self.ecs.name)
        self.client.delete_service(cluster=self.ecs.name, service="idle", force=True)
        self.stopped(task["taskArn"])
        wait_for("it is gone", lambda: self.service("idle")["status"] == "INACTIVE")


if __name__ == "__main__":
    unittest.main()
