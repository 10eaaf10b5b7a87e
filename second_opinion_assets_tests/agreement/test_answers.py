"""The answers about tables whose truth is known, and what a person sees of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from second_opinion_assets.agreement.answers import Answers
from second_opinion_assets.agreement.show_answers import answer_parts
from second_opinion_assets.registry.facts import Direction, parse_entry, shipped_registry
from second_opinion_assets.registry.references import Reference
from second_opinion_assets.report.markdown import render
from second_opinion_assets_tests.agreement.opinions import Opinions

RANDOM = np.random.default_rng(4)
MOS = [float(n) for n in range(40)]
VMAF = [float(n) for n in (*range(20, 40), *range(20))]
"""Ranks of which every one is half of all clips away from that of the MOS."""


def test_with_whom_a_scorer_sides(opinions: Opinions) -> None:
    """One that goes along with people is on their side of each contested clip, its like is not."""
    scores = {"DOVER": [4 * n for n in MOS], "NIQE": [100 - n for n in VMAF]}
    agreement, _ = opinions.compared({"vmaf": VMAF, "mos": MOS}, scores)
    (found,) = agreement.answers.sides
    assert (found.reference, found.people, found.clips, found.apart) == ("vmaf", "mos", 40, 40)
    dover, niqe = found.scorers
    assert (dover.with_people, dover.with_reference, dover.share.value) == (40, 0, 1.0)
    assert (niqe.with_people, niqe.with_reference, niqe.share.value) == (0, 40, 0.0)
    assert (dover.share.low, dover.share.high) == pytest.approx((0.9124, 1.0), abs=1e-4)
    first = found.contested[0]
    assert (first.clip, first.reference_value, first.people_value) == ("c0", 20.0, 0.0)
    assert first.difference == pytest.approx(0.5)
    assert first.opinions == {"DOVER": 0.0, "NIQE": 80.0}
    assert first.with_people == {"DOVER": True, "NIQE": False}


def test_a_scorer_in_the_middle_has_no_side(opinions: Opinions) -> None:
    """A rank as near to the one as to the other counts for neither."""
    vmaf, mos = ([1.0, 2.0, 3.0, 4.0, 5.0], [5.0, 4.0, 3.0, 2.0, 1.0])
    agreement, _ = opinions.compared({"vmaf": vmaf, "mos": mos}, {"DOVER": [7.0] * 5})
    (found,) = agreement.answers.sides
    assert found.apart == 4
    assert (found.scorers[0].with_people, found.scorers[0].with_reference) == (0, 0)
    assert found.scorers[0].share.not_enough == "0 clips, at least 10 are needed"
    assert found.contested[0].with_people == {}


def test_a_scorer_sides_by_the_clips_that_it_rated(opinions: Opinions) -> None:
    """Clips without an ok score are not on anybody's side, and few of them are not enough."""
    scores = {"DOVER": [n if n < 9 else None for n in MOS]}
    agreement, _ = opinions.compared({"vmaf": VMAF, "mos": MOS}, scores)
    ((side,),) = (found.scorers for found in agreement.answers.sides)
    assert side.share.value is None
    assert str(side.share.not_enough).endswith("clips, at least 10 are needed")


def test_dmos_is_turned(opinions: Opinions) -> None:
    """Where people's low values are good, the same clips are contested on the same sides."""
    scores = {"DOVER": MOS}
    plain, _ = opinions.compared({"vmaf": VMAF, "mos": MOS}, scores)
    turned, _ = opinions.compared({"vmaf": VMAF, "dmos": [-n for n in MOS]}, scores)
    assert plain.answers.sides[0].scorers == turned.answers.sides[0].scorers


def test_people_of_another_name(opinions: Opinions) -> None:
    """A manifest says which column holds what people say."""
    asked = [Reference("vmaf"), Reference("rating", people=True), Reference("mos", people=False)]
    columns = {"vmaf": VMAF, "rating": MOS, "mos": VMAF}
    agreement, _ = opinions.compared(columns, {"DOVER": MOS}, asked)
    assert [(s.reference, s.people) for s in agreement.answers.sides] == [
        ("vmaf", "rating"),
        ("mos", "rating"),
    ]


def test_where_the_reference_saturates(opinions: Opinions) -> None:
    """At its ceiling VMAF says nothing, and a scorer that sees on is told by every figure."""
    quality = RANDOM.normal(size=400)
    vmaf = np.minimum(100, 95 + 8 * quality)
    noise = RANDOM.normal(size=400)
    scores = {"DOVER": quality.tolist(), "MUSIQ": noise.tolist()}
    agreement, _ = opinions.compared({"vmaf": vmaf.tolist(), "mos": quality.tolist()}, scores)
    every, top = agreement.answers.bands
    assert every.least is None
    assert every.spearman.value == pytest.approx(0.97, abs=0.03)
    assert top.least == 100
    assert top.spearman.n == int((vmaf == 100).sum())
    assert top.spearman.not_enough == "vmaf is the same for every clip"
    dover, musiq = top.scorers
    assert dover.spearman.value == pytest.approx(1)
    assert dover.partial.value == pytest.approx(1)
    assert dover.gain.value == pytest.approx(1, abs=0.05)
    assert musiq.gain.value == pytest.approx(0, abs=0.05)
    low, high = musiq.partial.low, musiq.partial.high
    assert low is not None
    assert high is not None
    assert low < 0 < high


