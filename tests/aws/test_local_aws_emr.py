"""The local AWS' EMR without our programs: lives of clusters, nodes and steps."""

import json
import os
import signal
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from cases import Servers
from fixtures import Emr, LocalAws, S3Server, wait_for
from fixtures.emr import group
from observed import janitor_of, owned, read

ON_TASK_NODES = "grep -q task mnt/var/lib/info/extraInstanceData.json"

# Two services, and a file for S3.
BOOTSTRAP = """
set -e
units="$CINEMILL_BOOTSTRAP_ROOT/etc/systemd/system"
sudo mkdir -p "$units"
printf '[Service]\\nExecStart=sleep 619\\n' | sudo tee "$units/first.service"
printf '[Service]\\nExecStart=sleep 620\\n' | sudo tee "$units/second.service"
sudo systemctl daemon-reload
sudo systemctl enable --now first.service second.service
echo films >file
aws s3 cp --only-show-errors file s3://films-logs/copied
! aws s3 ls
! sudo yum install films
"""


class Bare(Servers):
    """Clusters whose nodes boot nothing, or a script of the test."""

    def run_cluster(self, **changed: Any) -> str:
        changed = {"BootstrapActions": [], "StepConcurrencyLevel": 1} | changed
        cluster = self.client.run_job_flow(**self.emr.request(**changed))["JobFlowId"]
        self.addCleanup(self.end, cluster)
        return cluster

    def end(self, cluster: str) -> None:
        self.client.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)
        self.client.terminate_job_flows(JobFlowIds=[cluster])
        self.emr.wait(cluster, {"TERMINATED", "TERMINATED_WITH_ERRORS"})
        self.assertEqual(owned(cluster), [])

    def script(self, text: str) -> str:
        name = f"{self.id()}.sh"
        body = f"#!/usr/bin/env bash\n{text}\n"
        self.s3.client().put_object(Bucket="films-releases", Key=name, Body=body.encode())
        return f"s3://films-releases/{name}"

    def booted(self, text: str, **changed: Any) -> str:
        action = {"Name": "test", "ScriptBootstrapAction": {"Path": self.script(text)}}
        return self.run_cluster(BootstrapActions=[action], **changed)

    def step(self, cluster: str, *command: str, otherwise: str = "CONTINUE") -> str:
        return self.add(cluster, [described(*command, otherwise=otherwise)])[0]

    def add(self, cluster: str, steps: list[dict]) -> list[str]:
        return self.client.add_job_flow_steps(JobFlowId=cluster, Steps=steps)["StepIds"]

    def ended(self, cluster: str, step: str) -> dict:
        ends = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}
        return self.emr.wait_step(cluster, step, ends)

    def state(self, cluster: str, step: str) -> str:
        told = self.client.describe_step(ClusterId=cluster, StepId=step)
        return told["Step"]["Status"]["State"]

    def group(self, cluster: str, role: str) -> dict:
        groups = self.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
        return next(each for each in groups if each["InstanceGroupType"] == role)

    def resize(self, cluster: str, role: str, count: int) -> None:
        wanted = {"InstanceGroupId": self.group(cluster, role)["Id"], "InstanceCount": count}
        self.client.modify_instance_groups(ClusterId=cluster, InstanceGroups=[wanted])

    def take_away(self, node: str, seconds: float) -> None:
        notice = f"{self.aws.endpoint}/local-aws/spot/{node}"
        headers = {"Content-Type": "application/json"}
        ask(notice, method="POST", headers=headers, body={"seconds": seconds})

    def refused(self, reason: str) -> Any:
        return self.assertRaisesRegex(ClientError, reason)


def described(*command: str, otherwise: str = "CONTINUE") -> dict:
    jar = {"Jar": "command-runner.jar", "Args": list(command)}
    return {"Name": "step", "ActionOnFailure": otherwise, "HadoopJarStep": jar}


