"""Parquet: reading by row group, and writing as the input was written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from second_opinion_assets.contract.columns import column_names
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import Publication
from second_opinion_assets.storage.reading import Input, Progress
from second_opinion_assets.tables.arrow_values import json_rows_of_table, key_texts
from second_opinion_assets.tables.block import Column, JsonRows
from second_opinion_assets.tables.native_columns import native_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from second_opinion_assets.scores.scorers import Scorer
    from second_opinion_assets.tables.block import Block, Joined
    from second_opinion_assets.tables.json_table import AppendedNames

ROW_GROUP_ROWS = 122_880  # of tables that bring no row groups of their own
_TAIL_BYTES = 8  # after the footer: its length, and the format's mark
_CODECS = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}
_ENCODINGS = {
    "BYTE_STREAM_SPLIT",
    "DELTA_BINARY_PACKED",
    "DELTA_BYTE_ARRAY",
    "DELTA_LENGTH_BYTE_ARRAY",
}


class ArrowBlock:
    """A row group; a `Block`."""

    def __init__(self, table: pa.Table, key_column: str, parquet: ParquetTable) -> None:
        self._table = table
        self._key_column = key_column
        self._parquet = parquet

    @cached_property
    def keys(self) -> list[str | None]:
        with _refusing_what_is_no_text(self._parquet.where):
            return key_texts(self._table.column(self._key_column), self._parquet.where)

    def json_rows(self) -> JsonRows:
        table = self._parquet.without_replaced(self._table)
        with _refusing_what_is_no_text(self._parquet.where):
            rows, non_finite = json_rows_of_table(table)
        self._parquet.non_finite_values += non_finite
        return rows

    def arrow(self, schema: pa.Schema) -> pa.Table:  # noqa: ARG002 (it has this schema)
        return self._parquet.without_replaced(self._table)

    def let_go(self) -> None:
        """Hold no rows any more, whoever still holds the block: two row groups are enough."""
        del self._table
        pa.default_memory_pool().release_unused()


@contextmanager
def _refusing_what_is_no_text(where: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        msg = f"{where}: a column of text holds bytes that are not UTF-8 ({error.reason})"
        raise JoinError(msg) from None


class ParquetTable:
    """A parquet feature table; a `FeatureTable`. To be closed by leaving its context."""

    def __init__(self, path: Location, appended: AppendedNames, progress: Progress | None) -> None:
        self.where = str(path)
        self.non_finite_values = 0
        self._path = path
        self._progress = progress
        self._input = Input(path)
        self._input.hash_in_background()
        self._source = self._input.arrow_file()
        try:
            self.file = pq.ParquetFile(self._source, page_checksum_verification=True)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            self.__exit__()
            msg = f"{path}: not a parquet file, or cut short: {_first_line(error)}"
            raise JoinError(msg) from None
        try:
            self._refuse_cut()
            self._replaced = self._names_to_replace(appended)
        except JoinError:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()
        self._input.close()

    @property
    def columns(self) -> list[Column]:
        return [Column(field.name, str(field.type)) for field in self._kept_schema()]

    @property
    def digest(self) -> FileDigest:
        """Digest of the file; JoinError if it was written to while it was read."""
        return self._input.digest

    def blocks(self, key_column: str) -> Iterator[ArrowBlock]:
        done = 0
        with ThreadPoolExecutor(1) as ahead:
            groups = range(self.file.num_row_groups)
            upcoming = [ahead.submit(self._row_group, number) for number in groups[:1]]
            for number in groups:
                block = ArrowBlock(upcoming.pop().result(), key_column, self)
                upcoming = [ahead.submit(self._row_group, n) for n in groups[number + 1 :][:1]]
                yield block
                block.let_go()
                if self._progress:
                    share = (number + 1) * self._input.size // len(groups)
                    self._progress(share - done)
                    done = share

    def _row_group(self, number: int) -> pa.Table:
        try:
            return self.file.read_row_group(number)
        except (pa.ArrowException, OSError) as error:
            msg = f"{self._path}: row group {number} cannot be read: {_first_line(error)}"
            raise JoinError(msg) from None

    def has_column(self, name: str) -> bool:
        return name in self.file.schema_arrow.names

    def arrow_schema(self, key_column: str) -> pa.Schema:  # noqa: ARG002 (the file tells it)
        return self._kept_schema()

    def _kept_schema(self) -> pa.Schema:
        schema = self.file.schema_arrow
        for name in self._replaced:
            schema = schema.remove(schema.get_field_index(name))
        return schema

    def _refuse_cut(self) -> None:
        """Raise a JoinError if bytes are lost before a footer that is whole.

        Pages that are not compressed would be read from the bytes of what comes after them.
        """
        metadata = self.file.metadata
        if not metadata.num_row_groups:
            return
        end = self._input.size - metadata.serialized_size - _TAIL_BYTES
        last = metadata.row_group(metadata.num_row_groups - 1)
        for chunk in map(last.column, range(last.num_columns)):
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            if start + chunk.total_compressed_size > end:
                msg = f"{self._path}: its footer tells of more data than there is; write it again"
                raise JoinError(msg)

    def _names_to_replace(self, appended: AppendedNames) -> list[str]:
        names = self.file.schema_arrow.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            msg = f"{self._path}: two columns are named {twice!r}; rename one of them"
            raise JoinError(msg)
        found = [name for name in names if name in appended.names]
        if found and not appended.overwrite:
            raise appended.refuse(str(self._path), set(found))
        return found

    def without_replaced(self, table: pa.Table) -> pa.Table:
        return table.drop_columns(self._replaced) if self._replaced else table


class ParquetWriter:
    """A parquet output; a `Writer`.

    Row groups of a parquet input stay what they were; rows of other inputs are gathered into
    groups of `ROW_GROUP_ROWS`.
    """

    def __init__(
        self,
        sink: Publication,
        schema: pa.Schema,
        scorers: list[Scorer],
        prefix: str,
        like: pq.FileMetaData | None,
    ) -> None:
        self.rows = 0
        self._values = [values for scorer in scorers for values in native_columns(scorer).arrow()]
        self._names = column_names(scorers, prefix)
        self._schema = schema
        self._gather = like is None
        self._gathered: list[pa.Table] = []
        for name, values in zip(self._names, self._values, strict=True):
            schema = schema.append(pa.field(name, values.type))
        self._writer = pq.ParquetWriter(
            pa.PythonFile(sink, "w"), schema, **_settings(like, self._schema, self._names)
        )
        if like is not None and schema.metadata and not _stores_arrow_schema(like):
            # pyarrow writes a schema's metadata only beside its own copy of the schema.
            self._writer.add_key_value_metadata(schema.metadata)

    def write(self, block: Block, joined: Joined) -> None:
        table = block.arrow(self._schema)
        key_numbers = pa.array(joined.key_numbers, pa.int64())
        for name, values in zip(self._names, self._values, strict=True):
            table = table.append_column(name, values.take(key_numbers))
        if joined.kept is not None:
            table = table.filter(pa.array(joined.kept, pa.bool_()))
        if not self._gather:
            self._write(table)
            return
        self._gathered.append(table)
        if sum(part.num_rows for part in self._gathered) >= ROW_GROUP_ROWS:
            self._write_gathered()

    def finish(self) -> None:
        self._write_gathered()
        self._writer.close()

    def close(self) -> None:
        # Left to the garbage collector it would write into a file that is closed.
        self._writer.close()

    def _write_gathered(self) -> None:
        if self._gathered:
            self._write(pa.concat_tables(self._gathered))
            self._gathered = []

    def _write(self, table: pa.Table) -> None:
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)
            self.rows += table.num_rows


def _settings(like: pq.FileMetaData | None, kept: pa.Schema, appended: list[str]) -> dict[str, Any]:
    """Return the writer's settings that make an output like an input file.

    What a file's metadata does not tell (compression level, page size) is pyarrow's default.
    """
    if like is None or like.num_row_groups == 0:
        return {}
    group = like.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    paths = [chunk.path_in_schema for chunk in chunks]
    codecs = [_CODECS.get(chunk.compression, chunk.compression) for chunk in chunks]
    dictionary = [chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page]
    columns = [like.schema.column(number) for number in range(like.num_columns)]
    texts = [name for name in appended if name.endswith(("_status", "_source"))]
    return {
        "compression": {
            **dict.fromkeys(appended, codecs[0] if codecs else "SNAPPY"),
            **dict(zip(paths, codecs, strict=True)),
        },
        "use_dictionary": [*dictionary, *texts],
        "column_encoding": {
            chunk.path_in_schema: encoding
            for chunk in chunks
            for encoding in chunk.encodings
            if encoding in _ENCODINGS and not chunk.has_dictionary_page
        },
        "version": _version(like),
        "store_schema": _stores_arrow_schema(like),
        "use_deprecated_int96_timestamps": any(c.physical_type == "INT96" for c in chunks),
        "store_decimal_as_integer": any(
            "Decimal" in str(column.logical_type) and column.physical_type in {"INT32", "INT64"}
            for column in columns
        ),
        "use_compliant_nested_type": not any(path.endswith(".list.item") for path in paths),
        "write_page_index": any(chunk.has_offset_index for chunk in chunks),
        "write_statistics": [
            *(chunk.path_in_schema for chunk in chunks if chunk.is_stats_set),
            *appended,
        ],
        "sorting_columns": _sorting_columns(group, paths, kept),
    }


def _stores_arrow_schema(like: pq.FileMetaData) -> bool:
    return like.metadata is not None and b"ARROW:schema" in like.metadata


def _version(like: pq.FileMetaData) -> str:
    """Return the format version to write, so that no type is changed for it.

    DuckDB and polars call a file 1.0 whatever types it has; pyarrow takes the word for it, and
    makes nanoseconds microseconds and uint32 int64.
    """
    kinds = (str(like.schema.column(number).logical_type) for number in range(like.num_columns))
    if any("nanoseconds" in kind or "bitWidth=32, isSigned=false" in kind for kind in kinds):
        return "2.6"
    version: str = like.format_version
    return version


def _sorting_columns(
    group: pq.RowGroupMetaData, paths: list[str], kept: pa.Schema
) -> list[pq.SortingColumn] | None:
    """Return what a table says it is sorted by, counted among the columns that are kept."""
    names = set(kept.names)
    leaves = [path for path in paths if path in names or path.partition(".")[0] in names]
    sorting = []
    for column in group.sorting_columns:
        if paths[column.column_index] not in leaves:
            break  # what is sorted by a column that goes is not sorted by the next
        position = leaves.index(paths[column.column_index])
        sorting.append(pq.SortingColumn(position, column.descending, column.nulls_first))
    return sorting or None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
