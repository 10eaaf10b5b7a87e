"""The answers as pictures: well-formed whatever the names, small, and true to the figures."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from matplotlib.figure import Figure

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.answer_pictures import answer_pictures
from second_opinion_assets.agreement.drawing import svg
from second_opinion_assets.agreement.pictures import pictures
from second_opinion_assets.agreement.show_answers import answer_parts
from second_opinion_assets.registry.groups import Groups, SourceKey
from second_opinion_assets_tests.agreement.opinions import Opinions

NASTY = "a|b <img src=x> $x$ \x00 語"
GROUPS = Groups(("split",), SourceKey("content"))


@pytest.fixture
def agreement(opinions: Opinions) -> Callable[[int], Agreement]:
    """Return what makes an agreement of some clips in which every question has an answer."""

    def make(rows: int) -> Agreement:
        up = [float(n) for n in range(rows)]
        columns = {
            "vmaf": up,
            "mos": [float(n * 7 % rows) for n in range(rows)],
            "split": [NASTY if n < rows // 3 else "train" for n in range(rows)],
            "content": [f"{NASTY}{n % 4}" for n in range(rows)],
        }
        scores = {
            "DOVER": [None if n < rows // 3 else float(n) for n in range(rows)],
            "NIQE": [1.0] * rows,
        }
        return opinions.compared(columns, scores, groups=GROUPS)[0]

    return make


def texts(svg: str) -> set[str]:
    """Return the texts of a picture, which must be XML."""
    root = ET.fromstring(svg)  # noqa: S314 (our own picture)
    return {"".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")}


def test_every_answer_has_its_picture(agreement: Callable[[int], Agreement]) -> None:
    """There is one for each, with the numbers beside the marks, small, and the same each time."""
    found = agreement(60)
    drawn = answer_pictures(found)
    assert list(drawn) == list(answer_parts(found))
    assert drawn == answer_pictures(found)
    assert all(len(svg) < 60_000 for _, svg in drawn.values())
    shown = {name: texts(svg) for name, (_, svg) in drawn.items()}
    (sides,) = found.answers.sides
    assert f"% of {sides.apart} clips that the two rank far apart" in shown["sides_with_people"]
    assert "not enough" in shown["beyond_the_reference"]
    assert {"0.0%", "100.0%", "split = train (40)"} <= shown["coverage_by_subset"]
    assert any(text.startswith("split = a|b <img") for text in shown["coverage_by_subset"])
    assert {"DOVER", "NIQE", "0-100, lower is better"} <= shown["distributions"]
    assert "disliked →" in shown["sources_and_encodes"]


@pytest.mark.parametrize("scorers", [["DOVER"], ["NIQE", "an in-house scorer with a long name"]])
def test_nothing_is_cut_off(
    opinions: Opinions, monkeypatch: pytest.MonkeyPatch, scorers: list[str]
) -> None:
    """All that a picture says lies within it, with few scorers and with long names."""
    drawn: list[Figure] = []

    def remember(figure: Figure) -> str:
        drawn.append(figure)
        return svg(figure)

    monkeypatch.setattr("second_opinion_assets.agreement.answer_pictures.svg", remember)
    monkeypatch.setattr("second_opinion_assets.agreement.pictures.svg", remember)
    up = [float(n) for n in range(60)]
    mixed = [float(n * 7 % 60) for n in range(60)]
    columns = {"vmaf": up, "mos": mixed, "split": ["a"] * 60, "content": ["a", "b", "c"] * 20}
    found, clips = opinions.compared(columns, dict.fromkeys(scorers, mixed), groups=GROUPS)
    assert len(answer_pictures(found)) + len(pictures(found, clips)) == len(drawn) == 8
    for figure in drawn:
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        least, most = (box.x0, box.y0), (box.x1 - width, box.y1 - height)
        assert min(least) > -0.02
        assert max(most) < 0.02


def test_few_clips_are_drawn_as_not_enough(agreement: Callable[[int], Agreement]) -> None:
    """Below the least n there is no mark, and the picture says so; of sides there is none then."""
    drawn = answer_pictures(agreement(6))
    for name in ("sources_and_encodes", "beyond_the_reference"):
        assert "not enough" in texts(drawn[name][1]), name
    assert "sides_with_people" not in drawn


def test_nearly_all_is_not_all(opinions: Opinions) -> None:
    """Coverage that only rounding makes 100 % is shown as less."""
    scores = {"DOVER": [1.0] * 4999 + [None]}
    agreement, _ = opinions.compared({"split": ["a"] * 5000}, scores, groups=GROUPS)
    assert "> 99.9%" in texts(answer_pictures(agreement)["coverage_by_subset"][1])


def test_nothing_to_draw(opinions: Opinions) -> None:
    """Without any ok score there is no picture."""
    agreement, _ = opinions.compared({}, {"DOVER": [None] * 3})
    assert answer_pictures(agreement) == {}
