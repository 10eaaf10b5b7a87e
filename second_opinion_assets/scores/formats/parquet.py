"""Parquet sidecars: one row a clip, in columns named like the fields of a JSON row."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pyarrow as pa

from second_opinion_assets.contract.errors import JoinError, MachineError
from second_opinion_assets.scores.columnar import Cells
from second_opinion_assets.scores.formats.loaded import LoadedColumns
from second_opinion_assets.scores.rows import Place
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.score_columns import score_columns
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.limits import ROW_BYTES, refuse_fields, refuse_unpacked
from second_opinion_assets.storage.machine import arrow_errors

MAGIC = b"PAR1"
_DAMAGED = ("cannot be read as parquet", "; write or copy the file anew")
_BATCH_ROWS = 65536


def load(content: Content, asked: ReadRequest) -> LoadedColumns:
    """Return the rows of a parquet file; a position is a row number, from 0.

    Raises:
        JoinError: the file is damaged, or it is not certain which of its columns are what.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 (a tenth of a second that other formats need not)

    with arrow_errors(content.path, *_DAMAGED):
        source = _file(content)
        file = pq.ParquetFile(source, page_checksum_verification=True)
        packed_bytes = source.size()
    _refuse_large(file.metadata, packed_bytes, str(content.path))
    names = file.schema_arrow.names
    columns = score_columns(names, asked, str(content.path))
    blocks = _blocks(file, list(columns.names), content)
    place = Place.of_elements(content.path)
    return LoadedColumns(Format.parquet, place, columns, blocks, fields=names)


def count_rows(content: Content) -> int | None:
    """Return how many rows a parquet file has; None if it is damaged."""
    import pyarrow.parquet as pq  # noqa: PLC0415 (likewise)

    try:
        with arrow_errors(content.path, *_DAMAGED), _file(content) as file:
            rows: int = pq.read_metadata(file).num_rows
    except MachineError:
        raise
    except JoinError:
        return None
    return rows


def _refuse_large(metadata: Any, packed_bytes: int, where: str) -> None:  # noqa: ANN401 (likewise)
    """Raise a JoinError for too many columns, and for pages that unpack to too much."""
    refuse_fields(metadata.num_columns, where)
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    unpacked = max(ROW_BYTES * metadata.num_rows, sum(group.total_byte_size for group in groups))
    refuse_unpacked(where, packed_bytes, unpacked)


def _refuse_other_rows(rows: int, told: int, where: str) -> None:
    """Raise a JoinError where pages hold more or fewer rows than the footer says."""
    if rows != told:
        msg = f"{where}: its pages hold {rows} rows, its footer tells of {told}; write it again"
        raise JoinError(msg)


def _file(content: Content) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """Return the file to be read at random: a table may be larger than memory."""
    if content.is_compressed:
        return pa.BufferReader(content.read())
    return content.file.arrow_file()


def _blocks(
    file: Any,  # noqa: ANN401 (pyarrow has no types)
    columns: list[str],
    content: Content,
) -> Generator[tuple[dict[str, Cells], Sequence[int]], None, None]:
    first = 0
    batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=columns)
    while True:
        with arrow_errors(content.path, *_DAMAGED):
            batch = next(batches, None)
        if batch is None:
            _refuse_other_rows(first, file.metadata.num_rows, str(content.path))
            return
        yield (
            dict(zip(columns, map(batch.column, columns), strict=True)),
            range(first, first + batch.num_rows),
        )
        first += batch.num_rows
