"""What tests against the local AWS share: its servers, a release, sample data, requests.

Importable with PYTHONPATH=tests/aws. Everything that is started here ends with its `stop`, and is
a context manager:

    with S3Server(folder / "s3") as s3, LocalAws(folder / "aws", s3) as aws:
        emr = aws.client("emr")

`programs()` is where the binaries are: CINEMILL_PROGRAMS, or the release build of this repository.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import boto3

ROOT = Path(__file__).resolve().parent.parent.parent
BOOTSTRAP = ROOT / "infra/terraform/modules/emr/files/bootstrap.sh"
RELEASED = ("cinemill", "cinemill-scheduler", "cinemill-executor")
REGION = "us-east-1"


def target() -> Path:
    """Cargo's folder, also for what is made once and kept between runs of the tests."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def programs() -> Path:
    """The folder with the binaries."""
    return Path(os.environ.get("CINEMILL_PROGRAMS", target() / "release")).resolve()


def cinemill(*arguments: object, environment: dict[str, str] | None = None) -> str:
    """Runs `cinemill` to its end; what it printed."""
    done = subprocess.run(
        [programs() / "cinemill", *map(str, arguments)],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"cinemill {arguments} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def wait_for(what: str, found: Callable[[], Any], seconds: float = 60) -> Any:
    """Waits until `found` answers something true, and answers that."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)
    return answer


class Program:
    """A server that is a process: started by the constructor, stopped at the latest by `with`."""

    def __init__(self, argv: list[object], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            list(map(str, argv)), env=os.environ | environment, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.wait()}")
        return line

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class S3Server(Program):
    """The S3 server of the Rust tests, over a folder whose folders are the buckets.

    `environment` holds what its clients need: endpoint, region, keys.
    """

    def __init__(self, root: Path) -> None:
        super().__init__([programs() / "s3-server", "--root", root], {})
        self.root = root
        self.line()
        exports = (self.line().removeprefix("export ").strip() for _ in range(6))
        self.environment = dict(export.split("=", 1) for export in exports)
        self.endpoint = self.environment["AWS_ENDPOINT_URL"]

    def bucket(self, name: str) -> str:
        """Makes a bucket; its address."""
        (self.root / name).mkdir(exist_ok=True)
        return f"s3://{name}"

    def client(self) -> Any:
        return client("s3", self.endpoint, self.environment)


class LocalAws(Program):
    """The local AWS, whose data lies in an S3 server, or in moto's where there is none.

    `environment` holds what its clients need; it names both servers.
    """

    def __init__(
        self, work_dir: Path, s3: S3Server | None = None, boot_delay_s: float = 0.1
    ) -> None:
        data = s3.environment if s3 else {}
        flags = ["--s3-endpoint", s3.endpoint] if s3 else []
        argv = [sys.executable, "-m", "local_aws", "--work-dir", work_dir]
        argv += ["--programs", programs(), "--boot-delay-s", boot_delay_s, *flags]
        super().__init__(argv, data | {"PYTHONPATH": str(Path(__file__).parent)})
        self.work_dir = work_dir
        self.endpoint = json.loads(self.line())["endpoint"]
        local = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        self.environment = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION} | local | data
        self.environment["AWS_ENDPOINT_URL"] = self.endpoint
        self.environment["AWS_ENDPOINT_URL_S3"] = s3.endpoint if s3 else self.endpoint

    def client(self, service: str) -> Any:
        return client(service, self.endpoint, self.environment)


def client(service: str, endpoint: str, environment: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


# --- the release -------------------------------------------------------------------------------


def release() -> tuple[Path, str]:
    """A release as infra/package.sh lays it out, of the binaries there are; and its SHA-256.

    Without symbols and packed fast, since every node unpacks it. Kept until a binary changes.
    """
    stats = [(programs() / name).stat() for name in RELEASED]
    state = repr([(stat.st_size, stat.st_mtime_ns) for stat in stats])
    name = f"cinemill-{hashlib.sha256(state.encode()).hexdigest()[:16]}"
    folder = target() / "local-aws"
    packed = folder / f"{name}.tar.gz"
    if not packed.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("cinemill-*"):
            old.unlink()
        pack(packed)
    with open(packed, "rb") as file:
        return packed, hashlib.file_digest(file, "sha256").hexdigest()


def pack(packed: Path) -> None:
    binaries = packed.with_suffix(".binaries")
    binaries.mkdir()
    part = packed.with_suffix(".part")
    with tarfile.open(part, "w:gz", compresslevel=1) as tar:
        for program in RELEASED:
            subprocess.run(["strip", "-o", binaries / program, programs() / program], check=True)
            tar.add(binaries / program, f"cinemill/{program}")
    part.rename(packed)
    shutil.rmtree(binaries)


def sample(folder: Path, titles: int) -> Path:
    """Made-up IMDb files of so many titles."""
    cinemill("sample", "--titles", titles, "--output", folder)
    return folder


# --- EMR ---------------------------------------------------------------------------------------


class Emr:
    """Clusters of the local AWS, with what they need in S3: the release and its bootstrap."""

    def __init__(self, aws: LocalAws, s3: S3Server) -> None:
        self.aws = aws
        self.s3 = s3
        self.client = aws.client("emr")
        for bucket in ("films-releases", "films-lake", "films-logs"):
            s3.bucket(bucket)
        packed, self.sha256 = release()
        store = s3.client()
        store.upload_file(str(packed), "films-releases", "cinemill.tar.gz")
        store.upload_file(str(BOOTSTRAP), "films-releases", "bootstrap.sh")

    def bootstrap(self, state: str = "films") -> dict:
        """A request's bootstrap action that installs the release."""
        arguments = {
            "--release": "s3://films-releases/cinemill.tar.gz",
            "--sha256": self.sha256,
            "--region": REGION,
            "--state-dir": f"s3://films-lake/_cinemill/{state}",
            "--log-group": "/cinemill/films",
        }
        words = [word for pair in arguments.items() for word in pair]
        script = {"Path": "s3://films-releases/bootstrap.sh", "Args": words}
        return {"Name": "cinemill", "ScriptBootstrapAction": script}

    def request(self, name: str = "films", core: int = 1, task: int = 0, **changed: Any) -> dict:
        """A RunJobFlow request as the Terraform module makes it; `changed` replaces parts."""
        groups = [group("MASTER", 1), group("CORE", core)]
        if task:
            groups.append(group("TASK", task) | {"Market": "SPOT", "BidPrice": "0.10"})
        instances = {"InstanceGroups": groups, "KeepJobFlowAliveWhenNoSteps": True}
        wanted = {
            "Name": name,
            "ReleaseLabel": "emr-7.5.0",
            "LogUri": "s3://films-logs/emr/",
            "ServiceRole": "films-service",
            "JobFlowRole": "films-nodes",
            "VisibleToAllUsers": True,
            "StepConcurrencyLevel": 10,
            "Applications": [{"Name": "Hadoop"}],
            "BootstrapActions": [self.bootstrap(name)],
            "Instances": instances,
        }
        return wanted | changed

    def start(self, **settings: Any) -> str:
        """Starts a cluster and waits until it is up; its id."""
        cluster = self.client.run_job_flow(**self.request(**settings))["JobFlowId"]
        self.wait(cluster, {"WAITING", "RUNNING"})
        return cluster

    def describe(self, cluster: str) -> dict:
        return self.client.describe_cluster(ClusterId=cluster)["Cluster"]

    def wait(self, cluster: str, states: set[str], seconds: float = 90) -> dict:
        """Waits for one of the states; fails at once when the cluster has ended otherwise."""

        def reached() -> dict | None:
            described = self.describe(cluster)
            state = described["Status"]["State"]
            if state.startswith("TERMINATED") and state not in states:
                raise AssertionError(f"{cluster} is {described['Status']}")
            return described if state in states else None

        return wait_for(f"{cluster} is one of {states}", reached, seconds)

    def instances(self, cluster: str, role: str, state: str = "RUNNING") -> list[dict]:
        return self.client.list_instances(
            ClusterId=cluster, InstanceGroupTypes=[role], InstanceStates=[state]
        )["Instances"]

    def scheduler(self, cluster: str) -> str:
        """The scheduler's address, as host:port."""
        return f"{self.describe(cluster)['MasterPublicDnsName']}:50050"

    def executors(self, cluster: str) -> list[dict]:
        """What the scheduler says of its executors; none where it does not answer yet."""
        try:
            listed = cinemill("executors", "--scheduler", self.scheduler(cluster), "--json")
        except RuntimeError:
            return []
        return json.loads(listed)

    def step(self, cluster: str, *command: object, name: str = "step") -> str:
        """Adds a step for command-runner.jar; its id."""
        jar = {"Jar": "command-runner.jar", "Args": list(map(str, command))}
        step = {"Name": name, "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}
        return self.client.add_job_flow_steps(JobFlowId=cluster, Steps=[step])["StepIds"][0]

    def wait_step(self, cluster: str, step: str, states: set[str], seconds: float = 60) -> dict:
        """Waits for one of the states; the step's status."""

        def reached() -> dict | None:
            status = self.client.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
            return status if status["State"] in states else None

        return wait_for(f"{step} is one of {states}", reached, seconds)


def group(role: str, count: int) -> dict:
    return {
        "Name": role.lower(),
        "InstanceRole": role,
        "InstanceType": "m6i.xlarge",
        "InstanceCount": count,
    }
