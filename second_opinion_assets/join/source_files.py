"""What can be said of an input file before it is joined: its digest and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from second_opinion_assets.join import json_text
from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.files import FileDigest, HashedFile, unreadable, whole_lines
from second_opinion_assets.join.sidecars.json_forms import LINE_SUFFIXES, document_block
from second_opinion_assets.join.tables.forms import PARQUET_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path


class Stamp(msgspec.Struct, frozen=True):
    """What tells, without reading a file, that it has not changed: its bytes, and when in ns."""

    bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Look at a file; OSError where there is none."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


class SourceFile(msgspec.Struct, frozen=True):
    """An input file.

    Attributes:
        path: the file.
        stamp: what it looked like before it was read.
        digest: of its bytes.
        rows: how many rows it holds; None where that was not or cannot be counted.
        complete: whether it looks like a whole file, not like one that is still being written.
    """

    path: Path
    stamp: Stamp
    digest: FileDigest
    rows: int | None
    complete: bool


def read_source_file(path: Path) -> SourceFile:
    """Hash a file and count its rows.

    Raises:
        JoinError: the file is not there or cannot be read; that it is broken is no error here.
    """
    try:
        stamp = Stamp.of(path)
    except OSError as error:
        raise unreadable(path, error) from None
    file = HashedFile(path)
    suffix = path.suffix.lower()
    rows, complete = None, True
    if suffix in LINE_SUFFIXES:
        rows, complete = _count_lines(file)
    elif suffix == ".json":
        rows = _count_document_rows(file, path)
        complete = rows is not None
    else:
        file.read_through()
        if suffix in PARQUET_SUFFIXES:
            rows = _count_parquet_rows(path)
            complete = rows is not None
    return SourceFile(path, stamp, file.digest, rows, complete)


def _count_lines(file: HashedFile) -> tuple[int, bool]:
    """Return the number of rows, and whether the last one is whole."""
    rows, last = 0, b"\n"
    for text in whole_lines(file.chunks()):
        rows += sum(bool(line.strip()) for line in text.split(b"\n"))
        last = text
    return rows, last.endswith(b"\n") or _is_json(last)


def _is_json(text: bytes) -> bool:
    """Say whether the last line of a text, one without a line feed, is whole."""
    line = text.rpartition(b"\n")[2]
    try:
        json_text.decode(line, "")
    except JoinError:
        return not line.strip()
    return True


def _count_document_rows(file: HashedFile, path: Path) -> int | None:
    try:
        return document_block(file, path)[0].count
    except JoinError:
        return None


def _count_parquet_rows(path: Path) -> int | None:
    import pyarrow as pa  # noqa: PLC0415 (half a second that JSON files do not need)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        rows: int = pq.read_metadata(path).num_rows
    except (pa.ArrowInvalid, OSError):
        return None
    return rows
