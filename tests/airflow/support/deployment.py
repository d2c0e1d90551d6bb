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

METADATA = (
    "adult,budget,genres,id,imdb_id,original_language,popularity,production_companies,"
    "release_date,revenue,runtime,title,vote_average,vote_count\n"
)
# Films that nobody made, in the shape of the three sources of `movies_model`.
FILMS = {
    "movies_metadata.csv": METADATA
    + """False,100,"[{'id': 1, 'name': 'Drama'}]",11,tt11,en,1.5,\
"[{'name': ""Ann's Films"", 'id': 7}]",1999-05-01,900,100,"One, two",7.5,10
False,50,"[{'id': 1, 'name': 'Drama'}, {'id': 2, 'name': 'War'}]",12,tt12,de,2.5,[],\
1999-06-02,400,90,Three,6.5,20
""",
    "links.csv": "movieId,imdbId,tmdbId\n1,0000011,11\n2,0000012,12\n",
    "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.5,900000000\n2,2,3,900000001\n",
    "CUSR0000SS62031.csv": "DATE,CUSR0000SS62031\n1999-05-01,102.7\n1999-06-01,102.9\n",
}


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
            "jobs.imdb_top50": {
                "source": "imdb",
                "from": str(source),
                "raw": f"s3://films-raw/{self.name}",
                "output": f"s3://films-lake/{self.name}-top50",
            },
            "jobs.movies_model": {
                "source": str(source / "films.toml"),
                "from": str(source),
                "raw": f"s3://films-raw/{self.name}",
                "output": f"s3://films-lake/{self.name}-model",
            },
            "jobs.movie_insights": {
                "raw": f"s3://films-lake/{self.name}-model",
                "output": f"s3://films-lake/{self.name}-insights",
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
    films(packed)
    for file in plain.iterdir():
        (packed / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 1))
    return packed


def films(folder: Path) -> None:
    """The films' files, and a source that has them."""
    listed = "".join(f'[[file]]\nname = "{name}"\n' for name in FILMS)
    (folder / "films.toml").write_text(f'from = "{folder}"\n{listed}')
    for name, text in FILMS.items():
        (folder / name).write_text(text)


def embedded(raw: Path, output: Path) -> Path:
    """The table as one process makes it of the same files."""
    cinemill("run", "imdb_titles", "--input", raw, "--output", output, environment=dict(os.environ))
    return output
