"""A deployment on this machine: S3, AWS and a warehouse, and the settings that DAGs read."""

import contextlib
import gzip
import json
import os
from pathlib import Path
from typing import Any, Self

from fixtures import Emr, LocalAws, S3Server, cinemill, programs, sample

from support.redshift import Redshift

TITLES = 3000
# What the source has besides, and the job does not read.
AKAS = "titleId\tordering\ttitle\ntt0000001\t1\tCarmencita\n"


class Deployment(contextlib.ExitStack):
    """Ends all that it began at the end of `with`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        (folder / "s3").mkdir(parents=True)

    def __enter__(self) -> Self:
        super().__enter__()
        self.s3 = self.enter_context(S3Server(self.folder / "s3"))
        self.aws = self.enter_context(LocalAws(self.folder / "aws", self.s3))
        self.redshift = self.enter_context(Redshift(self.s3))
        self.emr = Emr(self.aws, self.s3)
        for bucket in ("films-raw", "films-archive"):
            self.s3.bucket(bucket)
        self.environment = self.aws.environment | self.redshift.environment
        self.topic, self.alerts = self._alerts()
        return self

    def _alerts(self) -> tuple[str, str]:
        """A topic, and a queue that gets what is published to it."""
        sns, sqs = self.aws.client("sns"), self.aws.client("sqs")
        topic = sns.create_topic(Name="films-alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="films-alerts")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return topic, queue

    def alerts_told(self) -> list[str]:
        """The messages that came since the last call."""
        sqs = self.aws.client("sqs")
        got = sqs.receive_message(QueueUrl=self.alerts, MaxNumberOfMessages=10).get("Messages", [])
        for message in got:
            sqs.delete_message(QueueUrl=self.alerts, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["Message"] for message in got]

    def clusters(self, prefix: str) -> list[dict[str, Any]]:
        """All clusters ever made whose names begin so."""
        listed = self.emr.client.get_paginator("list_clusters").paginate()
        clusters = (cluster for page in listed for cluster in page["Clusters"])
        return [cluster for cluster in clusters if cluster["Name"].startswith(prefix)]

    def settings(self, name: str, source: Path, **changed: Any) -> "Settings":
        """Settings with places of their own in this deployment."""
        made = Settings(self, name)
        made.write(source, **changed)
        return made


class Settings:
    def __init__(self, world: Deployment, name: str) -> None:
        self.world = world
        self.name = name
        self.folder = world.folder / name
        self.folder.mkdir()
        self.file = self.folder / "dags.toml"
        self.environment = {"CINEMILL_DAGS_CONFIG": str(self.file)}

    def write(
        self, source: Path, *, executors: int = 3, sha256: str | None = None, **changed: Any
    ) -> None:
        """`sha256` is that of the release which nodes expect; `changed` goes before other keys."""
        cluster = self.folder / "emr.toml"
        cluster.write_text(self._cluster(sha256 or self.world.emr.sha256))
        top = {
            "program": str(programs() / "cinemill"),
            "reports": f"s3://films-lake/_cinemill/reports/{self.name}",
            "alerts_topic": self.world.topic,
            "retries": 0,
            "retry_delay_s": 0.1,
            "poll_s": 0.5,
        }
        tables = {
            "cluster": {"file": str(cluster), "executors": executors},
            "warehouse": {"target": self.world.redshift.target},
            "jobs.imdb_titles": {
                "source": "imdb",
                "from": str(source),
                "raw": f"s3://films-raw/{self.name}",
                "archive": f"s3://films-archive/{self.name}",
                "output": f"s3://films-lake/{self.name}",
            },
        }
        self.file.write_text(toml(top | changed, tables))

    def _cluster(self, sha256: str) -> str:
        emr = self.world.emr
        script = emr.bootstrap("films/{cluster}")["ScriptBootstrapAction"]
        words = [sha256 if word == emr.sha256 else word for word in script["Args"]]
        top = {
            "target": "emr",
            "name": "films",
            "release_label": "emr-7.5.0",
            "log_uri": "s3://films-logs/emr/",
            "service_role": "films-service",
            "instance_profile": "films-nodes",
            "subnet_id": "subnet-1",
        }
        machines = {"type": "m6i.xlarge", "count": 1, "disk_gb": 50}
        tables = {
            "primary": {"type": "m6i.xlarge"},
            "core": machines,
            "task": machines | {"count": 0},
            "[bootstrap]": {"name": "cinemill", "path": script["Path"], "args": words},
        }
        return toml(top, tables)


def toml(top: dict[str, Any], tables: dict[str, dict[str, Any]]) -> str:
    """JSON's texts, numbers and lists are TOML's, too."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def source(folder: Path, *, titles: int = TITLES, double: bool = False) -> Path:
    """A folder with IMDb's files, made up; with `double` one title stands twice."""
    plain = sample(folder / "plain", titles)
    packed = folder / "packed"
    packed.mkdir()
    if double:
        path = plain / "title.basics.tsv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*lines, lines[1]]))
    (plain / "title.akas.tsv").write_text(AKAS)
    for file in plain.iterdir():
        (packed / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 1))
    return packed


def embedded(raw: Path, output: Path) -> Path:
    """The table as one process makes it of the same files."""
    cinemill("run", "imdb_titles", "--input", raw, "--output", output, environment=dict(os.environ))
    return output
