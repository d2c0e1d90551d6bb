"""Which program a task runs, and with what: one container of its definition, with overrides."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.servicediscovery.models import servicediscovery_backends

# Where our image has its programs.
PROGRAMS = "/usr/local/bin"

STOP_TIMEOUT_S = 30


@dataclass
class Container:
    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    stop_timeout_s: int
    logs: dict[str, str]

    @classmethod
    def of(cls, definitions: list[dict[str, Any]], overrides: dict[str, Any]) -> "Container | None":
        """The first essential container that runs a program of ours; others are not started."""
        for definition in definitions:
            container = cls.read(definition, overrides)
            if definition.get("essential", True) and container.is_ours:
                return container
        return None

    @classmethod
    def read(cls, definition: dict[str, Any], overrides: dict[str, Any]) -> "Container":
        named = overrides.get("containerOverrides") or []
        override = next((o for o in named if o.get("name") == definition["name"]), {})
        command = override.get("command") or definition.get("command") or []
        variables = [*definition.get("environment", []), *override.get("environment", [])]
        logging = definition.get("logConfiguration") or {}
        return cls(
            name=definition["name"],
            image=definition["image"],
            command=[*(definition.get("entryPoint") or []), *command],
            environment={variable["name"]: variable["value"] for variable in variables},
            stop_timeout_s=definition.get("stopTimeout", STOP_TIMEOUT_S),
            logs=logging.get("options", {}) if logging.get("logDriver") == "awslogs" else {},
        )

    @property
    def is_ours(self) -> bool:
        return bool(self.command) and Path(self.command[0]).parent == Path(PROGRAMS)


class Names:
    """The names of Cloud Map's services, which stand for addresses."""

    def __init__(self, account_id: str, region: str, address_of: Callable[[str], str]) -> None:
        """`address_of` gives the address of a registry, by its ARN."""
        self.backend = servicediscovery_backends[account_id][region]
        self.address_of = address_of

    def resolve(self, text: str) -> str:
        """The text with addresses in place of names."""
        for service in self.backend.services.values():
            # Terraform names the namespace in there.
            by_dns = (service.dns_config or {}).get("NamespaceId")
            namespace = self.backend.namespaces[service.namespace_id or by_dns]
            name = re.escape(f"{service.name}.{namespace.name}")
            pattern = rf"(?<![\w.-]){name}(?![\w-])"
            if re.search(pattern, text):
                text = re.sub(pattern, self.address_of(service.arn), text)
        return text
