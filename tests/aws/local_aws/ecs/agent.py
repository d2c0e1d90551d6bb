"""The agent that tasks reach at ECS_AGENT_URI: their own protection."""

import json

from moto.ecs.exceptions import InvalidParameterException
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from local_aws.ecs import api, protection
from local_aws.ecs.tasks import EcsTask


def answer(request: Request, path: list[str]) -> Response:
    """PUT and GET /local-aws/ecs-agent/<task id>/task-protection/v1/state."""
    task = api.task(path[0]) if path else None
    if task is None or path[1:] != ["task-protection", "v1", "state"]:
        raise NotFound
    if request.method not in ("GET", "PUT"):
        raise MethodNotAllowed
    with task.changed:
        reason = protection.refusal(task)
        if reason:
            failure = {"Arn": task.arn, "Detail": None, "Reason": reason}
            return told({"requestID": task.id, "failure": failure})
        if request.method == "PUT":
            protect(task, request.get_json())
        return told({"protection": described(task)})


def protect(task: EcsTask, wanted: dict) -> None:
    minutes = wanted.get("ExpiresInMinutes", protection.MINUTES)
    try:
        task.protect(protection.checked(minutes) if wanted["ProtectionEnabled"] else None)
    except InvalidParameterException as cause:
        raise BadRequest(str(cause)) from cause


def described(task: EcsTask) -> dict:
    known = {"ProtectionEnabled": task.is_protected, "TaskArn": task.arn}
    if task.is_protected:
        known["ExpirationDate"] = f"{task.protected_until:%Y-%m-%dT%H:%M:%SZ}"
    return known


def told(content: dict) -> Response:
    return Response(json.dumps(content), content_type="application/json")