def test_the_top_band_of_a_reference_where_lower_is_better(opinions: Opinions) -> None:
    """The best quarter of LPIPS are its lowest values."""
    asked = [Reference("lpips", Direction.LOWER), Reference("mos")]
    columns = {"lpips": MOS, "mos": MOS[::-1]}
    agreement, _ = opinions.compared(columns, {"DOVER": MOS[::-1]}, asked)
    top = agreement.answers.bands[1]
    assert (top.least, top.spearman.n) == (9.0, 10)
    assert top.spearman.value == pytest.approx(1)
    text = render(*answer_parts(agreement)["beyond_the_reference"])
    assert "**The best quarter, from 9 down: lpips 1.00 (1.00 to 1.00, n 10)**" in text


def test_without_people(opinions: Opinions) -> None:
    """Nothing is said of people where no column holds what they say."""
    agreement, _ = opinions.compared({"vmaf": VMAF}, {"DOVER": MOS})
    assert (agreement.answers.sides, agreement.answers.bands) == ([], [])
    assert list(answer_parts(agreement)) == ["distributions"]


def test_distribution(opinions: Opinions) -> None:
    """Scores are counted over the declared scale, and mapped to 0 worst, 100 best."""
    answers = _of({"NIQE": [float(n) for n in range(1, 11)]}, opinions)
    (niqe,) = answers.distributions
    assert (niqe.scale, niqe.direction) == ("0-100", Direction.LOWER)
    assert (niqe.least, niqe.greatest) == (1, 10)
    assert (niqe.mean.value, niqe.median.value, niqe.mean.n) == (5.5, 5.5, 10)
    assert (niqe.edges[0], niqe.edges[-1], sum(niqe.counts)) == (0, 100, 10)
    assert niqe.counts[:3] == [4, 5, 1]
    assert niqe.aligned is not None
    assert niqe.aligned.mean.value == pytest.approx(94.5)
    assert niqe.aligned.quantiles[2] == pytest.approx(94.5)


@pytest.mark.parametrize(
    ("scorer", "scores", "why"),
    [
        pytest.param("COVER", MOS, "no scale with both bounds is declared", id="no-scale"),
        pytest.param("stranger", MOS, "no scale with both bounds is declared", id="unknown"),
        pytest.param(
            "scaled", MOS, "no direction is declared", id="no-direction"
        ),
        pytest.param(
            "LIQE", MOS,
            "scores 0 … 39 where 1-5 is declared; 0-100 would fit", id="another-scale",
        ),
        pytest.param("DOVER", [None] * 40, "it has no scores", id="no-scores"),
    ],
)  # fmt: skip
def test_what_is_not_mapped(opinions: Opinions, scorer: str, scores: list[float], why: str) -> None:
    """Without a scale, a direction or scores that fit, nothing is mapped, and it says why."""
    (found,) = _of({scorer: scores}, opinions).distributions
    assert (found.aligned, found.not_aligned) == (None, why)


def test_tables(opinions: Opinions) -> None:
    """Every figure has n and its interval; where there is not enough it says so."""
    agreement, _ = opinions.compared(
        {"vmaf": VMAF, "mos": MOS}, {"DOVER": MOS, "FEW": [1.0, 2.0, *[None] * 38]}
    )
    parts = {name: render(*found) for name, found in answer_parts(agreement).items()}
    text = parts["sides_with_people"]
    assert "**vmaf and mos rank 40 of 40 clips at least a quarter apart**" in text
    assert "| DOVER | 40 | 0 | 100.0% (91.2% to 100.0%, n 40) |" in text
    assert "| not enough: " in text
    assert "0 (with people)" in text
    assert "(n 40)" not in parts["beyond_the_reference"]
    assert "| DOVER | 0-100 | 0 | 19.5 (" in parts["distributions"]
    assert all("nan" not in found.lower() for found in parts.values())


numbers = st.one_of(st.none(), st.integers(-3, 3), st.floats(allow_nan=False))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=10, max_size=14))
def test_any_values_give_figures_or_not_enough(
    opinions: Opinions, rows: list[tuple[object, object, object]]
) -> None:
    """Whatever the values, a figure is finite and has an interval, or there is none and why."""
    scores, vmaf, mos = ([row[n] for row in rows] for n in range(3))
    agreement, _ = opinions.compared({"vmaf": vmaf, "mos": mos}, {"DOVER": scores})
    for found in _estimates(msgspec.to_builtins(agreement.answers)):
        figures = [found["value"], found["low"], found["high"]]
        if found["not_enough"]:
            assert figures == [None] * 3
        else:
            assert all(abs(figure) < np.inf for figure in figures)
            assert figures[1] <= figures[0] * (1 + 1e-9) + 1e-9 or figures[1] <= figures[0]


def _estimates(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and "not_enough" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _estimates(inner)


def _of(scores: dict[str, list[float]], opinions: Opinions) -> Answers:
    scale = {"name": "scaled", "scales": [{"minimum": 0, "maximum": 50}]}
    registry = shipped_registry().before([parse_entry(scale, "here")])
    return opinions.compared({}, scores, registry=registry)[0].answers
