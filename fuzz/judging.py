"""What all targets need: a finding, the choices that a case makes, a folder for its files."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

Choice = TypeVar("Choice")
Targets = Mapping[str, Callable[[bytes], None]]
"""What takes the bytes of one file each, and raises what it finds; by name."""

_MOST_ROWS = 20
_CHOICE = re.compile(rb"\n#([0-9]{1,6})\Z")


class Finding(AssertionError):  # noqa: N818 (an outcome, not an error)
    """The package and its judge differ, or a file changed that must not."""


class Case:
    """One input: the file's content, and a number that chooses how it is used.

    The number stands in a last line of its own, `#12`; without one it is 0. A file of the corpus
    is thus the file that it stands for.
    """

    def __init__(self, data: bytes) -> None:
        chosen = _CHOICE.search(data)
        self.content = data[: chosen.start()] if chosen else data
        self._number = int(chosen[1]) if chosen else 0

    def choose(self, choices: Sequence[Choice]) -> Choice:
        """Return one of some choices; each call takes its own part of the number."""
        self._number, position = divmod(self._number, len(choices))
        return choices[position]


def use_memory() -> None:
    """Let temporary files be in memory: a disk would only make it slow."""
    memory = Path("/dev/shm")  # noqa: S108 (no one finds what is kept there)
    if memory.is_dir():
        tempfile.tempdir = str(memory)


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder for one case."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def as_parquet(content: bytes) -> bytes:
    """Return JSON lines as a parquet table, so that what is changed at random is its values.

    What is parquet already, or no such lines, stays as it is.
    """
    sink = io.BytesIO()
    try:
        lines = content.split(b"\n")[:_MOST_ROWS]
        rows = [row for row in map(json.loads, lines) if isinstance(row, dict)]
        pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=2)
    except (ValueError, RecursionError, OverflowError, pa.ArrowException):
        return content
    return sink.getvalue() if rows else content
