"""How a parquet output is to be written so that it is like its input."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_CODECS = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}
_ENCODINGS = {
    "BYTE_STREAM_SPLIT",
    "DELTA_BINARY_PACKED",
    "DELTA_BYTE_ARRAY",
    "DELTA_LENGTH_BYTE_ARRAY",
}


def writer_settings(
    like: pq.FileMetaData | None, kept: pa.Schema, appended: list[str]
) -> dict[str, Any]:
    """Return the writer's settings that make an output like an input file.

    What a file's metadata does not tell (compression level, page size) is pyarrow's default.
    """
    if like is None or like.num_row_groups == 0:
        return {}
    group = like.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    columns = [like.schema.column(number) for number in range(like.num_columns)]
    paths = [column.path for column in columns]  # what a chunk itself says may be no text
    by_path = dict(zip(paths, chunks, strict=True))
    codecs = [_CODECS.get(chunk.compression, chunk.compression) for chunk in chunks]
    dictionary = [path for path, chunk in by_path.items() if chunk.has_dictionary_page]
    texts = [name for name in appended if name.endswith(("_status", "_source"))]
    return {
        "compression": {
            **dict.fromkeys(appended, codecs[0] if codecs else "SNAPPY"),
            **dict(zip(paths, codecs, strict=True)),
        },
        "use_dictionary": [*dictionary, *texts],
        "column_encoding": {
            path: encoding
            for path, chunk in by_path.items()
            for encoding in chunk.encodings
            if encoding in _ENCODINGS and not chunk.has_dictionary_page
        },
        "version": _version(like),
        "store_schema": stores_arrow_schema(like),
        "use_deprecated_int96_timestamps": any(c.physical_type == "INT96" for c in chunks),
        "store_decimal_as_integer": any(
            "Decimal" in str(column.logical_type) and column.physical_type in {"INT32", "INT64"}
            for column in columns
        ),
        "use_compliant_nested_type": not any(path.endswith(".list.item") for path in paths),
        "write_page_index": any(chunk.has_offset_index for chunk in chunks),
        "write_statistics": [
            *(path for path, chunk in by_path.items() if chunk.is_stats_set),
            *appended,
        ],
        "sorting_columns": _sorting_columns(group, paths, kept),
    }


def stores_arrow_schema(like: pq.FileMetaData) -> bool:
    """Return whether a file holds a copy of its Arrow schema."""
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
