"""What all parts of one local AWS share: its folders, its endpoints, and whose its processes are."""

import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.processes import Processes
from local_aws.storage import Storage

# Names of other accounts and files of whoever runs the tests.
PRIVATE = {"AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"}

SHIMS = Path(__file__).resolve().parent / "shims"


@dataclass
class Site:
    work_dir: Path
    programs: Path
    boot_delay_s: float
    endpoint: str
    s3_endpoint: str
    processes: Processes = field(default_factory=lambda: Processes(uuid.uuid4().hex))

    def __post_init__(self) -> None:
        self.storage = Storage(self.s3_endpoint)

    def close(self) -> int:
        """Ends every process; how many there were."""
        return self.processes.close()

    def aws_environment(self, region: str) -> dict[str, str]:
        """What processes need to find this AWS: its endpoints, the region, and credentials.

        The credentials are those of this process, which are the S3 server's.
        """
        given = {
            name: value
            for name, value in os.environ.items()
            if name.startswith("AWS_") and name not in PRIVATE
        }
        defaults = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        return (
            defaults
            | given
            | {
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
                "AWS_ALLOW_HTTP": "true",
            }
        )


_current: list[Site] = []


def open_site(**fields: object) -> None:
    """Sets the site of this process. moto makes its objects by itself, so they look for it here."""
    _current.append(Site(**fields))


def current() -> Site:
    return _current[-1]
