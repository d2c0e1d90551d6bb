"""Loopback addresses for nodes and tasks: 127.<network>.C.N."""

import socket

EMR = 77
ECS = 78

# Nobody's port; whoever has it on the last address of a C has that C.
CLAIM_PORT = 50049
CLAIM_HOST = 254


class Addresses:
    """The addresses of one cluster, which no other one has, also not of another local AWS."""

    def __init__(self, network: int) -> None:
        self.prefix, self.claim = claimed(network)
        self.given = 0

    def next(self) -> str:
        self.given += 1
        if self.given >= CLAIM_HOST:
            raise RuntimeError(f"all addresses of {self.prefix}.* were given away")
        return f"{self.prefix}.{self.given}"


def claimed(network: int) -> tuple[str, socket.socket]:
    for number in range(1, 255):
        prefix = f"127.{network}.{number}"
        claim = socket.socket()
        try:
            claim.bind((f"{prefix}.{CLAIM_HOST}", CLAIM_PORT))
        except OSError:
            claim.close()
        else:
            return prefix, claim
    raise RuntimeError(f"all networks 127.{network}.* are taken")
