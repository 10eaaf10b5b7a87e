"""Races this project against DuckDB, polars and plain pandas on the same inputs.

The outputs are compared before anything is timed. Then everybody runs in turn, as a whole process,
in an order that changes from round to round; medians and ratios are printed. Only the ratios of
one run mean anything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from measure import OURS, Cost, explain_command, materialize_command, run
from results import machine, record
from targets import targets_table

HERE = Path(__file__).parent
PROJECT = "second-opinion"
SCORERS = ("DOVER-Mobile", "Q-Align", "MUSIQ")
GROWTH = 4
SLOW_ROUNDS = 1


class Sizes(NamedTuple):
    """How large the inputs are."""

    rows: int
    frame_clips: int


FULL = Sizes(200_000, 20_000)
QUICK = Sizes(4_000, 400)


@dataclass
class Contestant:
    """One command of a case, and what its runs cost."""

    name: str
    command: list[str]
    out: Path | None = None
    slow: bool = False
    over_output: bool = False
    memory: int = 0
    costs: list[Cost] = field(default_factory=list)

    @property
    def cost(self) -> Cost:
        """Medians of the timed runs, with the memory of the run that was watched."""
        return Cost.median_of(self.costs)._replace(memory=self.memory)

    def run(self, *, watch: bool = False) -> Cost:
        """Run once, the output of the run before put out of the way unless it is to be there."""
        if self.out and not self.over_output:
            self.out.unlink(missing_ok=True)
        return run(self.command, watch=watch)


@dataclass(frozen=True)
class Case:
    """Commands that do the same; the first is this project's, and what the others are held to."""

    title: str
    contestants: list[Contestant]
    same_output: bool = True

    def race(self, rounds: int) -> None:
        """Compare all outputs, then run everybody in turn.

        Raises:
            RuntimeError: a command failed, or somebody's output is not ours.
        """
        ours = self.contestants[0]
        for contestant in self.contestants:
            contestant.memory = contestant.run(watch=True).memory
            if self.same_output and contestant is not ours:
                run(script("compare.py", ours.out, contestant.out))
        for number in range(rounds):
            start = number % len(self.contestants)
            for contestant in self.contestants[start:] + self.contestants[:start]:
                if not contestant.slow or number < SLOW_ROUNDS:
                    contestant.costs.append(contestant.run())
        for contestant in self.contestants:
            if contestant.out:
                contestant.out.unlink(missing_ok=True)

    def table(self) -> str:
        """Return costs, and this project's share of each of the others' costs, as Markdown."""
        ours = self.contestants[0].cost
        lines = [
            f"### {self.title}",
            "",
            "| | wall s | CPU s | peak MB | ours / it: wall | CPU | memory | rounds |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for contestant in self.contestants:
            cost = contestant.cost
            ratios = [f"{mine / its:.2f}" for mine, its in zip(ours, cost, strict=True)]
            lines.append(
                f"| {contestant.name} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.memory / 1e6:.0f}"
                f" | {' | '.join(ratios)} | {len(contestant.costs)} |"
            )
        return "\n".join([*lines, ""])


def script(name: str, *args: object) -> list[str]:
    """Return the command that runs a script of this folder."""
    return [sys.executable, str(HERE / name), *map(str, args)]


def contestant(
    name: str, features: Path, out: Path, sidecars: list[Path], *, slow: bool = False
) -> Contestant:
    """Return somebody to join `sidecars` onto `features`: this project, or a rival by name."""
    out = out / f"{name}_{features.name}"
    if name == PROJECT:
        command = materialize_command(features, out, sidecars, out.with_suffix(".audit.json"))
    else:
        command = script(f"rivals/{name}_join.py", features, out, *sidecars)
    return Contestant(name, command, out, slow)


def make_inputs(folder: Path, sizes: Sizes, wanted: set[str]) -> None:
    """Write all inputs, in another process, whose memory is not this one's."""
    args = ["--rows", sizes.rows, "--frame-clips", sizes.frame_clips]
    if "growth" in wanted:
        args += ["--growth", GROWTH]
    subprocess.run(script("generate.py", folder, *args), check=True)


def cases(folder: Path, wanted: set[str]) -> dict[str, Case]:
    """Return the cases asked for, by name."""
    flat = [folder / f"{name}.jsonl" for name in SCORERS]
    out = folder / "out"
    out.mkdir()
    found = {}
    for suffix in ("jsonl", "parquet"):
        features = folder / f"features.{suffix}"
        found[suffix] = Case(
            f"{suffix} to {suffix}, three scorers",
            [
                *(contestant(name, features, out, flat) for name in (PROJECT, "duckdb", "polars")),
                contestant("pandas", features, out, flat, slow=True),
            ],
        )
    narrow = folder / "narrow.jsonl"
    found["frames"] = Case(
        "frame payloads onto a small table",
        [
            contestant(name, narrow, out, [folder / "frames.jsonl"])
            for name in (PROJECT, "duckdb", "polars")
        ],
    )
    found["five"] = Case(
        "five-row table",
        [
            contestant(PROJECT, folder / "five.jsonl", out, [folder / "five_scores.jsonl"]),
            Contestant("import pandas", [sys.executable, "-c", "import pandas"]),
        ],
        same_output=False,
    )
    first = contestant(PROJECT, folder / "features.jsonl", out, flat)
    again = contestant(PROJECT, folder / "features.jsonl", out / "again", flat)
    found["again"] = Case(
        "jsonl to jsonl, the same join over its own output",
        [
            Contestant(PROJECT, again.command, again.out, over_output=True),
            Contestant("no output before", first.command, first.out),
        ],
        same_output=False,
    )
    explained = [folder / f"explain_{name}.jsonl" for name in SCORERS]
    found["explain"] = Case(
        "explain, three sidecars of half as many rows",
        [
            Contestant(PROJECT, explain_command(folder / "explain.jsonl", explained)),
            Contestant("import pandas", [sys.executable, "-c", "import pandas"]),
        ],
        same_output=False,
    )
    for suffix in ("jsonl", "parquet"):
        larger, usual = (folder / f"{name}.{suffix}" for name in ("growth", "features"))
        found[f"growth-{suffix}"] = Case(
            f"{GROWTH} times the {suffix} feature rows, the same sidecars",
            [
                contestant(PROJECT, larger, out, flat),
                Contestant("the usual rows", contestant(PROJECT, usual, out, flat).command),
            ],
            same_output=False,
        )
    return {name: case for name, case in found.items() if name.partition("-")[0] in wanted}


def inputs_table(folder: Path) -> str:
    """Return names and sizes of the inputs as Markdown."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    rows = [f"| {path.name} | {path.stat().st_size / 1e6:.1f} |" for path in files]
    return "\n".join(["| input | MB |", "| --- | ---: |", *rows, ""])


def main() -> None:
    """Race all cases, or those named."""
    names = ("jsonl", "parquet", "frames", "five", "again", "explain", "growth")
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="small inputs, one round: for CI")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the inputs go; else a temporary one")
    parser.add_argument("--results", action="store_true", help="put the figures into RESULTS.md")
    args = parser.parse_args()
    wanted = set(args.cases or names)
    if wanted - set(names):
        parser.error(f"unknown case {min(wanted - set(names))}; expected {', '.join(names)}")
    run([*OURS, "--version"])
    with tempfile.TemporaryDirectory(prefix="second-opinion-bench-", dir=args.folder) as inputs:
        folder = Path(inputs)
        make_inputs(folder, QUICK if args.quick else FULL, wanted)
        parts = [machine(), "", inputs_table(folder)]
        print("\n".join(parts))
        costs = {}
        for name, case in cases(folder, wanted).items():
            case.race(1 if args.quick else args.rounds)
            parts.append(case.table())
            print(parts[-1], flush=True)
            costs[name] = {contestant.name: contestant.cost for contestant in case.contestants}
    parts.append(targets_table(costs))
    print(parts[-1])
    if args.results:
        record("make bench", "\n".join(parts))


if __name__ == "__main__":
    main()
