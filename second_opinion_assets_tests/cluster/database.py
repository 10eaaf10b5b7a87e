"""PostgreSQL and Redis of their own on loopback, from the machine's programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from second_opinion_assets_tests.graph.webserver import free_port
from second_opinion_assets_tests.stores.servers import process, wait_until_it_listens

USER = "dagster"
PASSWORD = "of-this-test-alone"  # noqa: S105 (of a database that ends with the test)


def program(name: str) -> str | None:
    """Return where a program is, Debian's PostgreSQL included, which is on no path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, debian)]))


def missing_programs() -> list[str]:
    """Return what is not installed of all that is needed."""
    return [name for name in ("initdb", "postgres", "redis-server") if program(name) is None]


@contextmanager
def postgres(log: Path) -> Iterator[dict[str, str]]:
    """Serve an empty database; yield the variables by which config/deploy finds it.

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
        with process(serve, log=log, user=user) as running:
            wait_until_it_listens(running, port)
            yield {
                "DAGSTER_POSTGRES_HOST": "127.0.0.1",
                "DAGSTER_POSTGRES_PORT": str(port),
                "DAGSTER_POSTGRES_USER": USER,
                "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
                "DAGSTER_POSTGRES_DB": "postgres",
            }


@contextmanager
def redis(log: Path) -> Iterator[dict[str, str]]:
    """Serve an empty Redis that keeps nothing; yield the variables by which Celery finds it."""
    port = free_port()
    command = [str(program("redis-server")), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--save", "", "--appendonly", "no"]
    with process(command, log=log) as running:
        wait_until_it_listens(running, port)
        url = f"redis://127.0.0.1:{port}"
        yield {"CELERY_BROKER_URL": f"{url}/0", "CELERY_RESULT_BACKEND": f"{url}/1"}
