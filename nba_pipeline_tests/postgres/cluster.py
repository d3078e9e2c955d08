"""A real PostgreSQL server for tests, in a temporary folder, and an empty database per test."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import psycopg2
import pytest

INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian's packages install the versions."""

USER, PASSWORD = "nba", "canary/secret@7"
ADMIN = "postgres"
NUMBERS = count(1)
HANG_SECONDS = 600.0
"""Time-out of everything that ends in seconds unless it hangs. A slow machine must not reach it."""

SETTINGS = {
    "fsync": "off",
    "timezone": "America/New_York",  # Dagster must not store local time
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
}


def binaries() -> Path | None:
    """The folder with the programs of the newest installed version; None if PostgreSQL is not installed."""
    versions = [folder for folder in INSTALLED.glob("*/bin") if (folder / "initdb").exists()]
    if versions:
        return max(versions, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name)))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def why_missing() -> str:
    """Why the tests cannot run; empty if they can."""
    return "" if binaries() else f"PostgreSQL is not installed: no initdb in {INSTALLED}/*/bin or PATH"


class Cluster:
    """A server on a port of this machine. It refuses to run as root, so root starts it as another user."""

    def __init__(self) -> None:
        bin_folder = binaries()
        assert bin_folder, why_missing()
        self.bin = bin_folder
        self.folder = Path(tempfile.mkdtemp(prefix="nba_pipeline_postgres_"))
        self.port = free_port()
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self.user:
            for path in (self.folder, password):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        login = ["--username", USER, "--pwfile", str(password), "--auth", "scram-sha-256"]
        self._run("initdb", "--pgdata", str(self.folder / "data"), "--no-sync", "--encoding", "UTF8", "--locale", "C", *login)
        self.start()

    def start(self) -> None:
        options = {**SETTINGS, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        given = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run(
            "pg_ctl", "start", "--wait", "--pgdata", str(self.folder / "data"), "--log", str(self.folder / "log"), "-o", given
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `immediate` is as a crash."""
        self._run("pg_ctl", "stop", "--wait", "--mode", mode, "--pgdata", str(self.folder / "data"))

    def close(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        from sqlalchemy import URL  # noqa: PLC0415

        address = URL.create("postgresql", USER, PASSWORD, "127.0.0.1", self.port, database)
        return address.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str = ADMIN) -> list[tuple[object, ...]]:
        """Execute a statement outside of a transaction."""
        connection = psycopg2.connect(self.url(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def new_database(self, template: str = "template1") -> str:
        """Create a database, and return its name."""
        name = f"test_{next(NUMBERS)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def _run(self, program: str, *arguments: str) -> None:
        as_user: dict[str, object] = {}
        if self.user:
            as_user = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        command = [str(self.bin / program), *arguments]
        # pg_ctl leaves the server running, which would keep a pipe open
        with tempfile.TemporaryFile() as output:
            ended = subprocess.run(command, cwd="/", stdout=output, stderr=output, check=False, **as_user)  # type: ignore[call-overload]
            output.seek(0)
            assert ended.returncode == 0, f"{' '.join(command)}: {output.read().decode()}"


@cache
def cluster() -> Cluster:
    """The server of this process, started once and stopped after its tests. Skips the test where PostgreSQL is missing."""
    if problem := why_missing():
        pytest.skip(problem)
    return Cluster()


def stop_server() -> None:
    """Stop the server of this process if it has one, and delete its folder."""
    if cluster.cache_info().currsize:
        cluster().close()
        cluster.cache_clear()


@cache
def empty_instance() -> str:
    """The database of an instance without runs, created once as the template of others."""
    from nba_pipeline.instance.postgres import url_from  # noqa: PLC0415
    from nba_pipeline.instance.postgres_storage import PooledPostgresStorage, dispose_engines  # noqa: PLC0415

    name = cluster().new_database()
    PooledPostgresStorage(url_from({"postgres_url": cluster().url(name)}), 2)
    dispose_engines()
    return name


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
