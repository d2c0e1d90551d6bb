"""The report of a run: JSON lines in an object that `cinemill submit --report` rewrites."""

import json
from typing import Any

from botocore.client import BaseClient

from cinemill_airflow import lake

# What is worth a place in the verdict's line.
FIGURES = ("rows", "files", "rejects", "retries", "seconds", "place", "output")


class Report:
    def __init__(self, s3: BaseClient, location: str) -> None:
        self.location = location
        # The line that comes once, last: a verdict or an error.
        self.end: dict[str, Any] | None = None
        self._s3 = s3
        self._told = 0

    @property
    def begun(self) -> bool:
        return self._told > 0

    def news(self) -> list[str]:
        """The texts that have come since the last call."""
        content = lake.read(self._s3, self.location) or b""
        fresh = [line for line in map(json.loads, content.splitlines()) if line["seq"] > self._told]
        for line in fresh:
            self._told = line["seq"]
            if line["kind"] == "end":
                self.end = line
        return [line["text"] for line in fresh if line["kind"] == "progress"]

    def verdict(self) -> str:
        """How it ended, in one line."""
        end = self.end or {}
        if end.get("already_done"):
            return "it was done before"
        found = end.get("verdict") or {}
        figures = [f"{name} {found[name]}" for name in FIGURES if name in found]
        return ", ".join([found.get("job", "no report"), *figures])


def explained(error: dict[str, Any]) -> list[str]:
    """An error of a report, as `cinemill` prints it."""
    lines = [f"error: failed to {error['action']}: {error['cause']}"]
    if error.get("hint"):
        lines.append(f"hint: {error['hint']}")
    return lines
