"""A workspace whose files are objects below a prefix of a bucket."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import Any

import obstore
import pyarrow.parquet as pq
import pytest
from obstore.store import from_url

from second_opinion_assets.storage import stores
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.stores import servers
from second_opinion_assets_tests.stores.google import google_environment
from second_opinion_assets_tests.stores.line import Line, line_to
from second_opinion_assets_tests.workspace import Workspace

_ENVIRONMENTS = {
    "s3": servers.s3_environment,
    "az": servers.azure_environment,
    "gs": google_environment,
}
PREFIX = "work"
PROGRAM = "from second_opinion_assets.cli.start import run; run()"


class Bucket(Workspace):
    """A workspace in a store.

    Attributes:
        line: what the package reaches the store by, to break it and to count requests.
        url: the server, without the line.
        store: the store itself, by no line.
        uri: what everything is below.
    """

    def __init__(self, scheme: str, line: Line, url: str, store: Any) -> None:
        self.line, self.url, self.store = line, url, store
        self.uri = f"{scheme}://{servers.BUCKET}/{PREFIX}"
        for left in obstore.list(store).collect():  # by other tests of the same server
            obstore.delete(store, left["path"])
        super().__init__(Path("/nowhere"))

    @property
    def base(self) -> Location:
        """The prefix."""
        return Location(self.uri)

    def write(self, name: str, content: str | bytes) -> Path:
        """Put an object."""
        data = content.encode() if isinstance(content, str) else content
        obstore.put(self.store, f"{PREFIX}/{name}", data)
        return Path(name)

    def write_table(self, name: str, table: Any, **settings: Any) -> Path:
        """Put a pyarrow table as parquet."""
        file = io.BytesIO()
        pq.write_table(table, file, **settings)
        return self.write(name, file.getvalue())

    def read(self, name: str = "out.jsonl") -> bytes:
        """Return the bytes of an object."""
        return bytes(obstore.get(self.store, f"{PREFIX}/{name}").bytes())

    def table(self, name: str = "out.parquet") -> Any:
        """Return a parquet object as a pyarrow table."""
        return pq.ParquetFile(io.BytesIO(self.read(name))).read()

    def names(self) -> list[str]:
        """Return the names of all objects of the bucket, journals included."""
        found = obstore.list(self.store).collect()
        return sorted(meta["path"].removeprefix(f"{PREFIX}/") for meta in found)

    def contents(self) -> dict[str, bytes | None]:
        """Return everything in the bucket."""
        return {name: self.read(name) for name in self.names()}

    def asked(self, *methods: str) -> list[str]:
        """Return what was asked for by requests of some methods, or of all."""
        return [f"{a.method} {a.target}" for a in self.line.asked if a.method in (methods or a)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line on it."""
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=dict(environ),
        )


@contextmanager
def bucket_at(scheme: str, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Give a bucket of a server, through a line that can be broken."""
    variables = _ENVIRONMENTS[scheme]
    with line_to(url) as line:
        for name, value in variables(url).items():
            monkeypatch.setenv(name, value)
        store = from_url(f"{scheme}://{servers.BUCKET}")
        for name, value in variables(line.url).items():
            monkeypatch.setenv(name, value)
        stores._store.cache_clear()  # noqa: SLF001 (a process has one environment, tests have many)
        yield Bucket(scheme, line, url, store)
    stores._store.cache_clear()  # noqa: SLF001 (likewise)
