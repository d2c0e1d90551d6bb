"""The local AWS' EMR with the real binaries: nodes boot them, steps use them.

    python -m unittest discover -s tests/aws -p 'test_local_aws*.py'

The Python needs moto[server] and boto3. The binaries are in CINEMILL_PROGRAMS, or in Cargo's
folder of release builds.
"""

import json
import unittest
import urllib.request

from cases import Servers
from fixtures import cinemill, sample, wait_for
from observed import owned


class RunningCluster(Servers):
    """One cluster with a core node and two task nodes; every test leaves it so."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.emr.start(core=1, task=2)

    def setUp(self) -> None:
        self.executors_are(3)

    def executors_are(self, count: int) -> list[dict]:
        found = wait_for(
            f"{count} executors",
            lambda: (
                (listed := self.emr.executors(self.cluster)) and len(listed) == count and listed
            ),
        )
        return sorted(found, key=lambda executor: executor["host"])

    def addresses(self, role: str) -> list[str]:
        return [node["PrivateIpAddress"] for node in self.emr.instances(self.cluster, role)]

    def resize(self, count: int, **policy: list[str]) -> None:
        (group,) = [
            each
            for each in self.client.list_instance_groups(ClusterId=self.cluster)["InstanceGroups"]
            if each["InstanceGroupType"] == "TASK"
        ]
        wanted = {"InstanceGroupId": group["Id"], "InstanceCount": count}
        if policy:
            wanted["ShrinkPolicy"] = {"InstanceResizePolicy": policy}
        self.client.modify_instance_groups(ClusterId=self.cluster, InstanceGroups=[wanted])

    def test_an_executor_on_every_node_but_the_primary(self) -> None:
        nodes = self.addresses("CORE") + self.addresses("TASK")
        self.assertEqual([each["host"] for each in self.executors_are(3)], sorted(nodes))
        (primary,) = self.emr.instances(self.cluster, "MASTER")
        name = self.emr.describe(self.cluster)["MasterPublicDnsName"]
        self.assertEqual(name, primary["PrivateDnsName"])

    def test_a_job(self) -> None:
        self.s3.bucket("films-raw")
        for file in sample(self.folder / "sample", titles=2000).iterdir():
            self.s3.client().upload_file(str(file), "films-raw", file.name)
        output = "s3://films-lake/tables/imdb_titles"
        places = ["--input", "s3://films-raw/", "--output", output]
        step = self.emr.step(self.cluster, "cinemill", "submit", "imdb_titles", *places)
        status = self.emr.wait_step(self.cluster, step, {"COMPLETED", "FAILED"})
        logs = f"s3://films-logs/emr/{self.cluster}/steps/{step}"
        self.assertEqual(status["State"], "COMPLETED", self.log(f"{logs}/stderr.gz"))
        self.assertIn("exited with code 0", self.log(f"{logs}/controller.gz"))
        question = "SELECT count(*) > 100 AS many FROM imdb_titles"
        answer = cinemill("show", output, "--query", question, environment=self.s3.environment)
        self.assertIn("true", answer)

    def test_a_cancelled_step(self) -> None:
        loop = "while :; do sleep 0.1; done"
        # One ends by the signal, with a code of its own; the other one does not care.
        ways = {"SEND_INTERRUPT": "trap 'exit 7' TERM", "TERMINATE_PROCESS": "trap '' TERM"}
        steps = {
            option: self.emr.step(self.cluster, "bash", "-c", f"{trap}; {loop}")
            for option, trap in ways.items()
        }
        wait_for("both processes", lambda: len(owned(self.cluster, loop)) == 2)
        for option, step in steps.items():
            (told,) = self.client.cancel_steps(
                ClusterId=self.cluster, StepIds=[step], StepCancellationOption=option
            )["CancelStepsInfoList"]
            self.assertEqual(told["Status"], "SUBMITTED")
            self.emr.wait_step(self.cluster, step, {"CANCELLED"})
        self.assertEqual(owned(self.cluster, loop), [])

    def test_shrinking_by_name(self) -> None:
        first, second = self.emr.instances(self.cluster, "TASK")
        self.resize(1, InstancesToTerminate=[first["Ec2InstanceId"]])
        self.assertEqual(self.addresses("TASK"), [second["PrivateIpAddress"]])
        self.assertEqual(owned(first["Ec2InstanceId"]), [])
        self.assertNotEqual(owned(second["Ec2InstanceId"]), [])
        self.resize(2)
        wait_for("2 task nodes", lambda: len(self.addresses("TASK")) == 2)

    def test_a_spot_notice(self) -> None:
        lost = self.emr.instances(self.cluster, "TASK")[0]
        name, host = lost["Ec2InstanceId"], lost["PrivateIpAddress"]
        notice = urllib.request.Request(
            f"{self.aws.endpoint}/local-aws/spot/{name}",
            json.dumps({"seconds": 15}).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(notice).close()

        def executor_is_gone() -> bool:
            return host not in [each["host"] for each in self.emr.executors(self.cluster)]

        wait_for("the executor leaves", executor_is_gone, 15)
        # It left by itself, before its node was taken away.
        self.assertIn(host, self.addresses("TASK"))
        wait_for("the node is lost", lambda: host not in self.addresses("TASK"), 30)
        wait_for("another node", lambda: len(self.addresses("TASK")) == 2)


class BrokenBootstrap(Servers):
    def test_a_wrong_checksum_ends_the_cluster(self) -> None:
        action = self.emr.bootstrap()
        words = action["ScriptBootstrapAction"]["Args"]
        words[words.index("--sha256") + 1] = "0" * 64
        request = self.emr.request(BootstrapActions=[action])
        cluster = self.client.run_job_flow(**request)["JobFlowId"]
        status = self.emr.wait(cluster, {"TERMINATED_WITH_ERRORS"})["Status"]
        reason = status["StateChangeReason"]
        self.assertEqual(reason["Code"], "BOOTSTRAP_FAILURE")
        self.assertRegex(reason["Message"], r"bootstrap action 1 returned a non-zero return code")
        log = reason["Message"].split("see ")[1]
        self.assertIn("does not have the checksum", self.log(log))
        self.assertEqual(owned(cluster), [])


if __name__ == "__main__":
    unittest.main()
