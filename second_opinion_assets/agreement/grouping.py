"""The rows of a table by subset, and the sources of its clips, from a column's values.

What the groups say of scorers does not belong here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.key_pattern import compile_key_pattern

_COUNTED = (Status.ok.name, Status.bad.name)


class SubsetCounts:
    """How many rows, and ok and bad scores of each scorer, each subset has.

    Attributes:
        counts: by column and value, None for no value: rows, and then each scorer's ok and bad.
    """

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self.counts: dict[str, dict[str | None, NDArray[np.int64]]] = {name: {} for name in columns}

    def add(self, columns: Sequence[Sequence[Any]], statuses: Sequence[Sequence[Any]]) -> None:
        """Count some rows: the values of each column, and the statuses of each scorer."""
        if not columns:
            return
        flags = [
            np.fromiter(map(status.__eq__, of_scorer), bool, len(of_scorer))
            for of_scorer in statuses
            for status in _COUNTED
        ]
        for by_value, values in zip(self.counts.values(), columns, strict=True):
            codes, found = pd.factorize(_texts(values), use_na_sentinel=False)
            counts = [np.bincount(codes, flag, len(found)) for flag in (None, *flags)]
            for value, of_value in zip(found, np.array(counts, dtype=np.int64).T, strict=True):
                name = value if isinstance(value, str) else None
                by_value[name] = by_value[name] + of_value if name in by_value else of_value


def source_texts(values: Sequence[Any], pattern: str | None) -> list[str | None]:
    """Return the source that each value names; None for none, as where a pattern finds nothing."""
    texts = list(_texts(values))
    if pattern is None:
        return texts
    compiled = compile_key_pattern(pattern)
    keys = pa.array(["" if text is None else text for text in texts], pa.string())
    found = compiled.spans(keys)[:, 0] >= 0
    picked = compiled.picked(keys).to_pylist()
    return [
        source if there and text is not None else None
        for text, source, there in zip(texts, picked, found, strict=True)
    ]


def _texts(values: Sequence[Any]) -> NDArray[np.object_]:
    """Return values as texts, None for null and NaN."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = [value if isinstance(value, str) else _text(value) for value in values]
    return texts


def _text(value: object) -> str | None:
    if value is None or value != value:  # noqa: PLR0124 (NaN)
        return None
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"  # a column of whole numbers beside a null
    return json_text.shown(value) if isinstance(value, bool | list | dict) else str(value)
