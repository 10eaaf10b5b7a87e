"""Scales: their names, what they hold, and when scores are doubtful on one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion_assets.registry.scales import Scale, scale_doubt

UNIT, MOS, HUNDRED = Scale(0, 1), Scale(1, 5), Scale(0, 100)
USUAL_HUNDRED = Scale(0, 100, typical=True)
Z_SCORE = Scale(name="z-score")
SCORES = st.floats(-200, 200)


def test_labels() -> None:
    """A scale is called by its bounds unless it has a name."""
    scales = (UNIT, Scale(-0.5, 12.25), Scale(1, 5, name="MOS"), Z_SCORE)
    assert [scale.label for scale in scales] == ["0-1", "-0.5-12.25", "MOS", "z-score"]


@pytest.mark.parametrize(
    ("scales", "low", "high", "doubt"),
    [
        pytest.param([HUNDRED], 3, 97, None, id="inside"),
        pytest.param([HUNDRED], 0, 100, None, id="bounds-are-inside"),
        pytest.param([HUNDRED], 3, 100.5, "no known scale fits", id="above"),
        pytest.param([UNIT], 20, 80, "0-100 would fit", id="hundred-times-too-high"),
        pytest.param([UNIT], 1.2, 4.8, "1-5 would fit", id="narrowest-usual-scale"),
        pytest.param([UNIT, HUNDRED], 1.2, 4.8, "1-5 would fit", id="narrowest-of-all"),
        pytest.param([MOS], 0.2, 0.8, "0-1 would fit", id="below"),
        pytest.param([HUNDRED, UNIT, Z_SCORE], -1.3, 2, "z-score would fit", id="no-bounds"),
        pytest.param([HUNDRED], 0.2, 0.9, "0-1 would fit", id="inside-but-tiny"),
        pytest.param([HUNDRED], 1, 1, "0-1 would fit", id="one-tiny-score"),
        pytest.param([HUNDRED], 0, 0, None, id="all-zero"),
        pytest.param([HUNDRED], 0.2, 1.1, None, id="inside-and-low"),
        pytest.param([HUNDRED], 2.1, 4.9, None, id="low-is-no-mos"),
        pytest.param([HUNDRED, MOS], 2.1, 4.9, "1-5 would fit", id="low-where-mos-is-declared"),
        pytest.param([MOS], 1, 1, None, id="not-much-narrower"),
        pytest.param([USUAL_HUNDRED], -9, 109, None, id="strays-a-little"),
        pytest.param([USUAL_HUNDRED], 3, 111, "no known scale fits", id="strays-far"),
        pytest.param([Z_SCORE, UNIT], 0.2, 0.8, None, id="anything-is-a-z-score"),
        pytest.param([Scale(minimum=0, name="raw")], -0.1, 7, "no known", id="one-bound"),
    ],
)
def test_doubt(scales: Sequence[Scale], low: float, high: float, doubt: str | None) -> None:
    """Scores outside the declared scale, or lost in it, are doubtful; what would fit is named."""
    found = scale_doubt(scales, low, high)
    assert (found is None) == (doubt is None)
    assert doubt is None or doubt in str(found)


@given(st.tuples(SCORES, SCORES).map(sorted))
def test_what_would_fit_fits(scores: list[float]) -> None:
    """The scale that is named holds the scores, and none that is known and narrower does."""
    low, high = scores
    doubt = scale_doubt([HUNDRED, UNIT, Z_SCORE], low, high)
    if doubt is None:
        assert HUNDRED.holds(low, high)
    else:
        assert doubt.fits is not None
        assert doubt.fits.holds(low, high)
        assert all(s.span >= doubt.fits.span for s in (UNIT, MOS) if s.holds(low, high))
