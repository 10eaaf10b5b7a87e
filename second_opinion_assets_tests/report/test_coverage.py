"""The coverage matrix: which tables and scorers it shows, and a picture that no name can break."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.join.outcomes import (
    ScorerSummary,
    TableOutcome,
    TableStatus,
    TableSummary,
)
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.report.coverage import (
    COLOURS,
    SHOWN_SCORERS,
    SHOWN_TABLES,
    coverage_matrix,
    coverage_svg,
    left_out_note,
)
from second_opinion_assets.storage.location import Location

SVG = "{http://www.w3.org/2000/svg}"


def outcome(
    table_id: str,
    scorers: dict[str, tuple[int, int, int]] | None,
    status: TableStatus = TableStatus.ok,
) -> TableOutcome:
    """Return how a table stands, with (ok, missing, bad) rows a scorer."""
    path = Path("t.jsonl")
    spec = TableSpec(table_id, Location(path), (), Location(path), None, JoinOptions())
    if scorers is None:
        return TableOutcome(spec, status)
    summaries = {name: ScorerSummary(*counts) for name, counts in scorers.items()}
    return TableOutcome(spec, status, TableSummary(10, 10, 0, 0, 0, summaries))


def texts(svg: str) -> list[str]:
    """Return the texts that a picture shows."""
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


def test_matrix_in_the_order_of_the_manifest() -> None:
    """Rows are the tables in their order, columns the scorers of any table by name."""
    matrix = coverage_matrix(
        [outcome("b", {"PIQE": (1, 0, 0), "dover": (1, 0, 0)}), outcome("a", {"Blur": (1, 0, 0)})]
    )
    assert [row.table for row in matrix.rows] == ["b", "a"]
    assert matrix.scorers == ["Blur", "dover", "PIQE"]
    assert matrix.left_out == (0, 0)


def test_bars_add_up() -> None:
    """A bar is split in proportion to ok, bad and missing rows."""
    svg = coverage_svg(coverage_matrix([outcome("a", {"S": (5, 3, 2)})]))
    widths = {
        rect.get("fill"): float(rect.get("width", ""))
        for rect in ET.fromstring(svg).iter(f"{SVG}rect")  # noqa: S314
        if rect.get("height") == "14"
    }
    total = sum(widths.values())
    shares = [widths[COLOURS[status]] / total for status in ("ok", "missing", "bad")]
    assert [round(share, 2) for share in shares] == [0.5, 0.3, 0.2]
    assert "50.0%" in texts(svg)


def test_almost_everything_is_not_everything() -> None:
    """One gap among very many rows does not round to full coverage."""
    assert ">99.9%" in texts(coverage_svg(coverage_matrix([outcome("a", {"S": (99_999, 1, 0)})])))


@pytest.mark.parametrize("counts", [(99, 1, 0), (9_999, 0, 1), (1, 9_999, 0)])
@pytest.mark.parametrize("scorers", [1, 12])
def test_a_few_rows_are_seen(scorers: int, counts: tuple[int, int, int]) -> None:
    """A bar that is not full is not drawn full: two pixels at least are of another colour."""
    bars = {f"s{n}": counts for n in range(scorers)}
    root = ET.fromstring(coverage_svg(coverage_matrix([outcome("a", bars)])))  # noqa: S314
    widths = [float(r.get("width", "")) for r in root.iter(f"{SVG}rect") if r.get("height") == "14"]
    widths = widths[3:]  # behind the legend
    assert len(widths) == 2 * scorers
    assert min(widths) == 2.0


def test_twelve_scorers_and_forty_tables_fit_a_window() -> None:
    """The picture is at most 1,440 wide, and no share stands on its neighbour's bar."""
    bars = {f"a long name of scorer {n}": (999, 1, 0) for n in range(12)}
    svg = coverage_svg(coverage_matrix([outcome(f"t{n}", bars) for n in range(40)]))
    root = ET.fromstring(svg)  # noqa: S314 (our own)
    assert float(root.get("width", "")) <= 1440
    row = [e for e in root.iter() if e.get("y") in {"116", "128"} and e.get("x") != "8"]
    places = [(float(e.get("x", "")), e) for e in row]
    ends = [x + (46 if e.text else float(e.get("width", "0"))) for x, e in places]
    assert all(end <= x for (x, _), end in zip(places[1:], ends, strict=False))


def test_tables_without_counts_say_how_they_stand() -> None:
    """A table that failed, was never joined or lost its output is shown as such."""
    svg = coverage_svg(
        coverage_matrix(
            [
                outcome("a", None, TableStatus.failed),
                outcome("b", None, TableStatus.not_joined),
                outcome("c", {"S": (1, 0, 0)}, TableStatus.output_gone),
                outcome("d", {"S": (0, 0, 0)}),
            ]
        )
    )
    assert {"failed", "not joined", "output gone", "no rows"} <= set(texts(svg))


def test_of_too_many_the_least_covered_are_shown() -> None:
    """A picture of very many tables shows those in trouble, then the least covered, and says so."""
    tables = [outcome(f"t{n}", {f"s{s}": (n, 1, 0) for s in range(20)}) for n in range(100)]
    tables.append(outcome("broken", None, TableStatus.failed))
    matrix = coverage_matrix(tables)
    assert [row.table for row in matrix.rows[:3]] == ["broken", "t0", "t1"]
    assert (len(matrix.rows), len(matrix.scorers)) == (SHOWN_TABLES, SHOWN_SCORERS)
    assert left_out_note(matrix) in texts(coverage_svg(matrix))
    assert left_out_note(matrix).startswith("Not shown: 61 more tables")


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_name_breaks_the_picture(table_id: str, scorer: str) -> None:
    """Whatever ids and scorers are called, the picture is XML without a foreign element."""
    svg = coverage_svg(coverage_matrix([outcome(table_id, {scorer: (1, 1, 1)})]))
    svg.encode()
    root = ET.fromstring(svg)  # noqa: S314 (our own)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        *("svg", "title", "rect", "text")
    }
    assert not re.search(r"<script|onload=", "".join(svg.split("text")[1::2]))