class Lives(Bare):
    def test_with_a_step_it_runs_and_then_waits(self) -> None:
        cluster = self.run_cluster()
        self.emr.wait(cluster, {"WAITING"})
        step = self.step(cluster, "sleep", "0.5")
        self.emr.wait(cluster, {"RUNNING"})
        self.assertEqual(self.ended(cluster, step)["State"], "COMPLETED")
        self.emr.wait(cluster, {"WAITING"})

    def test_it_ends_with_its_last_step(self) -> None:
        instances = {
            "MasterInstanceType": "m6i.xlarge",
            "SlaveInstanceType": "m6i.xlarge",
            "InstanceCount": 2,
            "KeepJobFlowAliveWhenNoSteps": False,
        }
        steps = [described("true"), described("true")]
        cluster = self.run_cluster(Instances=instances, Steps=steps)
        status = self.emr.wait(cluster, {"TERMINATED"})["Status"]
        self.assertEqual(status["StateChangeReason"]["Code"], "ALL_STEPS_COMPLETED")
        steps = self.client.list_steps(ClusterId=cluster)["Steps"]
        self.assertEqual([step["Status"]["State"] for step in steps], ["COMPLETED"] * 2)

    def test_protection(self) -> None:
        cluster = self.run_cluster()
        self.emr.wait(cluster, {"WAITING"})
        step = self.step(cluster, "sleep", "612")
        wait_for("the step's process", lambda: owned(cluster, "sleep 612"))
        self.client.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=True)
        with self.refused("termination protected"):
            self.client.terminate_job_flows(JobFlowIds=[cluster])
        self.assertEqual(self.state(cluster, step), "RUNNING")
        self.end(cluster)
        self.assertEqual(self.state(cluster, step), "INTERRUPTED")
        with self.refused("may not be modified"):
            self.step(cluster, "true")

    def test_what_a_bootstrap_action_can_do(self) -> None:
        cluster = self.booted(BOOTSTRAP)
        self.emr.wait(cluster, {"WAITING"})
        copied = self.s3.client().get_object(Bucket="films-logs", Key="copied")["Body"].read()
        self.assertEqual(copied, b"films\n")
        # One on each of the two nodes.
        for service in ("sleep 619", "sleep 620"):
            self.assertEqual(len(owned(cluster, service)), 2)
        step = self.step(cluster, "sudo", "systemctl", "stop", "first.service")
        self.assertEqual(self.ended(cluster, step)["State"], "COMPLETED")
        self.assertEqual(len(owned(cluster, "sleep 619")), 1)

    def test_a_task_node_that_does_not_boot(self) -> None:
        cluster = self.booted(f"! {ON_TASK_NODES}", task=1)
        self.emr.wait(cluster, {"WAITING"})
        self.assertEqual(self.group(cluster, "TASK")["RunningInstanceCount"], 0)
        (failed,) = self.emr.instances(cluster, "TASK", "TERMINATED")
        reason = failed["Status"]["StateChangeReason"]
        self.assertEqual(reason["Code"], "BOOTSTRAP_FAILURE")

    def test_it_ends_without_its_primary(self) -> None:
        cluster = self.run_cluster()
        self.emr.wait(cluster, {"WAITING"})
        (primary,) = self.emr.instances(cluster, "MASTER")
        self.take_away(primary["Ec2InstanceId"], seconds=0)
        status = self.emr.wait(cluster, {"TERMINATED_WITH_ERRORS"})["Status"]
        self.assertEqual(status["StateChangeReason"]["Code"], "INSTANCE_FAILURE")

    def test_unknown_ids(self) -> None:
        with self.refused("Cluster id 'j-0' is not valid"):
            self.client.list_instances(ClusterId="j-0")
        cluster = self.run_cluster()
        with self.refused("Step id 's-0' is not valid"):
            self.client.describe_step(ClusterId=cluster, StepId="s-0")


