"""Entries of a parquet file's metadata that repeat its schema: these too gain the new columns.

Readers trust them: pyarrow, polars and arrow-rs take types from Arrow's, pandas dtypes from
pandas', and Spark sees no column that its own does not name. All other entries stay as they are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

ARROW = b"ARROW:schema"
PANDAS = b"pandas"
SPARK = b"org.apache.spark.sql.parquet.row.metadata"

_PANDAS_TYPES = {
    pa.float64(): ("float64", "float64"),
    pa.int64(): ("int64", "int64"),
    pa.string(): ("unicode", "object"),
}
_SPARK_TYPES = {pa.float64(): "double", pa.int64(): "long", pa.string(): "string"}
TYPES = frozenset(_SPARK_TYPES)
"""The types that columns may have to be written into all copies."""


def extended_copy(key: bytes, value: bytes, added: pa.Schema) -> bytes:
    """Return the value of an entry with columns added, if it repeats the schema.

    Raises:
        ValueError: it holds an Arrow schema that would not be written again as it is.
    """
    if key == ARROW:
        return _arrow(value, added)
    if key == PANDAS:
        return _pandas(value, added)
    if key == SPARK:
        return _spark(value, added)
    return value


def _arrow(value: bytes, added: pa.Schema) -> bytes:
    """Extend Arrow's own form of a schema, in base64; it holds the other copies once more."""
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(value, validate=True)))
        metadata = {key: extended_copy(key, own, added) for key, own in _items(schema.metadata)}
        extended = pa.schema([*schema, *added], metadata or None)
        message = extended.serialize()
        again = pa.ipc.read_schema(message)
    except MemoryError:  # which one of pyarrow's exceptions is too
        raise
    except (ValueError, pa.ArrowException, OSError, RecursionError) as error:
        msg = f"its Arrow schema: {str(error).partition(chr(10))[0]}"
        raise ValueError(msg) from None
    kept = pa.schema([again.field(number) for number in range(len(schema))])
    if not kept.equals(schema.remove_metadata(), check_metadata=True):
        msg = "its Arrow schema would not be written again as it is"
        raise ValueError(msg)
    return base64.b64encode(message)


def _items(metadata: dict[bytes, bytes] | None) -> Iterable[tuple[bytes, bytes]]:
    return (metadata or {}).items()


def _pandas(value: bytes, added: pa.Schema) -> bytes:
    document, columns = _document(value, "columns")
    indexes = document.get("index_columns")
    # Columns of the index are described last; readers of old files count on it.
    described_last = sum(isinstance(index, str) for index in indexes or ())
    position = max(len(columns) - described_last, 0)
    columns[position:position] = [
        {
            "name": field.name,
            "field_name": field.name,
            "pandas_type": _PANDAS_TYPES[field.type][0],
            "numpy_type": _PANDAS_TYPES[field.type][1],
            "metadata": None,
        }
        for field in added
    ]
    return json.dumps(document).encode() if document else value


def _spark(value: bytes, added: pa.Schema) -> bytes:
    document, fields = _document(value, "fields")
    fields += [
        {
            "name": field.name,
            "type": _SPARK_TYPES[field.type],
            "nullable": field.nullable,
            "metadata": {},
        }
        for field in added
    ]
    return json.dumps(document, separators=(",", ":")).encode() if document else value


def _document(value: bytes, member: str) -> tuple[dict[str, Any], list[Any]]:
    """Return a JSON object and its list of columns; an empty object if it is none with a list."""
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return {}, []
    columns = document.get(member) if isinstance(document, dict) else None
    return (document, columns) if isinstance(columns, list) else ({}, [])
