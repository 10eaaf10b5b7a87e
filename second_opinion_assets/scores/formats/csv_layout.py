"""How a CSV file is laid out: what stands between its cells, and where its header is.

Told by many lines of the file, since one may be read in two ways: `a.mp4;0,53` has a decimal comma,
and `a;b.mp4,0.53` a name with a semicolon. Reading the rows belongs to `csv_rows`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import DoubtError, JoinError
from second_opinion_assets.contract.fields import ALL_KEY_NAMES, ALL_SCORE_NAMES, matching_fields
from second_opinion_assets.scores.number_texts import has_decimal_comma, tells_number
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.score_columns import known_columns
from second_opinion_assets.storage.decompress import HEAD_BYTES, Content

DELIMITERS = (";", "\t", ",")  # the comma last: it may be a decimal one
SPACE = " "
PAIR = 2
NO_SCORES = frozenset(("na", "n/a", "none", "null", "error", "failed"))
_DECIMAL_END = re.compile(r"[;\t] *[+-]?[0-9]+,[0-9]+\s*$")
_SPACE_DECIMAL = re.compile(r"[^\s,\"]+ +[+-]?[0-9]+,[0-9]+\s*$")
_PRINTED = re.compile(r"\s*\S+ of .+: [+-]?[0-9.]+(e[+-]?[0-9]+)?(\s+Time: \S+)?\s*$")


class Layout(NamedTuple):
    """How a CSV file is laid out.

    Attributes:
        delimiter: what stands between cells.
        has_header: whether names of columns stand before the rows.
        before: how many lines stand before the header.
    """

    delimiter: str
    has_header: bool
    before: int = 0


class Cells(csv.excel):
    """How cells are written: white space before one counts for nothing, a bad quote is refused."""

    skipinitialspace = True
    strict = True


def csv_layout(content: Content, asked: ReadRequest) -> Layout | None:
    """Return how a file is laid out; None if it is not certainly CSV.

    Raises:
        DoubtError: its numbers may be read in two ways, or it is what pyiqa prints.
    """
    lines = head_lines(content)
    first = next((line for line in lines if line.strip()), "")
    delimiters = DELIMITERS if any(mark in "".join(lines) for mark in DELIMITERS) else (SPACE,)
    layout = (
        _with_columns(lines, asked)
        or _pairs(lines, first, delimiters)
        or _first_header(first, asked, delimiters)
        or _later_header(lines, asked)
    )
    if layout is None:
        _refuse_printed(lines, content)
        return _unknown_table(lines, content)
    if layout.delimiter == ",":
        _refuse_doubt(lines, content, layout)
    return layout


def likely_layout(content: Content, *, headerless: bool) -> Layout:
    """Return the layout with most cells in the first line.

    Raises:
        JoinError: there is but one cell, or there are many and none is the name of a column.
    """
    lines = head_lines(content)
    line = next((line.strip("\r\n") for line in lines if line.strip()), "")
    if not line:
        msg = f"{content.path}: the file is empty, expected CSV"
        raise JoinError(msg)
    delimiter = max(DELIMITERS, key=line.count)
    found = cells_of(line, delimiter)
    if len(found) < PAIR:
        msg = (
            f"{content.path}:1: no comma, semicolon or tab in {json_text.shown(line)}, "
            "expected one of these between the columns"
        )
        raise JoinError(msg)
    if len(found) != PAIR and (headerless or any(map(tells_number, found))):
        raise _without_header(found, delimiter, content)
    return Layout(delimiter, has_header=not headerless)


def _without_header(found: list[str], delimiter: str, content: Content) -> DoubtError:
    """Return the error for a file of many columns that none has a name for."""
    dover = ["path", "aesthetic", "technical", "overall"]
    such = f", such as {json.dumps(dover)} for DOVER's" if len(found) == len(dover) else ""
    whole = delimiter == "," and all(cell.lstrip("+-").isdigit() for cell in found[1:])
    commas = "; if commas are decimal ones, write points" if whole else ""
    return DoubtError(
        f"{content.path}:1: {len(found)} columns and no header; name them as columns{such}, "
        f"or put a header before the rows, since only key and score by themselves need none{commas}"
    )


def _unknown_table(lines: Sequence[str], content: Content) -> Layout | None:
    """Return the layout of what is a table of some sort, though no name of a column is known.

    Raises:
        DoubtError: it has many columns and no header.
    """
    filled = [line for line in lines if line.strip()]
    for delimiter in DELIMITERS:
        table = [cells_of(line, delimiter) for line in filled]
        width = len(table[0]) if table else 0
        if len(table) < PAIR or width < PAIR or any(len(row) != width for row in table):
            continue
        columns = zip(*table[1:], strict=True)
        numeric = [all(map(tells_number, column)) for column in columns]
        if any(numeric) and not any(map(tells_number, table[0])):
            return Layout(delimiter, has_header=True)
        if any(numeric) and width > PAIR:
            raise _without_header(table[0], delimiter, content)
    return None


def head_lines(content: Content) -> list[str]:
    """Return the first lines of a file, the last of them whole if there are several."""
    text = content.head[:HEAD_BYTES].decode(errors="replace").removeprefix("\ufeff")
    lines = list(io.StringIO(text, newline=""))
    is_all = content.is_whole and len(content.head) <= HEAD_BYTES
    return lines if is_all or len(lines) <= 1 else lines[:-1]


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line by itself; none if it is not whole."""
    try:
        found = next(csv.reader([line.strip("\r\n")], Cells, delimiter=delimiter), [])
    except csv.Error:
        return []
    found = [cell.strip() for cell in found]
    return found[:-1] if len(found) > PAIR and not found[-1] else found


