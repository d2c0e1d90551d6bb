"""The jobs, as `cinemill jobs --json` tells them."""

import json
import os
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cinemill_airflow.settings import SettingsError

VARIABLE = "CINEMILL_JOBS_JSON"


@dataclass(frozen=True)
class Job:
    name: str
    description: str
    # As `schema.table`; the first of several.
    table: str


def find(name: str, program: str) -> Job:
    """The job of that name.

    CINEMILL_JOBS_JSON names a file with what `cinemill jobs --json` printed, so that the
    machines which only parse DAGs need no cinemill. Without it the program is asked.
    """
    jobs = catalog(os.environ.get(VARIABLE), program)
    if name not in jobs:
        known = ", ".join(sorted(jobs))
        raise SettingsError(f"failed to build a DAG: no job `{name}`; there are: {known}")
    return jobs[name]


@lru_cache(maxsize=1)
def catalog(file: str | None, program: str) -> dict[str, Job]:
    try:
        text = Path(file).read_text(encoding="utf-8") if file else asked(program)
        listed = json.loads(text)
        jobs = [Job(job["name"], job["description"], job["table"]) for job in listed]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as cause:
        source = file or f"{program} jobs --json"
        hint = f"{VARIABLE} may name a file with the output of `cinemill jobs --json`"
        raise SettingsError(f"failed to read the jobs from {source}: {cause!r}; {hint}") from cause
    return {job.name: job for job in jobs}


def asked(program: str) -> str:
    command = [program, "jobs", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    return done.stdout
