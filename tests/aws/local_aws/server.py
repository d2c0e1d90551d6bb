"""The HTTP server: moto's APIs, and under /local-aws/ what nodes, tasks and tests ask for."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

import local_aws.ecs.api
import local_aws.emr.api
from local_aws import spot, stubs, tools
from local_aws.ecs import agent

# The first part of a path below /local-aws/, and who answers there.
ROUTES: dict[str, Callable[[Request, list[str]], Response]] = {
    "ecs-agent": agent.answer,
    "imds": spot.metadata,
    "nodes": tools.run,
    "spot": spot.announce,
}


class Application:
    def __init__(self) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        _, first, *rest = [*environ.get("PATH_INFO", "").split("/"), ""]
        if first != "local-aws":
            return self.moto(environ, start_response)
        return self.answer(Request(environ), rest[:-1])(environ, start_response)

    def answer(self, request: Request, path: list[str]) -> Response | HTTPException:
        try:
            answer = ROUTES.get(path[0]) if path else None
            if answer is None:
                raise NotFound
            return answer(request, path[1:])
        except HTTPException as failure:
            return failure


class RequestHandler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: clients that wait ask often."""


class Server:
    def __init__(self, port: int) -> None:
        local_aws.ecs.api.install()
        local_aws.emr.api.install()
        stubs.install()
        self.server = make_server(
            "127.0.0.1", port, Application(), threaded=True, request_handler=RequestHandler
        )
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def start(self) -> None:
        threading.Thread(target=self.server.serve_forever, name="server", daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
