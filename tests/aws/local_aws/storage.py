"""The S3 server that holds the data, for the local AWS itself: bootstrap scripts, logs."""

import gzip
import os
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

# Many nodes boot at once.
CONNECTIONS_MAX = 64
ONE_THREAD = TransferConfig(use_threads=False)


class Storage:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    @cached_property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=os.environ.get("AWS_REGION", "us-east-1"),
            aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "local"),
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "local"),
            config=Config(max_pool_connections=CONNECTIONS_MAX),
        )

    def download(self, uri: str, path: Path) -> None:
        bucket, key = split(uri)
        self.client.download_file(bucket, key, str(path), Config=ONE_THREAD)

    def upload(self, path: Path, uri: str) -> None:
        bucket, key = split(uri)
        self.client.upload_file(str(path), bucket, key, Config=ONE_THREAD)

    def upload_packed(self, content: bytes, uri: str) -> None:
        bucket, key = split(uri)
        self.client.put_object(Bucket=bucket, Key=key, Body=gzip.compress(content))


def split(uri: str) -> tuple[str, str]:
    """The bucket and the key of an s3:// address; EMR knows s3n:// and s3a:// too."""
    parts = urlsplit(uri)
    if parts.scheme not in ("s3", "s3n", "s3a"):
        raise ValueError(f"not an address in S3: {uri}")
    return parts.netloc, parts.path.lstrip("/")
