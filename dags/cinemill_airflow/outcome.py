"""What an exit code of cinemill means to Airflow: docs/exit-codes.md says which may be retried."""

from collections.abc import Sequence
from logging import Logger

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

RETRYABLE = frozenset({20, 30})


def heading(what: str, exit_code: int) -> str:
    """It is about the failure; whether a try is left is Airflow's business."""
    advice = "worth a retry" if exit_code in RETRYABLE else "a retry would not help"
    return f"{what} failed with exit code {exit_code}, {advice}"


def failure(log: Logger, lines: Sequence[str], *, retry: bool) -> AirflowException:
    """The exception to raise.

    The reason is told twice: as lines of the log, which Airflow 3 shows as they are, and by the
    exception, whose message stands below the traceback in Airflow 2.
    """
    for line in lines:
        log.error("%s", line)
    kind = AirflowException if retry else AirflowFailException
    return kind("\n".join(lines))
