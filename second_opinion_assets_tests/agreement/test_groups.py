"""Answers by source and by subset, of tables whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from second_opinion_assets.agreement.show_answers import answer_parts
from second_opinion_assets.agreement.subsets import _is_hole
from second_opinion_assets.registry.groups import Groups, SourceKey
from second_opinion_assets.report.markdown import render
from second_opinion_assets_tests.agreement.opinions import Opinions

SOURCES, ENCODES = 8, 5
CLIPS = [f"s{source}_crf{10 * encode}" for source in range(SOURCES) for encode in range(ENCODES)]
VMAF = [95.0 - 10 * encode for _ in range(SOURCES) for encode in range(ENCODES)]
BY_PATTERN = Groups(source_key=SourceKey(pattern="(s[0-9]+)_.*"))


def ladders(slope: float, levels: list[float]) -> list[float]:
    """Return scores that follow the VMAF within each source, from the source's own level."""
    wobble = np.tile([0.5, -0.5, 0.0, -0.5, 0.5], SOURCES)
    at_best = np.repeat(levels, ENCODES)
    return list(at_best + slope * (np.array(VMAF) - 95) + wobble)


def test_camera_defect_or_encode_artefact(opinions: Opinions) -> None:
    """A scorer of sources varies between them, one of encodes within them; the bad one is named."""
    scores = {
        "DOVER": ladders(0.05, [70, 72, 74, 76, 78, 80, 82, 10]),
        "MUSIQ": ladders(1.0, [70.0] * 8),
    }
    columns = {"clip_id": CLIPS, "vmaf": VMAF}
    agreement, _ = opinions.compared(columns, scores, groups=BY_PATTERN)
    found = agreement.answers.sources
    assert found is not None
    assert (found.clips, found.sources) == (40, 8)
    camera, encoder = found.spreads
    assert camera.share_between.value == pytest.approx(0.99, abs=0.01)
    assert encoder.share_between.value == 0
    of_camera, of_encoder = found.ladders
    assert (of_camera.reference, of_camera.slope.n) == ("vmaf", 8)
    assert of_camera.slope.value == pytest.approx(0.05)
    assert of_encoder.slope.value == pytest.approx(1.0)
    assert (of_camera.disliked, of_encoder.disliked) == (1, 0)
    worst = of_camera.levels[0]
    assert (worst.source, worst.clips, worst.best_clip) == ("s7", 5, "s7_crf0")
    assert (worst.reference_value, worst.score, worst.disliked) == (95.0, 10.5, True)
    assert (worst.liked_better.value, worst.liked_better.n) == (1.0, 35)
    assert worst.slope.value == pytest.approx(0.05)
    assert (worst.slope.low or 0) < 0.05 < (worst.slope.high or 0)
    text = render(*answer_parts(agreement)["sources_and_encodes"])
    assert "**40 of 40 clips are of 8 known sources**" in text
    assert "**DOVER dislikes 1 sources even at their best encode**" in text
    assert "| s7 | 5 | s7\\_crf0 | 95 | 10.5 | 100.0% (90.1% to 100.0%, n 35) |" in text


def test_a_scorer_whose_lower_scores_are_better(opinions: Opinions) -> None:
    """Its source with the highest scores is the disliked one, and its slope is positive."""
    niqe = [100 - score for score in ladders(0.05, [70, 72, 74, 76, 78, 80, 82, 10])]
    columns = {"clip_id": CLIPS, "vmaf": VMAF}
    agreement, _ = opinions.compared(columns, {"NIQE": niqe}, groups=BY_PATTERN)
    found = agreement.answers.sources
    assert found is not None
    assert [level.source for level in found.ladders[0].levels if level.disliked] == ["s7"]
    assert found.ladders[0].levels[0].score == 89.5
    assert found.ladders[0].slope.value == pytest.approx(0.05)


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_the_source_is_a_column(opinions: Opinions, name: str) -> None:
    """Clips without one belong to none; a clip of several rows has that of its first."""
    clips = [*CLIPS, CLIPS[0], "stray"]
    content = [*(clip.split("_")[0] for clip in CLIPS), "s0", None]
    columns = {"clip_id": clips, "content_id": content, "vmaf": [*VMAF, 95.0, 50.0]}
    scores = {"DOVER": [*ladders(1.0, [70.0] * 8), 70.5, 3.0]}
    table = opinions.joined(columns, scores, name)
    _, clips_read = opinions.compared_table(table, Groups(source_key=SourceKey("content_id")))
    assert clips_read.sources is not None
    assert len(clips_read.sources) == 41
    assert list(clips_read.sources[:6]) == ["s0"] * 5 + ["s1"]
    if name != "out.csv":  # a cell without text is a text
        assert clips_read.sources[-1] is None


