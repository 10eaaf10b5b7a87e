"""Figures and their intervals: published worked examples, simulations, and not enough."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from second_opinion_assets.agreement.answers import Estimate
from second_opinion_assets.agreement.estimates import (
    cross_validated_gain,
    fisher_interval,
    mean,
    median,
    out_of_fold,
    partial_correlation,
    share,
    slope,
    spearman,
    variance_components,
)

SPEED = "4 4 7 7 8 9 10 10 10 11 11 12 12 12 12 13 13 13 13 14 14 14 14 15 15 15 16 16 17 17 17 18"
SPEED += " 18 18 18 19 19 19 20 20 20 20 20 22 23 24 24 24 24 25"
STOPPED = "2 10 4 22 16 10 18 26 34 17 28 14 20 24 28 26 34 34 46 26 36 60 80 20 26 54 32 40 32 40"
STOPPED += " 50 42 56 76 84 36 46 68 32 48 52 56 64 66 54 70 92 93 120 85"
CARS = (np.array(SPEED.split(), dtype=float), np.array(STOPPED.split(), dtype=float))
"""Speed and stopping distance of fifty cars (Ezekiel 1930), R's data set `cars`."""
SLEEP = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
"""Hours of sleep gained (Student 1908), R's data set `sleep`, its first group."""


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_share(successes: int, n: int, low: float, high: float) -> None:
    """Wilson's interval is that of Newcombe (1998), table I, method 3."""
    found = share(successes, n)
    assert (found.n, found.value) == (n, successes / n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_interval_of_a_partial_correlation() -> None:
    """Of 0.711879 in 37 people, given two columns, it is Penn State's 0.4964 to 0.8447.

    STAT 505, lesson 6.3: information and similarities of the Wechsler intelligence scale.
    """
    assert fisher_interval(0.711879, 37, given=2) == pytest.approx((0.4964, 0.8447), abs=1e-4)


def test_interval_of_a_correlation_is_scipys() -> None:
    """Given nothing, Fisher's interval is the one that scipy has for Pearson's coefficient."""
    found = stats.pearsonr(*CARS)
    expected = found.confidence_interval(0.95)
    assert fisher_interval(float(found.statistic), 50) == pytest.approx(tuple(expected))


def test_partial_correlation_by_hand() -> None:
    """Three correlations give the partial one, by the textbook's formula."""
    reference, people = CARS
    scorer = people + 10 * np.sin(np.arange(50))
    xy, xz, yz = (
        float(np.corrcoef(*pair)[0, 1])
        for pair in ((scorer, people), (scorer, reference), (people, reference))
    )
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    found = partial_correlation((scorer, people), ("s", "mos"), reference)
    assert found.value == pytest.approx(expected)
    assert (found.low, found.high) == pytest.approx(fisher_interval(expected, 50, given=1))


def test_a_saturated_reference_explains_nothing() -> None:
    """Given a column that is the same for every clip, the correlation stays what it is."""
    found = partial_correlation(CARS, ("s", "mos"), np.full(50, 100.0))
    assert found.value == pytest.approx(stats.pearsonr(*CARS).statistic)


def test_a_copy_of_the_reference_has_nothing_left() -> None:
    """A scorer that the reference explains wholly has no partial correlation."""
    found = partial_correlation((CARS[0] * 3 + 1, CARS[1]), ("s", "mos"), CARS[0])
    assert found == Estimate(50, not_enough="nothing of s is left unexplained")


def test_left_out_one_at_a_time() -> None:
    """Leaving out one car at a time, the mean squared miss of a straight line is 246.405.

    As by `cv.glm` of R's package boot; and each miss is the residual by one less the leverage.
    """
    speed, stopped = CARS
    folds = np.arange(50)
    missed = out_of_fold(stopped, [speed], folds)
    assert np.mean(missed**2) == pytest.approx(246.4054, abs=1e-3)
    design = np.column_stack([speed, np.ones(50)])
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    assert missed == pytest.approx((stopped - hat @ stopped) / (1 - np.diag(hat)))


def test_gain_of_what_is_explained() -> None:
    """Where people are half the reference and half the scorer, the gain is the scorer's half."""
    random = np.random.default_rng(1)
    reference, scorer = random.normal(size=(2, 4000))
    found = cross_validated_gain(reference + scorer, reference, scorer, "mos")
    assert found.value == pytest.approx(0.5, abs=0.03)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    noise = cross_validated_gain(reference, reference + scorer, random.normal(size=4000), "mos")
    assert noise.value == pytest.approx(0, abs=0.005)


def test_a_source_is_in_one_fold() -> None:
    """What a scorer knows of a source by heart is no gain on other sources."""
    random = np.random.default_rng(2)
    sources = np.repeat(np.arange(40), 25)
    reference = random.normal(size=1000)
    people = reference + random.normal(size=40)[sources]
    by_heart = (sources == 7) * people
    alone = cross_validated_gain(people, reference, by_heart, "mos")
    by_source = cross_validated_gain(people, reference, by_heart, "mos", sources)
    assert alone.value is not None
    assert by_source.value is not None
    assert by_source.value <= 0 <= alone.value


def test_mean() -> None:
    """Student's interval of the first sleeping drug is R's -0.5297804 to 2.0297804."""
    found = mean(SLEEP)
    assert (found.value, found.low, found.high) == pytest.approx((0.75, -0.5297804, 2.0297804))


def test_median() -> None:
    """Of ten values it is between the second and the ninth (Conover 1999)."""
    found = median(SLEEP)
    assert (found.value, found.low, found.high) == pytest.approx((0.35, -1.2, 3.4))


def test_slope() -> None:
    """Of stopping distance by speed it is R's 3.932409, from 3.096964 to 4.767853."""
    found = slope(*CARS)
    assert (found.value, found.low, found.high) == pytest.approx(
        (3.932409, 3.096964, 4.767853), abs=1e-6
    )


JUDGED = np.array([9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7.0])
"""Six targets that four judges rated (Shrout and Fleiss 1979, table 2)."""


def test_variance_components() -> None:
    """Mean squares are Shrout and Fleiss' 11.24 and 6.26, their ICC(1,1) is .17.

    Its interval is -.13 to .72, as in R's package psych; a share ends at 0.
    """
    found = variance_components(JUDGED, np.repeat(np.arange(6), 4))
    assert found.within == pytest.approx(6.26, abs=0.005)
    assert found.between == pytest.approx((11.24 - 6.26) / 4, abs=0.005)
    share_between = found.share_between
    assert share_between.value == pytest.approx(0.166, abs=5e-4)
    assert share_between.low == 0
    assert share_between.high == pytest.approx(0.723, abs=5e-4)


def test_variance_components_of_sources_of_unlike_size() -> None:
    """A true share of 0.8 is found from sources of two to nine clips."""
    random = np.random.default_rng(5)
    sources = np.repeat(np.arange(200), random.integers(2, 10, 200))
    values = 2 * random.normal(size=200)[sources] + random.normal(size=len(sources))
    found = variance_components(50 + 10 * values, sources)
    assert found.within == pytest.approx(100, rel=0.1)
    assert found.between == pytest.approx(400, rel=0.2)
    low, high = found.share_between.low, found.share_between.high
    assert low is not None
    assert high is not None
    assert low < 0.8 < high
    assert high - low < 0.1


def test_the_interval_of_spearman_covers() -> None:
    """Of 400 samples whose true coefficient is known, about 95 % have it in the interval."""
    random = np.random.default_rng(3)
    rho = 0.8
    truth = 6 / np.pi * np.arcsin(rho / 2)
    covered = 0
    for _ in range(400):
        first, noise = random.normal(size=(2, 40))
        found = spearman((first, rho * first + np.sqrt(1 - rho**2) * noise), ("a", "b"))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered / 400 == pytest.approx(0.95, abs=0.025)


def test_not_enough() -> None:
    """Below the least n, or where a column is the same for every clip, it says why."""
    assert share(3, 9).not_enough == "9 clips, at least 10 are needed"
    assert mean(SLEEP[:9]).not_enough == "9 clips, at least 10 are needed"
    assert median(SLEEP[:9]).not_enough == "9 clips, at least 10 are needed"
    assert slope(SLEEP[:2], SLEEP[:2]).not_enough == "2 clips, at least 3 are needed"
    same = np.ones(10)
    assert spearman((SLEEP, same), ("a", "b")).not_enough == "b is the same for every clip"
    assert slope(same, SLEEP).not_enough == "the reference is the same for every clip"
    sources = np.repeat(np.arange(5), 2)
    assert variance_components(SLEEP, sources // 3).share_between.not_enough == (
        "2 sources, at least 3 are needed"
    )
    assert variance_components(np.repeat(SLEEP[:5], 2), sources).share_between.not_enough == (
        "no source has clips that differ"
    )
    gain = cross_validated_gain(same, SLEEP, SLEEP, "mos")
    assert gain.not_enough == "mos is the same for every clip"
