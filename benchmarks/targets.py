"""What `make bench` is held to: this project's share of what the others take.

How that is measured is the business of `bench`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from measure import Cost

OURS = "second-opinion"
MB = 1e6


class Target(NamedTuple):
    """The most that this project may take of something, beside somebody else or by itself."""

    case: str
    measure: str
    most: float
    beside: str | None = None

    @property
    def text(self) -> str:
        """What is held to what."""
        unit = "in MB" if self.measure == "memory" else "in s"
        return f"{self.case}: {self.measure} {f'of {self.beside}' if self.beside else unit}"

    def figure(self, costs: Mapping[str, Cost]) -> float:
        """Return what the costs of a case, by name, come to."""
        ours: float = getattr(costs[OURS], self.measure)
        if self.beside:
            return ours / float(getattr(costs[self.beside], self.measure))
        return ours / MB if self.measure == "memory" else ours


TARGETS = (
    Target("jsonl", "wall", 0.8, "duckdb"),
    Target("jsonl", "cpu", 0.9, "duckdb"),
    Target("jsonl", "memory", 300),
    Target("growth-jsonl", "memory", 1.1, "the usual rows"),
    Target("parquet", "wall", 1.0, "duckdb"),
    Target("parquet", "cpu", 0.95, "duckdb"),
    Target("parquet", "wall", 0.85, "polars"),
    Target("parquet", "memory", 260),
    Target("growth-parquet", "memory", 1.1, "the usual rows"),
    Target("frames", "cpu", 1.0, "duckdb"),
    Target("frames", "wall", 1.5, "duckdb"),
    Target("again", "wall", 1.2, "no output before"),
    Target("again", "cpu", 1.2, "no output before"),
    Target("five", "wall", 0.85, "import pandas"),
    Target("explain", "wall", 2.0),
)


def targets_table(costs: Mapping[str, Mapping[str, Cost]]) -> str:
    """Return as Markdown which targets the cases that were run reach; costs by case and name."""
    lines = ["| target | at most | reached | |", "| --- | ---: | ---: | --- |"]
    for target in TARGETS:
        if target.case in costs:
            figure = target.figure(costs[target.case])
            met = "met" if figure <= target.most else "missed"
            lines.append(f"| {target.text} | {target.most:.3g} | {figure:.3g} | {met} |")
    return "\n".join([*lines, ""])
