"""What Terraform would make of the examples.

    python3 -m unittest discover -s tests/infra -p test_plans.py

Needs terraform and a filesystem mirror with the AWS provider, no network and no account.
CINEMILL_TF_PLUGINS names the mirror; without it, Terraform's usual folders are tried.
"""

import json
import unittest
from pathlib import Path

from plans import OFFLINE, Plan
from support import TERRAFORM, call

NETWORK = {"region": "eu-central-1", "name": "films-test", "vpc_id": "vpc-1"}
RELEASE = {"release_key": "cinemill-0.1.0-x86_64.tar.gz", "release_sha256": "0" * 64}
EXAMPLES = {
    "emr": NETWORK | RELEASE | {"subnet_id": "subnet-1", "private_subnet": True},
    "airflow": NETWORK | RELEASE | {"subnet_id": "subnet-1", "worker_role": "airflow-worker"},
    "ecs": NETWORK | {"subnet_ids": ["subnet-1"], "image_tag": "0.1.0"},
    "warehouse": NETWORK
    | RELEASE
    | {"subnet_ids": ["subnet-1", "subnet-2", "subnet-3"], "alarm_email": "ops@example.org"},
}


class Plans(Plan):
    def test_format(self) -> None:
        self.terraform("fmt", "-check", "-diff", "-recursive", cwd=TERRAFORM)

    def resources(self, example: str, more: dict | None = None) -> list[dict]:
        changes = self.plan(example, EXAMPLES[example] | (more or {}))["resource_changes"]
        planned = [change for change in changes if change["mode"] == "managed"]
        self.assertTrue(all(change["change"]["actions"] == ["create"] for change in planned))
        self.nothing_is_public(planned)
        return planned

    def nothing_is_public(self, planned: list[dict]) -> None:
        for change in planned:
            after = change["change"]["after"]
            kind = change["type"]
            if kind == "aws_vpc_security_group_ingress_rule":
                self.assertIsNone(after["cidr_ipv4"], change["address"])
                self.assertIsNone(after["cidr_ipv6"], change["address"])
            if kind == "aws_s3_bucket_public_access_block":
                self.assertTrue(after["restrict_public_buckets"] and after["block_public_policy"])
            if kind == "aws_redshiftserverless_workgroup":
                self.assertFalse(after["publicly_accessible"])

    def named(self, planned: list[dict], kind: str, name: str | None = None) -> list[dict]:
        found = [change for change in planned if change["type"] == kind]
        return [each["change"]["after"] for each in found if name in (None, each["name"])]

    def test_emr(self) -> None:
        planned = self.resources("emr")
        (cluster,) = self.named(planned, "aws_emr_cluster")
        self.assertTrue(cluster["keep_job_flow_alive_when_no_steps"])
        (security,) = self.named(planned, "aws_emr_security_configuration")
        metadata = json.loads(security["configuration"])["InstanceMetadataServiceConfiguration"]
        self.assertEqual(metadata["MinimumInstanceMetadataServiceVersion"], 2)
        (task,) = self.named(planned, "aws_emr_instance_group")
        self.assertTrue(task["bid_price"])

    def test_emr_scales_itself(self) -> None:
        scaling = {"autoscale": {"min": 1, "max": 8}, "idle_hours": 2}
        planned = self.resources("emr", scaling)
        (cluster,) = self.named(planned, "aws_emr_cluster")
        (action,) = cluster["bootstrap_action"]
        self.assertEqual(action["args"][8:10], ["--autoscale", "1:8"])
        self.assertEqual(cluster["auto_termination_policy"], [{"idle_timeout": 7200}])

    def test_airflow(self) -> None:
        planned = self.resources("airflow")
        self.assertEqual(self.named(planned, "aws_emr_cluster"), [])
        (worker,) = self.named(planned, "aws_iam_role_policy_attachment", "worker")
        self.assertEqual(worker["role"], "airflow-worker")

    def test_ecs(self) -> None:
        planned = self.resources("ecs")
        services = self.named(planned, "aws_ecs_service")
        self.assertEqual({service["name"] for service in services}, {"scheduler", "executor"})
        (policy,) = self.named(planned, "aws_appautoscaling_policy")
        self.assertEqual(policy["policy_type"], "TargetTrackingScaling")

    def test_warehouse(self) -> None:
        planned = self.resources("warehouse")
        (namespace,) = self.named(planned, "aws_redshiftserverless_namespace")
        self.assertTrue(namespace["manage_admin_password"])
        self.assertIsNone(namespace["admin_user_password"])

    def test_a_controller_takes_the_place_of_target_tracking(self) -> None:
        more = {"scaled_by": "cinemill", "executors": {"min": 0, "max": 4, "on_demand": 0}}
        planned = self.resources("ecs", more)
        self.assertEqual(self.named(planned, "aws_appautoscaling_policy"), [])
        (executor,) = [
            service
            for service in self.named(planned, "aws_ecs_service")
            if service["name"] == "executor"
        ]
        self.assertEqual(executor["desired_count"], 0)

    def refused(self, folder: Path, why: str, **wrong: object) -> None:
        plan = ["plan", "-input=false", "-refresh=false"]
        values = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in wrong.items()
        }
        plan += [f"-var={name}={value}" for name, value in values.items()]
        done = call("terraform", *plan, cwd=folder, env=self.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn(why, " ".join(done.stderr.replace("│", " ").split()))

    def test_wrong_variables_of_emr_are_refused(self) -> None:
        folder = self.example("emr", OFFLINE, EXAMPLES["emr"])
        self.refused(folder, "64 hexadecimal digits", release_sha256="abc")
        few = {"min": 0, "max": 4}
        self.refused(folder, "min cannot be below their number", autoscale=few)
        self.refused(folder, "in the middle of a run", idle_hours=2)

    def test_wrong_variables_of_ecs_are_refused(self) -> None:
        none = {"min": 0, "max": 4, "on_demand": 0}
        folder = self.example("ecs", OFFLINE, EXAMPLES["ecs"])
        self.refused(folder, "none only where scaled_by is cinemill", executors=none)


if __name__ == "__main__":
    unittest.main()
