"""How long a backfill of many small tables takes, through a real webserver and daemon.

`python benchmarks/backfill.py [TABLES [BROKEN]]`: 200 tables of five rows and one scorer, of which
one lacks scores although it is promotion-grade. The instance is that of `config/dagster.yaml`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.webserver import webserver

RUNS = "{ runsOrError { ... on Runs { results { status startTime endTime } } } }"


def make_project(folder: Path, tables: int, broken: int) -> Path:
    """Write a manifest with its files; the first tables lack a score that they must have."""
    entries = []
    for number in range(tables):
        name, lacking = f"t{number:04d}", number < broken
        rows = [{"clip_id": f"c{row}", "psnr": row + 0.5} for row in range(5)]
        scores = [{"clip_id": f"c{row}", "score": row + number} for row in range(lacking, 5)]
        for suffix, lines in (("features", rows), ("dover", scores)):
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / f"{name}.{suffix}.jsonl").write_text(text)
        entries.append(
            {
                "id": name,
                "features": f"{name}.features.jsonl",
                "scores": [f"DOVER={name}.dover.jsonl"],
                "out": f"out/{name}.jsonl",
                "missing_policy": "fail",
            }
        )
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"tables": entries}))
    return manifest


def main(tables: int, broken: int) -> None:
    """Measure one backfill of a manifest, and say what became of its tables."""
    with tempfile.TemporaryDirectory(prefix="second-opinion-backfill-") as name:
        folder = Path(name)
        manifest = make_project(folder, tables, broken)
        with webserver(folder / "home", manifest) as server:
            ids = [table.id for table in load_manifest(Location(manifest)).tables]
            start = time.perf_counter()
            status = server.backfill(ids)
            seconds = time.perf_counter() - start
            runs = server.query(RUNS)["runsOrError"]["results"]
            partitions = server.partitions()
        published = len(list((folder / "out").glob("*.jsonl")))
    print(f"{tables} tables, {broken} of them broken: {seconds:.0f} s, {status}")
    spans = sorted(round(run["endTime"] - run["startTime"], 1) for run in runs)
    print(f"runs: {dict(Counter(run['status'] for run in runs))}, seconds {spans[0]} … {spans[-1]}")
    counts = {state: len(names) for state, names in partitions.items()}
    print(f"published: {published}; partitions: {counts}")


if __name__ == "__main__":
    main(*([int(argument) for argument in sys.argv[1:]] or [200, 1]))
