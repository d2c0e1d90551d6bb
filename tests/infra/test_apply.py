"""`apply` and `destroy` of the examples against the local AWS, with schedulers and executors that run.

    python3 -m unittest discover -s tests/infra -p test_apply.py

Needs what test_plans.py needs, a Python with the packages of the local AWS, and the binaries
(CINEMILL_PROGRAMS). Takes minutes: the provider waits until S3 and SQS agree with themselves.
"""

import json
import unittest

from local import LOCAL, NAME, Local


def listed(one_or_more: str | list[str]) -> list[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more


class Apply(Local):
    def everything_is_bounded(self, policy_arn: str) -> None:
        """What is allowed on all resources can only be looked at, or is bound to a condition."""
        for statement in self.policy(policy_arn):
            actions, resources = listed(statement["Action"]), listed(statement["Resource"])
            self.assertFalse([action for action in actions if "*" in action])
            if "*" in resources and "Condition" not in statement:
                looks = {"elasticmapreduce:ListClusters", "ecs:DescribeTaskDefinition"}
                self.assertLessEqual(set(actions), looks)

    def test_emr(self) -> None:
        # Three nodes at first; the controller on the primary brings the fourth.
        scaling = {"autoscale": {"min": 4, "max": 5}, "idle_hours": 1}
        folder = self.with_release("emr", self.of_one_subnet() | scaling)
        self.assertEqual(self.processes(), [])
        outputs = self.apply(folder)

        self.wait_for_executors(outputs["scheduler"], 4)
        emr = self.aws.client("emr")
        cluster = outputs["cluster_id"]
        policy = emr.get_auto_termination_policy(ClusterId=cluster)["AutoTerminationPolicy"]
        self.assertEqual(policy, {"IdleTimeout": 3600})
        self.everything_is_bounded(outputs["operator_policy_arn"])

        self.destroy(folder)
        state = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]
        self.assertEqual(state, "TERMINATED")

    def test_airflow(self) -> None:
        """No cluster but one that cinemill makes of the cluster file."""
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = {"RoleName": "worker", "AssumeRolePolicyDocument": trust}
        self.aws.client("iam").create_role(**role)
        folder = self.with_release("airflow", self.of_one_subnet() | {"worker_role": "worker"})
        outputs = self.apply(folder)
        self.assertEqual(self.aws.client("emr").list_clusters()["Clusters"], [])

        path = self.folder / "cluster.toml"
        path.write_text(outputs["cluster_file"])
        words = ["cluster", "create", path, "--name", "a-run", "--executors", 2, "--json"]
        cluster = json.loads(self.cinemill(*words))
        self.assertEqual(cluster["name"], "a-run")
        self.wait_for_executors(cluster["scheduler"], 2)
        self.assertIn("clusters/j-", " ".join(self.processes()))
        self.cinemill("cluster", "terminate", "--target", "emr", "--cluster", cluster["id"])
        self.assertEqual(self.processes(), [])
        self.destroy(folder)

    def test_ecs(self) -> None:
        executors = {"min": 2, "max": 4, "on_demand": 1}
        given = self.network() | {"image_tag": "0.1.0", "executors": executors}
        folder = self.example("ecs", LOCAL, given)
        outputs = self.apply(folder)
        self.everything_is_bounded(outputs["operator_policy_arn"])
        (task,) = self.tasks("scheduler")
        (interface,) = task["containers"][0]["networkInterfaces"]
        scheduler = f"{interface['privateIpv4Address']}:50050"
        self.wait_for_executors(scheduler, 2)
        self.run_client("scale", "--target", "ecs", "--cluster", NAME, "--executors", "3")
        self.wait_for_executors(scheduler, 3)
        self.assertEqual(len(self.tasks("executor")), 3)
        self.destroy(folder)

    def run_client(self, *command: str) -> None:
        """Runs cinemill as a task, to its end."""
        from fixtures import wait_for

        ecs = self.aws.client("ecs")
        (service,) = ecs.describe_services(cluster=NAME, services=["scheduler"])["services"]
        overrides = {"containerOverrides": [{"name": "client", "command": list(command)}]}
        (task,) = ecs.run_task(
            cluster=NAME,
            taskDefinition=f"{NAME}-client",
            launchType="FARGATE",
            networkConfiguration=service["networkConfiguration"],
            overrides=overrides,
        )["tasks"]

        def stopped() -> dict | None:
            arns = [task["taskArn"]]
            (told,) = ecs.describe_tasks(cluster=NAME, tasks=arns)["tasks"]
            return told if told["lastStatus"] == "STOPPED" else None

        ended = wait_for("the client's end", stopped)
        self.assertEqual(ended["containers"][0]["exitCode"], 0, ended)

    def test_warehouse(self) -> None:
        """What is around the warehouse; moto knows neither Redshift Serverless nor a budget's readers."""
        network = self.network()
        three = {"subnet_ids": network["subnet_ids"][:3], "alarm_email": "ops@example.org"}
        release = {"release_key": "none.tar.gz", "release_sha256": "0" * 64}
        folder = self.example("warehouse", LOCAL, network | three | release)
        around = [
            "aws_iam_role_policy.copy",
            "aws_security_group.this",
            "aws_sns_topic_subscription.email",
        ]
        self.apply(folder, *[f"-target=module.warehouse.{name}" for name in around])
        policies = self.aws.client("iam").list_role_policies(RoleName=f"{NAME}-redshift-copy")
        self.assertEqual(policies["PolicyNames"], ["read-tables"])
        self.destroy(folder)

    def tasks(self, service: str) -> list[dict]:
        ecs = self.aws.client("ecs")
        arns = ecs.list_tasks(cluster=NAME, serviceName=service)["taskArns"]
        return ecs.describe_tasks(cluster=NAME, tasks=arns)["tasks"]


if __name__ == "__main__":
    unittest.main()
