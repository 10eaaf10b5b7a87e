"""Score files as rows: the values of JSON, and tables with the names of their columns."""

from __future__ import annotations

import codecs
import io
import json
import re
from dataclasses import dataclass
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

MARKS = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
"""UTF-32 goes first: the mark of UTF-16 is its beginning."""
SPACE = JSON_SPACE.decode()
LOOKED_AT_BYTES = 1000
BINARY_BYTES = 1024
C_CONSTANT = re.compile(rb"[-+]?(inf|nan|1\.#)", re.IGNORECASE)
"""NaN and infinity as C prints them, and as JSON has no business to."""


@dataclass(frozen=True)
class Table:
    """Rows of a table of scores, each with as many values as there are columns."""

    columns: list[str]
    rows: list[list[Any]]
    has_header: bool = True
    delimiter: str = ""


def payloads_of(file: ScoreFile) -> list[Any]:
    """Return the rows of a JSON sidecar; one that is of neither form may be objects in a row.

    Unclear: what C prints in the place of a number, a mark of UTF-8 within the text, and objects of
    which some but not the first stand on a line each, none of which this reading knows.
    """
    text = in_utf8(file.text).removeprefix(BOM)
    bare = re.sub(rb'"(?:[^"\\]|\\.)*"|\bNaN\b|\bInfinity\b', b"", text, flags=re.DOTALL)
    if C_CONSTANT.search(bare):
        raise Unclear(text)
    if (later := text.lstrip(JSON_SPACE)).startswith(BOM):
        raise (Refused if later.startswith(BOM + b"{") else Unclear)(text)
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
        if begins_with_a_line(text):
            return loads_lines(without_noise(text), Members)
        first, *others = text.strip().split(b"\n")
        if any(line.startswith(b"{") and begins_with_a_line(line) for line in others):
            raise Unclear(objects) from None
        if file.form == "lines" and not tells_objects(first):
            raise Unclear(objects) from None
        return objects


def in_utf8(text: bytes) -> bytes:
    """Return text as UTF-8: by its mark it may be UTF-32 or UTF-16.

    Refused: what has a zero byte among its first characters is no text.
    Unclear: what begins as compressed files and parquet do, which is no text.
    """
    if text.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1")):
        raise Unclear(text)
    marked = next((name for name, marks in MARKS.items() if text.startswith(marks)), None)
    try:
        decoded = text.decode(marked).encode() if marked else text
    except UnicodeError as error:
        raise Refused(str(error)) from error
    if b"\0" in decoded[:BINARY_BYTES]:
        raise Refused(text)
    return decoded


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
    """Return a parquet sidecar; pyarrow looks at its end alone.

    Unclear: one of which some columns can be read: which are looked at is left open.
    """
    if not file.text.startswith(b"PAR1"):
        raise Refused(file.text[:4])
    try:
        opened = pq.ParquetFile(io.BytesIO(file.text), page_checksum_verification=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Refused(str(error)) from error
    try:
        table = opened.read()
        values = table.to_pydict().values()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Unclear(str(error)) from error
    if table.num_rows != opened.metadata.num_rows:
        raise Refused(table.num_rows)
    columns: list[str] = table.column_names
    return Table(columns, [list(row) for row in zip(*values, strict=True)])


def as_row(table: Table, cells: list[Any]) -> Row:
    """Return a row of a table by its columns; of two columns of one name the first counts."""
    row: Row = {}
    for name, cell in zip(table.columns, cells, strict=True):
        row.setdefault(name, cell)
    return row
