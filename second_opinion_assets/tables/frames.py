"""Data frames of pandas, polars and pyarrow: as frames to be read, and the same with more columns.

None of their libraries is imported: whoever has a frame has imported its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from second_opinion_assets.contract.columns import Mask
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.views import kept_rows, without_views
from second_opinion_assets.storage.frame import Frame

_COLLECT = "; collect() it first"


def is_frame(value: object) -> bool:
    """Return whether a value is a table in memory, of any kind that Arrow knows."""
    return hasattr(value, "__arrow_c_stream__") or _kind(value) in {"pandas", "polars"}


def frame_of(value: Any, name: str) -> Frame:  # noqa: ANN401 (a table of any library)
    """Return a data frame to be read, column by column as they are asked for.

    Args:
        value: of pandas, polars or pyarrow, or whatever hands out an Arrow stream.
        name: what messages call it.

    Raises:
        JoinError: it is none, or has two columns of one name.
    """
    if _is_pandas(value):
        return _of_pandas(value, name)
    if _is_polars(value):
        return Frame(name, value.columns, value.height, _polars_column(value, name))
    if not isinstance(value, pa.Table):
        try:
            value = pa.table(value)
        except (TypeError, pa.ArrowInvalid):  # it hands out no stream, or one of no columns
            raise _no_frame(value, name) from None
    return Frame(name, value.column_names, value.num_rows, lambda n: _one(value.column(n)))


def with_columns(
    value: Any,  # noqa: ANN401 (a table of any library)
    appended: Any,  # noqa: ANN401 (pyarrow has no types)
    replaced: Sequence[str],
    kept: Mask | None,
    name: str,
) -> Any:  # noqa: ANN401 (a table of the same library)
    """Return a data frame with more columns; those that it has are its own, as they were.

    Args:
        value: of pandas, polars or pyarrow.
        appended: an Arrow table of the columns, of the rows that are kept.
        replaced: columns that are left out.
        kept: which rows are kept; None for all.
        name: what messages call it.

    Raises:
        JoinError: it is a table of another library.
    """
    if _is_pandas(value):
        frame = value if kept is None else value[kept]
        if replaced:
            frame = frame.drop(columns=[c for c in frame.columns if str(c) in set(replaced)])
        columns = appended.to_pandas()
        return frame.assign(**{column: columns[column].array for column in columns})
    if _is_polars(value):
        frame = value if kept is None else value.filter(kept.tolist())
        return frame.drop(replaced).hstack(type(value)(appended))
    if not isinstance(value, pa.Table):
        raise _no_frame(value, name)
    table = value if kept is None else kept_rows(value, kept)
    table = table.drop_columns(list(replaced))
    for field in appended.schema:
        table = table.append_column(field, appended.column(field.name))
    return table


def _kind(value: object) -> str:
    """Return the library that a value's class, or one that it is made from, is of."""
    modules = (kind.__module__.partition(".")[0] for kind in type(value).__mro__)
    return next((module for module in modules if module in {"pandas", "polars"}), "")


def _is_pandas(value: object) -> bool:
    return _kind(value) == "pandas" and hasattr(value, "assign")


def _is_polars(value: object) -> bool:
    return _kind(value) == "polars" and hasattr(value, "hstack")


def _no_frame(value: object, name: str) -> JoinError:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    remedy = _COLLECT if _kind(value) == "polars" and hasattr(value, "collect") else ""
    expected = "a path, or a data frame of pandas, polars or pyarrow"
    return JoinError(f"{name}: is a {kind}, expected {expected}{remedy}")


def _of_pandas(value: Any, name: str) -> Frame:  # noqa: ANN401 (pandas has no types)
    """Return a frame of pandas; a level of its index that has a name is a column too."""
    columns = list(map(str, value.columns))
    levels = {
        str(level): number
        for number, level in enumerate(value.index.names)
        if level is not None and str(level) not in columns
    }

    def take(column: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
        if column in levels:
            series = value.index.get_level_values(levels[column]).to_series()
        else:
            series = value.iloc[:, columns.index(column)]
        try:
            table = pa.Table.from_pandas(series.to_frame("column"), preserve_index=False)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise _no_column(name, column, error) from None
        return _one(table.column(0))

    return Frame(name, [*columns, *levels], len(value), take)


def _polars_column(value: Any, name: str) -> Any:  # noqa: ANN401 (either may be absent)
    def take(column: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
        if str(value.schema[column]) == "Object":  # whose place in memory is all that Arrow gets
            raise _no_column(name, column, "it holds objects of Python")
        try:
            return _one(value.select(column).to_arrow().column(0))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise _no_column(name, column, error) from None

    return take


def _one(column: Any) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """Return a column as one array."""
    whole = without_views(column).combine_chunks()
    return whole if isinstance(whole, pa.Array) else whole.chunk(0)


def _no_column(name: str, column: str, error: Exception | str) -> JoinError:
    said = str(error).splitlines()[0]
    return JoinError(f"{name}: column {column!r} cannot be read: {said}; make it text or numbers")
