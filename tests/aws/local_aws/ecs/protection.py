"""Rules of scale-in protection."""

from moto.ecs.exceptions import InvalidParameterException

from local_aws.ecs.tasks import EcsTask

# As ECS has it: default and limit of the time, and how many tasks one call changes or asks for.
MINUTES = 120
MINUTES_MAX = 2880
CHANGED_MAX = 10
ASKED_MAX = 100


def checked(minutes: int | None) -> int | None:
    if minutes is not None and not 1 <= minutes <= MINUTES_MAX:
        raise InvalidParameterException(f"expiresInMinutes must be 1 to {MINUTES_MAX}.")
    return minutes


def refusal(task: EcsTask | None) -> str | None:
    """Why a task cannot have protection."""
    if task is None:
        return "MISSING"
    if not task.told["group"].startswith("service:") or not task.is_wanted:
        return "TASK_NOT_VALID"
    return None
