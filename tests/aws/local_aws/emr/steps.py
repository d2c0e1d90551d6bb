"""Steps: processes on the primary."""

import logging
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow
from moto.emr.models import Step

from local_aws import site

if TYPE_CHECKING:
    from local_aws.emr.cluster import EmrCluster

log = logging.getLogger(__name__)

SETTINGS = ("name", "hadoop_jar_step", "action_on_failure")
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}


class EmrStep(Step):
    """PENDING → RUNNING → COMPLETED or FAILED; CANCEL_PENDING → CANCELLED; INTERRUPTED."""

    def __init__(self, cluster: "EmrCluster", settings: Any) -> None:
        given = {name: settings[name] for name in SETTINGS if name in settings}
        super().__init__("PENDING", **given)
        self.cluster = cluster
        self.failure: dict[str, str] | None = None
        self.process: subprocess.Popen | None = None
        self.cancelled_with: str | None = None
        self.folder: Path | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def status(self) -> dict[str, Any]:
        own = super().status | {"StateChangeReason": {}}
        return own | ({"FailureDetails": self.failure} if self.failure else {})

    def begin(self) -> None:
        self.state = "RUNNING"
        self.start()
        threading.Thread(target=self._run, name=f"step {self.id}", daemon=True).start()

    def end(self, state: str) -> None:
        self.state = state
        self.end_date_time = utcnow()
        log.info("step %s of %s is %s", self.id, self.cluster.id, state)

    def cancel(self, option: str) -> None:
        """What CancelSteps does with a step that has not ended."""
        if self.state == "PENDING":
            self.end("CANCELLED")
            return
        self.state = "CANCEL_PENDING"
        self.cancelled_with = option
        if self.process:
            self._stop_process()

    def _stop_process(self) -> None:
        if self.cancelled_with == "TERMINATE_PROCESS":
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.terminate()

    def _run(self) -> None:
        try:
            code = self._run_process()
        except Exception as cause:
            log.exception("step %s did not start", self.id)
            self._log("controller", f"failed to start: {cause}\n")
            code = 1
        self.cluster.step_ended(self, code)

    def _run_process(self) -> int:
        primary = self.cluster.primary
        self.folder = primary.path(f"/mnt/var/log/hadoop/steps/{self.id}")
        self.folder.mkdir(parents=True)
        argv = self._argv()
        self._log("controller", f"INFO startExec '{' '.join(argv)}'\n")
        with self.cluster.changed:
            self.process = primary.start(argv, self.folder)
            if self.process and self.cancelled_with:
                self._stop_process()
        # The node's end ends the process.
        code = self.process.wait() if self.process else -signal.SIGKILL
        self._log("controller", f"INFO Process exited with code {code}\n")
        return code

    def _argv(self) -> list[str]:
        primary = self.cluster.primary
        jar = self.jar.rsplit("/", 1)[-1]
        if jar == "command-runner.jar":
            return primary.words(self.args)
        if jar == "script-runner.jar":
            script = self.folder / "script"
            site.current().storage.download(self.args[0], script)
            return ["bash", str(script), *primary.words(self.args[1:])]
        raise ValueError(f"this AWS runs no {self.jar}")

    def _log(self, name: str, text: str) -> None:
        with open(self.folder / name, "a") as file:
            file.write(text)

    def fail(self, code: int) -> None:
        self.failure = {"Reason": "Unknown Error.", "Message": f"exit {code}"}
        if self.cluster.log_folder:
            self.failure["LogFile"] = f"{self.log_uri}/stderr.gz"
        self.end("FAILED")

    @property
    def log_uri(self) -> str:
        return f"{self.cluster.log_folder}/steps/{self.id}"