def test_without_a_reference_there_is_no_ladder(opinions: Opinions) -> None:
    """Variances need none, the best encode does."""
    scores = {"DOVER": ladders(1.0, [70.0] * 8)}
    agreement, _ = opinions.compared({"clip_id": CLIPS}, scores, groups=BY_PATTERN)
    found = agreement.answers.sources
    assert found is not None
    assert found.ladders == []
    assert found.spreads[0].share_between.n == 40


def test_few_sources_are_not_enough(opinions: Opinions) -> None:
    """Of two sources no variance between them is told."""
    columns = {"clip_id": CLIPS[:10], "vmaf": VMAF[:10]}
    scores = {"DOVER": ladders(1.0, [70.0] * 8)[:10]}
    agreement, _ = opinions.compared(columns, scores, groups=BY_PATTERN)
    text = render(*answer_parts(agreement)["sources_and_encodes"])
    why = "not enough: 2 sources, at least 3 are needed"
    assert f"| DOVER | 2 |  |  | {why} | {why} |" in text


def test_a_hole_in_a_subset(opinions: Opinions) -> None:
    """HDR clips that a scorer skipped are a hole, though its coverage is 95 % overall."""
    hdr: list[Any] = ["sdr"] * 380 + ["hdr"] * 20
    scores = {
        "DOVER": [50.0] * 380 + [None] * 18 + ["bad", 50.0],
        "MUSIQ": [50.0] * 400,
    }
    agreement, _ = opinions.compared({"range": hdr}, scores, groups=Groups(("range",)))
    (column,) = agreement.answers.subsets
    assert (column.column, column.values) == ("range", 2)
    first, second = column.subsets
    assert (first.value, first.rows, second.value) == ("hdr", 20, "sdr")
    dover, musiq = first.scorers
    assert (dover.ok, dover.bad, dover.missing, dover.hole) == (1, 1, 18, True)
    assert (dover.share.value, dover.share.n) == (0.05, 20)
    assert not musiq.hole
    assert not second.has_hole
    text = render(*answer_parts(agreement)["coverage_by_subset"])
    assert "| hdr | 20 | 1 ok, 5.0% (0.9% to 23.6%, n 20): hole | 20 ok, 100.0% (" in text


@pytest.mark.parametrize(
    ("here", "elsewhere", "hole"),
    [
        ((36, 37), (43, 43), False),  # one row that is missing is no hole
        ((30, 37), (43, 43), True),  # p = 0.0033
        ((34, 37), (43, 43), False),  # p = 0.095
        ((0, 3), (17, 19), True),
        ((0, 3), (0, 19), False),
        ((43, 43), (36, 37), False),
        ((9_800, 10_000), (9_900, 10_000), True),
    ],
)
def test_what_is_a_hole(here: tuple[int, int], elsewhere: tuple[int, int], hole: bool) -> None:  # noqa: FBT001 (a case's)
    """Fewer ok rows than elsewhere, by more than chance makes one time in a hundred."""
    assert _is_hole(here, elsewhere) is hole


def test_a_small_subset_without_any_score_is_a_hole(opinions: Opinions) -> None:
    """Of three rows there is no share, and none of them being ok is told all the same."""
    columns = {"codec": ["av1"] * 3 + ["x264"] * 17 + [None] * 2}
    scores = {"DOVER": [None] * 3 + [50.0] * 19}
    agreement, _ = opinions.compared(columns, scores, groups=Groups(("codec",)))
    text = render(*answer_parts(agreement)["coverage_by_subset"])
    assert "| av1 | 3 | 0 of 3 ok, not enough for a share: hole |" in text
    assert "| no value | 2 | 2 of 2 ok, not enough for a share |" in text


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_values_of_any_type_are_subsets(opinions: Opinions, name: str) -> None:
    """Numbers, truth values and texts of any form of table each make a subset."""
    columns = {"clip_id": ["a", "b", "c"], "height": [720, 720, 1080], "hdr": [True, False, True]}
    table = opinions.joined(columns, {"DOVER": [1.0, 2.0, None]}, name)
    _, read = opinions.compared_table(table, Groups(("height", "hdr")))
    found = {
        column: {str(value).lower(): counts.tolist() for value, counts in by_value.items()}
        for column, by_value in read.subsets.counts.items()
    }
    assert found == {
        "height": {"720": [2, 2, 0], "1080": [1, 0, 0]},
        "hdr": {"true": [2, 1, 0], "false": [1, 1, 0]},
    }


def test_columns_that_are_not_there(opinions: Opinions) -> None:
    """They are told with a near name, and nothing fails."""
    groups = Groups(("codex",), SourceKey("content"))
    agreement, _ = opinions.compared({"codec": ["a", "b"]}, {"DOVER": [1.0, 2.0]}, groups=groups)
    assert agreement.answers.subsets == []
    assert agreement.answers.sources is None
    assert "codex (did you mean codec?), to group by, is no column of the table." in agreement.notes
    assert "content, to group by, is no column of the table." in agreement.notes
