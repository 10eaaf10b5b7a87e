"""Figures with n and a 95 % interval, or why there is not enough for one. Statistics are scipy's.

What the figures are about does not belong here.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import atanh, inf, sqrt, tanh
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from second_opinion_assets.agreement.answers import Estimate

Numbers = NDArray[np.float64]

LEAST = 10
"""The least n of a share, a correlation, a mean and a gain."""
LEAST_ON_A_LINE = 3
"""The least n of a slope."""
LEAST_SOURCES = 3
"""The least number of sources that variances are estimated from."""
_LEVEL = 0.95
_NORMAL = float(stats.norm.ppf((1 + _LEVEL) / 2))
_NEARLY_CONSTANT = 1e-12
_FOLDS = 10


def too_few(n: int, least: int = LEAST, what: str = "clips") -> Estimate:
    """Return that n is not enough."""
    return Estimate(n, not_enough=f"{n} {what}, at least {least} are needed")


def share(successes: int, n: int, what: str = "clips") -> Estimate:
    """Return a share with Wilson's score interval."""
    if n < LEAST:
        return too_few(n, what=what)
    found = stats.binomtest(successes, n).proportion_ci(_LEVEL, method="wilson")
    return Estimate(n, successes / n, float(found.low), float(found.high))


def fisher_interval(
    correlation: float, n: int, given: int = 0, *, of_ranks: bool = False
) -> tuple[float, float]:
    """Return the 95 % interval of a correlation, by Fisher's transformation.

    Args:
        correlation: the coefficient.
        n: pairs.
        given: how many columns a partial correlation is given, each of which costs a degree of
            freedom (Fisher 1924).
        of_ranks: it is Spearman's, whose transformation varies more (Bonett and Wright 2000).
    """
    if abs(correlation) >= 1:
        return correlation, correlation
    variance = (1 + correlation**2 / 2 if of_ranks else 1.0) / (n - 3 - given)
    middle, apart = atanh(correlation), _NORMAL * sqrt(variance)
    return tanh(middle - apart), tanh(middle + apart)


def spearman(columns: Sequence[Numbers], names: Sequence[str]) -> Estimate:
    """Return the rank correlation of two columns without NaN."""
    n = len(columns[0])
    if lacking := _not_enough(columns, names):
        return lacking
    ranks = [stats.rankdata(column) for column in columns]
    found = float(stats.pearsonr(*ranks).statistic)
    return Estimate(n, found, *fisher_interval(found, n, of_ranks=True))


def partial_correlation(
    columns: Sequence[Numbers], names: Sequence[str], given: Numbers
) -> Estimate:
    """Return the correlation of what a column leaves unexplained of two others.

    Args:
        columns: the two, without NaN.
        names: of them.
        given: the column, which may be the same for every clip.
    """
    n = len(given)
    if lacking := _not_enough(columns, names):
        return lacking
    fit = _design(given)
    rests = []
    for column, name in zip(columns, names, strict=True):
        scaled = _scaled(column)
        rest = scaled - fit @ np.linalg.lstsq(fit, scaled, rcond=None)[0]
        if np.ptp(rest) <= _NEARLY_CONSTANT * max(1.0, float(np.ptp(scaled))) * n:
            return Estimate(n, not_enough=f"nothing of {name} is left unexplained")
        rests.append(rest)
    found = float(stats.pearsonr(*rests).statistic)
    return Estimate(n, found, *fisher_interval(found, n, given=1))


def cross_validated_gain(
    people: Numbers,
    reference: Numbers,
    scorer: Numbers,
    name: str,
    sources: NDArray[np.intp] | None = None,
) -> Estimate:
    """Return how much more variance a fit explains with the scorer, of clips it was not fitted to.

    Ten folds; where enough sources are known, all clips of a source are in one fold. The interval
    is that of the mean gain of a clip, as if clips were independent.

    Args:
        people: what is to be explained.
        reference: what explains it anyway.
        scorer: what may explain more.
        name: of people's column, for why there is not enough.
        sources: the number of each clip's source, if sources are known.
    """
    n = len(people)
    if lacking := _not_enough([people], [name]):
        return lacking
    folds = _folds(n, sources)
    aim = _scaled(people)
    alone = out_of_fold(aim, [reference], folds)
    both = out_of_fold(aim, [reference, scorer], folds)
    gains = (alone**2 - both**2) / float(np.mean((aim - aim.mean()) ** 2))
    return mean(gains)


def out_of_fold(aim: Numbers, columns: Sequence[Numbers], folds: NDArray[np.intp]) -> Numbers:
    """Return by how much a linear fit on columns misses each value that it was not fitted to.

    Args:
        aim: the values.
        columns: what they are fitted on.
        folds: the number of each one's fold, which the fit leaves out.
    """
    fit = _design(*columns)
    missed = np.empty_like(aim)
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        weights = np.linalg.lstsq(fit[~out], aim[~out], rcond=None)[0]
        missed[out] = aim[out] - fit[out] @ weights
    return missed


