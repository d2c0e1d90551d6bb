"""What test cases of the local AWS begin with."""

import gzip
import json
import tempfile
import unittest
import urllib.request
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from fixtures import Emr, LocalAws, S3Server
from observed import owned


class Servers(unittest.TestCase):
    """Tests with an S3 server and a local AWS that they share."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.folder = folder
        cls.s3 = cls.enterClassContext(S3Server(folder / "s3"))
        cls.aws = cls.enterClassContext(LocalAws(folder / "aws", cls.s3))
        cls.emr = Emr(cls.aws, cls.s3)
        cls.client = cls.emr.client

    def log(self, uri: str) -> str:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        body = self.s3.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        return gzip.decompress(body).decode()


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


def ask(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> str:
    content = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, content, headers or {}, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()
