"""infra/package.sh without a build: content, the same bytes again, architectures, glibc."""

import hashlib
import os
import subprocess
import tarfile
import unittest
from pathlib import Path

from support import INFRA, PROGRAMS, Folder, call, script


class Package(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.binaries = self.folder / "binaries"
        for name in PROGRAMS:
            script(self.binaries / name, name)
        self.machine = "Advanced Micro Devices X86-64"
        self.glibc = ["2.2.5", "2.34"]

    def package(self, *flags: str, output: str = "out") -> subprocess.CompletedProcess:
        versions = " ".join(f"GLIBC_{version}" for version in self.glibc)
        script(
            self.folder / "tools/readelf",
            f"""case "$1" in
            --file-header) echo "  Machine:    {self.machine}" ;;
            *) printf 'Name: %s  Flags: none\\n' {versions} ;;
            esac""",
        )
        environment = os.environ | {"PATH": f"{self.folder}/tools:{os.environ['PATH']}"}
        command = [INFRA / "package.sh", "--binaries", self.binaries]
        return call(*command, "--output", self.folder / output, *flags, env=environment)

    def packed(self, *flags: str, output: str = "out") -> Path:
        done = self.package(*flags, output=output)
        self.assertEqual(done.returncode, 0, done.stderr)
        return Path(done.stdout.strip())

    def test_content(self) -> None:
        path = self.packed()
        self.assertRegex(path.name, r"^cinemill-\d+\.\d+\.\d+-x86_64\.tar\.gz$")
        with tarfile.open(path) as tar:
            members = {Path(member.name).name: member for member in tar.getmembers()}
        self.assertLessEqual({*PROGRAMS, "LICENSE", "README.md"}, set(members))
        self.assertTrue(all(members[name].mode == 0o755 for name in PROGRAMS))
        self.assertTrue(all(member.uid == member.gid == 0 for member in members.values()))
        told = Path(f"{path}.sha256").read_text().split()
        self.assertEqual(told, [hashlib.sha256(path.read_bytes()).hexdigest(), path.name])

    def test_again_the_same_bytes(self) -> None:
        first = self.packed().read_bytes()
        for name in PROGRAMS:
            os.utime(self.binaries / name, (1, 1))
        self.assertEqual(self.packed(output="again").read_bytes(), first)

    def test_arm64(self) -> None:
        self.machine = "AArch64"
        self.assertIn("-aarch64.tar.gz", self.packed().name)

    def test_newer_glibc(self) -> None:
        for newer in ["2.35", "2.100", "ABI_DT_RELR"]:
            with self.subTest(newer):
                self.glibc = ["2.34", newer]
                done = self.package()
                self.assertEqual(done.returncode, 1)
                self.assertIn("needs glibc 2.", done.stderr)
                self.assertFalse((self.folder / "out").exists())
        self.packed("--allow-newer-glibc")

    def test_static(self) -> None:
        self.glibc = []
        self.packed()

    def test_a_program_is_missing(self) -> None:
        (self.binaries / "cinemill-executor").unlink()
        done = self.package()
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such program", done.stderr)


if __name__ == "__main__":
    unittest.main()
