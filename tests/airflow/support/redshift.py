"""The stand-in for Redshift of the Rust tests, and the PostgreSQL that it and Airflow live on."""

import os
import subprocess
from typing import Any, Self

import psycopg2
from fixtures import S3Server, programs


class Redshift:
    def __init__(self, s3: S3Server) -> None:
        self.process = subprocess.Popen(
            [programs() / "redshift-server"],
            env=os.environ | s3.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        # Its address for `cinemill load`, one for the wire protocol, that of PostgreSQL; variables.
        self.target = self._line().split(" is ")[1]
        self._line()
        self.url = self._line().removeprefix("# ").split(" ")[0]
        self.environment: dict[str, str] = {}
        while "PGPASSWORD" not in self.environment:
            name, value = self._line().removeprefix("export ").split("=", 1)
            if name in ("AWS_ENDPOINT_URL_REDSHIFT_DATA", "PGPASSWORD"):
                self.environment[name] = value

    def _line(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"redshift-server ended with {self.process.wait()}")
        return line.strip()

    def stop(self) -> None:
        # What it waits for to take everything away that it made.
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- PostgreSQL ------------------------------------------------------------------------------

    def database(self, name: str) -> str:
        """Makes a database; its address, without the password."""
        connection = self.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        connection.close()
        return f"{self.url.rsplit('/', 1)[0]}/{name}"

    def connect(self, url: str | None = None) -> Any:
        return psycopg2.connect(url or self.url, password=self.environment["PGPASSWORD"])

    def ask(self, query: str, *values: object, url: str | None = None) -> list[tuple]:
        connection = self.connect(url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall()
        finally:
            connection.close()
