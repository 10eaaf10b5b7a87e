"""The appended columns of a scorer as arrays by key number, for tables that use native code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from second_opinion_assets.scores.payload import Status
from second_opinion_assets.scores.scorers import NO_ROW_STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from second_opinion_assets.scores.scorers import Scorer


class Choices(NamedTuple):
    """A column of few different texts: the texts, and for each entry which of them (int64)."""

    texts: list[str]
    numbers: np.ndarray


class NativeColumns(NamedTuple):
    """The five columns, one entry a key number and, last, one for a key without a row.

    Numbers are float64 with NaN for none, but for `frames`, which is int64.
    """

    score: np.ndarray
    status: Choices
    runtime_ms: np.ndarray
    frames: np.ndarray
    source: Choices

    def arrow(self) -> list[pa.Array]:
        """Return the columns as pyarrow arrays of the types that `APPENDED` gives them."""
        return [_arrow(values) for values in self]


def native_columns(scorer: Scorer) -> NativeColumns:
    """Return the columns of a scorer whose rows are all in."""
    rows = np.frombuffer(scorer.rows_by_key, np.int64)
    written = [*(source.written for source in scorer.sources), ""]

    def by_key(values: Any, kind: type, none: Sequence[float]) -> np.ndarray:  # noqa: ANN401 (a buffer)
        return np.append(np.frombuffer(values, kind), np.array(none, kind))[rows]

    status = by_key(scorer.status, np.uint8, NO_ROW_STATUSES)
    source = by_key(scorer.source_of, np.int32, [len(written) - 1] * len(NO_ROW_STATUSES))
    return NativeColumns(
        score=by_key(scorer.score, np.float64, [np.nan, np.nan]),
        status=Choices([status.name for status in Status], status.astype(np.int64)),
        runtime_ms=by_key(scorer.runtime_ms, np.float64, [np.nan, np.nan]),
        frames=by_key(scorer.frames, np.int64, [0, 0]),
        source=Choices(written, source.astype(np.int64)),
    )


def _arrow(values: np.ndarray | Choices) -> pa.Array:
    if isinstance(values, Choices):
        return pa.array(values.texts, pa.string()).take(pa.array(values.numbers))
    return pa.array(values, mask=np.isnan(values))
