"""Parquet sidecars: one row a clip, in columns named like the fields of a JSON row."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.columns_asked import score_table
from second_opinion_assets.scores.form import Asked, Form, RowBlock
from second_opinion_assets.scores.sidecar import Reader
from second_opinion_assets.storage.location import Location

if TYPE_CHECKING:
    from collections.abc import Generator

    from second_opinion_assets.storage.decompress import Content

MAGIC = b"PAR1"
_BATCH_ROWS = 65536


def parquet_form(content: Content, asked: Asked) -> Form:
    """Return the rows of a parquet file; a position is a row number, from 0.

    Raises:
        JoinError: the file is damaged, or it is not certain which of its columns are what.
    """
    import pyarrow as pa  # noqa: PLC0415 (half a second that other forms do not need)
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = content.path
    try:
        file = pq.ParquetFile(pa.BufferReader(content.read()), page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None
    table = score_table(file.schema_arrow.names, asked, str(path))
    return Form(
        Reader.parquet,
        _blocks(file, list(table.columns), path),
        lambda row: f"{path}::$[{row}]",
        asked.rules,
    )


def count_rows(content: Content) -> int | None:
    """Return how many rows a parquet file has; None if it is damaged."""
    import pyarrow as pa  # noqa: PLC0415 (likewise)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        if content.is_compressed:
            file: Any = pa.BufferReader(content.read())
        else:  # a feature table may be larger than memory
            file = content.file.arrow_file()
        with file:
            rows: int = pq.read_metadata(file).num_rows
    except (pa.ArrowException, OSError):
        return None
    return rows


def _blocks(file: Any, columns: list[str], path: Location) -> Generator[RowBlock, None, None]:  # noqa: ANN401 (pyarrow has no types)
    import pyarrow as pa  # noqa: PLC0415 (likewise)

    first = 0
    batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=columns)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from None
        if batch is None:
            return
        yield RowBlock.of(list(map(_text, batch.to_pylist())), first)
        first += batch.num_rows


def _text(row: dict[str, Any]) -> bytes:
    """Return a row as JSON; NaN stays a bare NaN, since it says something else than null."""
    if any(isinstance(value, float) and not math.isfinite(value) for value in row.values()):
        return json.dumps(row, default=str).encode()
    return msgspec.json.encode(row)


def _damaged(path: Location, error: Exception) -> JoinError:
    line = str(error).splitlines()[0].rstrip(".")
    return JoinError(f"{path}: cannot be read as parquet: {line}; write or copy the file anew")
