"""What the agreement of a large table costs: 200,000 rows, six scorers, two references, by default.

`python benchmarks/agreement.py [ROWS]`. Everything is made, as the asset makes it: figures,
disputed clips, pictures and files. The rival reads the whole table with pandas and asks
`DataFrame.corr` for the three coefficients, and no more. Both are whole processes, in turn.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import Cost, materialize_command, run

HERE = Path(__file__).parent
SCORERS = ("DOVER-Mobile", "Q-Align", "MUSIQ", "FAST-VQA", "CLIP-IQA", "NIQE")
REFERENCES = ("psnr_y_mean", "ssim_mean")
LIMIT_SECONDS = 10
ROUNDS = 3


def make_inputs(folder: Path, rows: int) -> None:
    """Write the feature table in both forms, and a sidecar for each scorer."""
    from generate import write_features, write_flat_sidecar  # noqa: PLC0415 (see `measure`)

    for suffix in ("jsonl", "parquet"):
        write_features(folder / f"features.{suffix}", rows)
    for name in SCORERS:
        write_flat_sidecar(folder / f"{name}.jsonl", name, rows)


def agree(joined: Path) -> None:
    """Make the agreement of a joined table, as the asset does."""
    from second_opinion_assets.agreement.joined_table import JoinedTable  # noqa: PLC0415
    from second_opinion_assets.agreement.make import make_agreement  # noqa: PLC0415
    from second_opinion_assets.contract.options import JoinOptions  # noqa: PLC0415
    from second_opinion_assets.join.audit import read_audit  # noqa: PLC0415
    from second_opinion_assets.join.provenance import Invocation  # noqa: PLC0415
    from second_opinion_assets.join.table_spec import TableSpec  # noqa: PLC0415
    from second_opinion_assets.registry.references import Reference  # noqa: PLC0415
    from second_opinion_assets.storage.location import Location  # noqa: PLC0415

    path = Location(joined)
    table = JoinedTable.of(read_audit(path.with_suffix(".audit.json")), path, REFERENCES, "1")
    spec = TableSpec("benchmark", path, (), path, None, JoinOptions())
    references = [Reference(name) for name in REFERENCES]
    make_agreement(table, spec, references, Invocation(Location(__file__), (), {}))


def rival(joined: Path) -> None:
    """Correlate the same columns as one does by hand."""
    import pandas as pd  # noqa: PLC0415 (of this process alone)

    if joined.suffix == ".parquet":
        table = pd.read_parquet(joined)
    else:
        table = pd.read_json(joined, lines=True)
    values = {name: table[name] for name in REFERENCES}
    for name in table.columns:
        if name.endswith("_score"):
            ok = table[name.removesuffix("score") + "status"] == "ok"
            values[name] = table[name].where(ok)
    frame = pd.DataFrame(values)
    for method in ("pearson", "spearman", "kendall"):
        frame.corr(method)


def main(rows: int) -> None:
    """Make the inputs, join them, and measure ours and the rival's way on both forms."""
    with tempfile.TemporaryDirectory(prefix="second-opinion-agreement-") as name:
        folder = Path(name)
        run(command("inputs", folder, rows))
        print(f"{rows:,} rows, {len(SCORERS)} scorers, {len(REFERENCES)} references")
        print("| joined table | MB | | wall s | CPU s | peak MB |")
        print("| --- | ---: | --- | ---: | ---: | ---: |")
        for suffix in ("jsonl", "parquet"):
            joined = folder / f"joined.{suffix}"
            sidecars = [folder / f"{scorer}.jsonl" for scorer in SCORERS]
            audit = joined.with_suffix(".audit.json")
            run(materialize_command(folder / f"features.{suffix}", joined, sidecars, audit))
            costs: dict[str, list[Cost]] = {"agree": [], "rival": []}
            for _ in range(ROUNDS):
                for what, found in costs.items():
                    found.append(run(command(what, joined)))
            for what, label in (("agree", "second-opinion"), ("rival", "pandas, whole table")):
                cost = Cost.median_of(costs[what])
                print(
                    f"| {suffix} | {joined.stat().st_size / 1e6:.0f} | {label} | {cost.wall:.1f} "
                    f"| {cost.cpu:.1f} | {cost.memory / 1e6:.0f} |",
                    flush=True,
                )
            wall = Cost.median_of(costs["agree"]).wall
            met = "met" if wall < LIMIT_SECONDS else "missed"
            print(f"{suffix}: {wall:.1f} s, target under {LIMIT_SECONDS} s: {met}", flush=True)


def command(what: str, *args: object) -> list[str]:
    """Return the command that does one part of this benchmark in a process of its own."""
    return [sys.executable, str(HERE / "agreement.py"), what, *map(str, args)]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["inputs", folder, rows]:
            make_inputs(Path(folder), int(rows))
        case ["agree", joined]:
            agree(Path(joined))
        case ["rival", joined]:
            rival(Path(joined))
        case given:
            main(int(given[0]) if given else 200_000)
