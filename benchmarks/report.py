"""How long the report on many tables takes, from what Dagster stored of their joins.

`python benchmarks/report.py [TABLES [SCORERS]]`. One small table is really joined, twice; of every
other one the history gets two materializations with the same metadata. The store is SQLite.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import JOINED_KEY, REPORT_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.storage.location import Location

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main(tables: int, scorers: int) -> None:
    """Measure whole runs of the report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = make_project(folder, tables, scorers)
        with dg.instance_for_test(temp_dir=name) as instance:
            job = build_definitions(
                manifest, Settings(manifest.path)
            ).resolve_implicit_global_asset_job_def()
            fill_history(job, instance, manifest)
            for _ in range(3):
                start, cpu = time.perf_counter(), time.process_time()
                job.execute_in_process(
                    instance=instance, asset_selection=[REPORT_KEY], run_config=QUIET
                )
                seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
                print(f"{tables} tables, {scorers} scorers: {seconds:.2f} s, CPU {cpu:.2f} s")
        report = folder / "out" / "manifest.report.json"
        print(
            f"report: {report.stat().st_size / 1e6:.1f} MB",
            json.loads(report.read_text())["summary"],
        )


def make_project(folder: Path, tables: int, scorers: int) -> Manifest:
    """Write a manifest whose tables all read the same small files, with an output each."""
    rows = [{"clip_id": f"c{row}", "psnr": row / 7} for row in range(50)]
    (folder / "features.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for scorer in range(scorers):
        scores = [{"clip_id": f"c{row}", "score": row * scorer / 3} for row in range(scorer, 50)]
        text = "".join(json.dumps(row) + "\n" for row in scores)
        (folder / f"scorer{scorer}.jsonl").write_text(text)
    entries = [
        {
            "id": f"t{table}",
            "features": "features.jsonl",
            "scores": [f"scorer{scorer}=scorer{scorer}.jsonl" for scorer in range(scorers)],
            "out": f"out/{table}.jsonl",
        }
        for table in range(tables)
    ]
    path = folder / "manifest.json"
    path.write_text(json.dumps({"tables": entries}))
    return load_manifest(Location(path))


def fill_history(job: dg.JobDefinition, instance: dg.DagsterInstance, manifest: Manifest) -> None:
    """Join the first table twice, and store what that gave for every other one."""
    for _ in range(2):
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[JOINED_KEY],
            partition_key=manifest.tables[0].id,
            run_config=QUIET,
        )
        (event,) = result.get_asset_materialization_events()
        for table in manifest.tables[1:]:
            table.out.touch()
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    JOINED_KEY,
                    partition=table.id,
                    metadata=event.materialization.metadata,
                    tags=event.materialization.tags,
                )
            )


if __name__ == "__main__":
    main(*([int(argument) for argument in sys.argv[1:]] or [1000, 6]))
