"""Which module reads and writes which form of table, told by the file's suffix."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.formats.json_forms import LINE_SUFFIXES
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import Publication
from second_opinion_assets.storage.reading import Input, Progress, whole_lines
from second_opinion_assets.tables.json_table import AppendedNames, JsonTable
from second_opinion_assets.tables.json_writer import JsonDocumentWriter, JsonLinesWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from second_opinion_assets.scores.scorers import Scorer
    from second_opinion_assets.tables.block import FeatureTable, Writer

PARQUET_SUFFIXES = (".parquet", ".pq")
TABLE_SUFFIXES = (*PARQUET_SUFFIXES, *LINE_SUFFIXES, ".json")
DOCUMENT_BLOCK_ROWS = 10_000
LARGE_FILE_BYTES = 64 << 20  # of which native code is worth its import


def refuse_unknown_form(path: Location, what: str) -> None:
    """Raise a JoinError if a table's suffix tells no known form."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        suffix = path.suffix or "no suffix"
        msg = f"{path}: {what} ends in {suffix}, expected one of {', '.join(TABLE_SUFFIXES)}"
        raise JoinError(msg)


@contextmanager
def open_table(
    path: Location, appended: AppendedNames, progress: Progress | None = None
) -> Iterator[FeatureTable]:
    """Open a feature table for reading.

    Args:
        path: the file; its suffix tells its form.
        appended: the names of the columns to append, which the table must not have yet.
        progress: told of the bytes read.

    Raises:
        JoinError: a form that is not known, or a file that is not of its form.
    """
    refuse_unknown_form(path, "the feature table")
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        from second_opinion_assets.tables.parquet import ParquetTable  # noqa: PLC0415

        with ParquetTable(path, appended, progress) as table:
            yield table
    elif suffix in LINE_SUFFIXES:
        with Input(path, progress) as file, closing(whole_lines(file.chunks())) as texts:
            yield JsonTable(
                path,
                file,
                texts,
                lambda line: f"{path}:{line}",
                appended,
                lambda: open_table(path, appended),
                large=file.size >= LARGE_FILE_BYTES,
            )
    else:
        yield _document_table(path, appended, progress)


def open_writer(
    path: Location,
    sink: Publication,
    table: FeatureTable,
    key_column: str,
    scorers: list[Scorer],
    prefix: str,
) -> Writer:
    """Return what writes the output of a table in the form that `path` tells; to be closed."""
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        from second_opinion_assets.tables.parquet import ParquetTable, ParquetWriter  # noqa: PLC0415

        like = table.file.metadata if isinstance(table, ParquetTable) else None
        return ParquetWriter(sink, table.arrow_schema(key_column), scorers, prefix, like)
    if suffix in LINE_SUFFIXES:
        return JsonLinesWriter(sink, scorers, prefix)
    frame = table.frame if isinstance(table, DocumentTable) else DocumentFrame(b'{"rows": ', b"}")
    return JsonDocumentWriter(sink, scorers, prefix, frame.head, frame.tail)


class DocumentFrame(NamedTuple):
    """What stands before and after the list of rows in a JSON document."""

    head: bytes
    tail: bytes


class DocumentTable(JsonTable):
    """A feature table in a JSON document; `frame` is what stands around its rows."""

    frame: DocumentFrame


def _document_table(
    path: Location, appended: AppendedNames, progress: Progress | None
) -> DocumentTable:
    with Input(path, progress) as file:
        text = file.read().removeprefix(b"\xef\xbb\xbf")
    if not json_text.is_utf8(text):
        msg = f"{path}: not UTF-8 text"
        raise JoinError(msg)
    if text.lstrip().startswith(b"["):
        name, rows, frame = "", text, DocumentFrame(b"", b"")
    else:
        members = json_text.members(text, str(path))
        if not members.get("rows", b"").startswith(b"["):
            msg = (
                f"{path}: no list named rows in the object; expected a list, or an object with rows"
            )
            raise JoinError(msg)
        name, rows, frame = ".rows", members["rows"], _frame(members)
    elements = json_text.elements(rows, str(path))
    table = DocumentTable(
        path,
        file,
        _row_lines(elements),
        lambda line: f"{path}::${name}[{line - 1}]",
        appended,
        lambda: open_table(path, appended),
    )
    table.frame = frame
    return table


def _frame(members: dict[str, bytes]) -> DocumentFrame:
    """Return the text of an object's other members, before and after its rows."""
    texts = [
        json.dumps(name).encode() + b": " + json_text.null_non_finite(value)[0]
        for name, value in members.items()
    ]
    position = list(members).index("rows")
    before = b"".join(text + b", " for text in texts[:position])
    after = b"".join(b", " + text for text in texts[position + 1 :])
    return DocumentFrame(b"{" + before + b'"rows": ', after + b"}")


def _row_lines(elements: list[bytes]) -> Iterator[bytes]:
    """Yield rows one a line; a line feed within a row is white space between its tokens."""
    for start in range(0, len(elements), DOCUMENT_BLOCK_ROWS):
        rows = elements[start : start + DOCUMENT_BLOCK_ROWS]
        yield b"".join(row.translate(None, b"\r\n") + b"\n" for row in rows)
