"""What the programs on a node that need more than the node ask for: aws, systemctl.

The programs in `shims` send their arguments here, and print what comes back.
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from local_aws import site
from local_aws.emr import api
from local_aws.emr.nodes import Node

log = logging.getLogger(__name__)


class Refused(Exception):
    """The tool ends with 1, and says why."""


def run(request: Request, path: list[str]) -> Response:
    """POST /local-aws/nodes/<instance id>/tools/<tool> with its arguments and folder."""
    ec2_id, _, tool = path
    node = api.node(ec2_id)
    if node is None:
        raise NotFound
    try:
        asked = request.get_json()
        TOOLS[tool](node, asked["arguments"], Path(asked["folder"]))
        answer = {"code": 0, "error": ""}
    except (Refused, OSError, Boto3Error, BotoCoreError, ClientError) as cause:
        log.warning("%s on %s: %s", tool, ec2_id, cause)
        answer = {"code": 1, "error": f"{tool}: {cause}"}
    return Response(json.dumps(answer), content_type="application/json")


def aws(node: Node, arguments: list[str], folder: Path) -> None:
    """`aws s3 cp` of one object, to S3 or from there."""
    words = positional(arguments, {"--region"})
    if words[:2] != ["s3", "cp"] or len(words) != 4:
        raise Refused(f"this AWS has no `aws {' '.join(arguments)}`")
    source, target = words[2:]
    storage = site.current().storage
    if source.startswith("s3://"):
        storage.download(source, folder / target)
    else:
        storage.upload(folder / source, target)


def systemctl(node: Node, arguments: list[str], _: Path) -> None:
    """daemon-reload, enable --now, start and stop of services."""
    verb, *services = positional(arguments, set())
    if verb in ("daemon-reload", "enable") and "--now" not in arguments:
        return
    action = {"enable": node.start_service, "start": node.start_service, "stop": node.stop_service}
    if verb not in action:
        raise Refused(f"this AWS has no `systemctl {verb}`")
    for service in services:
        action[verb](service)


def positional(arguments: list[str], with_value: set[str]) -> list[str]:
    """The arguments that are no flags; some flags have a value."""
    words = []
    rest = iter(arguments)
    for word in rest:
        if word in with_value:
            next(rest)
        elif not word.startswith("--"):
            words.append(word)
    return words


TOOLS: dict[str, Callable[[Node, list[str], Path], None]] = {"aws": aws, "systemctl": systemctl}