def mean(values: Numbers, least: int = LEAST, what: str = "clips") -> Estimate:
    """Return the mean with Student's interval."""
    n = len(values)
    if n < least:
        return too_few(n, least, what)
    size = _size(values)
    scaled = values / size
    middle = float(scaled.mean())
    if np.ptp(scaled) <= _NEARLY_CONSTANT:
        return _finite(n, *[middle * size] * 3)
    found = stats.ttest_1samp(scaled, 0.0).confidence_interval(_LEVEL)
    return _finite(n, middle * size, float(found.low) * size, float(found.high) * size)


def median(values: Numbers) -> Estimate:
    """Return the median with the interval between two of the values (Conover)."""
    n = len(values)
    if n < LEAST:
        return too_few(n)
    found = stats.quantile_test(values, p=0.5).confidence_interval(_LEVEL)
    return Estimate(n, float(np.median(values)), float(found.low), float(found.high))


def slope(x: Numbers, y: Numbers) -> Estimate:
    """Return the slope of a straight line through points, with Student's interval."""
    n = len(x)
    if n < LEAST_ON_A_LINE:
        return too_few(n, LEAST_ON_A_LINE)
    if is_constant(x):
        return Estimate(n, not_enough="the reference is the same for every clip")
    wide, high = _size(x), _size(y)
    found = stats.linregress(x / wide, y / high)
    apart = float(stats.t.ppf((1 + _LEVEL) / 2, n - 2) * found.stderr)
    values = (found.slope, found.slope - apart, found.slope + apart)
    return _finite(n, *(float(value) * (high / wide) for value in values))


class Components(NamedTuple):
    """Variances within groups and between them, and the share between; none for not enough."""

    within: float | None
    between: float | None
    share_between: Estimate


def variance_components(values: Numbers, groups: NDArray[np.intp]) -> Components:
    """Return the variance within groups and between them, with the interval of their share.

    One-way random effects by analysis of variance; the share is the intraclass correlation of
    Shrout and Fleiss (1979), ICC(1,1), none below 0. Of groups that differ in size it is
    approximate (Searle's mean size).

    Args:
        values: without NaN.
        groups: the number of each one's group.
    """
    n, size = len(values), _size(values)
    by_group = pd.Series(values / size).groupby(groups)
    sizes = by_group.size().to_numpy()
    freedom = (len(sizes) - 1, n - len(sizes))
    if n < LEAST:
        return Components(None, None, too_few(n))
    if len(sizes) < LEAST_SOURCES:
        return Components(None, None, too_few(len(sizes), LEAST_SOURCES, "sources"))
    within = float((by_group.var().fillna(0) * (sizes - 1)).sum()) / max(1, freedom[1])
    if within <= _NEARLY_CONSTANT:
        why = "no source has clips that differ"
        return Components(None, None, Estimate(n, not_enough=why))
    f = float(stats.f_oneway(*(of_group.to_numpy() for _, of_group in by_group)).statistic)
    mean_size = (n - float((sizes**2).sum()) / n) / freedom[0]
    tails = stats.f.ppf([(1 + _LEVEL) / 2, (1 - _LEVEL) / 2], *freedom)
    shares = [max(0.0, (r - 1) / (r - 1 + mean_size)) for r in (f, *(f / tails))]
    between = max(0.0, within * (f - 1) / mean_size)
    if not size**2 < inf:
        return Components(None, None, _finite(n, *map(float, shares)))
    return Components(within * size**2, between * size**2, _finite(n, *map(float, shares)))


def is_constant(values: Numbers) -> bool:
    """Return whether values are the same, but for rounding."""
    return bool(np.ptp(values / _size(values)) <= _NEARLY_CONSTANT)


def _not_enough(columns: Sequence[Numbers], names: Sequence[str]) -> Estimate | None:
    n = len(columns[0])
    if n < LEAST:
        return too_few(n)
    for column, name in zip(columns, names, strict=True):
        if is_constant(column):
            return Estimate(n, not_enough=f"{name} is the same for every clip")
    return None


def _design(*columns: Numbers) -> Numbers:
    """Return what a linear fit is made on: columns without their scale, and a constant."""
    return np.column_stack([*map(_scaled, columns), np.ones(len(columns[0]))])


def _scaled(column: Numbers) -> Numbers:
    """Return a column around 0 and within 1: a scale changes no correlation and no fit."""
    scaled = column / _size(column)
    around: Numbers = scaled - scaled.mean()
    return around / _size(around)


def _folds(n: int, sources: NDArray[np.intp] | None) -> NDArray[np.intp]:
    """Deal clips, or whole sources, to folds by chance, the same each time."""
    units = np.arange(n) if sources is None else np.unique(sources, return_inverse=True)[1]
    count = int(units.max()) + 1
    if count < _FOLDS:
        units, count = np.arange(n), n
    dealt = np.random.default_rng(0).permutation(count) % _FOLDS
    return dealt[units]


def _finite(n: int, value: float, low: float, high: float) -> Estimate:
    if all(abs(figure) < inf for figure in (value, low, high)):
        return Estimate(n, value, low, high)
    return Estimate(n, not_enough="the values are too large")


def _size(values: Numbers) -> float:
    """Return the largest of values: what is squared on the way must not overflow."""
    return (float(np.abs(values).max()) if len(values) else 0.0) or 1.0
