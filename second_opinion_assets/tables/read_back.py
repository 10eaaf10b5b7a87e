"""Reads a joined table again, only the columns asked for.

What the columns should hold is not asked here.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.formats.json_forms import LINE_SUFFIXES
from second_opinion_assets.storage.reading import Input, whole_lines
from second_opinion_assets.tables.forms import PARQUET_SUFFIXES, refuse_unknown_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH_ROWS = 65_536
BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 1 << 16
Columns = tuple[Sequence[Any], ...]
"""Some rows: the values of the key, as texts, and those of each other column asked for."""


class ReadBack:
    """A joined table that is read again.

    Args:
        file: the file, whose name tells its form.
        key: the column whose values are taken as the texts of keys; None for none.
        names: the other columns, plain names all of them.
    """

    def __init__(self, file: Input, key: str | None, names: list[str]) -> None:
        refuse_unknown_form(file.location, "the table")
        self._path = file.location
        self._file = file
        self._key = key
        self._names = names

    def column_names(self) -> list[str]:
        """Return the names of the table's columns, of a JSON table those of its first row.

        Raises:
            JoinError: the file is not of its form.
        """
        where = str(self._path)
        suffix = self._path.suffix.lower()
        if suffix in PARQUET_SUFFIXES:
            with _parquet_file(self._file) as file:
                return list(file.schema_arrow.names)
        if suffix in LINE_SUFFIXES:
            lines = whole_lines(self._file.chunks(_HEAD_BYTES))
            rows = (line for text in lines for line in text.split(b"\n") if line.strip())
            return list(json_text.members(next(rows, b"{}"), f"{where}:1"))
        listed, place = _rows_text(self._file.read(), where)
        first = next(iter(json_text.elements(listed, where)), b"{}")
        return list(json_text.members(first, f"{where}::{place}[0]"))

    def blocks(self) -> Iterator[Columns]:
        """Yield all rows in order, as columns.

        Raises:
            JoinError: the file is not of its form, or lacks a column.
        """
        suffix = self._path.suffix.lower()
        if suffix in PARQUET_SUFFIXES:
            yield from self._parquet_blocks()
            return
        rows = _JsonRows(self._key, self._names, str(self._path))
        if suffix in LINE_SUFFIXES:
            first = 1
            for text in whole_lines(self._file.chunks(BLOCK_BYTES)):
                yield rows.of_lines(text, first)
                first += text.count(b"\n")
        else:
            yield rows.of_document(self._file.read())

    def _parquet_blocks(self) -> Iterator[Columns]:
        import pyarrow as pa  # noqa: PLC0415 (half a second that JSON tables do not need)

        from second_opinion_assets.tables.arrow_values import key_texts  # noqa: PLC0415

        keys = [] if self._key is None else [self._key]
        with _parquet_file(self._file) as file:
            absent = {*keys, *self._names} - set(file.schema_arrow.names)
            if absent:
                msg = f"{self._path}: the table has no column {', '.join(sorted(absent))}"
                raise JoinError(msg)
            for batch in file.iter_batches(BATCH_ROWS, columns=[*keys, *self._names]):
                table = pa.Table.from_batches([batch])
                yield (
                    *(key_texts(table.column(key), str(self._path)) for key in keys),
                    *(table.column(name).to_pylist() for name in self._names),
                )


@contextmanager
def _parquet_file(file: Input) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (half a second that JSON tables do not need)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with file.arrow_file() as source:
            yield pq.ParquetFile(source)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        msg = f"{file.location}: not a parquet file, or a damaged one: {reason}"
        raise JoinError(msg) from None


class _JsonRows:
    """Takes the columns asked for out of rows of JSON."""

    def __init__(self, key: str | None, names: list[str], where: str) -> None:
        self._keys = [] if key is None else [key]
        self._names = names
        self._where = where
        self._row_types = _row_types(self._keys, names)

    def of_lines(self, text: bytes, first: int) -> Columns:
        """Return the columns of lines of JSON; `first` is the number of the first line."""
        rows = self._decode(lambda row_type: msgspec.json.Decoder(row_type).decode_lines(text))
        if rows is not None:
            return self._columns(rows)
        lines = enumerate(text.split(b"\n"), first)
        return self._careful_columns(
            (line, f"{self._where}:{number}") for number, line in lines if line.strip()
        )

    def of_document(self, text: bytes) -> Columns:
        """Return the columns of a document that is a list of rows, or has one."""
        listed, place = _rows_text(text, self._where)
        rows = self._decode(lambda row_type: _decode_list(listed, row_type))
        if rows is not None:
            return self._columns(rows)
        elements = enumerate(json_text.elements(listed, self._where))
        return self._careful_columns(
            (row, f"{self._where}::{place}[{number}]") for number, row in elements
        )

    def _decode(self, decode: Callable[[Any], list[Any]]) -> list[Any] | None:
        """Return all rows decoded at once; None if they need a closer look."""
        while self._row_types:
            try:
                return decode(self._row_types[0])
            except msgspec.ValidationError:
                self._row_types.pop(0)  # a number among the keys, from now on
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                break
        return None

    def _columns(self, rows: list[Any]) -> Columns:
        fields = ["key" for _ in self._keys]
        fields += [f"column_{number}" for number in range(len(self._names))]
        columns = [list(map(attrgetter(field), rows)) for field in fields]
        if len(self._row_types) == 1:  # keys as raw bytes
            columns[: len(self._keys)] = [list(map(self._key_text, keys)) for keys in columns[:1]]
        return tuple(columns)

    def _key_text(self, key: msgspec.Raw | None) -> str | None:
        return None if key is None else json_text.scalar_text(bytes(key), self._where)

    def _careful_columns(self, rows: Iterator[tuple[bytes, str]]) -> Columns:
        """Return the columns of rows that are read one by one, so that a broken one is named."""
        columns: list[list[Any]] = [[] for _ in (*self._keys, *self._names)]
        for text, where in rows:
            members = json_text.members(text, where)
            values = [
                *(json_text.scalar_text(members.get(key, b"null"), where) for key in self._keys),
                *(json_text.decode(members.get(name, b"null"), where) for name in self._names),
            ]
            for column, value in zip(columns, values, strict=True):
                column.append(value)
        return tuple(columns)


def _rows_text(text: bytes, where: str) -> tuple[bytes, str]:
    """Return the text of a document's list of rows, and its place in the document."""
    listed, place = text.removeprefix(b"\xef\xbb\xbf"), "$"
    if not listed.lstrip().startswith(b"["):
        listed, place = json_text.members(listed, where).get("rows", b""), "$.rows"
    if not listed.lstrip().startswith(b"["):
        msg = f"{where}: no list of rows in the document"
        raise JoinError(msg)
    return listed, place


def _decode_list(text: bytes, row_type: type) -> list[Any]:
    rows: list[Any] = msgspec.json.decode(text, type=types.GenericAlias(list, row_type))
    return rows


def _row_types(keys: list[str], names: list[str]) -> list[type]:
    """Return what rows are decoded as: with keys as text, and failing that as raw bytes."""
    if not json_text.has_plain_names([*keys, *names]):
        return []
    columns = [
        (f"column_{number}", Any, msgspec.field(name=name, default=None))
        for number, name in enumerate(names)
    ]
    return [
        msgspec.defstruct(
            "Row",
            [*(("key", kind, msgspec.field(name=key, default=None)) for key in keys), *columns],
            gc=False,
        )
        for kind in (str | None, msgspec.Raw)
    ]
