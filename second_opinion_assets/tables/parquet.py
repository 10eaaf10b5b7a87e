"""Parquet: reading the columns that are needed, and writing as the input was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.key_texts import key_texts
from second_opinion_assets.storage.limits import ROW_BYTES, refuse_fields, refuse_unpacked
from second_opinion_assets.storage.machine import arrow_errors
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables import level_histograms
from second_opinion_assets.tables.appended import (
    appended_table,
    joined_tables,
    plain_appended_table,
)
from second_opinion_assets.tables.convert import json_rows_of_table
from second_opinion_assets.tables.odd_values import refusing_odd_values
from second_opinion_assets.tables.parquet_settings import stores_arrow_schema, writer_settings
from second_opinion_assets.tables.parquet_splice import NoSplice, Splice
from second_opinion_assets.tables.table import (
    Added,
    Block,
    Column,
    ColumnBlock,
    FeatureTable,
    JsonRows,
    Sink,
    columns_exist,
)

ROW_GROUP_ROWS = 122_880  # of tables that bring no row groups of their own
BATCH_ROWS = 65_536
_TAIL_BYTES = 8  # after the footer: its length, and the format's mark


class ParquetBlock:
    """A row group; a `Block`."""

    def __init__(self, table: ParquetTable, number: int) -> None:
        self._parquet = table
        self._number = number
        self._rows: int = table.file.metadata.row_group(number).num_rows

    def __len__(self) -> int:
        return self._rows

    def json_rows(self) -> JsonRows:
        with refusing_odd_values(self._parquet.path):
            rows, non_finite = json_rows_of_table(self.arrow(None))
        self._parquet.non_finite_values += non_finite
        return rows

    def arrow(self, schema: pa.Schema | None) -> pa.Table:  # noqa: ARG002 (it has this schema)
        with arrow_errors(self._parquet.path, f"row group {self._number} cannot be read"):
            table = self._parquet.file.read_row_group(self._number)
        return self._parquet.without_replaced(table)


class ParquetTable:
    """A parquet feature table; a `FeatureTable`.

    Args:
        file: the file; it is hashed in the background.
    """

    def __init__(self, file: Input) -> None:
        self.path = str(file.location)
        self.input = file
        self.non_finite_values = 0
        file.hash_in_background()
        with arrow_errors(self.path, "not a parquet file, or cut short"):
            self.file = pq.ParquetFile(file.arrow_file(), page_checksum_verification=True)
        self.replaced: list[str] = []
        self._refuse_large()
        self._refuse_wrong_histograms()
        self._refuse_cut()
        self._refuse_contradicting_counts()
        self._refuse_repeated_names()

    @property
    def columns(self) -> list[Column]:
        return [Column(field.name, str(field.type)) for field in self.arrow_schema()]

    knows_all_columns = True

    def read_columns(self, keys: Sequence[str], names: Sequence[str] = ()) -> Iterator[ColumnBlock]:
        wanted = list(dict.fromkeys([*keys, *names]))
        absent = set(wanted) - set(self.file.schema_arrow.names)
        if absent:
            msg = f"{self.path}: the table has no column {', '.join(sorted(absent))}"
            raise JoinError(msg)
        batches = self.file.iter_batches(BATCH_ROWS, columns=wanted)
        rows = 0
        while (batch := self._next(batches)) is not None:
            rows += batch.num_rows
            table = pa.Table.from_batches([batch])
            with refusing_odd_values(self.path):
                texts = [key_texts(table.column(key), self.path).combine_chunks() for key in keys]
                values = [table.column(name).to_pylist() for name in names]
            yield ColumnBlock(table.num_rows, texts, values)
        if rows != (told := self.file.metadata.num_rows):
            found = f"its pages hold {rows} rows, its footer tells of {told}"
            msg = f"{self.path}: {found}; write it again"
            raise JoinError(msg)

    def append(self, names: Sequence[str], *, overwrite: bool) -> None:
        self.replaced = [name for name in self.file.schema_arrow.names if name in set(names)]
        if self.replaced and not overwrite:
            raise columns_exist(self.path, self.replaced)

    def blocks(self) -> Iterator[ParquetBlock]:
        for number in range(self.file.num_row_groups):
            yield ParquetBlock(self, number)
            pa.default_memory_pool().release_unused()

    def arrow_schema(self) -> pa.Schema:
        schema = self.file.schema_arrow
        for name in self.replaced:
            schema = schema.remove(schema.get_field_index(name))
        return schema

    def without_replaced(self, table: pa.Table) -> pa.Table:
        """Return a table without the columns that are to be replaced."""
        return table.drop_columns(self.replaced) if self.replaced else table

    def footer(self) -> bytes:
        """Return the footer as it stands in the file."""
        end = self.input.size - _TAIL_BYTES
        size = int.from_bytes(self.input.pread(end, 4), "little")
        return self.input.pread(end - size, size)

    def _next(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        with arrow_errors(self.path, "cannot be read as parquet"):
            return next(batches, None)

    def _refuse_large(self) -> None:
        """Raise a JoinError for too many columns, and for pages that unpack to too much."""
        metadata = self.file.metadata
        refuse_fields(metadata.num_columns, self.path)
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        unpacked_bytes = sum(group.total_byte_size for group in groups)
        unpacked_bytes = max(ROW_BYTES * metadata.num_rows, unpacked_bytes)
        refuse_unpacked(self.path, self.input.size, unpacked_bytes)

    def _refuse_wrong_histograms(self) -> None:
        columns = map(self.file.schema.column, range(self.file.metadata.num_columns))
        levels = [(c.max_repetition_level, c.max_definition_level) for c in columns]
        if not level_histograms.are_right(self.footer(), levels):
            msg = (
                f"{self.path}: not a parquet file: its footer cannot be read as one; write it again"
            )
            raise JoinError(msg)

    def _refuse_cut(self) -> None:
        """Raise a JoinError if bytes are lost before a footer that is whole.

        Pages that are not compressed would be read from the bytes of what comes after them.
        """
        metadata = self.file.metadata
        if not metadata.num_row_groups:
            return
        end = self.input.size - metadata.serialized_size - _TAIL_BYTES
        last = metadata.row_group(metadata.num_row_groups - 1)
        for chunk in map(last.column, range(last.num_columns)):
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            if start + chunk.total_compressed_size > end:
                msg = f"{self.path}: its footer tells of more data than there is; write it again"
                raise JoinError(msg)

    def _refuse_contradicting_counts(self) -> None:
        """Raise a JoinError if the footer tells of other rows by row group than elsewhere.

        What is appended is parted as its row groups are.
        """
        metadata, schema = self.file.metadata, self.file.schema
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        levels = (schema.column(n).max_repetition_level for n in range(metadata.num_columns))
        flat = [n for n, level in enumerate(levels) if not level][:1]  # has a value or null a row
        agree = sum(group.num_rows for group in groups) == metadata.num_rows and all(
            group.column(n).num_values == group.num_rows for n in flat for group in groups
        )
        if not agree:
            msg = f"{self.path}: its footer tells of different numbers of rows; write it again"
            raise JoinError(msg)

    def _refuse_repeated_names(self) -> None:
        names = self.file.schema_arrow.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            msg = f"{self.path}: two columns are named {twice!r}; rename one of them"
            raise JoinError(msg)


def write_parquet(table: FeatureTable, added: Added, sink: Sink) -> int:
    """Write a table as parquet; return how many rows.

    A parquet table keeps its bytes and gains column chunks and a new footer. Where that cannot be
    (other formats, replaced columns, dropped rows, what `Splice` refuses) rows are decoded and
    encoded.
    """
    if not isinstance(table, ParquetTable):
        return ParquetWriter(sink, added, table.arrow_schema(), None).write(table.blocks())
    metadata = table.file.metadata
    if not table.replaced and (added.kept is None or added.kept.all()):
        with suppress(NoSplice):
            splice = Splice(
                table.footer(), table.input.size, appended_table(added, slice(0, 0)).schema
            )
            # Each column's first page would be a request, and writers put checksums into all pages
            # or into none.
            is_known = table.input.location.is_remote and not splice.has_checksums(
                table.input.pread
            )
            if not is_known and (damage := splice.check_page_checksums(table.input.pread)):
                msg = f"{table.path}: cannot be read as parquet: {damage}; write the table again"
                raise JoinError(msg)
            ends = np.cumsum(splice.row_group_rows).tolist()
            groups = (slice(*rows) for rows in pairwise([0, *ends]))
            splice.write(table.input.pread, sink, (appended_table(added, rows) for rows in groups))
            rows: int = metadata.num_rows
            return rows
    return ParquetWriter(sink, added, table.arrow_schema(), metadata).write(table.blocks())


class ParquetWriter:
    """Writes parquet by decoding and encoding; a `Writer`.

    Row groups of a parquet input stay what they were; rows of other inputs are gathered into
    groups of `ROW_GROUP_ROWS`.

    Args:
        sink: takes the file's bytes.
        added: what is appended.
        schema: of the input columns that are kept.
        like: what the input's metadata tells of how it was written; None for another format.
    """

    def __init__(
        self, sink: Sink, added: Added, schema: pa.Schema, like: pq.FileMetaData | None
    ) -> None:
        self._sink = sink
        self._added = added
        self._schema = schema
        self._like = like
        self._gathered: list[pa.Table] = []
        self._rows = 0

    def write(self, blocks: Iterable[Block]) -> int:
        new = plain_appended_table(self._added, slice(0, 0)).schema
        schema = self._schema
        for field in new:
            schema = schema.append(field)
        tables = joined_tables(blocks, self._added, self._schema)
        # Rows first: pyarrow aborts the process where it is asked what damaged metadata says of a
        # column, and raises an error where it is to read that column.
        head = list(islice(tables, 1))
        settings = writer_settings(self._like, self._schema, new.names)
        with pq.ParquetWriter(pa.PythonFile(self._sink, "w"), schema, **settings) as writer:
            if self._schema.metadata and self._like and not stores_arrow_schema(self._like):
                # pyarrow writes a schema's metadata only beside its own copy of the schema.
                writer.add_key_value_metadata(self._schema.metadata)
            for table in chain(head, tables):
                self._take(writer, table)
            self._write_gathered(writer)
        return self._rows

    def _take(self, writer: pq.ParquetWriter, table: pa.Table) -> None:
        if self._like is not None:
            self._write(writer, table)
            return
        self._gathered.append(table)
        if sum(part.num_rows for part in self._gathered) >= ROW_GROUP_ROWS:
            self._write_gathered(writer)

    def _write_gathered(self, writer: pq.ParquetWriter) -> None:
        if self._gathered:
            self._write(writer, pa.concat_tables(self._gathered))
            self._gathered = []

    def _write(self, writer: pq.ParquetWriter, table: pa.Table) -> None:
        if table.num_rows:
            writer.write_table(table, row_group_size=table.num_rows)
            self._rows += table.num_rows
