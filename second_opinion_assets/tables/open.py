"""Which module reads and writes which format of table, told by the file's suffix."""

from __future__ import annotations

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.json_document import DocumentFrame, JsonDocument
from second_opinion_assets.tables.json_lines import FileTexts, JsonLines
from second_opinion_assets.tables.json_output import JsonDocumentWriter, JsonLinesWriter
from second_opinion_assets.tables.table import (
    LINE_SUFFIXES,
    TABLE_SUFFIXES,
    Added,
    FeatureTable,
    Sink,
    is_parquet,
)


def refuse_unknown_format(location: Location, what: str) -> None:
    """Raise a JoinError if a table's suffix tells no known format."""
    if location.suffix.lower() not in TABLE_SUFFIXES:
        suffix = location.suffix or "no suffix"
        msg = f"{location}: {what} ends in {suffix}, expected one of {', '.join(TABLE_SUFFIXES)}"
        raise JoinError(msg)


def open_table(file: Input, prefix: str | None = None) -> FeatureTable:
    """Return a table for reading.

    Args:
        file: the file; its suffix tells its format.
        prefix: what the names of the columns to append will start with; None for no such columns.

    Raises:
        JoinError: a format that is not known, or a file that is not of its format.
    """
    refuse_unknown_format(file.location, "the feature table")
    suffix = file.location.suffix.lower()
    if is_parquet(suffix):
        from second_opinion_assets.tables.parquet import ParquetTable  # noqa: PLC0415 (see below)

        return ParquetTable(file)
    if suffix in LINE_SUFFIXES:
        return JsonLines(FileTexts(file), prefix)
    return JsonDocument(file, prefix)


def write_table(location: Location, table: FeatureTable, added: Added, sink: Sink) -> int:
    """Write a table with what is appended, in the format that the output's name tells.

    Returns:
        How many rows were written.

    Raises:
        JoinError: rows that the output's format cannot hold, or an input that changed meanwhile.
    """
    suffix = location.suffix.lower()
    if is_parquet(suffix):
        # A tenth of a second to import, which tables of JSON do without.
        from second_opinion_assets.tables.parquet import write_parquet  # noqa: PLC0415

        return write_parquet(table, added, sink)
    if suffix in LINE_SUFFIXES:
        return JsonLinesWriter(sink, added).write(table.blocks())
    frame = table.frame if isinstance(table, JsonDocument) else DocumentFrame()
    return JsonDocumentWriter(sink, added, frame).write(table.blocks())
