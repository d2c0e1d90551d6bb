"""The settings of a deployment: a TOML file, which the variable CINEMILL_DAGS_CONFIG names.

A file and not an Airflow variable, since it is read whenever DAGs are parsed: there a variable
would cost a question to the database each time, and a file has a history like the DAGs themselves.
"""

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

VARIABLE = "CINEMILL_DAGS_CONFIG"


class SettingsError(ValueError):
    """Shown by Airflow as the DAG's import error."""


@dataclass(frozen=True)
class Cluster:
    """How `cinemill cluster create` makes the cluster of a run."""

    file: str
    executors: int | None = None


@dataclass(frozen=True)
class Warehouse:
    target: str
    # What becomes of the rows that tables have; what the jobs say of theirs, where not given.
    mode: str | None = None
    iam_role: str | None = None
    # An Airflow connection whose password PostgreSQL is given.
    password_conn_id: str | None = None
    # Parameters of Redshift's CreateCluster, for one that is provisioned and may be missing.
    cluster: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Daily:
    """Times of day, as 02:00: when the daily run begins, and when it has to be done."""

    start: str = "02:00"
    deadline: str = "06:00"
    timezone: str = "UTC"


@dataclass(frozen=True)
class Places:
    """Where the files of a job come from and go to."""

    raw: str
    output: str
    # A source that `cinemill stage` knows, or a TOML file that describes one; or several. None for
    # a job that reads what another one published.
    source: str | list[str] | None = None
    # One place, or the places of those sources that are named.
    source_from: str | dict[str, str] | None = None
    archive: str | None = None
    split_mb: int | None = None

    @property
    def sources(self) -> list[str]:
        return [self.source] if isinstance(self.source, str) else self.source or []

    def origin(self, source: str) -> str | None:
        if isinstance(self.source_from, dict):
            return self.source_from.get(source)
        return self.source_from


@dataclass(frozen=True)
class Settings:
    cluster: Cluster
    jobs: dict[str, Places]
    reports: str
    warehouse: Warehouse | None = None
    alerts_topic: str | None = None
    daily: Daily = Daily()
    program: str = "cinemill"
    aws_conn_id: str = "aws_default"
    retries: int = 1
    retry_delay_s: float = 60.0
    poll_s: float = 10.0

    def of(self, job: str) -> Places:
        if job not in self.jobs:
            raise SettingsError(f"failed to build a DAG: {VARIABLE} has no [jobs.{job}]")
        return self.jobs[job]


def read() -> Settings:
    name = os.environ.get(VARIABLE)
    if not name:
        raise SettingsError(f"failed to read the settings: {VARIABLE} names no file")
    try:
        table = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as cause:
        raise SettingsError(f"failed to read the settings in {name}: {cause}") from cause
    return settings(table, name)


def settings(table: dict[str, Any], name: str) -> Settings:
    values = dict(table)
    for part, kind in [("cluster", Cluster), ("warehouse", Warehouse), ("daily", Daily)]:
        if part in values:
            values[part] = made(kind, values[part], f"[{part}] in {name}")
    places = values.get("jobs", {})
    values["jobs"] = {
        job: made(Places, renamed(place), f"[jobs.{job}] in {name}")
        for job, place in places.items()
    }
    return made(Settings, values, name)


def renamed(place: dict[str, Any]) -> dict[str, Any]:
    """`from` means something else in Python."""
    return {"source_from" if key == "from" else key: value for key, value in place.items()}


def made(kind: type, values: dict[str, Any], where: str) -> Any:
    known = {each.name for each in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise SettingsError(f"failed to read {where}: unknown key `{unknown[0]}`")
    try:
        return kind(**values)
    except TypeError as cause:
        raise SettingsError(f"failed to read {where}: {cause}") from cause
