"""Terraform against the local AWS of tests/aws."""

import importlib.util
import json
import sys
from pathlib import Path

from support import PROGRAMS, ROOT
from workspace import Terraform

sys.path.insert(0, str(ROOT / "tests/aws"))

# moto's buckets have no host names of their own. Buckets may go with what is in them.
LOCAL = """
provider "aws" {
  skip_metadata_api_check = true
  s3_use_path_style       = true
  max_retries             = 2
}

module "storage" {
  destroy_with_content = true
}
"""
NAME = "films-local"


class Local(Terraform):
    """A test with a local AWS of its own, which has moto's S3: Terraform makes the buckets there.

    Skipped where its packages or the binaries are missing.
    """

    def setUp(self) -> None:
        super().setUp()
        self.plugins()
        if not importlib.util.find_spec("moto"):
            self.skipTest("no moto: this Python has not the packages of the local AWS")
        from fixtures import LocalAws, programs

        if not all((programs() / name).is_file() for name in PROGRAMS):
            self.skipTest("no binaries: build them, or name their folder with CINEMILL_PROGRAMS")
        self.aws = LocalAws(self.folder / "aws")
        self.addCleanup(self.aws.stop)
        self.environment |= self.aws.environment

    def network(self) -> dict:
        """The default network, as docs/deploy.md takes it."""
        subnets = self.aws.client("ec2").describe_subnets()["Subnets"]
        ids = [subnet["SubnetId"] for subnet in subnets]
        region = self.aws.environment["AWS_REGION"]
        return {"region": region, "name": NAME, "vpc_id": subnets[0]["VpcId"], "subnet_ids": ids}

    def of_one_subnet(self) -> dict:
        network = self.network()
        return network | {"subnet_id": network.pop("subnet_ids")[0]}

    def with_release(self, example: str, variables: dict) -> Path:
        """An example whose buckets are there, and in one of them the release that it names."""
        from fixtures import release

        packed, sha256 = release()
        named = {"release_key": packed.name, "release_sha256": sha256}
        folder = self.example(example, LOCAL, variables | named)
        buckets = self.apply(folder, "-target=module.storage")["buckets"]
        self.aws.client("s3").upload_file(str(packed), buckets["releases"], packed.name)
        return folder

    def apply(self, folder: Path, *flags: str) -> dict:
        """The outputs."""
        self.terraform("apply", "-input=false", "-auto-approve", *flags, cwd=folder)
        outputs = json.loads(self.terraform("output", "-json", cwd=folder))
        return {name: output["value"] for name, output in outputs.items()}

    def destroy(self, folder: Path) -> None:
        """All goes, with all processes."""
        self.terraform("destroy", "-input=false", "-auto-approve", cwd=folder)
        state = json.loads(self.terraform("show", "-json", cwd=folder))
        self.assertNotIn("values", state)
        self.assertEqual(self.processes(), [])

    def cinemill(self, *arguments: object) -> str:
        from fixtures import cinemill

        return cinemill(*arguments, environment=self.aws.environment)

    def wait_for_executors(self, scheduler: str, count: int) -> None:
        from fixtures import wait_for

        def registered() -> bool:
            try:
                listed = self.cinemill("executors", "--scheduler", scheduler, "--json")
            except RuntimeError:
                # The scheduler does not answer yet.
                return False
            return len(json.loads(listed)) == count

        wait_for(f"{count} executors at {scheduler}", registered, seconds=120)

    def processes(self) -> list[str]:
        """Command lines of what runs on the machines of the local AWS."""
        folder = str(self.aws.work_dir)
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                machine = str((process / "cwd").readlink())
                command = (process / "cmdline").read_text().replace("\0", " ")
            except OSError:
                # It ended, or is nobody's of ours.
                continue
            if machine.startswith(folder):
                found.append(command)
        return found

    def policy(self, arn: str) -> list[dict]:
        """The statements of a policy."""
        iam = self.aws.client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        return document["Document"]["Statement"]
