"""CSV sidecars, with a header and without; commas, semicolons or tabs between cells.

DOVER and COVER write a header whose names begin with a space, and the score as
`overall/final score`, in COVER often a negative one:
https://github.com/VQAssessment/DOVER/blob/01bb3069b948c366978485dc1f50943639e0365a/evaluate_a_set_of_videos.py
https://github.com/vztu/COVER/blob/d351566838f1961618c9395fb36324dccfe90ab3/evaluate_a_set_of_videos.py
pyiqa writes none, but two columns, the name and the score; earlier versions with a tab between:
https://github.com/chaofengc/IQA-PyTorch/blob/69d4e55851467d2e95aef39272f02bcf1d68cc11/inference_iqa.py
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from second_opinion_assets.contract.errors import CutShortError, JoinError
from second_opinion_assets.scores.columnar import Cells
from second_opinion_assets.scores.formats.loaded import LoadedColumns
from second_opinion_assets.scores.rows import Place
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.score_columns import ScoreColumns, known_columns, score_columns
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import HEAD_BYTES, Content
from second_opinion_assets.storage.reading import whole_lines

CSV_SUFFIXES = (".csv", ".tsv")
DELIMITERS = (",", ";", "\t")
HEADERLESS = ScoreColumns("file_name", "score")
_PAIR = 2
BLOCK_ROWS = 16_384
_ANY_NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf)", re.IGNORECASE
)


class Layout(NamedTuple):
    """How a CSV file is laid out: what stands between cells, and whether it has a header."""

    delimiter: str
    has_header: bool


def csv_layout(content: Content, asked: ReadRequest) -> Layout | None:
    """Return how a file is laid out, told by its first line; None if it is not certainly CSV."""
    line = _first_line(content)
    cells = {delimiter: _cells(line, delimiter) for delimiter in DELIMITERS}
    for delimiter, row in cells.items():
        if len(row) == _PAIR and _ANY_NUMBER.fullmatch(row[1]):
            return Layout(delimiter, has_header=False)  # no column is called by a number
    known = {d: known_columns(names, asked) for d, names in cells.items() if len(names) >= _PAIR}
    if any(known.values()):
        return Layout(max(known, key=known.__getitem__), has_header=True)
    return None


def load(content: Content, asked: ReadRequest, forced: Format | None = None) -> LoadedColumns:
    """Return the rows of a CSV file; a position is a line number, from 1.

    Args:
        content: the file.
        asked: what is asked for of it.
        forced: the format that is asked for; None to be told by the first line.

    Raises:
        JoinError: the file is no CSV, or it is not certain which of its columns are what.
    """
    layout = csv_layout(content, asked)
    if layout is None or (forced and layout.has_header != (forced is Format.csv)):
        layout = _likely_layout(content, headerless=forced is Format.csv_headerless)
    rows = _Rows(content, layout)
    place = Place.of_lines(content.path)
    if layout.has_header:
        names = rows.header()
        columns = score_columns(names, asked, place.where(rows.line))
        return LoadedColumns(Format.csv, place, columns, _blocks(rows, names, columns, names))
    _refuse_fields(asked, place.where(1))
    names = list(HEADERLESS.names)
    return LoadedColumns(
        Format.csv_headerless, place, HEADERLESS, _blocks(rows, names, HEADERLESS, [""])
    )


def count_rows(content: Content) -> tuple[int, bool]:
    """Return how many rows a CSV file has, and whether its last line is whole."""
    layout = csv_layout(content, ReadRequest())
    lines, last = 0, b"\n"
    for text in whole_lines(content.chunks()):
        lines += sum(bool(line.strip()) for line in text.split(b"\n"))
        last = text
    has_header = layout is None or layout.has_header
    return max(0, lines - has_header), last.endswith(b"\n")


def _likely_layout(content: Content, *, headerless: bool) -> Layout:
    """Return the layout with most cells in the first line.

    Raises:
        JoinError: there is but one cell.
    """
    line = _first_line(content)
    if not line.strip():
        msg = f"{content.path}: the file is empty, expected CSV"
        raise JoinError(msg)
    delimiter = max(DELIMITERS, key=line.count)
    cells = _cells(line, delimiter)
    if len(cells) < _PAIR:
        msg = (
            f"{content.path}:1: no comma, semicolon or tab in {line[:60]!r}, "
            "expected one of these between the columns"
        )
        raise JoinError(msg)
    if len(cells) != _PAIR and (headerless or any(map(_ANY_NUMBER.fullmatch, cells))):
        msg = (
            f"{content.path}:1: {len(cells)} columns and no header; put one before the rows, "
            "since only a file of two columns, key and score, needs none"
        )
        raise JoinError(msg)
    return Layout(delimiter, has_header=not headerless)


def _refuse_fields(asked: ReadRequest, where: str) -> None:
    """Raise a JoinError if a field is asked for of a file without header, which has none."""
    own = asked.own
    field = own.score_field or own.key_field or own.status_field
    if field:
        msg = f"{where}: the file has no header, so no field {field!r}; leave that out"
        raise JoinError(msg)


def _first_line(content: Content) -> str:
    text = content.head[:HEAD_BYTES].decode(errors="replace").removeprefix("\ufeff")
    return next((line.rstrip("\r") for line in text.split("\n") if line.strip()), "")


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], _Cells, delimiter=delimiter), [])]
    except csv.Error:
        return []


class _Cells(csv.excel):
    """How cells are written: white space before one counts for nothing, a bad quote is refused."""

    skipinitialspace = True
    strict = True


class _Rows:
    """The rows of a CSV file as lists of cells, each with its line.

    Attributes:
        line: number of the last line of the row that was read last, from 1.
    """

    def __init__(self, content: Content, layout: Layout) -> None:
        self._path = content.path
        self._chunks = whole_lines(content.chunks())
        self._ends_with_line = True
        self._lines_read = 0
        self._rows = csv.reader(self._lines(), _Cells, delimiter=layout.delimiter)
        self.line = 0

    def header(self) -> list[str]:
        """Return the names of the columns."""
        return [cell.strip() for cell in next(self._filled())]

    def rows(self, columns: int, header: list[str]) -> Iterator[list[str]]:
        """Yield the rows, each with as many cells as there are columns.

        Raises:
            JoinError: a row has more or fewer; a last row that may be cut short is called that.
        """
        for cells in self._filled():
            if len(cells) == columns:
                if cells[0].strip() != header[0] or [cell.strip() for cell in cells] != header:
                    yield cells
                continue
            line = self.line
            problem = f"{len(cells)} cells in a row, expected {columns}"
            if next(self._rows, None) is None and not self._ends_with_line:
                msg = (
                    f"{self._path}:{line}: {problem}; the row is cut short: "
                    "is the scorer still writing?"
                )
                raise CutShortError(msg)
            msg = f"{self._path}:{line}: {problem}; put cells that hold a delimiter in quotes"
            raise JoinError(msg)

    def _filled(self) -> Iterator[list[str]]:
        """Yield the rows that are not blank."""
        try:
            for cells in self._rows:
                self.line = self._rows.line_num
                if len(cells) > 1 or any(map(str.strip, cells)):
                    yield cells
        except csv.Error as error:
            open_quote = "; a quote is not closed" if "end of data" in str(error) else ""
            msg = f"{self._path}:{self._rows.line_num}: not CSV: {error}{open_quote}"
            raise JoinError(msg) from None

    def _lines(self) -> Iterator[str]:
        for text in self._chunks:
            try:
                decoded = text.decode()
            except UnicodeDecodeError as error:
                line = self._lines_read + text.count(b"\n", 0, error.start) + 1
                column = error.start - (text.rfind(b"\n", 0, error.start) + 1)
                msg = (
                    f"{self._path}:{line}: not UTF-8 text (byte {column} of the line); "
                    "save the file as UTF-8"
                )
                raise JoinError(msg) from None
            self._ends_with_line = text.endswith(b"\n")
            yield from io.StringIO(decoded, newline="")
            self._lines_read += text.count(b"\n")


def _blocks(
    rows: _Rows, names: list[str], columns: ScoreColumns, header: list[str]
) -> Generator[tuple[dict[str, Cells], Sequence[int]], None, None]:
    """Yield the columns that are read, some rows at a time, and the rows' lines."""
    indexes = {name: names.index(name) for name in columns.names}
    numbered = ((rows.line, cells) for cells in rows.rows(len(names), header))
    while block := list(islice(numbered, BLOCK_ROWS)):
        lines, table = zip(*block, strict=True)
        by_column = list(zip(*table, strict=True))
        cells = {
            name: [cell.strip() or None for cell in by_column[index]]
            for name, index in indexes.items()
        }
        yield cells, lines
