"""Rows of JSON that were read one by one, on their way to columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from second_opinion_assets.matching.keys import KEY_TYPE
from second_opinion_assets.scores.rows import RowColumns, row_columns


@dataclass
class PlainRows:
    """Rows that were read one by one."""

    keys: list[str] = field(default_factory=list)
    scorers: list[int] = field(default_factory=list)
    key_fields: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    values: list[tuple[float, int, float, int]] = field(default_factory=list)
    further_keys: list[dict[str, str]] = field(default_factory=list)

    def columns(self, source: int) -> RowColumns:
        score, status, runtime_ms, frames = map(list, zip(*self.values, strict=True))
        return row_columns(
            self.keys,
            self.scorers,
            self.key_fields,
            source,
            self.positions,
            score,
            status,
            runtime_ms,
            frames,
            {
                name: pa.array([of_row.get(name) for of_row in self.further_keys], KEY_TYPE)
                for name in dict.fromkeys(name for of_row in self.further_keys for name in of_row)
            },
        )
