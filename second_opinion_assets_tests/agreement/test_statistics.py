"""Correlations: scipy's own, published ones, and where there is not enough for any."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from second_opinion_assets.agreement.agreement import Correlation
from second_opinion_assets.agreement.statistics import Paired, correlate

NAMES = ("opinion", "reference")


def correlated(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Return the correlations of two columns, NaN for no value."""
    return correlate(Paired.of(np.array(first), np.array(second)), NAMES)


def test_anscombes_first_set() -> None:
    """Pearson's coefficient of Anscombe's quartet (1973) is the published 0.816."""
    x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    assert correlated(x, y).pearson == pytest.approx(0.816, abs=5e-4)


def test_hours_of_television() -> None:
    """Spearman's coefficient of the textbook's IQ and hours of television is -29/165."""
    quotient = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert correlated(quotient, hours).spearman == pytest.approx(-29 / 165)


def test_kendall_by_its_definition() -> None:
    """Of ten pairs nine are in order and one is not: (9 - 1) / 10."""
    assert correlated([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]).kendall == pytest.approx(0.8)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-5, 5), st.floats(-1e6, 1e6, allow_subnormal=False)),
            st.one_of(st.integers(-5, 5), st.floats(-1e6, 1e6, allow_subnormal=False)),
        ),
        min_size=3,
        max_size=40,
    )
)
def test_they_are_scipys(pairs: list[tuple[float, float]]) -> None:
    """With ties and without, each coefficient is what scipy's own function gives."""
    first, second = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    assume(min(np.ptp(first), np.ptp(second)) > 1e-3)
    found = correlate(Paired.of(first, second), NAMES)
    assert found.n == len(pairs)
    assert found.pearson == pytest.approx(stats.pearsonr(first, second).statistic, abs=1e-6)
    assert found.spearman == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-9)
    assert found.kendall == pytest.approx(stats.kendalltau(first, second).statistic, abs=1e-9)


def test_only_pairs_count() -> None:
    """Where either column has no value there is no pair."""
    nan = math.nan
    found = correlated([1, nan, 2, 3, 9], [2, 5, nan, 4, 6])
    assert found == correlated([1, 3, 9], [2, 4, 6])
    assert found.n == 3


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        pytest.param([], [], "0 clips have both, at least 3 are needed", id="none"),
        pytest.param([1, 2], [1, 2], "2 clips have both, at least 3 are needed", id="two"),
        pytest.param([5, 5, 5], [1, 2, 3], "opinion is the same for every clip", id="constant"),
        pytest.param([1, 2, 3], [0, 0, 0], "reference is the same for every clip", id="all-zero"),
        pytest.param(
            [1, 1 + 1e-15, 1],
            [1, 2, 3],
            "opinion is the same for every clip",
            id="constant-but-rounding",
        ),
    ],
)
def test_not_enough(first: list[float], second: list[float], why: str) -> None:
    """Without three pairs, or with a constant column, there is no figure, and it says why."""
    found = correlated(first, second)
    assert found.not_enough == why
    assert (found.pearson, found.spearman, found.kendall, found.spearman_p) == (None,) * 4


@pytest.mark.parametrize("size", [1e308, 5e-324, 1e-300])
def test_values_of_any_size(size: float) -> None:
    """What is squared on the way neither overflows nor vanishes."""
    found = correlated([size, 0.0, -size, size], [1.0, 2.0, 3.0, 1.5])
    assert found.pearson == pytest.approx(
        stats.pearsonr([1, 0, -1, 1], [1.0, 2.0, 3.0, 1.5]).statistic
    )


def test_differences_are_shares_of_the_pairs() -> None:
    """Ranks of three pairs are a third apart; equal values share a rank."""
    paired = Paired.of(np.array([1.0, 2.0, 3.0, math.nan]), np.array([3.0, 1.0, 1.0, 0.0]))
    assert paired.positions.tolist() == [0, 1, 2]
    assert (paired.differences * 3).tolist() == pytest.approx([-2.0, 0.5, 1.5])
