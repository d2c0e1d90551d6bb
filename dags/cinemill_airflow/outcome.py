"""What an exit code of cinemill means to Airflow: docs/exit-codes.md says which may be retried."""

from collections.abc import Sequence

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

RETRYABLE = frozenset({20, 30})


def heading(what: str, exit_code: int) -> str:
    """It is about the failure; whether a try is left is Airflow's business."""
    advice = "worth a retry" if exit_code in RETRYABLE else "a retry would not help"
    return f"{what} failed with exit code {exit_code}, {advice}"


def failure(lines: Sequence[str], *, retry: bool) -> AirflowException:
    """The exception to raise. Airflow logs it last, so that the reason ends the task's log."""
    kind = AirflowException if retry else AirflowFailException
    return kind("\n".join(lines))
