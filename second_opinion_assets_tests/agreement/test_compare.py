"""Comparison: directions, disputed clips, and what is said about the figures."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.registry.facts import Direction
from second_opinion_assets.registry.references import Reference
from second_opinion_assets_tests.agreement.opinions import Opinions

UP = [float(n) for n in range(1, 13)]
DOWN = UP[::-1]


def spearman(agreement: Agreement) -> dict[tuple[str, str], float | None]:
    """Return Spearman's coefficients by what was held against what."""
    pairs = [*agreement.against_references, *agreement.between_scorers]
    return {(pair.scorer, pair.other): pair.correlation.spearman for pair in pairs}


def test_directions_are_turned(opinions: Opinions) -> None:
    """Where lower is better, of a scorer or a reference, it is turned: agreement is positive."""
    agreement, _ = opinions.compared(
        {"mos": UP, "dmos": DOWN}, {"DOVER": UP, "NIQE": DOWN, "unknown": DOWN}
    )
    assert {pair: round(rho or 0) for pair, rho in spearman(agreement).items()} == {
        ("DOVER", "mos"): 1,
        ("NIQE", "mos"): 1,
        ("unknown", "mos"): -1,
        ("DOVER", "dmos"): 1,
        ("NIQE", "dmos"): 1,
        ("unknown", "dmos"): -1,
        ("DOVER", "NIQE"): 1,
        ("DOVER", "unknown"): -1,
        ("NIQE", "unknown"): -1,
    }
    assert agreement.scorers["unknown"] is None
    assert agreement.references == {"mos": Direction.HIGHER, "dmos": Direction.LOWER}
    assert {(pair.scorer, pair.other) for pair in agreement.contrary} == {
        ("unknown", "mos"),
        ("unknown", "dmos"),
    }
    assert agreement.notes == ["No direction is declared for unknown; higher is taken for better."]


def test_few_clips_are_no_contradiction(opinions: Opinions) -> None:
    """Of three clips that happen to stand the other way round nothing is said."""
    agreement, _ = opinions.compared({"mos": UP[:3]}, {"DOVER": DOWN[:3]})
    assert spearman(agreement) == {("DOVER", "mos"): pytest.approx(-1)}
    assert not agreement.contrary


def test_disputed_clips(opinions: Opinions) -> None:
    """The clips that scorers rank furthest from a reference come with both values, each way."""
    scores = {"DOVER": [12.0, *UP[1:-1], 1.0], "NIQE": DOWN}
    agreement, _ = opinions.compared({"vmaf": UP}, scores)
    first, second = agreement.disputed["vmaf"]
    assert (first.clip, first.reference_value, first.opinions) == (
        "c0",
        1.0,
        {"DOVER": 12.0, "NIQE": 12.0},
    )
    assert first.differences == {"DOVER": pytest.approx(11 / 12), "NIQE": pytest.approx(0)}
    assert first.difference == pytest.approx(11 / 24)
    assert second.clip == "c11"
    assert second.difference == pytest.approx(-11 / 24)


def test_a_scorer_that_lacks_a_clip_has_no_say_in_it(opinions: Opinions) -> None:
    """A clip is disputed by those that rated it."""
    scores = {"DOVER": [12.0, *UP[1:-1], 1.0], "MUSIQ": [None, *UP[1:]]}
    agreement, _ = opinions.compared({"vmaf": UP}, scores)
    by_clip = {clip.clip: clip for clip in agreement.disputed["vmaf"]}
    assert by_clip["c0"].opinions == {"DOVER": 12.0}
    assert set(by_clip["c11"].opinions) == {"DOVER", "MUSIQ"}


def test_nothing_is_disputed_where_all_agree(opinions: Opinions) -> None:
    """Ranks closer than a quarter are no dispute."""
    agreement, _ = opinions.compared({"vmaf": UP}, {"DOVER": UP})
    assert agreement.disputed == {"vmaf": []}


def test_without_a_reference(opinions: Opinions) -> None:
    """Scorers are held against one another, and the lack of a reference is said."""
    agreement, _ = opinions.compared({"psnr": UP}, {"DOVER": UP, "MUSIQ": UP})
    assert spearman(agreement) == {("DOVER", "MUSIQ"): pytest.approx(1)}
    assert agreement.disputed == {}
    assert agreement.notes[0].startswith("The table has no reference column (vmaf*, mos*, dmos*")


def test_what_is_said(opinions: Opinions) -> None:
    """Aggregation, absent references and values that are no numbers are told."""
    columns = {"clip_id": ["a", "b", "c", "c"], "mos": [1.0, 2.0, 3.0, "n/a"]}
    asked = [Reference("mos"), Reference("moss")]
    agreement, _ = opinions.compared(columns, {"DOVER": UP[:4]}, asked)
    assert agreement.notes == [
        "The table has 4 rows of 3 clips; each clip's values are the means of its rows.",
        "Reference moss (did you mean mos?) is no column of the table.",
        "1 values of mos are no finite numbers and are left out.",
    ]


def test_a_scorer_that_learnt_from_the_set(opinions: Opinions) -> None:
    """A table named after a set that a scorer learnt from says so."""
    dataset_hints = ("KonIQ_10k shard 3", "features.jsonl")
    agreement, _ = opinions.compared(
        {"mos": UP}, {"Q-Align": UP, "NIQE": DOWN}, dataset_hints=dataset_hints
    )
    assert agreement.notes == [
        "Q-Align learnt from KonIQ-10k, which this table seems to be of: it is no fair judge here."
    ]


numbers = st.one_of(st.none(), st.just("bad"), st.integers(-3, 3), st.floats(allow_nan=False))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=12))
def test_any_values_give_figures_or_not_enough(
    opinions: Opinions, rows: list[tuple[object, object, object]]
) -> None:
    """Whatever the values, a figure is between -1 and 1, or there is none and it says why."""
    first, second, reference = ([row[n] for row in rows] for n in range(3))
    agreement, _ = opinions.compared({"mos": reference}, {"DOVER": first, "MUSIQ": second})
    for pair in (*agreement.against_references, *agreement.between_scorers):
        found = pair.correlation
        figures = [found.pearson, found.spearman, found.kendall]
        if found.not_enough:
            assert figures == [None] * 3
        else:
            assert all(figure is not None and abs(figure) < 1 + 1e-9 for figure in figures)
