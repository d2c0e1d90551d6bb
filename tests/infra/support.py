"""What the tests of infra/ share."""

import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
INFRA = ROOT / "infra"
TERRAFORM = INFRA / "terraform"
BOOTSTRAP = TERRAFORM / "modules/emr/files/bootstrap.sh"
PROGRAMS = ["cinemill", "cinemill-scheduler", "cinemill-executor"]


def call(*command: object, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
