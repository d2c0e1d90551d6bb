"""Serves the local AWS until SIGTERM or SIGINT.

    PYTHONPATH=tests/aws python -m local_aws --work-dir DIR --programs DIR [--port P] …

Prints one line of JSON on standard output when it serves: {"endpoint": "http://127.0.0.1:P"}.
"""

import argparse
import json
import logging
import signal
import sys
import threading
from pathlib import Path

from local_aws import site
from local_aws.server import Server

log = logging.getLogger(__name__)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_aws", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--work-dir", type=Path, required=True, help="folder of nodes and logs")
    parser.add_argument(
        "--s3-endpoint", help="the S3 server that holds the data; moto's own where not given"
    )
    parser.add_argument(
        "--programs", type=Path, required=True, help="folder with the binaries of ECS' images"
    )
    parser.add_argument(
        "--boot-delay-s", type=float, default=1, help="how long a node takes before it boots"
    )
    return parser.parse_args()


def main() -> int:
    flags = arguments()
    flags.work_dir.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=flags.work_dir / "local-aws.log",
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # Every request of a client of ours would be two lines.
    logging.getLogger("botocore").setLevel(logging.WARNING)

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())

    server = Server(flags.port)
    site.open_site(
        work_dir=flags.work_dir.resolve(),
        programs=flags.programs.resolve(),
        boot_delay_s=flags.boot_delay_s,
        endpoint=server.endpoint,
        s3_endpoint=flags.s3_endpoint or server.endpoint,
    )
    try:
        server.start()
        print(json.dumps({"endpoint": server.endpoint}), flush=True)
        stopping.wait()
    finally:
        server.stop()
        killed = site.current().close()
        log.info("stopped; %d processes were still there", killed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
