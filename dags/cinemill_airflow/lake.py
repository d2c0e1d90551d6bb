"""What lies in S3 beside a table, and the reports of runs."""

import json
from typing import Any
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.exceptions import ClientError

ABSENT = {"NoSuchKey", "404", "NoSuchBucket"}


def split(location: str) -> tuple[str, str]:
    parts = urlsplit(location)
    if parts.scheme != "s3":
        raise ValueError(f"failed to read {location}: it does not begin with s3://")
    return parts.netloc, parts.path.strip("/")


def read(s3: BaseClient, location: str) -> bytes | None:
    """The content of an object; None where there is none."""
    bucket, key = split(location)
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise


def holds_something(s3: BaseClient, folder: str) -> bool:
    bucket, prefix = split(folder)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1)
    return listed["KeyCount"] > 0


def published_run(s3: BaseClient, output: str) -> str | None:
    """The id of the run whose rows the table has."""
    manifest = read(s3, f"{output}/_manifest.json")
    return json.loads(manifest)["cinemill"]["run_id"] if manifest else None


def run_record(s3: BaseClient, output: str, run_id: str) -> dict[str, Any] | None:
    record = read(s3, f"{output}/_runs/{run_id}.json")
    return json.loads(record) if record else None
