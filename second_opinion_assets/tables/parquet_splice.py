"""A parquet file that gains columns: its own bytes, the new columns behind them, a longer footer.

Nothing of the input is decoded. What its footer says belongs to `parquet_footer`, and files that
cannot be extended so are decoded and encoded in `parquet`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from second_opinion_assets.tables import schema_copies
from second_opinion_assets.tables.page_checksums import (
    PIECE_BYTES,
    Source,
    check_page_checksums,
    has_page_checksums,
)
from second_opinion_assets.tables.parquet_footer import Footer, NoSplice

__all__ = ["NoSplice", "Splice"]

MARK = b"PAR1"
_TAIL_BYTES = 8  # after the footer: its length, and the mark
_HELD_BYTES = 16 << 20  # of new columns in memory; then they wait for the copy
_MOST_GROUP_ROWS = 64 << 20  # pyarrow parts larger row groups


class Sink(Protocol):
    """What is written to; `write` is never called by two threads at a time."""

    def write(self, data: bytes, /) -> object: ...


class Splice:
    """A parquet file, and the columns that are to be added to it.

    Attributes:
        footer: what the file's footer says.
        row_group_rows: how many rows each row group has.
        copied_bytes: how many bytes of the file are kept: all before its footer.
    """

    def __init__(self, footer: bytes, size: int, schema: pa.Schema) -> None:
        """Look whether columns can be added.

        Args:
            footer: the file's footer, without its length and the format's mark behind it.
            size: bytes of the file.
            schema: the columns to add: float64, int64 and string. What is a dictionary of strings
                here is written from dictionaries, which is quicker; the file says string.

        Raises:
            NoSplice: why the file is to be decoded and encoded instead.
        """
        self.footer = Footer(footer)
        self.row_group_rows = self.footer.row_group_rows
        self.copied_bytes = size - len(footer) - _TAIL_BYTES
        self._schema = schema
        self._said = pa.schema([_said(field) for field in schema])
        self._refuse()
        entries = self.footer.entries()
        try:
            self._entries = [schema_copies.extended_copy(*entry, self._said) for entry in entries]
        except ValueError as error:
            raise NoSplice(str(error)) from None

    def check_page_checksums(self, source: Source) -> str | None:
        """Return which page of the file is damaged; None if its checksums, if any, agree.

        Raises:
            NoSplice: the footer does not tell where the pages lie.
        """
        return check_page_checksums(source, self.footer, self.copied_bytes)

    def has_checksums(self, source: Source) -> bool:
        """Return whether the first page of the file has a checksum."""
        return has_page_checksums(source, self.footer, self.copied_bytes)

    def write(self, source: Source, sink: Sink, groups: Iterator[pa.Table]) -> None:
        """Write the file with its new columns.

        Its bytes are copied in a thread that the new columns do not wait for.

        Args:
            source: reads from the file.
            sink: gets all bytes of the output in order.
            groups: the new columns, one table for each row group.

        Raises:
            EOFError: the file has become shorter, and the source did not say so.
        """
        settings = self._settings(checksums=self.has_checksums(source))
        stop = Event()
        with ThreadPoolExecutor(1) as thread:
            try:
                copied = thread.submit(_copy, source, sink, self.copied_bytes, stop)
                behind = _Behind(sink, copied)
                added = self._encode(behind, groups, settings)
                behind.drain()
            finally:
                stop.set()
        footer = self.footer.extended(added, self._entries)
        sink.write(footer + len(footer).to_bytes(4, "little") + MARK)

    def _refuse(self) -> None:
        present = set(self.footer.columns)
        for field in self._said:
            if field.name in present:
                msg = f"it has a column {field.name!r} already"
                raise NoSplice(msg)
            if field.type not in schema_copies.TYPES:
                msg = f"a column of type {field.type} is not added to a file"
                raise NoSplice(msg)
        if not len(self._schema) or self.copied_bytes < len(MARK):
            msg = "there is nothing to add to"
            raise NoSplice(msg)
        if max(self.row_group_rows, default=0) > _MOST_GROUP_ROWS:
            msg = "a row group of it has more rows than pyarrow writes into one"
            raise NoSplice(msg)

    def _settings(self, *, checksums: bool) -> dict[str, Any]:
        """Return the settings of a writer of columns that are like those of the file."""
        return {
            "compression": self.footer.compression,
            "use_dictionary": [f.name for f in self._said if f.type == pa.string()],
            "write_statistics": True,
            "write_page_index": self.footer.has_page_index,
            "write_page_checksum": checksums,
            "store_schema": False,  # the file's own copy of it is extended
        }

    def _encode(
        self, behind: _Behind, groups: Iterator[pa.Table], settings: dict[str, Any]
    ) -> bytes:
        """Encode the new columns; return the footer that pyarrow writes for them alone."""
        file = pa.PythonFile(behind, "w")
        writer = pq.ParquetWriter(file, self._schema, **settings)
        try:
            _pass_over(file, self.copied_bytes)
            behind.passed_over = True
            for rows, table in zip(self.row_group_rows, groups, strict=True):
                _check_rows(table, rows)
                writer.write_table(table, row_group_size=max(rows, 1))
        except BaseException:
            # Left to the garbage collector it would write at any time; nobody reads what it writes.
            with suppress(pa.ArrowException, OSError):
                writer.close()
            raise
        behind.hold()
        writer.close()
        return behind.release()


def _said(field: pa.Field) -> pa.Field:
    """Return a field as the file tells of it."""
    kind = field.type
    return field.with_type(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _check_rows(table: pa.Table, rows: int) -> None:
    if table.num_rows != rows:
        msg = f"{table.num_rows} rows for a row group of {rows}"
        raise ValueError(msg)


class _Behind:
    """The file that pyarrow writes new columns into; kept in memory until the copy is done."""

    closed = False

    def __init__(self, sink: Sink, copied: Future[None]) -> None:
        self.passed_over = False
        self._sink = sink
        self._copied = copied
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._end: list[bytes] | None = None

    def write(self, data: bytes) -> int:
        if not self.passed_over:
            return len(data)
        if self._end is not None:
            self._end.append(data)
            return len(data)
        self._kept.append(data)
        self._kept_bytes += len(data)
        if self._kept_bytes > (PIECE_BYTES if self._copied.done() else _HELD_BYTES):
            self.drain()
        return len(data)

    def drain(self) -> None:
        """Write on what is kept, once the copy is done; raise what stopped the copy."""
        self._copied.result()
        kept, self._kept, self._kept_bytes = self._kept, [], 0
        self._sink.write(b"".join(kept))

    def hold(self) -> None:
        """Keep the rest apart: page indexes, and a footer that does not belong into the file."""
        self._end = []

    def release(self) -> bytes:
        """Return the footer; let what stands before it go on."""
        end = b"".join(self._end or ())
        footer_end = len(end) - _TAIL_BYTES
        footer_start = footer_end - int.from_bytes(end[footer_end : footer_end + 4], "little")
        self._kept.append(end[:footer_start])
        return end[footer_start:footer_end]

    def flush(self) -> None:
        """Do nothing: pyarrow asks for it, and `drain` knows when."""

    def close(self) -> None:
        """Do nothing: what was given is not closed here."""


def _pass_over(file: pa.NativeFile, count: int) -> None:
    """Let pyarrow count bytes that are copied.

    It takes the position of what it writes from the bytes that went through the file, and starts
    a file only at its start, by the format's mark.
    """
    zeros = pa.py_buffer(bytes(min(count, PIECE_BYTES)))
    left = count - len(MARK)
    while left:
        piece = zeros[:left] if left < len(zeros) else zeros
        file.write(piece)
        left -= len(piece)


def _copy(source: Source, sink: Sink, count: int, stop: Event) -> None:
    position = 0
    while position < count and not stop.is_set():
        piece = source(position, min(PIECE_BYTES, count - position))
        if not piece:
            msg = f"the file ends at byte {position}; it had {count} bytes before its footer"
            raise EOFError(msg)
        sink.write(piece)
        position += len(piece)
