"""The rows of a CSV file, and what stands among them that is none.

How the file is laid out is told by `csv_layout`; what its columns are, by `score_columns`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import CutShortError, JoinError
from second_opinion_assets.scores.formats.csv_layout import Cells, Layout
from second_opinion_assets.scores.measures import MEASURES
from second_opinion_assets.scores.number_texts import tells_number
from second_opinion_assets.scores.rows import Place, Skipped
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.limits import refuse_fields
from second_opinion_assets.storage.reading import whole_lines

SUMMARY_KEYS = frozenset(("avg", "avg.", "average", "mean", "overall", "total"))
_SUMMARY = re.compile(r"\W*(avg|average|mean)\b", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?[0-9]+")
_MARKS = ("%|", "it/s]", "s/it]")
_BAR = re.compile(r"[^,;\t|]*?(?:[0-9]+%\|[^|]*\|[^\[]*\[[^\]]*\]|[0-9]+it \[[^\]]*\])", re.DOTALL)
_OPEN_BAR = re.compile(r"[^,;\t|]*?[0-9]+%\|[^|]*\|[^,;\t]*$", re.DOTALL)
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", " ": "space"}


class NumberedRow(NamedTuple):
    """A row, and the number of its last line, from 1."""

    line: int
    cells: list[str]


class CsvRows:
    """The rows of a CSV file as lists of cells.

    Attributes:
        line: number of the last line of the row that was read last, from 1.
    """

    def __init__(self, content: Content, layout: Layout, skipped: Skipped) -> None:
        self._path = content.path
        self._place = Place.of_lines(content.path)
        self._skipped = skipped
        self._chunks = whole_lines(content.chunks(), content.path)
        self._delimiter = layout.delimiter
        self._ends_with_line = True
        self._lines_read = 0
        self._lines_out = 0
        self._between_rows = False
        lines = self._lines()
        for number, line in enumerate(islice(lines, layout.before), 1):
            if line.strip():
                skipped.add(self._place.where(number), line)
        self._lines_out = layout.before
        self._rows = csv.reader(lines, Cells, delimiter=layout.delimiter)
        self._between_rows = True
        self.line = 0

    def header(self) -> list[str]:
        """Return the names of the columns."""
        header = [cell.strip() for cell in next(self._filled())]
        refuse_fields(len(header), self._place.where(self.line))
        return header

    def rows(
        self, names: Sequence[str], header: list[str], key: int
    ) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows, as wide as the header, each with the number of its last line.

        Args:
            names: of the columns.
            header: the first row, which may come again.
            key: which column holds the key.

        Raises:
            JoinError: a row has more or fewer; a last row that may be cut short is called that.
        """
        watched = SUMMARY_KEYS | MEASURES | {header[0].lower()}
        width = len(names)
        held: list[NumberedRow] = []  # what sums up, if nothing but its like comes after it
        for cells in self._filled():
            if len(cells) > width:
                _cut_ends(cells, width)
            if len(cells) != width:
                row = NumberedRow(self.line, cells)
                if not _SUMMARY.match(cells[0]):
                    raise self._misfit(row, width)
                held.append(row)
                continue
            is_watched = cells[0].strip().lower() in watched
            if is_watched or (key and cells[key].strip().lower() in watched):
                row = NumberedRow(self.line, cells)
                if [cell.strip() for cell in cells] == header:
                    self._pass_over(held)
                    continue
                self._refuse_table(row)
                if cells[key].strip().lower() in SUMMARY_KEYS:
                    held.append(row)
                    continue
            if held:
                line = self.line
                yield from self._released(held, width)
                yield line, cells
            else:
                yield self.line, cells
        self._pass_over(held)

    def _released(self, held: list[NumberedRow], width: int) -> Iterator[NumberedRow]:
        """Yield the rows that were held for sums; a row follows, so that they are none."""
        for row in held:
            if len(row.cells) != width:
                raise self._misfit(row, width)
            yield row
        held.clear()

    def _pass_over(self, held: list[NumberedRow]) -> None:
        for row in held:
            self._skipped.add(self._place.where(row.line), self._text(row))
        held.clear()

    def _refuse_table(self, row: NumberedRow) -> None:
        measures = MEASURES.intersection(cell.strip().lower() for cell in row.cells)
        if len(measures) > 1:
            raise self._other_table(row)

    def _other_table(self, row: NumberedRow) -> JoinError:
        return JoinError(
            f"{self._place.where(row.line)}: {json_text.shown(self._text(row))} seems to begin "
            "another table; put it into a file of its own"
        )

    def _text(self, row: NumberedRow) -> str:
        return self._delimiter.join(row.cells)

    def _misfit(self, row: NumberedRow, width: int) -> JoinError:
        """Return the error for a row with more or fewer cells than there are columns."""
        cells = [cell.strip() for cell in row.cells]
        count = len(cells)
        where = self._place.where(row.line)
        problem = f"{where}: {count} cells in a row, expected {width}"
        if count < width and self._is_last() and not self._ends_with_line:
            cut = "the row is cut short: is the scorer still writing?"
            return CutShortError(f"{problem}; {cut}")
        text = self._text(row)
        shown = json_text.shown(text)
        if any(mark in text for mark in _MARKS):
            return JoinError(f"{where}: {shown} holds a progress bar beside a row; take it out")
        if count == 1:
            return JoinError(f"{where}: {shown} is no row; take the line out")
        if "tensor(" in text:
            remedy = "write a tensor's number, as its item() gives it"
            return JoinError(f"{problem}: {shown}; {remedy}")
        if not any(map(tells_number, cells)) and all(cells):
            return self._other_table(row)
        return JoinError(f"{problem}: {shown}; {self._remedy(cells, width)}")

    def _is_last(self) -> bool:
        """Return whether no row comes after the one that was read."""
        try:
            return next(self._rows, None) is None
        except csv.Error:
            return False

    def _remedy(self, cells: list[str], width: int) -> str:
        whole = any(_WHOLE.fullmatch(a) and b.isdigit() for a, b in pairwise(cells))
        if self._delimiter == "," and len(cells) > width and whole:
            return (
                "if commas are decimal ones, write points, or put semicolons or tabs between "
                "the columns; put cells that hold a comma in quotes"
            )
        if len(cells) > width:
            return f"put cells that hold a {_NAMES[self._delimiter]} in quotes"
        return "give each row a cell for each column"

    def _filled(self) -> Iterator[list[str]]:
        """Yield the rows that are not blank."""
        try:
            for cells in self._rows:
                self._between_rows = True
                self.line = self._rows.line_num + self._lines_out
                if len(cells) > 1 or any(map(str.strip, cells)):
                    yield cells
        except csv.Error as error:
            open_quote = "; a quote is not closed" if "end of data" in str(error) else ""
            line = self._rows.line_num + self._lines_out
            msg = f"{self._path}:{line}: not CSV: {error}{open_quote}"
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
            lines = io.StringIO(decoded, newline="")
            yield from self._without_bars(lines) if _may_have_bars(decoded) else lines
            self._lines_read += text.count(b"\n")

    def _without_bars(self, lines: Iterator[str]) -> Iterator[str]:
        """Yield lines without the progress bars that stand between rows."""
        for line in lines:
            if not (self._between_rows and any(mark in line for mark in _MARKS)):
                self._between_rows = False
                yield line
                continue
            rest = line
            while bar := _BAR.match(rest):
                rest = rest[bar.end() :]
            if _OPEN_BAR.fullmatch(rest.rstrip("\r\n")):
                rest = ""
            if rest != line:
                shown = line.strip()
                number = self._rows.line_num + self._lines_out + 1
                self._skipped.add(self._place.where(number), shown)
            if rest.strip():
                self._between_rows = False
                yield rest
            else:
                self._lines_out += 1


def _cut_ends(cells: list[str], width: int) -> None:
    """Take away the empty cells behind the last column."""
    while len(cells) > width and not cells[-1].strip():
        del cells[-1]


def _may_have_bars(text: str) -> bool:
    return any(mark in text for mark in _MARKS)