class Steps(Bare):
    def setUp(self) -> None:
        self.cluster = self.run_cluster()
        self.emr.wait(self.cluster, {"WAITING"})

    def test_a_failure_says_why(self) -> None:
        step = self.step(self.cluster, "bash", "-c", "echo no such film >&2; exit 3")
        failure = self.ended(self.cluster, step)["FailureDetails"]
        self.assertEqual(failure["Message"], "exit 3")
        self.assertEqual(self.log(failure["LogFile"]), "no such film\n")

    def test_a_program_that_is_not_there(self) -> None:
        step = self.step(self.cluster, "no-such-program")
        failure = self.ended(self.cluster, step)["FailureDetails"]
        controller = failure["LogFile"].replace("stderr", "controller")
        self.assertIn("No such file", self.log(controller))

    def test_a_script(self) -> None:
        script = self.script('echo "$1 in $AWS_REGION"; [ "$AWS_ENDPOINT_URL_S3" = "$2" ]')
        jar = "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar"
        runner = {"Jar": jar, "Args": [script, "films", self.s3.endpoint]}
        wanted = {"Name": "script", "ActionOnFailure": "CONTINUE", "HadoopJarStep": runner}
        (step,) = self.add(self.cluster, [wanted])
        self.assertEqual(self.ended(self.cluster, step)["State"], "COMPLETED")
        logs = f"s3://films-logs/emr/{self.cluster}/steps/{step}"
        self.assertEqual(self.log(f"{logs}/stdout.gz"), "films in us-east-1\n")

    def test_one_after_the_other_and_side_by_side(self) -> None:
        first, second = self.add(self.cluster, [described("sleep", "613")] * 2)
        wait_for("the first one's process", lambda: owned(self.cluster, "sleep 613"))
        self.assertEqual(self.state(self.cluster, second), "PENDING")
        self.client.modify_cluster(ClusterId=self.cluster, StepConcurrencyLevel=2)
        self.emr.wait_step(self.cluster, second, {"RUNNING"})
        self.client.cancel_steps(ClusterId=self.cluster, StepIds=[first, second])
        for step in (first, second):
            self.assertEqual(self.ended(self.cluster, step)["State"], "CANCELLED")
        with self.refused("ActionOnFailure setting is not valid"):
            self.step(self.cluster, "true", otherwise="CANCEL_AND_WAIT")

    def test_a_pending_one_is_cancelled_at_once(self) -> None:
        first, second = self.add(self.cluster, [described("sleep", "614"), described("true")])
        self.client.cancel_steps(ClusterId=self.cluster, StepIds=[second])
        self.assertEqual(self.state(self.cluster, second), "CANCELLED")
        self.client.cancel_steps(ClusterId=self.cluster, StepIds=[first])
        self.ended(self.cluster, first)
        again = self.client.cancel_steps(ClusterId=self.cluster, StepIds=[first])
        self.assertEqual(again["CancelStepsInfoList"][0]["Status"], "FAILED")

    def test_cancel_and_wait(self) -> None:
        steps = [described("false", otherwise="CANCEL_AND_WAIT"), described("true")]
        first, second = self.add(self.cluster, steps)
        self.assertEqual(self.ended(self.cluster, first)["State"], "FAILED")
        self.assertEqual(self.ended(self.cluster, second)["State"], "CANCELLED")
        self.emr.wait(self.cluster, {"WAITING"})

    def test_terminate_cluster(self) -> None:
        steps = [described("false", otherwise="TERMINATE_CLUSTER"), described("true")]
        _, second = self.add(self.cluster, steps)
        status = self.emr.wait(self.cluster, {"TERMINATED_WITH_ERRORS"})["Status"]
        self.assertEqual(status["StateChangeReason"]["Code"], "STEP_FAILURE")
        self.assertEqual(self.state(self.cluster, second), "CANCELLED")


