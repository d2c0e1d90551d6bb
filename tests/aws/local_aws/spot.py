"""Each node's instance metadata, version 2, and the notice that a spot instance is taken away."""

import json
import threading
from datetime import timedelta

from werkzeug.exceptions import MethodNotAllowed, NotFound, Unauthorized
from werkzeug.wrappers import Request, Response

from local_aws.emr import api
from local_aws.emr.nodes import Node, now

TOKEN = "local-aws"


def metadata(request: Request, path: list[str]) -> Response:
    """Answers /local-aws/imds/<instance id>/latest/…"""
    node = node_of(path)
    asked = "/".join(path[1:])
    if asked == "latest/api/token":
        if request.method != "PUT":
            raise MethodNotAllowed
        seconds = request.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        return Response(TOKEN, headers={"X-aws-ec2-metadata-token-ttl-seconds": seconds})
    if request.headers.get("X-aws-ec2-metadata-token") != TOKEN:
        raise Unauthorized
    answer = known(node).get(asked.removeprefix("latest/meta-data/"))
    if answer is None:
        raise NotFound
    return Response(answer)


def known(node: Node) -> dict[str, str]:
    answers = {
        "instance-id": node.ec2_id,
        "instance-type": node.group.instance_type,
        "local-ipv4": node.address,
        "placement/region": node.cluster.region,
    }
    if node.taken_at:
        time = f"{node.taken_at:%Y-%m-%dT%H:%M:%SZ}"
        answers["spot/instance-action"] = json.dumps({"action": "terminate", "time": time})
    return answers


def announce(request: Request, path: list[str]) -> Response:
    """POST /local-aws/spot/<instance id> with {"seconds": S}: the notice, and S later the loss."""
    node = node_of(path)
    seconds = float(request.get_json()["seconds"])
    node.taken_at = now() + timedelta(seconds=seconds)
    timer = threading.Timer(seconds, take_away, [node])
    timer.daemon = True
    timer.start()
    return Response(status=204)


def take_away(node: Node) -> None:
    """Ends the instance, as EC2 does it."""
    node.terminate("INSTANCE_FAILURE", "Instance was terminated by EC2: spot interruption")
    node.cluster.node_lost(node)


def node_of(path: list[str]) -> Node:
    node = api.node(path[0]) if path else None
    if node is None:
        raise NotFound
    return node
