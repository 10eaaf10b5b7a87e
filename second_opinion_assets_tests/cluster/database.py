"""PostgreSQL and Redis of their own on loopback, from the machine's programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from second_opinion_assets_tests.graph.webserver import PROJECT, free_port
from second_opinion_assets_tests.stores.servers import (
    end,
    kill,
    start,
    wait_until_it_listens,
)

USER = "dagster"
PASSWORD = "of-this-test-alone"  # noqa: S105 (of a database that ends with the test)


def program(name: str) -> str | None:
    """Return where a program is, Debian's PostgreSQL included, which is on no path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, debian)]))


def missing_programs() -> list[str]:
    """Return what is not installed of all that is needed."""
    return [name for name in ("initdb", "postgres", "redis-server") if program(name) is None]


@dataclass
class Server:
    """A program that serves on a port of loopback until the context is left.

    Attributes:
        command: the program and its arguments.
        port: where it serves.
        log: takes what it prints.
        environment: the variables by which config/deploy finds it.
        user: whose process it is to be, if not ours.
    """

    command: Sequence[str]
    port: int
    log: Path
    environment: Mapping[str, str]
    user: str = ""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        end(self._running)

    def lose(self, seconds: float) -> None:
        """Kill it, and start it again after some time."""
        kill(self._running)
        time.sleep(seconds)
        self._start()

    def _start(self) -> None:
        self._running = start(self.command, log=self.log, user=self.user)
        wait_until_it_listens(self._running, self.port)


@contextmanager
def postgres(log: Path) -> Iterator[Server]:
    """Serve an empty database.

    PostgreSQL refuses to be root's: then it is the user's that Debian's package makes.
    """
    user = "" if os.getuid() else "postgres"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        # Of that user are its data; a folder of pytest's would not let it through.
        data, secret = Path(name, "data"), Path(name, "password")
        secret.write_text(PASSWORD)
        if user:
            for path in (name, secret):
                shutil.chown(path, user, user)
        make = [str(program("initdb")), "--pgdata", str(data), "--username", USER]
        make += ["--auth", "scram-sha-256", "--pwfile", str(secret)]
        becoming = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
        subprocess.run([*becoming, *make], check=True, capture_output=True, cwd=name)
        serve = [str(program("postgres")), "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
        serve += ["-c", "unix_socket_directories="]
        environment = {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(port),
            "DAGSTER_POSTGRES_USER": USER,
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
            "DAGSTER_POSTGRES_DB": "postgres",
        }
        with Server(serve, port, log, environment, user) as server:
            yield server


@contextmanager
def redis(log: Path) -> Iterator[Server]:
    """Serve an empty queue, with the settings that are shipped for it."""
    port = free_port()
    settings = PROJECT / "config/deploy/celery/redis.conf"
    with tempfile.TemporaryDirectory(prefix="redis-", ignore_cleanup_errors=True) as name:
        command = [str(program("redis-server")), str(settings), "--bind", "127.0.0.1"]
        command += ["--port", str(port), "--dir", name]
        url = f"redis://127.0.0.1:{port}"
        environment = {"CELERY_BROKER_URL": f"{url}/0", "CELERY_RESULT_BACKEND": f"{url}/1"}
        with Server(command, port, log, environment) as server:
            yield server
