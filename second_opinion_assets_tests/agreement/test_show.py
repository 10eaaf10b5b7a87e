"""Markdown and pictures: what a person sees, and that no name breaks them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from second_opinion_assets.agreement import pictures as drawing
from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.show import disputed, figures, headline, notes
from second_opinion_assets.report.markdown import render
from second_opinion_assets_tests.agreement.opinions import Opinions

UP = [float(n) for n in range(1, 13)]
NASTY = "a|b `<img src=x onerror=alert(1)>`\n**[c](javascript:d)** $x$ \x00 語"


@pytest.fixture
def agreement(opinions: Opinions) -> tuple[Agreement, Clips]:
    """Return an agreement with disputed clips of either way, one of which has a nasty name."""
    clips = [NASTY, *(f"c{n}" for n in range(1, 12))]
    scores = {"DOVER": [12.0, *UP[1:-1], 1.0], "NIQE": [1.0] * 12}
    return opinions.compared({"clip_id": clips, "vmaf": UP}, scores)


def cells(markdown: str) -> list[list[str]]:
    """Return the tables of a Markdown text as a reader sees them, row by row."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows and token.map:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


def test_figures(agreement: tuple[Agreement, Clips]) -> None:
    """Each pair is a row; where there is not enough it says so and why, and nothing is NaN."""
    text = render(figures(agreement[0]))
    assert "| DOVER | vmaf | 12 | 0.154 | 0.154 | 0.364 |  |" in text
    why = "NIQE is the same for every clip"
    assert f"| NIQE | vmaf | 12 | {' | '.join(['not enough'] * 3)} | {why} |" in text
    assert "nan" not in text.lower()


def test_disputed_tables(agreement: tuple[Agreement, Clips]) -> None:
    """There is a table for each way, with the values as they are given, and which way is better."""
    text = render(*disputed(agreement[0], "vmaf"))
    poor, good = text.split("**Rated well, vmaf does not like it**")
    assert poor.startswith("**Rated poorly, vmaf likes it**")
    assert cells(poor) == [
        ["clip", "vmaf (↑)", "DOVER (↑)", "ranks apart"],
        ["c11", "12", "1", "-92%"],
    ]
    assert cells(good)[1][1:] == ["1", "12", "+92%"]


def test_no_name_breaks_markdown(agreement: tuple[Agreement, Clips]) -> None:
    """A clip named like markup is shown as it is, in one cell."""
    text = render(*disputed(agreement[0], "vmaf"))
    assert "<img" not in text
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert not re.search("<(img|a|code|script)", rendered)
    assert all(len(row) in {4, 5} for row in cells(text))


def test_nobody_disputes(opinions: Opinions) -> None:
    """Where all agree the tables say so."""
    agreement, _ = opinions.compared({"vmaf": UP}, {"DOVER": UP})
    assert render(*disputed(agreement, "vmaf")).count("none by as much as a quarter") == 2


def test_a_contrary_scorer_is_named_first(opinions: Opinions) -> None:
    """What may be wrong stands before what is merely to be known."""
    agreement, _ = opinions.compared({"vmaf": UP}, {"odd_one": UP[::-1]})
    first, second = render(*notes(agreement)).splitlines()
    assert first.startswith(r"- odd\_one ranks clips the other way round than vmaf")
    assert second.startswith("- No direction is declared")
    assert "the other way round" in render(figures(agreement))
    assert headline(agreement) == "Spearman against vmaf: odd_one -1.00"


def texts(svg: str) -> list[str]:
    """Return the texts of a picture, which must be XML."""
    root = ET.fromstring(svg)  # noqa: S314 (our own picture)
    return ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]


def test_pictures(agreement: tuple[Agreement, Clips]) -> None:
    """There are three, well-formed whatever the names, the same each time, and small."""
    drawn = drawing.pictures(*agreement)
    assert list(drawn) == [
        "Spearman correlations",
        "Scores against references",
        "Clips ranked furthest apart",
    ]
    assert drawn == drawing.pictures(*agreement)
    assert all(len(svg) < 50_000 for svg in drawn.values())
    matrix, scatter, apart = map(texts, drawn.values())
    assert {"DOVER", "NIQE", "vmaf", "0.15", "not enough"} <= set(matrix)
    assert {"Spearman 0.15", "not enough", "DOVER"} <= set(scatter)
    assert "← rated poorly, vmaf likes it" in apart
    assert "c11" in apart
    assert any(text.endswith("� 語") for text in apart)


def test_many_clips_are_drawn_as_a_density(opinions: Opinions) -> None:
    """The picture of thousands of clips is no larger than that of hundreds."""
    many = [float(n * 7919 % 4001) for n in range(4001)]
    drawn = drawing.pictures(*opinions.compared({"vmaf": many}, {"DOVER": many[::-1]}))
    assert "<image" in drawn["Scores against references"]
    assert len(drawn["Scores against references"]) < 50_000


def test_more_scorers_than_a_picture_holds(opinions: Opinions) -> None:
    """What the scatter plots leave out is said in them."""
    scores = {f"s{n}": UP for n in range(9)}
    references = {f"vmaf{n}": UP for n in range(4)}
    drawn = drawing.pictures(*opinions.compared(references, scores))
    scatter = texts(drawn["Scores against references"])
    assert "Not shown: 3 more scorers and 1 more references." in scatter


def test_nothing_to_draw(opinions: Opinions) -> None:
    """One scorer without any reference gives no picture."""
    assert drawing.pictures(*opinions.compared({}, {"DOVER": UP})) == {}