def _with_columns(lines: Sequence[str], asked: ReadRequest) -> Layout | None:
    """Return the layout of a file whose columns are named by who asks."""
    if asked.own.columns is None:
        return None
    width = len(asked.own.columns)
    fits = {d: _count(lines, d, width) for d in (*DELIMITERS, SPACE)}
    if not any(fits.values()):
        fits = {d: "".join(lines).count(d) for d in DELIMITERS}
    return Layout(max(fits, key=fits.__getitem__), has_header=False)


def _count(lines: Sequence[str], delimiter: str, width: int) -> int:
    return sum(len(cells_of(line, delimiter)) == width for line in lines)


def _pairs(lines: Sequence[str], first: str, delimiters: Sequence[str]) -> Layout | None:
    """Return the layout of a file of keys and scores without a header."""
    filled = [line for line in lines if line.strip()]
    fits = {
        delimiter: sum(_is_pair(line, delimiter) for line in filled)
        for delimiter in delimiters
        if _is_pair(first, delimiter, or_none=True)
    }
    best = max(fits, key=fits.__getitem__, default="")
    if not best or 2 * fits[best] < len(filled):
        return None
    return Layout(best, has_header=False)


def _is_pair(line: str, delimiter: str, *, or_none: bool = False) -> bool:
    found = cells_of(line, delimiter)
    if len(found) != PAIR:
        return False
    score = found[1]
    decimal = delimiter not in (",", SPACE) and has_decimal_comma(score)
    return decimal or tells_number(score) or (or_none and score.lower() in NO_SCORES)


def _first_header(first: str, asked: ReadRequest, delimiters: Sequence[str]) -> Layout | None:
    """Return the layout of a file whose first line has known names of columns."""
    known = {}
    for delimiter in delimiters:
        names = cells_of(first, delimiter)
        if len(names) >= PAIR and (delimiter != SPACE or _is_certain(names, asked)):
            known[delimiter] = known_columns(names, asked)
    best = max(known, key=known.__getitem__, default="")
    return Layout(best, has_header=True) if best and known[best] else None


def _later_header(lines: Sequence[str], asked: ReadRequest) -> Layout | None:
    """Return the layout of a file with other lines before a header that certainly is one."""
    for number, line in enumerate(lines):
        for delimiter in DELIMITERS:
            names = cells_of(line, delimiter)
            if len(names) >= PAIR and _is_certain(names, asked):
                rows_before = _count(lines[:number], delimiter, len(names))
                return None if rows_before else Layout(delimiter, has_header=True, before=number)
    return None


def _is_certain(names: Sequence[str], asked: ReadRequest) -> bool:
    """Return whether there are both a key and a score among some names."""
    keys = [asked.rules.key_field] if asked.rules.key_field else []
    scores = [asked.rules.score_field] if asked.rules.score_field else []
    found = matching_fields(tuple(names), (*keys, *ALL_KEY_NAMES))
    return bool(found and matching_fields(tuple(names), (*scores, *ALL_SCORE_NAMES)))


def _refuse_printed(lines: Sequence[str], content: Content) -> None:
    for number, line in enumerate(lines, 1):
        if _PRINTED.match(line):
            msg = (
                f"{content.path}:{number}: this is what pyiqa prints, and not its table of scores; "
                "run it with --save_file scores.csv, and give that file"
            )
            raise DoubtError(msg)


def _refuse_doubt(lines: Sequence[str], content: Content, layout: Layout) -> None:
    """Raise a DoubtError if a comma that was taken for a delimiter may be a decimal one."""
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    doubtful = [(n, line) for n, line in filled if _DECIMAL_END.search(line) and '"' not in line]
    if not layout.has_header and all(_SPACE_DECIMAL.match(line) for _, line in filled):
        doubtful = filled
    if doubtful:
        number, line = doubtful[0]
        msg = (
            f"{content.path}:{number}: in {json_text.shown(line.strip())} the comma may be a "
            "decimal one; write decimal points, or put semicolons or tabs between all columns"
        )
        raise DoubtError(msg)
