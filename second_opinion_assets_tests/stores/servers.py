"""Object stores on loopback, as processes of their own: moto's server for S3, Azurite for Azure.

What is wrong with a line to them belongs to `line`. Nothing of the package is imported here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.utils import formatdate
from os import environ, killpg
from pathlib import Path

from second_opinion_assets_tests.graph.webserver import free_port, wait_for

BUCKET = "second-opinion"
SIGNED = (  # by anybody: moto's server does not check it
    "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=none"
)
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (  # of every Azurite, and documented
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
END_SECONDS = 5
"""How long a server is waited for when it was asked to end; nobody needs what it holds."""
ANSWER_SECONDS = 30


@contextmanager
def process(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program as `start` does until the context is left."""
    running = start(command, environment, log)
    try:
        yield running
    finally:
        end(running)


def start(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    user: str = "",
) -> subprocess.Popen[bytes]:
    """Start a program in a group of its own; it is killed when this process is.

    Args:
        command: the program and its arguments.
        environment: all of its variables, if they are not those of this process.
        log: what it prints is added to this file, or left out.
        user: whose process it is to be, if not ours.
    """
    becoming = ["--reuid", user, "--regid", user, "--init-groups"] if user else []
    with log.open("ab") if log else open("/dev/null", "ab") as out:  # noqa: PTH123 (no file)
        return subprocess.Popen(
            ["setpriv", *becoming, "--pdeathsig", "KILL", "--", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def end(running: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and kill what is left of its group."""
    with suppress(subprocess.TimeoutExpired):
        running.terminate()
        running.wait(END_SECONDS)
    kill(running)


def kill(running: subprocess.Popen[bytes]) -> None:
    """Kill a process and all of its group, as a loss of its machine would."""
    with suppress(ProcessLookupError):
        killpg(running.pid, signal.SIGKILL)
    running.wait()


def wait_until_it_listens(running: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a process takes connections on a port of loopback."""

    def listens() -> bool:
        assert running.poll() is None, f"{running.args!r} ended with {running.returncode}"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    wait_for(listens)


@contextmanager
def moto_server() -> Iterator[str]:
    """Serve S3 with one empty bucket, `BUCKET`; yield the URL of its endpoint."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with process(command, {**environ, "PYTHONWARNINGS": "ignore"}) as running:
        wait_until_it_listens(running, port)
        url = f"http://127.0.0.1:{port}"
        empty_moto(url)
        yield url


def empty_moto(url: str) -> None:
    """Forget all that moto's server holds, and make the one bucket anew."""
    _send("POST", f"{url}/moto-api/reset")
    make_bucket(url, BUCKET)


def make_bucket(url: str, name: str) -> None:
    """Make a bucket of moto's server."""
    _send("PUT", f"{url}/{name}")


def unfinished_uploads(url: str) -> int:
    """Return how many uploads in parts of the bucket were neither completed nor aborted."""
    return _send("GET", f"{url}/{BUCKET}?uploads").count(b"<Upload>")


def s3_environment(url: str) -> dict[str, str]:
    """Return the variables by which clients find an S3 server on loopback, or a line to it."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def azurite() -> str | None:
    """Return the program that serves Azure's blobs, if npm's package `azurite` is installed."""
    return shutil.which("azurite-blob")


@contextmanager
def azurite_server(program: str) -> Iterator[str]:
    """Serve Azure's blobs with one empty container, `BUCKET`; yield the URL of the account."""
    port = free_port()
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--disableTelemetry"]
    command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent"]
    with process(command) as running:
        wait_until_it_listens(running, port)
        url = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        make_container(url, BUCKET)
        yield url


def make_container(url: str, name: str) -> None:
    """Make a container of Azurite, which takes nothing that is not signed."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    named = "".join(f"{key}:{value}\n" for key, value in headers.items())
    path = f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}"
    signed = "PUT" + "\n" * 12 + f"{named}{path}\nrestype:container"
    digest = hmac.digest(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256)
    signature = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}"
    _send("PUT", f"{url}/{name}?restype=container", {**headers, "Authorization": signature})


def azure_environment(url: str) -> dict[str, str]:
    """Return the variables by which clients find Azurite's account, or a line to it."""
    return {
        "AZURE_STORAGE_ENDPOINT": url,
        "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
        "AZURE_ALLOW_HTTP": "true",
    }


def _send(method: str, url: str, headers: Mapping[str, str] | None = None) -> bytes:
    request = urllib.request.Request(  # noqa: S310 (loopback)
        url, method=method, headers={**(headers or {}), "Content-Length": "0"}
    )
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 (loopback)
        return bytes(answer.read())
