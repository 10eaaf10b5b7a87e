"""The stores that tests start, and the lines to them, do what the tests of stores rely on."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import IncompleteRead, RemoteDisconnected

import obstore
import psutil
import pytest
from obstore.store import AzureStore, S3Store

from second_opinion_assets_tests.graph.webserver import wait_for
from second_opinion_assets_tests.stores import servers
from second_opinion_assets_tests.stores.line import Asked, Fault, Line, line_to

pytestmark = pytest.mark.e2e
CONTENT = b"0123456789" * 10_000
DELAY_S = 0.05
STARTS_ONE_AND_DIES = """
import os, psutil, signal
from second_opinion_assets_tests.graph.webserver import wait_for
from second_opinion_assets_tests.stores import servers
with servers.process(["sleep", "600"]) as running:
    wait_for(lambda: psutil.Process(running.pid).name() == "sleep")
    print(running.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def line(moto: str) -> Iterator[Line]:
    """Return a line to a store that holds one object."""
    with line_to(moto) as line:
        send(line, "PUT", CONTENT)
        line.mend()
        yield line


def send(line: Line, method: str, body: bytes | None = None, part: str = "") -> bytes:
    """Ask for the one object, without any second try, and return what is answered."""
    url = f"{line.url}/{servers.BUCKET}/object"
    headers = {"Authorization": servers.SIGNED, "Content-Type": "application/octet-stream"}
    headers |= {"Range": part} if part else {}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 (loopback)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (loopback)
        return bytes(answer.read())


def test_a_whole_line_hands_everything_on(line: Line) -> None:
    """What is read is what was written, by ranges as well; what was asked for is kept."""
    assert send(line, "GET") == CONTENT
    assert send(line, "GET", part="bytes=3-5") == b"345"
    target = f"/{servers.BUCKET}/object"
    assert line.asked == [Asked("GET", target, ""), Asked("GET", target, "bytes=3-5")]


def test_a_client_tries_again_when_it_is_refused(line: Line) -> None:
    """So many requests of a kind are answered with a status; the next one passes."""
    line.faults.append(Fault("GET", times=2, status=503))
    store = S3Store(
        servers.BUCKET,
        endpoint=line.url,
        access_key_id="testing",
        secret_access_key="testing",  # noqa: S106 (of moto's server)
        region="us-east-1",
        client_options={"allow_http": True},
    )
    assert bytes(obstore.get(store, "object").bytes()) == CONTENT
    assert [asked.method for asked in line.asked] == ["GET", "GET", "GET"]


def test_an_answer_is_cut(line: Line) -> None:
    """The client gets so many bytes and no more; the next answer is whole."""
    line.faults.append(Fault("GET", cut_response_after=70_000))
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        send(line, "GET")
    assert send(line, "GET") == CONTENT


def test_a_request_is_cut(line: Line) -> None:
    """What was to be written is not there, and what was there is."""
    line.faults.append(Fault("PUT", cut_request_after=70_000))
    with pytest.raises((urllib.error.URLError, RemoteDisconnected, ConnectionResetError)):
        send(line, "PUT", b"anew" * 40_000)
    assert send(line, "GET") == CONTENT


def test_an_object_is_replaced_in_between(line: Line) -> None:
    """Something is done after some requests and before the next is handed on, once."""
    replaced = Fault("GET", after=1, before=lambda: send(line, "PUT", b"another"))
    line.faults.append(replaced)
    assert [send(line, "GET") for _ in range(3)] == [CONTENT, b"another", b"another"]


def test_a_request_is_late(line: Line) -> None:
    """A request waits before it is handed on."""
    line.faults.append(Fault(delay_s=DELAY_S))
    began = time.monotonic()
    send(line, "GET")
    assert time.monotonic() - began >= DELAY_S


def test_azurite_through_a_line(azurite: str) -> None:
    """What is written to Azure's store through a line is read from it."""
    with line_to(azurite) as line:
        store = AzureStore(
            servers.BUCKET,
            endpoint=line.url,
            account_name=servers.AZURE_ACCOUNT,
            account_key=servers.AZURE_KEY,
            client_options={"allow_http": True},
        )
        obstore.put(store, "folder/object", CONTENT, use_multipart=False)
        assert bytes(obstore.get(store, "folder/object").bytes()) == CONTENT
        found = obstore.list(store, "folder").collect()  # other tests share the container
        assert [meta["path"] for meta in found] == ["folder/object"]


def test_a_killed_test_leaves_no_server_behind() -> None:
    """What a process started ends with it, however that ends."""
    command = [sys.executable, "-c", STARTS_ONE_AND_DIES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    wait_for(lambda: not psutil.pid_exists(pid) or is_dead(pid))


def is_dead(pid: int) -> bool:
    """Return whether a process waits for nothing but to be taken note of."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
