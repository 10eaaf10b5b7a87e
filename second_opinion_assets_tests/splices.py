"""Columns that are spliced into parquet files in memory, and what tests look for in the result."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from second_opinion_assets.tables.parquet_splice import Splice

ADDED = pa.schema(
    [
        pa.field("so_score", pa.float64()),
        pa.field("so_status", pa.string()),
        pa.field("so_frames", pa.int64()),
    ]
)
"""The columns that are added."""

STATUSES = ("ok", "bad", "missing")


def added(rows: int, first: int = 0) -> pa.Table:
    """Return the new columns of rows `first` and on: the row's number is the number of frames."""
    numbers = range(first, first + rows)
    columns = [
        [None if n % 10 == 0 else n / 2 for n in numbers],
        [STATUSES[n % len(STATUSES)] for n in numbers],
        list(numbers),
    ]
    return pa.table([pa.array(*pair) for pair in zip(columns, ADDED.types, strict=True)], ADDED)


def groups_of(rows: list[int]) -> Iterator[pa.Table]:
    """Yield the new columns, row group by row group."""
    first = 0
    for count in rows:
        yield added(count, first)
        first += count


def footer_of(file: bytes) -> bytes:
    """Return the footer of a parquet file."""
    size = int.from_bytes(file[-8:-4], "little")
    return file[-8 - size : -8]


def with_footer(file: bytes, footer: bytes) -> bytes:
    """Return a parquet file with another footer."""
    pages = file[: -8 - len(footer_of(file))]
    return pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"


class Written:
    """A sink that keeps what is written."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


class Given:
    """A file in memory to read from, as `Splice` asks for it."""

    def __init__(self, file: bytes) -> None:
        self.file = file

    def __call__(self, offset: int, count: int) -> bytes:
        assert 0 <= offset < offset + count <= len(self.file)
        return self.file[offset : offset + count]


def spliced(file: bytes, schema: pa.Schema = ADDED) -> bytes:
    """Return a parquet file with the new columns, by the names of a schema."""
    splice = Splice(footer_of(file), len(file), schema)
    sink = Written()
    groups = (group.rename_columns(schema.names) for group in groups_of(splice.row_group_rows))
    splice.write(Given(file), sink, groups)
    return sink.content
