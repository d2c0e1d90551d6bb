"""A node's way from PROVISIONING to RUNNING: its bootstrap actions."""

import logging
import signal
import threading
import time
from collections.abc import Callable

from local_aws import site
from local_aws.emr.nodes import Node

log = logging.getLogger(__name__)


class Boot:
    """Boots a node in a thread of its own, and says so when it begins and when it ended."""

    def __init__(self, node: Node, changed: Callable[[Node], None]) -> None:
        self.node = node
        self.changed = changed
        threading.Thread(target=self._run, name=f"boot {node.ec2_id}", daemon=True).start()

    def _run(self) -> None:
        time.sleep(site.current().boot_delay_s)
        if self.node.change("BOOTSTRAPPING"):
            self.changed(self.node)
            self.node.prepare()
            self._run_actions()
        self.changed(self.node)

    def _run_actions(self) -> None:
        for number, action in enumerate(self.node.cluster.bootstrap_actions, 1):
            failure = self._failure_of(number, action.script_path, action.args)
            if failure:
                self.node.terminate("BOOTSTRAP_FAILURE", failure)
                return
        self.node.change("RUNNING")

    def _failure_of(self, number: int, script: str, args: list[str]) -> str | None:
        """Runs an action; why it failed."""
        node = self.node
        folder = node.path(f"/emr/instance-controller/lib/bootstrap-actions/{number}")
        folder.mkdir(parents=True)
        program = folder / script.rsplit("/", 1)[-1]
        try:
            site.current().storage.download(script, program)
        except Exception as cause:
            log.exception("no bootstrap action")
            return f"On {name_of(node)}, bootstrap action {number} could not be read: {cause}"
        program.chmod(0o755)
        logs = node.path(f"/emr/instance-controller/log/bootstrap-actions/{number}")
        process = node.start([str(program), *args], logs)
        # Whoever ends the node ends the process.
        code = process.wait() if process else -signal.SIGKILL
        uri = self._keep_logs(number, logs)
        if code == 0:
            return None
        return (
            f"On {name_of(node)}, bootstrap action {number} returned a non-zero return code"
            f" ({code}); see {uri or logs}"
        )

    def _keep_logs(self, number: int, logs: object) -> str | None:
        """Brings the action's output to where the cluster keeps its logs; the error log's place."""
        uri = self.node.cluster.log_folder
        if not uri:
            return None
        uri = f"{uri}/node/{self.node.ec2_id}/bootstrap-actions/{number}"
        self.node.cluster.keep_logs(logs, uri)
        return f"{uri}/stderr.gz"


def name_of(node: Node) -> str:
    kind = "the master instance" if node.group.role == "MASTER" else "a slave instance"
    return f"{kind} ({node.ec2_id})"
