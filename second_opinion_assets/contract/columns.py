"""The five columns that a scorer adds to a table: names, types, meaning, and values by row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from second_opinion_assets.scores.payload import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from second_opinion_assets.scores.scorers import Scorer


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


def column_prefix(scorer: Scorer, prefix: str) -> str:
    """Return what the names of a scorer's columns start with."""
    return f"{prefix}_{scorer.slug}"


def column_names(scorers: Iterable[Scorer], prefix: str) -> list[str]:
    """Return the names of all appended columns, in their order."""
    return [
        f"{column_prefix(scorer, prefix)}_{column.suffix}"
        for scorer in scorers
        for column in APPENDED
    ]


def row_values(scorer: Scorer, number: int) -> tuple[object, ...]:
    """Return the five values of one row, or of no row: see `Scorer.rows_by_key`."""
    if number >= scorer.rows:
        status = Status.missing if number == scorer.rows else Status.bad
        return None, status.name, None, 0, ""
    score, runtime_ms = _none_for_nan([scorer.score[number], scorer.runtime_ms[number]])
    source = scorer.sources[scorer.source_of[number]].written
    status = Status(scorer.status[number])
    return score, status.name, runtime_ms, scorer.frames[number], source


def _none_for_nan(numbers: Iterable[float]) -> list[float | None]:
    return [None if math.isnan(number) else number for number in numbers]
