"""How far two columns of numbers agree: correlations, and how far each clip's ranks are apart.

All statistics are scipy's; what they are told of does not belong here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from second_opinion_assets.agreement.agreement import Correlation

LEAST_PAIRS = 3
_NEARLY_CONSTANT = 1e-12


class Paired(NamedTuple):
    """Two columns where both have values.

    Attributes:
        positions: where in the columns.
        ranks: of each column, as shares of the pairs between 0 and 1; equal values share one.
    """

    positions: NDArray[np.intp]
    values: tuple[NDArray[np.float64], NDArray[np.float64]]
    ranks: tuple[NDArray[np.float64], NDArray[np.float64]]

    @classmethod
    def of(cls, first: NDArray[np.float64], second: NDArray[np.float64]) -> Paired:
        """Pair two columns of equal length, NaN for no value."""
        (positions,) = np.nonzero(~(np.isnan(first) | np.isnan(second)))
        values = (first[positions], second[positions])
        return cls(positions, values, (_shares(values[0]), _shares(values[1])))

    @property
    def differences(self) -> NDArray[np.float64]:
        """How much higher the first ranks than the second, in shares."""
        return self.ranks[0] - self.ranks[1]


def correlate(paired: Paired, names: tuple[str, str]) -> Correlation:
    """Return the correlations of two columns.

    Args:
        paired: their values.
        names: of the columns, for why there is not enough.
    """
    n = len(paired.positions)
    if n < LEAST_PAIRS:
        return Correlation(n, not_enough=f"{n} clips have both, at least {LEAST_PAIRS} are needed")
    for values, name in zip(paired.values, names, strict=True):
        if np.ptp(values / _largest(values)) <= _NEARLY_CONSTANT:
            return Correlation(n, not_enough=f"{name} is the same for every clip")
    # What is squared on the way must not overflow, and a scale changes no correlation.
    first, second = (values / _largest(values) for values in paired.values)
    # Spearman's coefficient is by definition Pearson's of the ranks, which are there already.
    spearman = stats.pearsonr(*paired.ranks)
    return Correlation(
        n,
        pearson=float(stats.pearsonr(first, second).statistic),
        spearman=float(spearman.statistic),
        kendall=float(stats.kendalltau(*paired.ranks, method="asymptotic").statistic),
        spearman_p=float(spearman.pvalue),
    )


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks: NDArray[np.float64] = stats.rankdata(values)
    return (ranks - 0.5) / max(1, len(values))


def _largest(values: NDArray[np.float64]) -> float:
    return float(np.abs(values).max()) or 1.0
