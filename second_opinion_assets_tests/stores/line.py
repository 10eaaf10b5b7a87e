"""A line to an object store that breaks as a test wants: cut, refused, delayed, or late.

It stands before a server of `servers` as a proxy of HTTP, and keeps what was asked for. Nothing of
the package is imported here.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

PIECE_BYTES = 1 << 14
_LONGEST_WAIT_S = 60
_LOOK_S = 0.01
"""How often a line looks whether it is to end."""
_OF_THE_LINE = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Asked(NamedTuple):
    """What a client asked for: method, path and query without escapes, which bytes if not all."""

    method: str
    target: str
    range: str


@dataclass
class Fault:
    """What happens to the requests that it is for, as often as it says.

    Attributes:
        method: it is for requests of this method alone; of any, if it is empty.
        within: and for those alone that have this in their path and query.
        times: how often it happens; other requests before it do not count.
        after: how many requests that it is for pass first.
        delay_s: the request waits for so long before it is handed on.
        status: the request is answered with this, and not handed on.
        body: what that answer says.
        cut_request_after: the line is cut when so many bytes of the request's body have passed.
        cut_response_after: likewise of the body of the answer.
        before: is done before the request is handed on, such as to replace an object.
    """

    method: str = ""
    within: str = ""
    times: int = 1
    after: int = 0
    delay_s: float = 0.0
    status: int | None = None
    body: bytes = b""
    cut_request_after: int | None = None
    cut_response_after: int | None = None
    before: Callable[[], object] = lambda: None

    def takes(self, asked: Asked) -> bool:
        """Return whether it happens to a request, and count it."""
        if self.method not in {"", asked.method} or self.within not in asked.target:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass
class Line:
    """A line to a store.

    Attributes:
        url: what a client is given in the place of the store's.
        asked: what was asked for, in order.
        faults: what is to happen; the first that takes a request does.
    """

    url: str
    asked: list[Asked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def ask(self, asked: Asked) -> Fault:
        """Keep a request and return what is to happen to it."""
        with self._lock:
            self.asked.append(asked)
            return next((fault for fault in self.faults if fault.takes(asked)), Fault())

    def mend(self) -> None:
        """Forget all faults and what was asked for."""
        self.asked.clear()
        self.faults.clear()


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    timeout = _LONGEST_WAIT_S
    address: tuple[str, int]
    line: Line

    def pass_on(self) -> None:
        """Hand a request on and its answer back, or do what a fault says."""
        asked = Asked(self.command, unquote(self.path), self.headers.get("Range", ""))
        fault = self.line.ask(asked)
        time.sleep(fault.delay_s)
        fault.before()
        length = int(self.headers.get("Content-Length", 0))
        if fault.status is not None:
            self.rfile.read(length)
            self.send_response(fault.status)
            self.send_header("Content-Length", str(len(fault.body)))
            self.end_headers()
            self.wfile.write(fault.body if self.command != "HEAD" else b"")
            return
        upstream = HTTPConnection(*self.address, timeout=_LONGEST_WAIT_S)
        # A client or server that hangs up is what is tried.
        with suppress(OSError):
            if self._send(upstream, length, fault.cut_request_after):
                self._answer(upstream.getresponse(), fault.cut_response_after)
        upstream.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 (http.server's names)

    def more_headers(self, status: int) -> dict[str, str]:  # noqa: ARG002 (others go by it)
        """Return what is added to the headers of an answer."""
        return {}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Print nothing."""

    def _send(self, upstream: HTTPConnection, length: int, cut_after: int | None) -> bool:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {"connection", "expect"}:
                upstream.putheader(name, value)
        upstream.endheaders()
        passed = 0
        while passed < length and passed != cut_after:
            most = min(PIECE_BYTES, length - passed, (cut_after or length) - passed)
            piece = self.rfile.read(most)
            if not piece:
                return False
            upstream.send(piece)
            passed += len(piece)
        if cut_after is not None:
            self._cut()
        return cut_after is None

    def _answer(self, answer: HTTPResponse, cut_after: int | None) -> None:
        length = answer.headers.get("Content-Length")
        body = None
        if length is None:
            body = answer.read()
            length = str(len(body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_THE_LINE:
                self.send_header(name, value)
        for name, value in self.more_headers(answer.status).items():
            self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        passed = 0
        for piece in [body] if body else iter(lambda: answer.read(PIECE_BYTES), b""):
            allowed = piece if cut_after is None else piece[: cut_after - passed]
            self.wfile.write(allowed)
            passed += len(allowed)
            if passed == cut_after:
                break
        if cut_after is not None:
            self._cut()

    def _cut(self) -> None:
        """End the connection as a broken line does, with a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


@contextmanager
def line_to(url: str, handler: type[Handler] = Handler) -> Iterator[Line]:
    """Stand before a server until the context is left; what follows its host in a URL stays.

    Args:
        url: the server's.
        handler: hands requests on.
    """
    parts = urlsplit(url)
    address = str(parts.hostname), int(parts.port or 80)
    of_this_line: type[Handler] = type("OfThisLine", (handler,), {"address": address})
    with ThreadingHTTPServer(("127.0.0.1", 0), of_this_line) as server:
        server.daemon_threads = True
        of_this_line.line = Line(f"http://127.0.0.1:{server.server_port}{parts.path}")
        Thread(target=server.serve_forever, args=(_LOOK_S,), daemon=True).start()
        try:
            yield of_this_line.line
        finally:
            server.shutdown()
