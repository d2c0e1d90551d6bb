"""Kills what a local AWS has left once it is gone, even by SIGKILL.

    python -m local_aws.janitor MARK

Its standard input is a pipe that the local AWS holds open for as long as it lives.
"""

import signal
import sys

from local_aws.processes import kill_marked

if __name__ == "__main__":
    # Ctrl-C in a terminal reaches all; the local AWS may still take a moment.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.read()
    kill_marked(sys.argv[1])
