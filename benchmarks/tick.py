"""How long a tick of the refresh sensor takes over many tables, of which nothing changed.

`python benchmarks/tick.py [TABLES [SCORERS]]`. The tables are joined in name only: what a tick
does depends on files and on what the instance recorded, which is all there is here.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg

from second_opinion_assets.graph.names import JOINED_KEY, MANIFEST_FINGERPRINT
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.storage.location import Location

LATER = 3600.0


def main(tables: int, scorers: int) -> None:
    """Measure the first tick, one after a restart, and the ones after that."""
    with tempfile.TemporaryDirectory() as name, dg.instance_for_test() as instance:
        manifest = make_project(Path(name), tables, scorers)
        planner = RefreshPlanner(manifest, settle_seconds=10)
        print(f"{tables} tables, {scorers} scorers")
        print(f"first tick, everything new: {tick(planner, instance):.2f} s")
        print(f"tick after that: {tick(planner, instance):.2f} s")
        restarted = RefreshPlanner(manifest, settle_seconds=10)
        print(f"first tick after a restart, nothing changed: {tick(restarted, instance):.2f} s")
        for _ in range(3):
            print(f"tick, nothing changed: {tick(restarted, instance):.2f} s")


def make_project(folder: Path, tables: int, scorers: int) -> Manifest:
    """Write a manifest with its files, one row each."""
    entries = []
    for table in range(tables):
        (folder / f"{table}.jsonl").write_text('{"clip_id": "a"}\n')
        for scorer in range(scorers):
            path = folder / f"{table}.scorer{scorer}.jsonl"
            path.write_text(f'{{"clip_id": "a", "score": {table}}}\n')
        sidecars = [f"scorer{n}={table}.scorer{n}.jsonl" for n in range(scorers)]
        entries.append(
            {
                "id": f"t{table}",
                "features": f"{table}.jsonl",
                "scores": sidecars,
                "out": f"o/{table}.jsonl",
            }
        )
    path = folder / "manifest.json"
    path.write_text(json.dumps({"tables": entries}))
    return load_manifest(Location(path))


def tick(planner: RefreshPlanner, instance: dg.DagsterInstance) -> float:
    """Look once, record what that gives as if every run it asks for succeeded; return seconds."""
    start = time.perf_counter()
    plan = planner.plan(instance, time.time() + LATER)
    seconds = time.perf_counter() - start
    for event in plan.events:
        instance.report_runless_asset_event(event)
    for request in plan.requests:
        version = (request.run_key or "").split(":")[1]
        metadata = {MANIFEST_FINGERPRINT: version}
        instance.report_runless_asset_event(
            dg.AssetMaterialization(JOINED_KEY, partition=request.partition_key, metadata=metadata)
        )
    return seconds


if __name__ == "__main__":
    main(*([int(argument) for argument in sys.argv[1:]] or [1000, 6]))
