"""Terraform against the local AWS of tests/aws."""

import importlib.util
import json
import sys
from pathlib import Path

from support import PROGRAMS, ROOT
from workspace import Terraform

sys.path.insert(0, str(ROOT / "tests/aws"))

# What the local AWS does not know; and buckets may go with what is in them.
LOCAL = """
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true
  max_retries                 = 2
}

module "storage" {
  destroy_with_content = true
}
"""
NAME = "films-local"


class Local(Terraform):
    """A test with a local AWS of its own; skipped where its packages or the binaries are missing."""

    def setUp(self) -> None:
        super().setUp()
        self.plugins()
        if not importlib.util.find_spec("moto"):
            self.skipTest("no local AWS: tests/aws/requirements.txt is not installed")
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

    def local(self, example: str, **variables: object) -> Path:
        return self.example(example, LOCAL, variables)

    def apply(self, folder: Path, *flags: str) -> dict:
        """The outputs."""
        self.terraform("apply", "-input=false", "-auto-approve", *flags, cwd=folder)
        outputs = json.loads(self.terraform("output", "-json", cwd=folder))
        return {name: output["value"] for name, output in outputs.items()}

    def destroy(self, folder: Path) -> None:
        self.terraform("destroy", "-input=false", "-auto-approve", cwd=folder)
        state = json.loads(self.terraform("show", "-json", cwd=folder))
        self.assertNotIn("values", state)

    def processes(self) -> list[str]:
        """Command lines of what the local AWS runs on its machines."""
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
