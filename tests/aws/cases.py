"""What test cases of the local AWS begin with."""

import gzip
import tempfile
import unittest
from pathlib import Path

from fixtures import Emr, LocalAws, S3Server


class Servers(unittest.TestCase):
    """Tests with an S3 server and a local AWS that they share."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.folder = folder
        cls.s3 = cls.enterClassContext(S3Server(folder / "s3"))
        cls.aws = cls.enterClassContext(LocalAws(folder / "aws", cls.s3))
        cls.emr = Emr(cls.aws, cls.s3)
        cls.client = cls.emr.client

    def log(self, uri: str) -> str:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        body = self.s3.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        return gzip.decompress(body).decode()
