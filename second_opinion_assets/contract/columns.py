"""The five columns that a scorer adds to a table: their names, types, meaning and values.

How they are written belongs to `tables`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from second_opinion_assets.contract.fields import slug

NO_ROW, AMBIGUOUS = -1, -2
"""Stand for a score row where there is none, or where it is not certain which is the right one.

They count from the end: the values of the columns go on after those of the score rows with those
of an ambiguous and of a missing row.
"""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Status(IntEnum):
    """What a feature row got from one scorer."""

    ok = 0
    bad = 1
    missing = 2


STATUS_NAMES = tuple(status.name for status in Status)


class AppendedColumn(NamedTuple):
    """One of the five: last part of its name, type, and what it holds.

    `model_ready` tells the scorer's judgement from what is only kept about it: a runtime is no
    quality signal.
    """

    suffix: str
    type: str
    description: str
    model_ready: bool = False


APPENDED = (
    AppendedColumn(
        "score",
        "float64",
        "clip-level score of {scorer}; null where there is none",
        model_ready=True,
    ),
    AppendedColumn("status", "string", "what {scorer} gave for the row: ok, bad or missing"),
    AppendedColumn("runtime_ms", "float64", "runtime that {scorer} reported, in milliseconds"),
    AppendedColumn("frames", "int64", "frame scores of {scorer} averaged; 0 for a scalar score"),
    AppendedColumn("source", "string", "score file of {scorer} that supplied the row"),
)


def column_prefix(scorer: str, prefix: str) -> str:
    """Return what the names of a scorer's columns start with."""
    return f"{prefix}_{slug(scorer)}"


def column_names(scorers: Iterable[str], prefix: str) -> list[str]:
    """Return the names of all appended columns, in their order."""
    return [
        f"{column_prefix(scorer, prefix)}_{column.suffix}"
        for scorer in scorers
        for column in APPENDED
    ]


class ScorerValues(NamedTuple):
    """The five columns of a scorer for some feature rows, an entry a row.

    Attributes:
        score, runtime_ms: NaN where there is none.
        status: a `Status` each.
        frames: number of frame scores averaged.
        source: which of the scorer's sources the row is from.
    """

    score: Floats
    status: NDArray[np.uint8]
    runtime_ms: Floats
    frames: Integers
    source: NDArray[np.int32]


@dataclass(frozen=True)
class ScorerColumns:
    """What one scorer adds to a table: its score rows, and which of them each feature row gets.

    After the entries of the score rows each array has two more, the values of `AMBIGUOUS` and of
    `NO_ROW`.

    Attributes:
        scorer: its name.
        entries: the values.
        sources: the score files as they were written, and last an empty text.
        rows: for each feature row its score row, `NO_ROW` or `AMBIGUOUS`.
    """

    scorer: str
    entries: ScorerValues
    sources: tuple[str, ...]
    rows: Integers

    @classmethod
    def of(
        cls, scorer: str, entries: ScorerValues, sources: Sequence[str], rows: Integers
    ) -> ScorerColumns:
        """Return the columns of a scorer, given the values of its score rows alone."""
        nothing = [math.nan, math.nan]
        extended = ScorerValues(
            np.append(entries.score, nothing),
            np.append(entries.status, np.array([Status.bad, Status.missing], np.uint8)),
            np.append(entries.runtime_ms, nothing),
            np.append(entries.frames, [0, 0]),
            np.append(entries.source, np.full(2, len(sources), np.int32)),
        )
        return cls(scorer, extended, (*sources, ""), rows)

    @cached_property
    def row_status(self) -> NDArray[np.uint8]:
        """The status of each feature row."""
        return self.entries.status[self.rows]

    def values(self, part: slice | Mask) -> ScorerValues:
        """Return the values of some feature rows."""
        rows = self.rows[part]
        score, status, runtime_ms, frames, source = self.entries
        return ScorerValues(score[rows], status[rows], runtime_ms[rows], frames[rows], source[rows])


def shown_values(columns: Sequence[ScorerColumns], prefix: str, row: int) -> dict[str, Any]:
    """Return the appended columns of one feature row as plain values, None for null."""
    shown: dict[str, Any] = {}
    for scorer in columns:
        score, status, runtime_ms, frames, source = (
            values[0].item() for values in scorer.values(slice(row, row + 1))
        )
        plain = (
            None if math.isnan(score) else score,
            STATUS_NAMES[status],
            None if math.isnan(runtime_ms) else runtime_ms,
            frames,
            scorer.sources[source],
        )
        shown.update(zip(column_names([scorer.scorer], prefix), plain, strict=True))
    return shown
