"""Terraform on copies of infra/terraform, with a provider from a local mirror."""

import json
import os
import shutil
from pathlib import Path

from support import TERRAFORM, Folder, call


def mirror() -> Path | None:
    named = os.environ.get("CINEMILL_TF_PLUGINS")
    home = Path.home()
    usual = [
        home / ".terraform.d/plugins",
        home / ".local/share/terraform/plugins",
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
    ]
    folders = [Path(named)] if named else usual
    provider = "registry.terraform.io/hashicorp/aws"
    return next((folder for folder in folders if (folder / provider).is_dir()), None)


class Terraform(Folder):
    """A test that runs Terraform; skipped where it or the mirror is missing."""

    def setUp(self) -> None:
        super().setUp()
        if not shutil.which("terraform"):
            self.skipTest("no terraform in the PATH")
        # One that is named but not there stops terraform.
        rc = self.folder / "terraformrc"
        rc.write_text("")
        self.environment = os.environ | {
            "TF_CLI_CONFIG_FILE": str(rc),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_ARGS": "-no-color",
        }

    def terraform(self, *arguments: object, cwd: Path) -> str:
        done = call("terraform", *arguments, cwd=cwd, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr)
        return done.stdout

    def plugins(self) -> Path:
        plugins = mirror()
        if not plugins:
            self.skipTest("no mirror with the AWS provider: name one with CINEMILL_TF_PLUGINS")
        return plugins

    def example(self, name: str, provider: str, variables: dict) -> Path:
        """A copy of an example, initialised, with another provider block."""
        plugins = self.plugins()
        ignore = shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfvars")
        copy = self.folder / "terraform"
        shutil.copytree(TERRAFORM, copy, ignore=ignore, dirs_exist_ok=True)
        folder = copy / "examples" / name
        (folder / "provider_override.tf").write_text(provider)
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        # readonly: the lock file that is checked in has to fit.
        self.terraform(
            "init", "-input=false", f"-plugin-dir={plugins}", "-lockfile=readonly", cwd=folder
        )
        return folder
