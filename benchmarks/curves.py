"""Measures what this project's join costs as work grows, and draws it: ``curves.png``.

Feature rows, scorers and tables (by `batch`) grow one at a time; the rest stays as it is. A table
that grows has six fields, so that ten million rows of it need some 5 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from measure import OURS, Cost, materialize_command, run
from results import machine, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
FIXED_ROWS = 50_000
STEPS = (1, 3)
LARGE_ROWS = 1_000_000
"""From here on one round is enough: what varies from run to run is a small part."""
MOST_SIDECAR_ROWS = 3_000_000
SCORERS = (1, 2, 4, 8, 12)
TABLES = (1, 10, 100, 1000)
TABLE_ROWS = 5

Curve = list[tuple[int, Cost]]


def in_another_process(function: Callable[..., None], *args: object) -> None:
    """Call a function where its memory is not this process's: a child starts with its parent's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(function, *args).result()


def make_features(path: Path, rows: int, clips: int, narrow: bool = False) -> None:  # noqa: FBT001, FBT002 (sent to another process)
    """Write a feature table."""
    from generate import write_features  # noqa: PLC0415 (large; see in_another_process)

    write_features(path, rows, clips=clips, narrow=narrow)


def make_sidecar(path: Path, rows: int, competitor: str) -> None:
    """Write a flat sidecar."""
    from generate import write_flat_sidecar  # noqa: PLC0415 (large; see in_another_process)

    write_flat_sidecar(path, competitor, rows)


def row_counts(most: int) -> Iterator[int]:
    """Yield 10,000, 30,000, 100,000 and so on."""
    power = 10_000
    while power <= most:
        yield from (step * power for step in STEPS if step * power <= most)
        power *= 10


def cost_of(command: list[str], out: Path, rounds: int, rows: int = 0) -> Cost:
    """Return the median costs of some first joins, or of one where there are very many rows.

    What stands in the output's place goes first: a join over an older output compares the two.
    """
    costs = []
    for _ in range(rounds if rows < LARGE_ROWS else 1):
        shutil.rmtree(out, ignore_errors=True) if out.is_dir() else out.unlink(missing_ok=True)
        costs.append(run(command))
    return Cost.median_of(costs)


def over_rows(folder: Path, most: int, suffix: str, rounds: int) -> Curve:
    """Return costs as the feature table grows and its sidecar does not."""
    sidecar = folder / "scores.jsonl"
    in_another_process(make_sidecar, sidecar, 10_000, "DOVER")
    features, out = folder / f"features.{suffix}", folder / f"out.{suffix}"
    curve = []
    for rows in row_counts(most):
        in_another_process(make_features, features, rows, 10_000, True)  # noqa: FBT003 (narrow)
        command = materialize_command(features, out, [sidecar], folder / "audit.json")
        curve.append((rows, cost_of(command, out, rounds, rows)))
    features.unlink()
    out.unlink()
    return curve


def over_sidecar_rows(folder: Path, most: int, rounds: int) -> Curve:
    """Return costs as the sidecar grows and the feature table does not."""
    features, sidecar = folder / "features.jsonl", folder / "scores.jsonl"
    in_another_process(make_features, features, 10_000, 10_000)
    out = folder / "o.jsonl"
    command = materialize_command(features, out, [sidecar], folder / "audit.json")
    curve = []
    for rows in row_counts(min(most, MOST_SIDECAR_ROWS)):
        in_another_process(make_sidecar, sidecar, rows, "DOVER")
        curve.append((rows, cost_of(command, out, rounds, rows)))
    return curve


def over_scorers(folder: Path, rounds: int) -> Curve:
    """Return costs as more scorers are joined onto one table."""
    features = folder / "features.jsonl"
    in_another_process(make_features, features, FIXED_ROWS, FIXED_ROWS)
    sidecars = [folder / f"scores_{number}.jsonl" for number in range(SCORERS[-1])]
    for number, sidecar in enumerate(sidecars):
        in_another_process(make_sidecar, sidecar, FIXED_ROWS, f"scorer-{number}")
    out, audit = folder / "o.jsonl", folder / "audit.json"
    return [
        (count, cost_of(materialize_command(features, out, sidecars[:count], audit), out, rounds))
        for count in SCORERS
    ]


