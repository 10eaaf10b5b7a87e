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
        return f"{self.case}: {self.measure} {f'of {self.beside}' if self.beside else 'in MB'}"

    def figure(self, costs: Mapping[str, Cost]) -> float:
        """Return what the costs of a case, by name, come to."""
        ours: float = getattr(costs[OURS], self.measure)
        return ours / (getattr(costs[self.beside], self.measure) if self.beside else MB)


TARGETS = (
    Target("jsonl", "wall", 0.8, "duckdb"),
    Target("jsonl", "wall", 0.7, "polars"),
    Target("jsonl", "cpu", 0.8, "duckdb"),
    Target("jsonl", "wall", 1 / 20, "pandas"),
    Target("jsonl", "memory", 450),
    Target("parquet", "wall", 0.9, "duckdb"),
    Target("parquet", "wall", 0.7, "polars"),
    Target("frames", "wall", 1 / 3, "duckdb"),
    Target("five", "wall", 0.5, "import pandas"),
    Target("growth-jsonl", "memory", 1.1, "the usual rows"),
    Target("growth-parquet", "memory", 1.1, "the usual rows"),
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
