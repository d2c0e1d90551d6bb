"""What systemd does with a service: reads its unit, runs it, starts it again."""

import logging
import shlex
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

# Signals that count as a clean end.
CLEAN = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE}


@dataclass
class Unit:
    """The part of a unit file that this AWS understands."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    stdout: str | None = None
    stderr: str | None = None
    kill_signal: signal.Signals = signal.SIGTERM
    restart: str = "no"
    restart_s: float = 0.1
    final_codes: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, text: str) -> "Unit":
        settings = service_settings(text)

        def last(name: str, default: str) -> str:
            return settings[name][-1] if settings[name] else default

        words = [word for line in settings["Environment"] for word in shlex.split(line)]
        return cls(
            command=shlex.split(last("ExecStart", "")),
            environment=dict(word.split("=", 1) for word in words),
            stdout=appended_file(last("StandardOutput", "")),
            stderr=appended_file(last("StandardError", "")),
            kill_signal=signal.Signals[last("KillSignal", "SIGTERM")],
            restart=last("Restart", "no"),
            restart_s=float(last("RestartSec", "0.1").removesuffix("s")),
            final_codes={int(code) for code in last("RestartPreventExitStatus", "").split()},
        )

    def comes_again(self, code: int) -> bool:
        """Whether it is started again after it ended by itself; a signal is a negative code."""
        if code in self.final_codes:
            return False
        clean = code == 0 or (code < 0 and signal.Signals(-code) in CLEAN)
        return self.restart == "always" or (self.restart == "on-failure" and not clean)


def service_settings(text: str) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            settings[name.strip()].append(value.strip())
    return settings


def appended_file(output: str) -> str | None:
    return output.removeprefix("append:") if output.startswith("append:") else None


class Service:
    """A unit that was started, and is kept running until it is stopped or has ended for good."""

    def __init__(
        self, name: str, unit: Unit, start: Callable[[Unit], subprocess.Popen | None]
    ) -> None:
        """`start` makes a process of the unit, or none where the machine is gone."""
        self.name = name
        self.unit = unit
        self.start_process = start
        self.process = start(unit)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._supervise, name=name, daemon=True)
        self.thread.start()

    @property
    def is_active(self) -> bool:
        return self.thread.is_alive()

    def stop(self) -> None:
        """Sends its KillSignal, and waits for its end."""
        self.stopped.set()
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.unit.kill_signal)
        self.thread.join()

    def _supervise(self) -> None:
        while self.process:
            code = self.process.wait()
            log.info("%s ended with %d", self.name, code)
            if self.stopped.is_set() or not self.unit.comes_again(code):
                return
            if self.stopped.wait(self.unit.restart_s):
                return
            self.process = self.start_process(self.unit)
