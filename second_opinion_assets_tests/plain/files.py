"""Score files as rows: the values of JSON, and tables with the names of their columns."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from second_opinion_assets_tests.plain.contract import Refused, Row, ScoreFile, Unclear
from second_opinion_assets_tests.plain.names import PAYLOAD_FIELDS
from second_opinion_assets_tests.plain.values import (
    BOM,
    JSON_SPACE,
    Members,
    loads,
    loads_lines,
)

NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf)", re.IGNORECASE
)


MEASURES = {"plcc", "lcc", "srcc", "srocc", "krcc", "krocc", "rmse"}
MARKS = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
"""UTF-32 goes first: the mark of UTF-16 is its beginning."""
SPACE = JSON_SPACE.decode()
LOOKED_AT_BYTES = 1000


@dataclass(frozen=True)
class Table:
    """Rows of a table of scores, each with as many values as there are columns."""

    columns: list[str]
    rows: list[list[Any]]
    has_header: bool = True
    delimiter: str = ""


def payloads_of(file: ScoreFile) -> list[Any]:
    """Return the rows of a JSON sidecar; one that is of neither form may be objects in a row."""
    text = in_utf8(file.text).removeprefix(BOM)
    if text.lstrip(JSON_SPACE).startswith(BOM):
        raise Refused(text)
    if file.form == "lines" and begins_with_a_line(text):
        return loads_lines(without_noise(text), Members)
    try:
        if file.form == "lines":
            return loads_lines(without_noise(text), Members)
        return rows_in(loads(text, Members))
    except Refused:
        objects = objects_in(text)
        if not objects:
            raise
        if file.form == "lines" and not tells_objects(text.strip().split(b"\n")[0]):
            raise Unclear(objects) from None
        return objects


def in_utf8(text: bytes) -> bytes:
    """Return text as UTF-8: by its mark it may be UTF-32 or UTF-16.

    Unclear: compressed text, which this reading does not know.
    """
    if text.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        raise Unclear(text)
    marked = next((name for name, marks in MARKS.items() if text.startswith(marks)), None)
    try:
        return text.decode(marked).encode() if marked else text
    except UnicodeError as error:
        raise Refused(str(error)) from error


def without_noise(text: bytes) -> bytes:
    """Return lines without those that a program says as it runs, if there are not too many."""
    lines = [line for line in text.split(b"\n") if line.strip(JSON_SPACE)]
    rows = [line for line in lines if not is_noise(line)]
    if len(lines) > 11 * len(rows):
        raise Refused(lines)
    return b"\n".join(rows)


def is_noise(line: bytes) -> bool:
    """Say whether a line is text, and neither JSON nor a part of a row.

    Unclear: a row that a bar may stand in front of.
    """
    if line.strip(JSON_SPACE)[:1] == b"{":
        return False
    if re.search(rb'\{[ \t]*["}]', line) and re.search(rb"%\||it/s|s/it|\r", line):
        raise Unclear(line)
    if re.search(rb'\{[ \t]*["}]|"[ \t]*:|^[ \t]*\[[ \t]*"|\}[ \t\r]*$', line):
        return False
    try:
        line.decode()
        loads(line)
    except UnicodeDecodeError:
        return False
    except Refused:
        return True
    return False


def begins_with_a_line(text: bytes) -> bool:
    """Return whether the first line that is not blank is JSON."""
    try:
        return bool(loads_lines(next(line for line in text.split(b"\n") if line.strip())))
    except (Refused, StopIteration):
        return False


def tells_objects(line: bytes) -> bool:
    """Return whether a first line holds several objects; how far it is looked at is left open."""
    return len(line) < LOOKED_AT_BYTES and len(objects_in(line)) > 1


def rows_in(document: Any) -> list[Any]:
    """Return the rows of a document: a list, the list in an object, or one payload.

    Unclear: a form of certain scorers, which this reading does not know.
    """
    if isinstance(document, Members) and document.twice & {"rows", "results"}:
        raise Refused(document.twice)
    for name in ("rows", "results"):
        if isinstance(document, dict) and isinstance(document.get(name), list):
            document = document[name]
    rows = document if isinstance(document, list) else [document]
    is_object = isinstance(document, dict)
    if is_object and not PAYLOAD_FIELDS.intersection(map(str.lower, document)):
        raise Unclear(document)  # clips as names
    if any(map(is_of_certain_scorers, rows[:1] if isinstance(document, list) else rows)):
        raise Unclear(document)
    return rows


def is_of_certain_scorers(row: Any) -> bool:
    """Return whether a row, or all of a document, has a form of its own."""
    if not isinstance(row, dict):
        return isinstance(row, list)  # a pair
    frames = row.get("frames")
    first = frames[0] if isinstance(frames, list) and frames else None
    return (
        isinstance(row.get("global"), dict)
        or isinstance(row.get("pooled_metrics"), dict)
        or (isinstance(first, dict) and isinstance(first.get("metrics"), dict))
        or {"per_sequence", "video_full_path"} <= row.keys()
        or {"columns", "data"} <= row.keys()
        or {"schema", "data"} <= row.keys()
        or any(isinstance(row.get(name), dict) for name in ("rows", "results"))
    )


def objects_in(text: bytes) -> list[Any]:
    """Return the objects of a text that holds nothing else, whatever space is between them."""
    try:
        rest, objects = text.decode().strip(SPACE), []
        while rest:
            _, end = json.JSONDecoder().raw_decode(rest)
            objects.append(loads(rest[:end], Members))
            rest = rest[end:].lstrip(SPACE)
    except (ValueError, RecursionError, Refused):
        return []
    return objects if all(isinstance(row, dict) for row in objects) else []


def parquet_table(file: ScoreFile) -> Table:
    """Return a parquet sidecar."""
    try:
        table = pq.read_table(io.BytesIO(file.text), page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise Refused(str(error)) from error
    columns: list[str] = table.column_names
    return Table(columns, [list(row) for row in zip(*table.to_pydict().values(), strict=True)])


def csv_table(file: ScoreFile, known: set[str]) -> Table:
    """Return a CSV sidecar; a cell has no white space around it, and an empty one is null.

    Args:
        file: the sidecar.
        known: names of columns, in lower case, by which a header is told.
    """
    try:
        text = in_utf8(file.text).decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Refused(str(error)) from error
    first = next((line for line in re.split(r"\r?\n", text) if line.strip()), "")
    has_bars = re.search(r"%\||(it/s|s/it)\]", text)
    if first.strip()[:1] in ("{", "[") or not re.search("[,;\t]", text) or has_bars:
        raise Unclear(first)
    delimiter, has_header = layout(text, known)
    refuse_doubt(text, delimiter, has_header=has_header)
    rows = [cells for cells in cells_of(text, delimiter) if len(cells) > 1 or cells[0]]
    columns = [cell or "" for cell in rows.pop(0)] if has_header else ["file_name", "score"]
    rows = [without_ends(cells, len(columns)) for cells in rows]
    if any(sums_up(cells) for cells in rows):
        raise Unclear(rows)
    if any(len(cells) != len(columns) for cells in rows):
        raise Refused(columns)
    kept = [cells for cells in rows if not has_header or [c or "" for c in cells] != columns]
    return Table(columns, kept, has_header, delimiter)


def sums_up(cells: list[str | None]) -> bool:
    """Return whether a row may tell of all others, or begin a table that does."""
    words = [(cell or "").lower() for cell in cells]
    return (
        any(word.startswith(("avg", "average", "mean", "overall", "total")) for word in words)
        or len(MEASURES.intersection(words)) > 1
    )


def without_ends(cells: list[str | None], width: int) -> list[str | None]:
    """Return the cells of a row without empty ones behind the last column."""
    extra = cells[width:]
    return cells[:width] if extra and not any(extra) else cells


def layout(text: str, known: set[str]) -> tuple[str, bool]:
    """Return what stands between cells, and whether the first line is a header."""
    lines = [line for line in re.split(r"\r?\n", text) if line.strip()] or [""]
    pairs = {d: sum(is_pair(line, d) for line in lines) for d in ";\t," if is_pair(lines[0], d)}
    best = max(pairs, key=pairs.__getitem__, default="")
    if best and 2 * pairs[best] >= len(lines):
        return best, False
    found = {}
    for delimiter in ";\t,":
        cells = first_cells(lines[0], delimiter)
        if len(cells) > 1:
            found[delimiter] = sum((cell or "").lower() in known for cell in set(cells))
    best = max(found, key=found.__getitem__, default="")
    if not best or not found[best]:
        clear = '"' not in text and not any(name in text.lower() for name in known - {""})
        raise Refused(text) if clear else Unclear(text)
    return best, True


def is_pair(line: str, delimiter: str) -> bool:
    """Say whether a line is a key and a score, of which nothing else stands there."""
    cells = first_cells(line, delimiter)
    if len(cells) > 2 and not cells[-1]:
        del cells[-1]
    if len(cells) != 2:
        return False
    score = cells[1] or ""
    if score.lower() in ("na", "n/a", "none", "null", "error", "failed"):
        raise Unclear(line)
    return bool(NUMBER.fullmatch(score)) or (delimiter != "," and has_comma(score))


def has_comma(score: str | None) -> bool:
    """Say whether a score has a decimal comma."""
    return bool(re.fullmatch(r"[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?", score or ""))


def refuse_doubt(text: str, delimiter: str, *, has_header: bool) -> None:
    """Refuse a comma between cells that may as well be a decimal one."""
    lines = [line for line in re.split(r"\r?\n", text) if line.strip()]
    ends = [re.search(r"[;\t] *[+-]?[0-9]+,[0-9]+\s*$", line) for line in lines]
    spaces = [re.fullmatch(r'[^\s,"]+ +[+-]?[0-9]+,[0-9]+\s*', line) for line in lines]
    plain = [end and '"' not in line for end, line in zip(ends, lines, strict=True)]
    if delimiter == "," and (any(plain) or (not has_header and all(spaces))):
        raise Refused(text)


def with_points(table: Table, score: str, runtimes: Sequence[str]) -> Table:
    """Return a table whose numbers have decimal points; refused if its scores may have either."""
    column = table.columns.index(score)
    scores = [row[column] for row in table.rows]
    if table.delimiter == "," and column == len(table.columns) - 2 and not table.columns[-1]:
        pairs = [(row[column] or "", row[-1] or "") for row in table.rows]
        if any(re.fullmatch("[+-]*[0-9]+", a) and b.isdigit() for a, b in pairs):
            raise Refused(pairs)
    if table.delimiter not in (";", "\t"):
        return table
    points = [re.fullmatch(r"[+-]?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?", cell or "") for cell in scores]
    if any(points) and any(map(has_comma, scores)):
        raise Refused(scores)
    numbers = [n for n, name in enumerate(table.columns) if n == column or name in runtimes]
    rows = [list(row) for row in table.rows]
    for row in rows:
        for n in numbers:
            row[n] = row[n].replace(",", ".") if has_comma(row[n]) else row[n]
    return replace(table, rows=rows)


def first_cells(line: str, delimiter: str) -> list[str | None]:
    """Return the cells of a first line, if this is what stands between them; else none."""
    try:
        return cells_of(line, delimiter)[0]
    except (Refused, Unclear, IndexError):
        return []


def cells_of(text: str, delimiter: str) -> list[list[str | None]]:
    """Return the cells of all rows, a blank row as one empty cell.

    Unclear: a quote within an unquoted cell or behind a quoted one, a carriage return alone.
    """
    rows: list[list[str | None]] = [[]]
    position = 0
    while position <= len(text):
        start = position
        while text[position : position + 1] == " ":
            position += 1
        if text[position : position + 1] == '"':
            cell, position = quoted(text, position + 1)
            end = re.compile(rf"{delimiter}|\r?\n|\Z").match(text, position)
            if not end:
                raise Unclear(text[start:position])
        else:
            end = re.compile(rf"{delimiter}|\r?\n|\Z").search(text, start)
            assert end
            cell = text[start : end.start()]
            if '"' in cell or "\r" in cell or "\0" in cell:
                raise Unclear(cell)
        rows[-1].append(cell.strip() or None)
        position = end.end()
        if not end.group():
            return rows if text[-1:] != "\n" else rows[:-1]
        if end.group() != delimiter:
            rows.append([])
    return rows


def quoted(text: str, position: int) -> tuple[str, int]:
    """Return what stands in quotes, where two are one, and where the quotes end."""
    found = re.compile(r'((?:[^"]|"")*)"(?!")').match(text, position)
    if not found:
        raise Refused(text[position:])
    if "\0" in found[1] or "\r" in found[1].replace("\r\n", ""):
        raise Unclear(found[1])
    return found[1].replace('""', '"'), found.end()


def as_row(table: Table, cells: list[Any]) -> Row:
    """Return a row of a table by its columns; of two columns of one name the first counts."""
    row: Row = {}
    for name, cell in zip(table.columns, cells, strict=True):
        row.setdefault(name, cell)
    return row
