"""CSV outputs: each row of a CSV table with its own bytes, or any other row's values as cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.columns import Mask
from second_opinion_assets.tables.csv_cells import all_quoted, quoted
from second_opinion_assets.tables.csv_table import CsvBlock, CsvTable
from second_opinion_assets.tables.json_columns import texts_of_values
from second_opinion_assets.tables.pieces import TEXT, pieces
from second_opinion_assets.tables.table import Added, Block, FeatureTable, JsonRows, Sink, numbered
from second_opinion_assets.tables.tails import Tails

_NOTHING = pa.scalar(b"", TEXT)
_members = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class CsvWriter:
    """Writes the rows of a CSV table: each row's own bytes with cells at its end; a `Writer`.

    Args:
        sink: takes the file's bytes.
        added: what is appended.
        table: whose rows they are.
    """

    def __init__(self, sink: Sink, added: Added, table: CsvTable) -> None:
        self._sink = sink
        self._added = added
        self._table = table
        self._delimiter = table.layout.delimiter
        self._tails = _tails(added, self._delimiter)

    def write(self, blocks: Iterable[Block]) -> int:
        layout, kept = self._table.layout, self._table.kept
        header = [
            *(layout.header[number] for number in kept),
            *_names(self._added, layout.delimiter),
        ]
        self._sink.write(layout._replace(header=header).text)
        keeps_all = self._added.kept is None and len(kept) == len(layout.header)
        written = 0
        for block, rows in numbered(blocks):
            assert isinstance(block, CsvBlock)  # noqa: S101 (a CSV table has no others)
            if not len(block):
                self._sink.write(block.text)  # blank lines
            elif keeps_all:
                written += self._splice(block, rows)
            else:
                written += self._rewrite(block, rows)
        return written

    def _splice(self, block: CsvBlock, rows: slice) -> int:
        """Write rows, each with cells at its end."""
        # From each row's end to the next: pieces that lie side by side need no copy of the text.
        borders = np.concatenate((np.zeros(1, np.int64), block.rows.ends))
        buffers = [None, pa.py_buffer(borders), pa.py_buffer(block.text)]
        lines = pa.Array.from_buffers(TEXT, len(block), buffers)
        self._sink.write(_joined([lines, *self._tails.parts(rows)]))
        self._sink.write(block.text[borders[-1] :])
        return len(block)

    def _rewrite(self, block: CsvBlock, rows: slice) -> int:
        """Write rows that are kept, without cells that are replaced."""
        cells = block.cells
        last = cells.ends[:, -1]
        # What follows a row, its line's end and blank lines, stays with it.
        following = pieces(block.text, last, np.append(cells.starts[1:], len(block.text)))
        self._sink.write(block.text[: cells.starts[0]])
        runs = [cells.raw(*run) for run in _runs(self._table.kept)]
        parts = [*_separated(runs, self._delimiter), *self._tails.parts(rows), following]
        kept = None if self._added.kept is None else self._added.kept[rows]
        self._sink.write(_joined(parts, kept))
        return len(block) if kept is None else int(kept.sum())


class CellsWriter:
    """Writes the values of rows of any table as cells, one line a row; a `Writer`.

    A value of JSON that is no text stands there as JSON writes it, null as an empty cell.

    Args:
        sink: takes the file's bytes.
        added: what is appended.
        table: whose rows they are.
        delimiter: what is to stand between cells.
    """

    def __init__(self, sink: Sink, added: Added, table: FeatureTable, delimiter: bytes) -> None:
        self._sink = sink
        self._added = added
        self._table = table
        self._delimiter = delimiter
        self._tails = _tails(added, delimiter)

    def write(self, blocks: Iterable[Block]) -> int:
        names = _names_of(self._table)
        header = [quoted(name.encode(), self._delimiter) for name in names]
        header += _names(self._added, self._delimiter)
        self._sink.write(self._delimiter.join(header) + b"\n")
        written = 0
        for block, rows in numbered(blocks):
            if not len(block):
                continue
            columns = self._columns(block, names)
            parts = [*_separated(columns, self._delimiter), *self._tails.parts(rows), _LINE_FEED]
            kept = None if self._added.kept is None else self._added.kept[rows]
            self._sink.write(_joined(parts, kept))
            written += len(block) if kept is None else int(kept.sum())
        return written

    def _columns(self, block: Block, names: list[str]) -> Iterator[pa.Array]:
        """Yield the cells of a block, column by column."""
        if isinstance(block, CsvBlock):
            texts = (column.cast(TEXT) for column in block.columns())
        else:
            rows = _members_of(block.json_rows(), self._table.path)
            texts = (texts_of_values([row.get(n, _NULL) for row in rows]) for n in names)
        return (all_quoted(column, self._delimiter) for column in texts)


_NULL = b"null"
_LINE_FEED = pa.scalar(b"\n", TEXT)


def _names(added: Added, delimiter: bytes) -> list[bytes]:
    """Return the names of the appended columns as cells."""
    names = added.names
    return [quoted(name.encode(), delimiter) for name in names]


def _tails(added: Added, delimiter: bytes) -> Tails:
    def as_cell(text: str) -> bytes:
        return quoted(text.encode(), delimiter) if text else b""

    return Tails.cells(added.scorers, delimiter, as_cell)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of numbers that follow one another."""
    breaks = [n for n, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1]
    for start, end in pairwise([0, *breaks, len(numbers)]):
        yield numbers[start], numbers[end - 1]


def _separated(columns: Iterable[pa.Array], delimiter: bytes) -> Iterator[pa.Array | pa.Scalar]:
    """Yield columns with the delimiter between them."""
    for number, column in enumerate(columns):
        if number:
            yield pa.scalar(delimiter, TEXT)
        yield column


def _joined(parts: list[pa.Array | pa.Scalar], kept: Mask | None = None) -> memoryview:
    """Return the text of rows that are kept, joined element by element."""
    lines = pc.binary_join_element_wise(*parts, _NOTHING)
    if kept is not None:
        lines = lines.filter(pa.array(kept))
    return memoryview(lines.buffers()[2] or b"")


def _names_of(table: FeatureTable) -> list[str]:
    """Return the names of a table's columns; of JSON rows each is looked at."""
    if isinstance(table, CsvTable):
        return table.kept_names
    if table.knows_all_columns:
        return [column.name for column in table.columns]
    names: dict[str, None] = {}
    for block in table.blocks():
        for row in _members_of(block.json_rows(), table.path):
            names.update(dict.fromkeys(row))
    return [json_text.whole_characters(name, table.path) for name in names]


def _members_of(rows: JsonRows, where: str) -> Sequence[Mapping[str, bytes | msgspec.Raw]]:
    """Return the members of each row, their values as JSON text."""
    if not rows.bodies:
        return []
    try:
        return _members.decode(b"[" + b"},".join(rows.bodies) + b"}]")
    except (msgspec.DecodeError, UnicodeError):  # odd names, which the slower reader knows
        return [json_text.members(body + b"}", where) for body in rows.bodies]
