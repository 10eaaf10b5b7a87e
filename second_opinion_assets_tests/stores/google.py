"""A stand-in for Google's store on loopback: moto's S3, spoken to in the words of its XML API.

Both APIs have the same requests for objects, listings and uploads in parts. What differs is done
here: generations number the versions of an object, conditions name them, and requests are not
signed. It is our reading of Google's documentation, and no server of Google's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import count
from threading import Lock
from typing import ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from second_opinion_assets_tests.stores.line import Handler, line_to
from second_opinion_assets_tests.stores.servers import SIGNED

_GENERATION = "x-goog-generation"
_CONDITION = "x-goog-if-generation-match"
_REFUSED = b"<Error><Code>PreconditionFailed</Code></Error>"


def google_environment(url: str) -> dict[str, str]:
    """Return the variables by which clients find the stand-in, or a line to it."""
    account = {"gcs_base_url": url, "disable_oauth": True, "client_email": "", "private_key": ""}
    return {
        "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps({**account, "private_key_id": ""}),
        "GOOGLE_ALLOW_HTTP": "true",
    }


@contextmanager
def google_stand_in(moto: str) -> Iterator[str]:
    """Serve what is in moto's server as Google's store would; yield the URL."""

    class OfThisServer(_Handler):
        generations: ClassVar[dict[str, int]] = {}

    with line_to(moto, OfThisServer) as line:
        yield line.url


class _Handler(Handler):
    """One connection of a client."""

    generations: ClassVar[dict[str, int]]
    _numbers = count(1_700_000_000_000_000)
    _one_at_a_time = Lock()

    def pass_on(self) -> None:
        """Hand a request on if its condition holds; a key's slashes come escaped."""
        path, mark, query = self.path.partition("?")
        self.path = quote(unquote(path)) + mark + query
        del self.headers["Authorization"]
        self.headers["Authorization"] = SIGNED
        expected = self.headers.get(_CONDITION)
        with self._one_at_a_time:
            if expected is None or int(expected) == self.generations.get(self._object, 0):
                super().pass_on()
                return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(HTTPStatus.PRECONDITION_FAILED)
        self.send_header("Content-Length", str(len(_REFUSED)))
        self.end_headers()
        self.wfile.write(_REFUSED)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 (http.server's names)

    def more_headers(self, status: int) -> dict[str, str]:
        """Count what an answer says was changed; say which generation it is of."""
        if status < HTTPStatus.BAD_REQUEST:
            if self.command == "DELETE" and not self._query:
                self.generations.pop(self._object, None)
            elif self._puts_an_object:
                self.generations[self._object] = next(self._numbers)
        generation = self.generations.get(self._object)
        return {_GENERATION: str(generation)} if generation else {}

    @property
    def _object(self) -> str:
        return urlsplit(self.path).path

    @property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    @property
    def _puts_an_object(self) -> bool:
        """Whether it is a whole object, or the end of one in parts."""
        if self.command == "PUT":
            return "partNumber" not in self._query
        return self.command == "POST" and "uploadId" in self._query
