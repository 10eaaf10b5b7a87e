"""The appended columns as an Arrow table, and the rows of a table with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from second_opinion_assets.contract.columns import (
    STATUS_NAMES,
    ScorerColumns,
)
from second_opinion_assets.matching.views import kept_rows
from second_opinion_assets.tables.table import Added, Block, numbered


def appended_table(added: Added, rows: slice) -> pa.Table:
    """Return the appended columns of some feature rows; texts of which there are few are codes."""
    arrays = [array for scorer in added.scorers for array in _arrays(scorer, rows)]
    return pa.table(arrays, names=added.names)


def plain_appended_table(added: Added, rows: slice) -> pa.Table:
    """Return the appended columns of some feature rows with texts in place of codes."""
    table = appended_table(added, rows)
    for number, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            texts = table.column(number).cast(pa.string())
            table = table.set_column(number, field.name, texts)
    return table


def joined_tables(blocks: Iterable[Block], added: Added, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of a table that are kept, with the columns that are appended to them.

    Args:
        blocks: all of its rows.
        added: what is appended.
        schema: of the input columns that are kept.
    """
    for block, rows in numbered(blocks):
        table = block.arrow(schema)
        appended = plain_appended_table(added, rows)
        for name in appended.column_names:
            table = table.append_column(name, appended.column(name))
        yield table if added.kept is None else kept_rows(table, added.kept[rows])


def _arrays(scorer: ScorerColumns, rows: slice) -> list[pa.Array]:
    values = scorer.values(rows)
    aligned = scorer.aligned_values(rows)
    on_one_scale = [] if aligned is None else [pa.array(aligned, mask=np.isnan(aligned))]
    return [
        pa.array(values.score, mask=np.isnan(values.score)),
        _coded(values.status.astype(np.int32), STATUS_NAMES),
        pa.array(values.runtime_ms, mask=np.isnan(values.runtime_ms)),
        pa.array(values.frames),
        _coded(values.source, scorer.sources),
        *on_one_scale,
    ]


def _coded(codes: NDArray[np.int32], texts: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(texts, pa.string()))
