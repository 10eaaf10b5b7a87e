"""The columns that a scorer adds to a table: their names, types, meaning and values.

How they are written belongs to `tables`.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from second_opinion_assets.contract.fields import slug

NO_ROW, AMBIGUOUS = -1, -2
"""Stand for a score row where there is none, or where it is not certain which is the right one."""

Floats = NDArray[np.float64]
Integers = NDArray[np.signedinteger[Any]]
Mask = NDArray[np.bool_]


SLICE_ROWS = 1 << 20


def slices(rows: int) -> Iterator[slice]:
    """Yield slices of so many rows, each small: numpy copies indices, eight bytes a row."""
    return (slice(start, start + SLICE_ROWS) for start in range(0, rows, SLICE_ROWS))


class Status(IntEnum):
    """What a feature row got from one scorer."""

    ok = 0
    bad = 1
    missing = 2


STATUS_NAMES = tuple(status.name for status in Status)
# Of an ambiguous row and of a missing one, as -2 and -1 find them: a number, the status, frames.
_NONE = ((math.nan, math.nan), (Status.bad, Status.missing), (0, 0))
_Kind = TypeVar("_Kind", bound=np.generic)


class AppendedColumn(NamedTuple):
    """One of them: last part of its name, type, and what it holds.

    `model_ready` tells the scorer's judgement from what is only kept about it: a runtime is no
    quality signal.
    """

    suffix: str
    type: str
    description: str
    model_ready: bool = False


SCORE = AppendedColumn(
    "score", "float64", "clip-level score of {scorer}; null where there is none", model_ready=True
)
APPENDED = (
    SCORE,
    AppendedColumn("status", "string", "what {scorer} gave for the row: ok, bad or missing"),
    AppendedColumn("runtime_ms", "float64", "runtime that {scorer} reported, in milliseconds"),
    AppendedColumn("frames", "int64", "frame scores of {scorer} averaged; 0 for a scalar score"),
    AppendedColumn("source", "string", "score file of {scorer} that supplied the row"),
)
ALIGNED = AppendedColumn(
    "aligned",
    "float64",
    "score of {scorer} from 0, worst, to 100, best; null where there is none",
    model_ready=True,
)
"""Comes last where it is asked for, and the ends of the scorer's scale are known."""


def appended_columns(*, aligned: bool) -> tuple[AppendedColumn, ...]:
    """Return the columns of a scorer, with or without its scores on the one scale."""
    return (*APPENDED, ALIGNED) if aligned else APPENDED


def column_prefix(scorer: str, prefix: str) -> str:
    """Return what the names of a scorer's columns start with."""
    return f"{prefix}_{slug(scorer)}"


def source_cell(written: str) -> str:
    """Return the path of a score file as a cell that no spreadsheet takes for a formula."""
    return f"./{written}" if written.startswith(("=", "+", "-", "@", "\t", "\r")) else written


def column_names(scorers: Iterable[str], prefix: str, aligned: Container[str] = ()) -> list[str]:
    """Return the names of all appended columns, in their order.

    Args:
        scorers: by name.
        prefix: what the names start with.
        aligned: the scorers whose scores are also on the one scale.
    """
    return [
        f"{column_prefix(scorer, prefix)}_{column.suffix}"
        for scorer in scorers
        for column in appended_columns(aligned=scorer in aligned)
    ]


class ScorerValues(NamedTuple):
    """What a scorer gave for some feature rows, an entry a row.

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

    Attributes:
        scorer: its name.
        entries: the values of its score rows.
        sources: the score files as they were written, and last an empty text.
        rows: for each feature row its score row, `NO_ROW` or `AMBIGUOUS`.
        aligned: the scores of its score rows on the one scale, NaN for none; None where the table
            gets no such column.
    """

    scorer: str
    entries: ScorerValues
    sources: tuple[str, ...]
    rows: Integers
    aligned: Floats | None = None

    def names(self, prefix: str) -> list[str]:
        """Return the names of its columns, in their order."""
        aligned = () if self.aligned is None else (self.scorer,)
        return column_names([self.scorer], prefix, aligned)

    @cached_property
    def row_status(self) -> NDArray[np.uint8]:
        """The status of each feature row."""
        status = np.empty(len(self.rows), np.uint8)
        for part in slices(len(self.rows)):
            status[part] = self._of(self.rows[part], self.entries.status, _NONE[1])
        return status

    @property
    def ok_scores(self) -> Floats:
        """The scores that count, each once for every score row that a feature row got."""
        got = np.zeros(len(self.entries.score), np.bool_)
        for part in slices(len(self.rows)):
            rows = self.rows[part]
            got[rows[rows >= 0]] = True
        scores: Floats = self.entries.score[got & (self.entries.status == Status.ok)]
        return scores

    def values(self, part: slice | Mask | Integers) -> ScorerValues:
        """Return the values of some feature rows."""
        rows = self.rows[part]
        score, status, runtime_ms, frames, source = self.entries
        none = len(self.sources) - 1
        return ScorerValues(
            self._of(rows, score, _NONE[0]),
            self._of(rows, status, _NONE[1]),
            self._of(rows, runtime_ms, _NONE[0]),
            self._of(rows, frames, _NONE[2]),
            self._of(rows, source, (none, none)),
        )

    def aligned_values(self, part: slice | Mask | Integers) -> Floats | None:
        """Return the scores of some feature rows on the one scale, NaN for none."""
        if self.aligned is None:
            return None
        return self._of(self.rows[part], self.aligned, _NONE[0])

    def _of(
        self, rows: Integers, values: NDArray[_Kind], none: tuple[float, float]
    ) -> NDArray[_Kind]:
        """Return the value of each row; `none` holds those of ambiguous and of missing rows."""
        if not len(values):
            values = np.zeros(1, values.dtype)
        found: NDArray[_Kind] = values[np.maximum(rows, 0)]
        odd = np.flatnonzero(rows < 0)
        if len(odd):
            found[odd] = np.array(none, values.dtype)[rows[odd]]
        return found


def shown_values(columns: Sequence[ScorerColumns], prefix: str, row: int) -> dict[str, Any]:
    """Return the appended columns of one feature row as plain values, None for null."""
    shown: dict[str, Any] = {}
    for scorer in columns:
        one = slice(row, row + 1)
        score, status, runtime_ms, frames, source = (
            values[0].item() for values in scorer.values(one)
        )
        plain = [
            None if math.isnan(score) else score,
            STATUS_NAMES[status],
            None if math.isnan(runtime_ms) else runtime_ms,
            frames,
            scorer.sources[source],
        ]
        if (aligned := scorer.aligned_values(one)) is not None:
            plain.append(None if math.isnan(aligned[0]) else aligned[0].item())
        shown.update(zip(scorer.names(prefix), plain, strict=True))
    return shown
