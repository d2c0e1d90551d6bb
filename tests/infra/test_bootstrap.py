"""EMR's bootstrap script without EMR, on a node that is a folder."""

import hashlib
import json
import os
import subprocess
import tarfile
import unittest

from support import BOOTSTRAP, PROGRAMS, Folder, call, script


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

    def logs(self) -> dict[str, str]:
        """Which files go to which streams of the one group."""
        agent = self.root / "opt/aws/amazon-cloudwatch-agent/etc/cinemill.json"
        files = json.loads(agent.read_text())["logs"]["logs_collected"]["files"]["collect_list"]
        self.assertEqual({file["log_group_name"] for file in files}, {"/cinemill/films"})
        return {file["file_path"]: file["log_stream_name"] for file in files}

    def primary(self) -> None:
        instance, job_flow = {"isMaster": True}, {"jobFlowId": "j-1ABC"}
        self.node("mnt/var/lib/info", instance=instance, job_flow=job_flow)

    def started(self) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if "enable --now" in line]

    def test_primary(self) -> None:
        self.primary()
        done = self.bootstrap()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.started(), ["systemctl enable --now cinemill-scheduler.service"])
        unit = self.unit("scheduler")
        self.assertIn("--state-dir s3://films-lake/_cinemill/films\n", unit)
        self.assertIn("Environment=CINEMILL_EXECUTOR_WAIT_S=1800\n", unit)
        link = self.root / "usr/local/bin/cinemill-scheduler"
        self.assertEqual(os.readlink(link), f"/opt/cinemill/{self.sha256}/cinemill-scheduler")
        stream = {"/var/log/cinemill/scheduler.log": "scheduler/{instance_id}"}
        self.assertEqual(self.logs(), stream)

    def test_steps_know_the_region(self) -> None:
        self.primary()
        self.release('echo "$AWS_REGION $*"')
        self.assertEqual(self.bootstrap().returncode, 0)
        command = [self.root / "usr/local/bin/cinemill", "runs", "--json"]
        for given, known in [({}, "eu-central-1"), ({"AWS_REGION": "us-east-1"}, "us-east-1")]:
            environment = {"PATH": os.environ["PATH"]} | given
            self.assertEqual(call(*command, env=environment).stdout, f"{known} runs --json\n")

    def test_autoscale(self) -> None:
        self.primary()
        flags = {"state-dir": "s3://films-lake/_cinemill/{cluster}", "autoscale": "1:8"}
        done = self.bootstrap(**flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        services = ["scheduler", "autoscale"]
        started = [f"systemctl enable --now cinemill-{service}.service" for service in services]
        self.assertEqual(self.started(), started)
        self.assertIn("--state-dir s3://films-lake/_cinemill/j-1ABC\n", self.unit("scheduler"))
        unit = self.unit("autoscale")
        self.assertIn("--cluster j-1ABC --scheduler 127.0.0.1:50050 --min 1 --max 8 ", unit)
        self.assertIn("--busy-marker /emr/metricscollector/isbusy\n", unit)
        self.assertNotIn("User=", unit)
        paths = {f"/var/log/cinemill/{service}.log" for service in services}
        self.assertEqual(set(self.logs()), paths)

    def test_executors_do_not_scale(self) -> None:
        self.node(
            "mnt/var/lib/info",
            instance={"isMaster": False},
            job_flow={"masterPrivateDnsName": "ip-10-0-0-1.internal"},
        )
        self.assertEqual(self.bootstrap(autoscale="1:8").returncode, 0)
        self.assertEqual(self.started(), ["systemctl enable --now cinemill-executor.service"])

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

    def test_wrong_flags(self) -> None:
        self.primary()
        self.refused("--autoscale is not <min>:<max>", autoscale="8")
        self.refused("unknown argument: --many", many="1")

    def test_wrong_checksum(self) -> None:
        self.primary()
        self.refused("does not have the checksum", sha256="0" * 64)
        self.assertFalse((self.root / "opt/cinemill").exists())

    def test_wrong_architecture(self) -> None:
        self.primary()
        self.release("exit 126")
        self.refused("does not start on")

    def test_unknown_node(self) -> None:
        self.refused("cannot tell whether this is the primary")
        self.node("mnt/var/lib/info", instance={"isMaster": False})
        self.refused("cannot tell the primary's address")
        self.node("mnt/var/lib/info", instance={"isMaster": True})
        self.refused("cannot tell the cluster's id")


if __name__ == "__main__":
    unittest.main()