def over_tables(folder: Path, rounds: int) -> Curve:
    """Return costs of a batch as it has more small tables."""
    features, sidecar = folder / "features.jsonl", folder / "scores.jsonl"
    in_another_process(make_features, features, TABLE_ROWS, TABLE_ROWS)
    in_another_process(make_sidecar, sidecar, TABLE_ROWS, "DOVER")
    manifest = folder / "manifest.json"
    curve = []
    for count in TABLES:
        tables = [
            {
                "id": f"t{number}",
                "features": features.name,
                "scores": [sidecar.name],
                "out": f"out/{number}.jsonl",
                "audit_json": f"out/{number}.audit.json",
            }
            for number in range(count)
        ]
        manifest.write_text(json.dumps({"tables": tables}))
        command = [*OURS, "batch", "--manifest", str(manifest)]
        curve.append((count, cost_of(command, folder / "out", rounds)))
    return curve


def table(title: str, curve: Curve) -> str:
    """Return one curve as Markdown."""
    lines = [f"| {title} | wall s | CPU s | peak MB |", "| ---: | ---: | ---: | ---: |"]
    for x, cost in curve:
        lines.append(f"| {x:,} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.memory / 1e6:.0f} |")
    return "\n".join([*lines, ""])


def draw(curves: dict[str, Curve], path: Path) -> None:
    """Draw time and memory of each curve, one column of pictures a curve."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (large; see in_another_process)

    figure = Figure(figsize=(4 * len(curves), 6), layout="constrained")
    for axes, (title, curve) in zip(figure.subplots(2, len(curves)).T, curves.items(), strict=True):
        xs, costs = zip(*curve, strict=True)
        scale = "linear" if xs[-1] == SCORERS[-1] else "log"
        axes[0].plot(xs, [cost.wall for cost in costs], "o-", alpha=0.4, label="on the clock")
        axes[0].plot(xs, [cost.cpu for cost in costs], "o-", label="of all cores")
        last = costs[-1].cpu / xs[-1]
        axes[0].plot(xs, [x * last for x in xs], ":", color="gray", label="linear")
        axes[0].legend()
        axes[0].set(ylabel="seconds", xscale=scale, yscale=scale, title=title)
        axes[1].plot(xs, [cost.memory / 1e6 for cost in costs], "o-")
        axes[1].margins(y=0.1)
        axes[1].set(ylabel="peak MB", xscale=scale)
        axes[1].set_ylim(bottom=0)
        for axis in axes:
            axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure all curves, print them as Markdown and draw them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--max-rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the inputs go; else a temporary one")
    parser.add_argument("--results", action="store_true", help="put the figures into RESULTS.md")
    parser.add_argument("--plot", type=Path, default=HERE / "curves.png")
    args = parser.parse_args()
    most, rounds = args.max_rows, args.rounds
    with tempfile.TemporaryDirectory(prefix="second-opinion-curves-", dir=args.folder) as name:
        folder = Path(name)
        curves = {
            "feature rows (jsonl)": over_rows(folder, most, "jsonl", rounds),
            "feature rows (parquet)": over_rows(folder, most, "parquet", rounds),
            "rows of one sidecar": over_sidecar_rows(folder, most, rounds),
            f"scorers ({FIXED_ROWS:,} rows)": over_scorers(folder, rounds),
            "tables (batch, jsonl)": over_tables(folder, rounds),
        }
    text = "\n".join([machine(), "", *(table(*curve) for curve in curves.items())])
    print(text)
    draw(curves, args.plot)
    if args.results:
        record("curves.py", text)


if __name__ == "__main__":
    main()
