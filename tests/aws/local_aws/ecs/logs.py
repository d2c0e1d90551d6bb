"""awslogs: lines that a container prints become events in CloudWatch Logs."""

import threading
import time
from typing import IO

from moto.logs.models import logs_backends


class Missing(Exception):
    """The log group is not there, so that the task cannot start."""


class LogStream:
    def __init__(
        self, account_id: str, region: str, options: dict[str, str], container: str, task: str
    ) -> None:
        self.backend = logs_backends[account_id][options.get("awslogs-region", region)]
        self.group = options["awslogs-group"]
        self.name = f"{options['awslogs-stream-prefix']}/{container}/{task}"
        if self.group not in self.backend.groups:
            if options.get("awslogs-create-group") != "true":
                raise Missing(f"the log group {self.group} does not exist")
            self.backend.create_log_group(self.group, {})
        self.backend.create_log_stream(self.group, self.name)

    def put(self, line: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": line}
        self.backend.put_log_events(self.group, self.name, [event])


def follow(output: IO[bytes], file: IO[bytes], stream: LogStream | None) -> threading.Thread:
    """Copies a process's output to a file and a stream, to its end, in a thread of its own."""

    def copy() -> None:
        with output, file:
            for line in output:
                file.write(line)
                file.flush()
                text = line.decode(errors="replace").rstrip("\n")
                if stream and text:
                    stream.put(text)

    thread = threading.Thread(target=copy, name="output", daemon=True)
    thread.start()
    return thread
