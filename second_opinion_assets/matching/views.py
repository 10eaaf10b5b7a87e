"""Arrow columns of views, of which pyarrow can take no rows: as columns of which it can."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def without_views(column: Any) -> Any:  # noqa: ANN401 (an array or chunked array, without types)
    """Return a column of texts or bytes as one whose values are stored in their order."""
    if pa.types.is_string_view(column.type):
        return column.cast(pa.large_string())
    if pa.types.is_binary_view(column.type):
        return column.cast(pa.large_binary())
    return column


def kept_rows(table: Any, kept: Any) -> Any:  # noqa: ANN401 (an Arrow table, without types)
    """Return the rows of a table that a mask keeps, in columns of the types that it has."""
    mask = pa.array(kept)
    columns = [without_views(column).filter(mask) for column in table.columns]
    cast = [column.cast(field.type) for column, field in zip(columns, table.schema, strict=True)]
    return pa.table(cast, schema=table.schema)
