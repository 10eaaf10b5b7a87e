"""Is the evidence there? Coverage by the values of columns that the manifest names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from second_opinion_assets.agreement.answers import Subset, SubsetColumn, SubsetScorer
from second_opinion_assets.agreement.estimates import share
from second_opinion_assets.agreement.grouping import SubsetCounts

KEPT_SUBSETS = 100
BY_CHANCE = 0.01
"""Where chance alone makes such a difference more often, a subset is no hole (Fisher's test)."""


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
        hole = _is_hole((ok, rows), (ok_elsewhere[2 * place], elsewhere))
        found.append(SubsetScorer(name, ok, bad, rows - ok - bad, part, hole))
    return Subset(value, rows, found)


def _is_hole(here: tuple[int, int], elsewhere: tuple[int, int]) -> bool:
    """Return whether fewer rows are ok here than elsewhere, given ok rows and rows of both."""
    (ok, rows), (ok_elsewhere, rows_elsewhere) = here, elsewhere
    if not ok_elsewhere or ok * rows_elsewhere >= ok_elsewhere * rows:
        return False
    counts = [[ok, rows - ok], [ok_elsewhere, rows_elsewhere - ok_elsewhere]]
    return not ok or float(stats.fisher_exact(counts, alternative="less").pvalue) < BY_CHANCE
