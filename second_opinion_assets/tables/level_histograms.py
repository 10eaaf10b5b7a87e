"""Histograms of levels in a parquet footer, as far as they must be right.

pyarrow ends the process, with no word that could be caught, when it is asked for a column chunk
whose histogram has not as many entries as the column has levels. Fields: parquet.thrift of
apache/parquet-format, `SizeStatistics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from second_opinion_assets.tables.thrift_compact import Shape, Struct, ThriftError, decode


class _Field(IntEnum):
    ROW_GROUPS = 4
    COLUMNS = 1
    META_DATA = 3
    SIZE_STATISTICS = 16
    REPETITION = 2
    DEFINITION = 3


_GROUPS: Shape = {_Field.ROW_GROUPS: {_Field.COLUMNS: None}}
_STATISTICS: Shape = {_Field.REPETITION: None, _Field.DEFINITION: None}
_CHUNK: Shape = {_Field.META_DATA: {_Field.SIZE_STATISTICS: _STATISTICS}}


def are_right(footer: bytes, levels: Sequence[tuple[int, int]]) -> bool:
    """Return whether the histograms of the first and the last row group fit their columns.

    They do not where the footer cannot be read: nothing vouches for them then.

    Args:
        footer: the footer, without its length and the format's mark.
        levels: of each column the greatest repetition level and the greatest definition level.
    """
    try:
        groups = decode(footer, _GROUPS)[0].structs(_Field.ROW_GROUPS)
        return all(
            _fit(decode(raw, _CHUNK)[0], greatest)
            for group in {id(group): group for group in (groups[:1] + groups[-1:])}.values()
            for raw, greatest in zip(group.raw_items(_Field.COLUMNS), levels, strict=False)
        )
    except ThriftError:
        return False


def _fit(chunk: Struct, greatest: tuple[int, int]) -> bool:
    metadata = chunk.struct(_Field.META_DATA)
    statistics = metadata and metadata.struct(_Field.SIZE_STATISTICS)
    if statistics is None:
        return True
    sizes = [len(statistics.elements(n).items) for n in (_Field.REPETITION, _Field.DEFINITION)]
    return all(size in {0, most + 1} for size, most in zip(sizes, greatest, strict=True))