class Groups(Bare):
    def setUp(self) -> None:
        self.cluster = self.run_cluster()
        self.emr.wait(self.cluster, {"WAITING"})

    def task_nodes(self, count: int) -> list[dict]:
        wait_for("its nodes", lambda: len(self.emr.instances(self.cluster, "TASK")) == count)
        return self.emr.instances(self.cluster, "TASK")

    def add_group(self, count: int) -> str:
        (name,) = self.client.add_instance_groups(
            JobFlowId=self.cluster, InstanceGroups=[group("TASK", count)]
        )["InstanceGroupIds"]
        return name

    def test_a_group_that_is_added(self) -> None:
        name = self.add_group(2)
        nodes = self.task_nodes(2)
        self.assertEqual({node["InstanceGroupId"] for node in nodes}, {name})
        self.assertEqual(len({node["PrivateIpAddress"] for node in nodes}), 2)
        self.assertEqual(self.group(self.cluster, "TASK")["Status"]["State"], "RUNNING")

    def test_which_nodes_go(self) -> None:
        name = self.add_group(3)
        oldest, middle, newest = self.task_nodes(3)
        policy = {"InstancesToProtect": [newest["Ec2InstanceId"]]}
        wanted = {"InstanceGroupId": name, "InstanceCount": 2}
        wanted["ShrinkPolicy"] = {"InstanceResizePolicy": policy}
        self.client.modify_instance_groups(InstanceGroups=[wanted])
        self.assertEqual(self.task_nodes(2), [oldest, newest])
        named = {"InstanceGroupId": name, "EC2InstanceIdsToTerminate": [oldest["Ec2InstanceId"]]}
        self.client.modify_instance_groups(InstanceGroups=[named])
        self.assertEqual(self.task_nodes(1), [newest])
        self.assertEqual(self.group(self.cluster, "TASK")["RequestedInstanceCount"], 1)
        gone = self.emr.instances(self.cluster, "TASK", "TERMINATED")
        self.assertEqual({each["Id"] for each in gone}, {oldest["Id"], middle["Id"]})

    def test_sizes_that_are_refused(self) -> None:
        for role, count in (("MASTER", 2), ("CORE", 0)):
            with self.subTest(role), self.refused("ValidationException"):
                self.resize(self.cluster, role, count)

    def test_the_notice_of_a_spot_node(self) -> None:
        self.add_group(1)
        (node,) = self.task_nodes(1)
        name = node["Ec2InstanceId"]
        metadata = f"{self.aws.endpoint}/local-aws/imds/{name}/latest"
        headers = {"X-aws-ec2-metadata-token": ask(f"{metadata}/api/token", method="PUT")}
        self.assertEqual(ask(f"{metadata}/meta-data/instance-id", headers=headers), name)
        action = f"{metadata}/meta-data/spot/instance-action"
        for answer, given in ((401, {}), (404, headers)):
            with self.assertRaises(urllib.error.HTTPError) as failed:
                ask(action, headers=given)
            self.assertEqual(failed.exception.code, answer)
            failed.exception.close()
        self.take_away(name, seconds=120)
        self.assertEqual(json.loads(ask(action, headers=headers))["action"], "terminate")

    def test_a_spot_node_that_is_taken_away_is_replaced(self) -> None:
        self.add_group(1)
        (lost,) = self.task_nodes(1)
        self.take_away(lost["Ec2InstanceId"], seconds=0)
        wait_for("its loss", lambda: self.emr.instances(self.cluster, "TASK") != [lost])
        (other,) = self.task_nodes(1)
        self.assertNotEqual(other["PrivateIpAddress"], lost["PrivateIpAddress"])


def ask(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> str:
    content = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, content, headers or {}, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


class Ends(unittest.TestCase):
    """Whatever ends the local AWS, nothing of it stays."""

    def ended_by(self, number: signal.Signals) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        s3 = self.enterContext(S3Server(folder / "s3"))
        aws = self.enterContext(LocalAws(folder / "aws", s3))
        emr = Emr(aws, s3)
        # One that has left its group and its session.
        away = described("bash", "-c", "setsid sleep 615 & exec sleep 616")
        cluster = emr.start(BootstrapActions=[], Steps=[away])
        wait_for("both processes", lambda: not owned(cluster, "bash") and len(owned(cluster)) == 2)
        janitor = janitor_of(aws.process.pid)
        os.kill(aws.process.pid, number)
        aws.process.wait()
        wait_for("nothing is left", lambda: not owned(cluster), 10)
        wait_for("the janitor ends", lambda: not read(janitor / "cmdline"), 10)

    def test_sigterm(self) -> None:
        self.ended_by(signal.SIGTERM)

    def test_sigkill(self) -> None:
        self.ended_by(signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
