"""The one deployment that all tests share; each has settings and places of its own in it."""

import atexit
import functools
import os
import signal
import threading
from pathlib import Path
from typing import Self

from fixtures import wait_for

from support import FOLDER
from support.deployment import Deployment, source

__all__ = ["FrozenExecutors", "bad_source", "deployment", "good_source", "wait_for"]


@functools.cache
def deployment() -> Deployment:
    """Begins with the first test that wants it."""
    begun = Deployment(FOLDER / "world").__enter__()
    atexit.register(begun.close)
    return begun


@functools.cache
def good_source() -> Path:
    return source(FOLDER / "source")


@functools.cache
def bad_source() -> Path:
    """With a key that stands twice, which ends a run with exit code 11."""
    return source(FOLDER / "bad-source", titles=300, double=True)


class FrozenExecutors:
    """Stops every executor of the local AWS as it starts, so that steps go on until `thaw`.

    A run waits for its first executor for two minutes.
    """

    def __init__(self, aws_folder: Path) -> None:
        self.folder = aws_folder.resolve()
        self.frozen: set[int] = set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._freeze, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()

    def _freeze(self) -> None:
        while not self.over.wait(0.02):
            for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
                if pid not in self.frozen and self._is_executor(pid):
                    os.kill(pid, signal.SIGSTOP)
                    self.frozen.add(pid)

    def _is_executor(self, pid: int) -> bool:
        try:
            program = Path(os.readlink(f"/proc/{pid}/exe"))
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        # The bootstrap action asks for its version only.
        is_server = b"--scheduler" in words
        return is_server and program.is_relative_to(self.folder) and "executor" in program.name

    def thaw(self) -> None:
        self.over.set()
        self.thread.join()
        for pid in self.frozen:
            if self._is_executor(pid):
                os.kill(pid, signal.SIGCONT)
        self.frozen.clear()
