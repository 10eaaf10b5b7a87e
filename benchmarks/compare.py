"""Says whether two joined tables hold the same: ``compare.py ours theirs``.

Same paths, and for each path the same appended values to the last bit. A process of its own, so
that its memory does not count as anybody else's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

TYPES = {
    "score": pa.float64(),
    "status": pa.string(),
    "runtime_ms": pa.float64(),
    "frames": pa.int64(),
    "source": pa.string(),
}
PREFIX = "second_opinion_"


def appended_fields(path: Path) -> list[pa.Field]:
    """Return the appended columns that the first row of a table has, with their types."""
    if path.suffix == ".parquet":
        names = pq.read_schema(path).names
    else:
        with path.open("rb") as file:
            names = pj.read_json(pa.BufferReader(file.readline())).column_names
    suffixes = {name: suffix for name in names for suffix in TYPES if name.endswith(f"_{suffix}")}
    return [
        pa.field(name, TYPES[suffix])
        for name, suffix in suffixes.items()
        if name.startswith(PREFIX)
    ]


def read_joined(path: Path, schema: pa.Schema) -> pa.Table:
    """Return the path and the appended columns of a table."""
    if path.suffix == ".parquet":
        return pq.read_table(path, columns=schema.names).cast(schema)
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    return pj.read_json(path, pj.ReadOptions(block_size=16 << 20), options).select(schema.names)


def difference(ours: Path, theirs: Path) -> str:
    """Return what differs between two joined tables, or an empty text."""
    fields = appended_fields(ours)
    if not fields:
        return f"{ours}: no appended columns"
    schema = pa.schema([pa.field("path", pa.string()), *fields])
    tables = [read_joined(path, schema) for path in (ours, theirs)]
    if tables[0].num_rows != tables[1].num_rows:
        return f"{tables[0].num_rows} rows against {tables[1].num_rows}"
    left, right = (table.sort_by("path").combine_chunks() for table in tables)
    for name in schema.names:
        ours_column, theirs_column = (_null_for_nan(table.column(name)) for table in (left, right))
        if not ours_column.equals(theirs_column):
            same = pc.fill_null(pc.equal(ours_column, theirs_column), fill_value=False)
            both_null = pc.and_(ours_column.is_null(), theirs_column.is_null())
            row = pc.index(pc.or_(same, both_null), value=False).as_py()
            found = ours_column[row].as_py(), theirs_column[row].as_py()
            return f"{name} of {left.column('path')[row]}: {found[0]!r} against {found[1]!r}"
    return ""


def _null_for_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), None, column)


if __name__ == "__main__":
    sys.exit(difference(Path(sys.argv[1]), Path(sys.argv[2])) or None)
