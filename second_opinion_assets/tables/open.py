"""Which module reads and writes which format of table, told by the file's suffix."""

from __future__ import annotations

from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.csv_output import CellsWriter, CsvWriter
from second_opinion_assets.tables.csv_table import CsvTable
from second_opinion_assets.tables.foreign import (
    FEATURES,
    refuse_another_form,
    refuse_foreign_content,
    refuse_unknown_suffix,
)
from second_opinion_assets.tables.frame_table import FrameTable
from second_opinion_assets.tables.json_document import DocumentFrame, JsonDocument
from second_opinion_assets.tables.json_lines import JsonLines
from second_opinion_assets.tables.json_output import JsonDocumentWriter, JsonLinesWriter
from second_opinion_assets.tables.table import (
    CSV_SUFFIXES,
    LINE_SUFFIXES,
    Added,
    FeatureTable,
    KeyTable,
    Sink,
    Writer,
    is_parquet,
    table_suffix,
)
from second_opinion_assets.tables.texts import FileTexts


def open_table(file: Input, prefix: str | None = None) -> FeatureTable:
    """Return a table for reading.

    Args:
        file: the file; its suffix tells its format.
        prefix: what the names of the columns to append will start with; None for no such columns.

    Raises:
        JoinError: a format that is not known, or a file that is not of its format.
    """
    refuse_unknown_suffix(file.location, FEATURES)
    refuse_foreign_content(file)
    suffix = table_suffix(file.location)
    refuse_another_form(file, suffix)
    if is_parquet(suffix):
        from second_opinion_assets.tables.parquet import ParquetTable  # noqa: PLC0415 (see below)

        return ParquetTable(file)
    if suffix in LINE_SUFFIXES:
        return JsonLines(FileTexts(file), prefix)
    if suffix in CSV_SUFFIXES:
        return CsvTable(file)
    return JsonDocument(file, prefix)


def open_keys(file: Input | Frame) -> KeyTable:
    """Return a table of a file, or one in memory, to read its columns."""
    return FrameTable(file) if isinstance(file, Frame) else open_table(file)


def write_table(location: Location, table: FeatureTable, added: Added, sink: Sink) -> int:
    """Write a table with what is appended, in the format that the output's name tells.

    Returns:
        How many rows were written.

    Raises:
        JoinError: rows that the output's format cannot hold, or an input that changed meanwhile.
    """
    suffix = table_suffix(location)
    if is_parquet(suffix):
        # A tenth of a second to import, which tables of JSON do without.
        from second_opinion_assets.tables.parquet import write_parquet  # noqa: PLC0415

        return write_parquet(table, added, sink)
    if suffix in LINE_SUFFIXES:
        return JsonLinesWriter(sink, added).write(table.blocks())
    if suffix in CSV_SUFFIXES:
        return _csv_writer(table, suffix, added, sink).write(table.blocks())
    frame = table.frame if isinstance(table, JsonDocument) else DocumentFrame()
    return JsonDocumentWriter(sink, added, frame).write(table.blocks())


def _csv_writer(table: FeatureTable, suffix: str, added: Added, sink: Sink) -> Writer:
    """Return what writes CSV: the rows' own bytes where the delimiter is that of the suffix.

    A file named `.csv` may have any delimiter between its cells, one named `.tsv` has tabs.
    """
    if not isinstance(table, CsvTable):
        return CellsWriter(sink, added, table, b"\t" if suffix == ".tsv" else b",")
    is_tabbed = table.layout.delimiter == b"\t"
    if is_tabbed == (suffix == ".tsv") or (is_tabbed and table.path.lower().endswith(".csv")):
        return CsvWriter(sink, added, table)
    return CellsWriter(sink, added, table, b"," if is_tabbed else b"\t")
