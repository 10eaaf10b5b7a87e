"""Feature tables of CSV: rows keep their own bytes, whatever stands between their cells.

Every cell is text: what it would be as a number or a date is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.key_texts import untyped_key_texts
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.csv_cells import CellError, Cells, find_cells
from second_opinion_assets.tables.csv_layout import MOST_OPEN_BYTES, read_layout
from second_opinion_assets.tables.table import (
    LINE_END,
    Column,
    ColumnBlock,
    JsonRows,
    columns_exist,
)
from second_opinion_assets.tables.texts import FileTexts, checksum, read_again

_TEXT = "string"


class _Rows(NamedTuple):
    """Rows that were read once.

    Attributes:
        start, length: where their text is.
        line: number of its first line.
        ends: where each row ends, before its line's end.
        checksum: what the text comes to, where a change might not show otherwise.
    """

    start: int
    length: int
    line: int
    ends: NDArray[np.int32]
    checksum: int | None


class CsvTable:
    """A CSV feature table; a `FeatureTable`.

    Attributes:
        layout: how it is laid out.
        kept: numbers of the columns that are not to be replaced.
    """

    knows_all_columns = True

    def __init__(self, file: Input) -> None:
        self.non_finite_values = 0  # NaN is text here as any other
        self._texts = FileTexts(file)
        self.path = self._texts.path
        self.layout = read_layout(self._texts)
        self._names = self.layout.names
        self.kept = list(range(len(self._names)))
        self._read: list[_Rows] = []

    @property
    def columns(self) -> list[Column]:
        return [Column(name, _TEXT) for name in dict.fromkeys(self.kept_names)]

    @property
    def kept_names(self) -> list[str]:
        """The names of the columns that are kept, one of several columns as often."""
        return [self._names[number] for number in self.kept]

    def read_columns(self, keys: Sequence[str], names: Sequence[str] = ()) -> Iterator[ColumnBlock]:
        numbers = [self._number(name) for name in (*keys, *names)]
        self._read = []
        for start, line, text, cells in self._all_rows():
            ends = cells.ends[:, -1].astype(np.int32)
            self._read.append(_Rows(start, len(text), line, ends, checksum(self._texts, text)))
            found = [cells.values(number) for number in numbers]
            others = [column.to_pylist() for column in found[len(keys) :]]
            yield ColumnBlock(len(ends), list(map(untyped_key_texts, found[: len(keys)])), others)

    def append(self, names: Sequence[str], *, overwrite: bool) -> None:
        exist = [name for name in self._names if name in set(names)]
        if exist and not overwrite:
            raise columns_exist(self.path, exist)
        self.kept = [n for n, name in enumerate(self._names) if name not in set(exist)]

    def blocks(self) -> Iterator[CsvBlock]:
        for rows, text in zip(self._read, read_again(self._texts, self._read), strict=True):
            yield CsvBlock(self, rows, text)

    def arrow_schema(self) -> pa.Schema:
        self.refuse_repeated_names()
        return pa.schema([pa.field(name, pa.string()) for name in self.kept_names])

    def refuse_repeated_names(self) -> None:
        """Raise a JoinError if rows cannot be told by the names of their columns."""
        names = self.kept_names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            msg = f"{self.path}: {_two_columns(twice)}, or write CSV, which may have both"
            raise JoinError(msg)

    def find_cells(self, text: bytes, line: int) -> Cells:
        """Return where the cells of some rows lie.

        Args:
            text: of whole lines.
            line: the number of the first.
        """
        self._refuse_what_is_no_text(text, line)
        try:
            return find_cells(text, self.layout.delimiter, len(self._names))
        except CellError as error:
            raise self._problem(text, error.position, line, str(error)) from None

    def _number(self, name: str) -> int:
        """Return which column has a name."""
        if self._names.count(name) == 1:
            return self._names.index(name)
        if name in self._names:
            msg = f"{self.path}: {_two_columns(name)}"
        else:
            msg = f"{self.path}: the table has no column {name}"
        raise JoinError(msg)

    def _all_rows(self) -> Iterator[tuple[int, int, bytes, Cells]]:
        """Yield texts of whole rows: where each starts, its first line, itself, and its cells."""
        start, rest = len(self.layout.text), b""
        line = self.layout.text.count(b"\n") + 1
        for read in self._texts_of_rows():
            text = rest + read
            cells = self.find_cells(text[: text.rfind(b"\n") + 1], line)
            if cells.length:
                yield start, line, text[: cells.length], cells
            start += cells.length
            line += text.count(b"\n", 0, cells.length)
            rest = text[cells.length :]
            if len(rest) > MOST_OPEN_BYTES:
                break
        if not rest:
            return
        cells = self.find_cells(rest + b"\n", line)
        if cells.length <= len(rest):
            raise self._problem(rest, cells.length, line, "a quote is not closed")
        yield start, line, rest, cells

    def _texts_of_rows(self) -> Iterator[bytes]:
        """Yield all that stands behind the header, as texts of whole lines."""
        header = len(self.layout.text) - len(self.layout.mark)
        for _, text in self._texts.first_reading():
            yield text[header:]
            header = max(0, header - len(text))

    def _refuse_what_is_no_text(self, text: bytes, line: int) -> None:
        if json_text.is_utf8(text):
            return
        try:
            text.decode()
        except UnicodeDecodeError as error:
            problem = "not UTF-8 text; save the table as UTF-8"
            raise self._problem(text, error.start, line, problem) from None

    def _problem(self, text: bytes, position: int, line: int, problem: str) -> JoinError:
        where = self._texts.where(line + text.count(b"\n", 0, position))
        return JoinError(f"{where}: {problem}")


def _two_columns(name: str) -> str:
    return f"two columns are named {name!r}; rename one of them"


@dataclass(frozen=True)
class CsvBlock:
    """Some rows of a CSV table; a `Block`."""

    table: CsvTable
    rows: _Rows
    text: bytes

    def __len__(self) -> int:
        return len(self.rows.ends)

    @cached_property
    def cells(self) -> Cells:
        """Where its cells lie."""
        ended = self.text if self.text.endswith(b"\n") else self.text + b"\n"
        return self.table.find_cells(ended, self.rows.line)

    def columns(self) -> list[pa.Array]:
        """Return what the cells of the columns that are kept say; null for an empty one."""
        return [self.cells.values(number) for number in self.table.kept]

    def json_rows(self) -> JsonRows:
        self.table.refuse_repeated_names()
        names = self.table.kept_names
        columns = [column.to_pylist() for column in self.columns()]
        rows = zip(*columns, strict=True)
        bodies = [msgspec.json.encode(dict(zip(names, row, strict=True)))[:-1] for row in rows]
        return JsonRows(bodies, [LINE_END] * len(bodies))

    def arrow(self, schema: pa.Schema | None) -> pa.Table:
        columns = [column.cast(pa.string()) for column in self.columns()]
        return pa.table(columns, schema=schema or self.table.arrow_schema())
