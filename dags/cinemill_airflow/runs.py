"""Ids of runs: the same for every try of a DAG run, so that nothing is ever run twice."""

import re
from datetime import UTC, datetime
from typing import Any

# What cinemill takes as an id.
LENGTH_MAX = 128


def run_id(dag_run: Any) -> str:
    """Ids of runs with a date sort by it, within a DAG; Airflow 3 knows runs without one."""
    moment = getattr(dag_run, "logical_date", None)
    tail = stamp(moment) if moment else re.sub(r"[^A-Za-z0-9_.-]+", "-", dag_run.run_id)
    return f"{dag_run.dag_id}-{tail}"[:LENGTH_MAX]


def own_run_id(dag_run: Any, job: str | None) -> str:
    """The id of a further run of the DAG run: one that works on what its first job published."""
    return f"{run_id(dag_run)}.{job}"[:LENGTH_MAX] if job else run_id(dag_run)


def stamp(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    fraction = f".{moment.microsecond:06}" if moment.microsecond else ""
    return f"{moment:%Y%m%dT%H%M%S}{fraction}Z"


def is_later(published: str, own: str, dag_id: str) -> bool:
    """Whether the published run is one of the same DAG for a later date."""
    dated = re.compile(re.escape(dag_id) + r"-\d{8}T\d{6}(\.\d{6})?Z")
    return bool(dated.fullmatch(published) and dated.fullmatch(own) and published > own)
