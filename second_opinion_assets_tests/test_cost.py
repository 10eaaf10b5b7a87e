"""What many tables cost on paper follows from units, and docs/scale.md shows what is printed."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def cost() -> Any:
    """Return the program."""
    spec = importlib.util.spec_from_file_location("cost", PROJECT / "benchmarks" / "cost.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["cost"] = module
    spec.loader.exec_module(module)
    return module


def test_units_add_up(cost: Any) -> None:
    """Seconds are those of runs, of their start by tables, of tables and of rows."""
    units = cost.Units(
        row_s=1e-3, scorer_row_s=1e-4, table_s=2, run_s=10, run_table_s=0.1, source_event_s=1
    )
    work = cost.Work(tables=100, changed=20, rows=1e6, scorers=3, tables_per_run=8, workers=2)
    found = cost.cost(work, units, cost.Prices())
    assert found.runs == 3
    assert found.core_hours * 3600 == pytest.approx(3 * (10 + 100 * 0.1) + 20 * 2 + 1200)
    assert found.hours == found.core_hours / 2
    assert found.sensor_hours * 3600 == 20 * 4 * 2
    assert found.money == 0


def test_requests_are_those_that_were_counted(cost: Any) -> None:
    """A table with six sidecars costs 34 requests when it is joined again, four of them writes."""
    work = cost.Work(tables=1, changed=1, rows=0, scorers=6)
    found = cost.cost(work, cost.Units(), cost.Prices())
    assert (found.reads, found.writes) == (30, 4)


def test_money_is_linear_in_prices(cost: Any) -> None:
    """Each price adds its share."""
    work, units = cost.Work(), cost.Units()
    prices = {"core_hour": 1.0, "thousand_reads": 2.0, "thousand_writes": 3.0}
    shares = [
        cost.cost(work, units, cost.Prices(**{name: price})).money for name, price in prices.items()
    ]
    found = cost.cost(work, units, cost.Prices(**prices))
    assert found.money == pytest.approx(sum(shares))
    assert shares[0] == pytest.approx(found.core_hours)


def test_what_is_kept_is_bounded_by_days(cost: Any) -> None:
    """The store has as many nights as it keeps, and of each table the latest in any case."""
    work, units = cost.Work(), cost.Units()
    night = cost.cost(work, units, cost.Prices()).event_bytes
    assert cost.cost(replace(work, keep_days=7), units, cost.Prices()).kept_bytes == 7 * night
    assert cost.cost(replace(work, keep_days=0.1), units, cost.Prices()).kept_bytes == night


def test_workers_shorten_a_night(cost: Any) -> None:
    """As many workers as are said to be enough are, and one fewer are not."""
    work, units = cost.Work(), cost.Units()
    enough = cost.workers_for(work, units, 1.0)
    hours = [
        cost.cost(replace(work, workers=workers), units, cost.Prices()).hours
        for workers in (enough - 1, enough)
    ]
    assert hours[0] > 1.0 >= hours[1]


@pytest.mark.parametrize(
    ("tables", "scorers", "ticks"), [(1, 6, 1), (93, 6, 1), (94, 6, 2), (10_000, 6, 108)]
)
def test_the_first_look_takes_so_many_ticks(
    cost: Any, tables: int, scorers: int, ticks: int
) -> None:
    """A tick observes as many whole tables as its bound on events has room for."""
    assert cost.ticks_of_first_look(tables, scorers) == ticks


def test_the_document_shows_what_is_printed(cost: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/scale.md has the table of ten thousand tables as the program prints it."""
    cost.main([])
    assert capsys.readouterr().out in (PROJECT / "docs" / "scale.md").read_text()
