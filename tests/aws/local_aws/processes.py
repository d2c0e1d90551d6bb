"""Processes of the local AWS, and how it makes sure that none outlives it.

Every process has a mark in its environment that says whose it is: `<site>/<cluster>/<node>/`. What
it starts inherits the mark, so that ending a node ends whatever runs there, also what has detached
itself. A janitor does the same when this process is killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

MARK = "LOCAL_AWS_OWNER"


class Closed(Exception):
    """No more processes are started, because the local AWS stops."""


class Processes:
    def __init__(self, site: str) -> None:
        self.site = site
        self.lock = threading.Lock()
        self.closed = False
        self.janitor = subprocess.Popen(
            [sys.executable, "-m", "local_aws.janitor", f"{site}/"],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
            # Whoever kills this process by its group means not the janitor.
            start_new_session=True,
        )

    def start(
        self,
        owner: str,
        argv: Sequence[str],
        environment: dict[str, str],
        folder: Path,
        stdout: IO[bytes] | int,
        stderr: IO[bytes] | int,
    ) -> subprocess.Popen:
        """Starts a process with exactly this environment and the mark, in a group of its own."""
        with self.lock:
            if self.closed:
                raise Closed
            return subprocess.Popen(
                argv,
                cwd=folder,
                env=environment | {MARK: f"{self.site}/{owner}/"},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def kill(self, owner: str) -> int:
        """Kills all that an owner has; how many there were."""
        return kill_marked(f"{self.site}/{owner}/")

    def close(self) -> int:
        with self.lock:
            self.closed = True
        killed = kill_marked(f"{self.site}/")
        self.janitor.stdin.close()
        self.janitor.wait()
        return killed


def kill_marked(prefix: str) -> int:
    """Kills every process whose mark begins with the prefix, until there is none."""
    killed: set[int] = set()
    while found := list(marked(prefix)):
        for pid in found:
            killed.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    return len(killed)


def marked(prefix: str) -> Iterator[int]:
    wanted = f"{MARK}={prefix}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            # It ended meanwhile, or belongs to somebody else.
            continue
        if any(variable.startswith(wanted) for variable in variables):
            yield int(folder.name)
