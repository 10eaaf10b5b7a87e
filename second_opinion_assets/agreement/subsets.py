"""Is the evidence there? Coverage by the values of columns that the manifest names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from second_opinion_assets.agreement.answers import Subset, SubsetColumn, SubsetScorer
from second_opinion_assets.agreement.estimates import share
from second_opinion_assets.agreement.grouping import SubsetCounts

KEPT_SUBSETS = 100


def subsets(counted: SubsetCounts, scorers: Sequence[str]) -> list[SubsetColumn]:
    """Return the coverage of each subset.

    Args:
        counted: rows by subset.
        scorers: their names, in the order of the counts.
    """
    columns = []
    for column, by_value in counted.counts.items():
        total = np.sum(list(by_value.values()), axis=0) if by_value else np.zeros(0, np.int64)
        found = [_subset(value, of_value, total, scorers) for value, of_value in by_value.items()]
        found.sort(key=lambda subset: (not subset.has_hole, -subset.rows, str(subset.value)))
        columns.append(SubsetColumn(column, len(found), found[:KEPT_SUBSETS]))
    return columns


def _subset(
    value: str | None,
    counts: NDArray[np.int64],
    total: NDArray[np.int64],
    scorers: Sequence[str],
) -> Subset:
    rows, *of_scorers = map(int, counts)
    elsewhere, *ok_elsewhere = map(int, total - counts)
    found = []
    for place, name in enumerate(scorers):
        ok, bad = of_scorers[2 * place : 2 * place + 2]
        part = share(ok, rows, "rows")
        rest = ok_elsewhere[2 * place] / elsewhere if elsewhere else 0.0
        hole = ok == 0 < rest if part.high is None else part.high < rest
        found.append(SubsetScorer(name, ok, bad, rows - ok - bad, part, hole))
    return Subset(value, rows, found)
