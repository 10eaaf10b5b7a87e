"""Where the cells of CSV text lie, and how a cell is written: RFC 4180, with any delimiter.

A quote within a cell that does not begin with one is a character like others, as every reader
takes it. What the cells mean does not belong here, nor which delimiter a file has (`csv_layout`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from second_opinion_assets.matching.keys import KEY_TYPE
from second_opinion_assets.tables.pieces import TEXT, Positions, pieces

_QUOTE, _LINE_FEED, _RETURN, _SPACE = b'"\n\r '
_OPEN_CELL = re.compile(rb'"(?:[^"]++|"")*+\Z')


class CellError(Exception):
    """Text is no CSV, or doubtful as such.

    Attributes:
        position: where in the text.
    """

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.position = position


class Cells(NamedTuple):
    """Where rows and their cells lie in a text; blank lines between rows belong to none.

    Attributes:
        text: the text.
        starts: of each row.
        ends: of each cell, a row of them for each row.
        length: how much of the text is whole lines, none of them within a quoted cell.
    """

    text: bytes
    starts: Positions
    ends: Positions
    length: int

    def raw(self, first: int, last: int) -> pa.Array:
        """Return the text from one column to another, as it stands."""
        starts = self.starts if first == 0 else self.ends[:, first - 1] + 1
        return pieces(self.text, starts, self.ends[:, last])

    def values(self, column: int) -> pa.Array:
        """Return what the cells of a column say; null for an empty one."""
        raw = self.raw(column, column)
        _, offsets, data = raw.buffers()
        if data is None or not (np.frombuffer(data, np.uint8) == _QUOTE).any():
            filled = np.diff(np.frombuffer(offsets, np.int64)[: len(raw) + 1]) > 0
            validity = pa.py_buffer(np.packbits(filled, bitorder="little"))
            return pa.Array.from_buffers(KEY_TYPE, len(raw), [validity, offsets, data])
        texts = [unquoted(cell).decode() or None for cell in raw.to_pylist()]
        return pa.array(texts, KEY_TYPE)


def find_cells(text: bytes, delimiter: bytes, columns: int | None = None) -> Cells:
    """Find the cells of whole rows; what follows the last of them may be a part of one.

    Args:
        text: whole lines.
        delimiter: stands between cells.
        columns: how many cells each row must have; None for as many as the first one has.

    Raises:
        CellError: a row has more or fewer, or it is doubtful where a cell ends.
    """
    characters = np.frombuffer(text, np.uint8)
    found = _separators(text, characters, delimiter)
    lines = np.flatnonzero(characters[found] == _LINE_FEED)
    if not len(lines):
        return Cells(text, np.zeros(0, np.int64), np.zeros((0, columns or 1), np.int64), 0)
    found = found[: lines[-1] + 1]
    length = int(found[-1]) + 1
    counts = np.diff(lines, prepend=-1)
    starts = np.concatenate((np.zeros(1, np.int64), found[lines[:-1]] + 1))
    is_row = _rows(text, starts, counts, columns)
    if not is_row.all():
        found = found[np.repeat(is_row, counts)]
        starts, counts = starts[is_row], counts[is_row]
    ends = found.reshape(len(starts), -1) if len(starts) else np.zeros((0, columns or 1), np.int64)
    ends[:, -1] -= characters[ends[:, -1] - 1] == _RETURN
    return Cells(text, starts, ends, length)


def behind(text: bytes, ends: Positions) -> Positions:
    """Return where the lines after those that end somewhere start."""
    starts: Positions = ends + 1 + (np.frombuffer(text, np.uint8)[ends] == _RETURN)
    return starts


def unquoted(cell: bytes) -> bytes:
    """Return what a cell says."""
    return cell[1:-1].replace(b'""', b'"') if cell.startswith(b'"') else cell


def quoted(text: bytes, delimiter: bytes) -> bytes:
    """Return a text as a cell, in quotes where it must be, or where it would seem to be nothing."""
    if text and not _special(delimiter).search(text):
        return text
    return b'"' + text.replace(b'"', b'""') + b'"'


def all_quoted(texts: pa.Array, delimiter: bytes) -> pa.Array:
    """Return texts as cells, an empty one for null."""
    _, offsets, data = texts.buffers()
    characters = np.frombuffer(data or b"", np.uint8)
    borders = np.frombuffer(offsets, np.int64)[texts.offset :][: len(texts) + 1]
    filled = np.diff(borders) > 0
    ends = np.concatenate((borders[:-1][filled], borders[1:][filled] - 1))
    seem_nothing = len(texts) - texts.null_count > filled.sum()
    special = _special_bytes(delimiter)
    if not (seem_nothing or special[characters].any() or (characters[ends] <= _SPACE).any()):
        return pa.Array.from_buffers(TEXT, len(texts), [None, offsets, data], 0, texts.offset)
    cells = [b"" if text is None else quoted(text, delimiter) for text in texts.to_pylist()]
    return pa.array(cells, TEXT)


@lru_cache
def _special_bytes(delimiter: bytes) -> NDArray[np.bool_]:
    """Return of each byte whether a cell that has it must be in quotes."""
    special = np.zeros(256, np.bool_)
    special[list(delimiter + b'"\r\n')] = True
    return special


@lru_cache
def _special(delimiter: bytes) -> re.Pattern[bytes]:
    return re.compile(rb'[%b"\r\n]|\A\s|\s\Z' % re.escape(delimiter))


def _rows(
    text: bytes, starts: Positions, counts: Positions, columns: int | None
) -> NDArray[np.bool_]:
    """Return which lines are rows, the others being blank."""
    is_row = np.ones(len(starts), np.bool_)
    wanted = columns
    # Of one column also a blank line has as many cells as a row.
    first = np.frombuffer(text, np.uint8)[starts]
    suspects = (
        counts == 1 if wanted is None else (counts != wanted) | ((counts == 1) & (first <= _SPACE))
    )
    for line in np.flatnonzero(suspects).tolist():
        start = int(starts[line])
        if counts[line] == 1 and not text[start : text.index(b"\n", start)].strip():
            is_row[line] = False
    wanted = wanted or int(counts[is_row][0]) if is_row.any() else 0
    odd = np.flatnonzero(is_row & (counts != wanted))
    if len(odd):
        line = int(odd[0])
        end = int(starts[line + 1]) if line + 1 < len(starts) else len(text)
        row = text[starts[line] : end].rstrip(b"\r\n")
        raise _miscounted(int(starts[line]), row, int(counts[line]), wanted)
    return is_row


def _miscounted(position: int, row: bytes, count: int, wanted: int) -> CellError:
    """Return the error of a row that has more or fewer cells than the header."""
    found = f"{'1 cell' if count == 1 else f'{count} cells'} in a row, expected {wanted}"
    if count < wanted:
        remedy = "write every cell, empty ones too"
    elif count == wanted + 1 and row.endswith((b",", b";", b"\t")):
        remedy = "it ends with a delimiter, as the header does not: let both end alike"
    else:
        remedy = "put cells that hold a delimiter in quotes"
    return CellError(position, f"{found}; {remedy}")


def _separators(text: bytes, characters: NDArray[np.uint8], delimiter: bytes) -> Positions:
    """Return the places of delimiters and line feeds that are in no quotes."""
    found = np.flatnonzero((characters == ord(delimiter)) | (characters == _LINE_FEED))
    if b'"' not in text:
        quotes = found[:0]
    else:
        quotes = np.flatnonzero(characters == _QUOTE)
        if not _are_regular(characters, quotes, delimiter):
            return _separators_one_by_one(text, delimiter)
        found = found[_outside(quotes, found)]
    if b"\r" in text:
        returns = np.flatnonzero(characters == _RETURN)
        returns = returns[_outside(quotes, returns)]
        alone = returns[characters[returns + 1] != _LINE_FEED]
        if len(alone):
            raise _return_alone(int(alone[0]))
    return found


def _outside(quotes: Positions, places: Positions) -> NDArray[np.bool_]:
    """Return which places have as many quotes before them that open as that close."""
    outside: NDArray[np.bool_] = np.searchsorted(quotes, places) % 2 == 0
    return outside


def _are_regular(characters: NDArray[np.uint8], quotes: Positions, delimiter: bytes) -> bool:
    """Return whether every other quote opens a cell, and the one after it closes that.

    Two side by side within a cell close and open it again. The last cell may be open.
    """
    opening, closing = quotes[::2], quotes[1::2]
    doubled = opening[1:] == closing[: len(opening) - 1] + 1
    # Before the first character stands, as numpy counts, the last one: a line feed.
    before, after = characters[opening - 1], characters[closing + 1]
    opens = (before == ord(delimiter)) | (before == _LINE_FEED)
    opens[1:] |= doubled
    closes = (after == ord(delimiter)) | (after == _LINE_FEED) | (after == _RETURN)
    closes[: len(doubled)] |= doubled
    return bool(opens.all() and closes.all())


def _separators_one_by_one(text: bytes, delimiter: bytes) -> Positions:
    """Return the same as `_separators`, of text with quotes in cells that begin with none."""
    cell = _cell(delimiter)
    found, position = [], 0
    while position < len(text):
        match = cell.match(text, position)
        if match is None:
            if _OPEN_CELL.match(text, position):
                break
            raise _doubtful(text, position)
        found.append(match.end() - 1)
        position = match.end()
    return np.array(found, np.int64)


@lru_cache
def _cell(delimiter: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a cell with what ends it."""
    mark = re.escape(delimiter)
    return re.compile(rb'(?:"(?:[^"]++|"")*+"|(?! *")[^%b\r\n]*+)(?:%b|\r?\n)' % (mark, mark))


def _doubtful(text: bytes, position: int) -> CellError:
    """Return why there is no cell at a place."""
    rest = text[position : text.index(b"\n", position)]
    if not rest.lstrip(b" ").startswith(b'"'):
        return _return_alone(position + rest.index(b"\r"))
    if rest.startswith(b" "):
        return CellError(position, "white space before a quote; take it out")
    return CellError(
        position, "a cell goes on behind its closing quote; write a quote within a cell twice"
    )


def _return_alone(position: int) -> CellError:
    return CellError(
        position, "a carriage return without a line feed; end each line with both or \\n"
    )
