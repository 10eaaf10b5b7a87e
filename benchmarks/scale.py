"""What thousands of tables cost apart from their joins: loading, looking, starting, reporting.

`python benchmarks/scale.py [SIZE …]`, by default 100 1000 10000, each with six scorers; prints a
Markdown table. Inputs and Dagster's store (SQLite) are made in a temporary folder. Tables are small
and joined in name only, but for one run of fifty: what is measured depends on files and on history.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import dagster as dg
from dagster import DagsterEventType
from dagster._core.events import AssetObservationData, DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

sys.path.insert(0, str(Path(__file__).parents[1]))

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.evidence import EvidencePlanner
from second_opinion_assets.graph.history import ids_of, latest_joined, open_attempts, table_outcomes
from second_opinion_assets.graph.names import JOINED_KEY, MANIFEST_FINGERPRINT, OUTPUT, REPORT_KEY
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.join.provenance import fingerprint
from second_opinion_assets.join.source_files import read_source_file
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location

SCORERS = 6
ROWS = 20
A_RUN = 50
LATER = 3600.0
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
LAYOUTS: dict[str, Callable[[int, int], str]] = {
    "a file a scorer": lambda table, scorer: f"t{table:05d}.s{scorer}.jsonl",
    "a pattern a scorer": lambda table, scorer: f"s{scorer}/t{table:05d}_*.jsonl",
    "a folder a table": lambda table, scorer: f"t{table:05d}/s{scorer}.jsonl",
}


class Cost(NamedTuple):
    """Seconds on the clock and of this process's cores."""

    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.wall_s:.2f} s ({self.cpu_s:.2f} CPU)"


Measured = dict[str, object]


def main(sizes: Sequence[int]) -> None:
    """Measure each size, and print the table."""
    columns: list[Measured] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="second-opinion-scale-") as name:
            columns.append(measure(Path(name), size))
    print(f"| {SCORERS} scorers a table | {' | '.join(f'{size:,} tables' for size in sizes)} |")
    print(f"| --- |{' ---: |' * len(sizes)}")
    for what in columns[0]:
        print(f"| {what} | {' | '.join(str(column[what]) for column in columns)} |", flush=True)


def measure(folder: Path, size: int) -> Measured:
    """Return what a size costs, by what was done."""
    found: Measured = {}
    for layout, path in LAYOUTS.items():
        place = write_manifest(folder, size, path)
        found[f"manifest read, {layout}"] = timed(lambda at=place: load_manifest(Location(at)))
    manifest = load_manifest(Location(write_project(folder, size)))
    found["run process before its first join"] = start_of_a_run(manifest)
    home = folder / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        planner = RefreshPlanner(manifest, 10, A_RUN)
        found.update(first_look(planner, instance))
        found["look at all files for the first time"] = fill_history(instance, manifest)
        found.update(later_looks(instance, manifest))
        found.update(report(instance, manifest))
    return found


@contextmanager
def clock(costs: list[Cost]) -> Iterator[None]:
    """Append what is done within."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    costs.append(Cost(time.perf_counter() - wall, time.process_time() - cpu))


def timed(work: Callable[[], object]) -> Cost:
    """Return what some work costs."""
    costs: list[Cost] = []
    with clock(costs):
        work()
    return costs[0]


def write_manifest(folder: Path, size: int, path: Callable[[int, int], str]) -> Path:
    """Write a manifest whose score files lie as `path` says."""
    tables = [
        {
            "id": f"t{table:05d}",
            "features": f"t{table:05d}.jsonl",
            "scores": [f"scorer{n}={path(table, n)}" for n in range(SCORERS)],
            "out": f"out/t{table:05d}.jsonl",
            "audit_json": f"out/t{table:05d}.audit.json",
        }
        for table in range(size)
    ]
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"tables": tables}))
    return manifest


def write_project(folder: Path, size: int) -> Path:
    """Write the usual manifest with its files."""
    keys = [f"c{row}" for row in range(ROWS)]
    features = "".join(json.dumps({"clip_id": key, "psnr": 1.5}) + "\n" for key in keys)
    scores = "".join(json.dumps({"clip_id": key, "score": 2.5}) + "\n" for key in keys)
    (folder / "out").mkdir()
    for table in range(size):
        (folder / f"t{table:05d}.jsonl").write_text(features)
        (folder / f"out/t{table:05d}.jsonl").touch()
        for scorer in range(SCORERS):
            (folder / f"t{table:05d}.s{scorer}.jsonl").write_text(scores)
    return write_manifest(folder, size, LAYOUTS["a file a scorer"])


def start_of_a_run(manifest: Manifest) -> Cost:
    """Return what a run's process does before its step: imports, definitions, the run's job."""
    code = (
        "import time; from second_opinion_assets.definitions import defs; import dagster as dg;"
        f"job = defs.resolve_implicit_global_asset_job_def();"
        f"job.get_subset(asset_selection={{dg.AssetKey({JOINED_KEY.path!r})}});"
        "print(time.process_time())"
    )
    start = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "SECOND_OPINION_MANIFEST": str(manifest.path),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
    )
    return Cost(time.perf_counter() - start, float(process.stdout))


def first_look(planner: RefreshPlanner, instance: dg.DagsterInstance) -> Measured:
    """Return what the first tick costs, and how many there are until all is observed."""
    costs: list[Cost] = []
    with clock(costs):
        plan = planner.plan(instance, time.time() + LATER)
    with clock(costs):
        for event in plan.events:
            instance.report_runless_asset_event(event)
    return {
        "first tick: look": costs[0],
        "first tick: its events written by the daemon": f"{len(plan.events)} in {costs[1]}",
        "tables observed by it": len({event.partition for event in plan.events}),
        "runs that it asks for": len(plan.requests),
    }


def later_looks(instance: dg.DagsterInstance, manifest: Manifest) -> Measured:
    """Return what ticks cost once all is observed and joined."""
    planner = RefreshPlanner(manifest, 10, A_RUN)
    restarted: list[Cost] = []
    while True:
        with clock(restarted):
            plan = planner.plan(instance, time.time() + LATER)
        if not any("left to be read" in note for note in plan.notes):
            break
    if plan.events or plan.requests:
        msg = f"{len(plan.events)} events, {len(plan.requests)} runs of what has not changed"
        raise RuntimeError(msg)
    steady = min(timed(lambda: planner.plan(instance, time.time() + LATER)) for _ in range(3))
    evidence = EvidencePlanner(manifest, A_RUN // 2)
    first = timed(lambda: evidence.plan(instance, time.time()))
    return {
        "ticks after a restart, until the history is read": len(restarted),
        "the longest of them": max(restarted),
        "steady tick": steady,
        "tick of evidence after a restart": first,
    }


def report(instance: dg.DagsterInstance, manifest: Manifest) -> Measured:
    """Return what the report costs, as an asset and without Dagster's own part."""
    job = build_definitions(manifest, Settings(manifest.path))
    whole = job.resolve_implicit_global_asset_job_def()

    def outcomes() -> None:
        joined = latest_joined(instance, manifest)
        table_outcomes(instance, manifest, joined, open_attempts(instance, known=ids_of(joined)))

    def run() -> None:
        whole.execute_in_process(instance=instance, asset_selection=[REPORT_KEY], run_config=QUIET)

    return {"report: history read": timed(outcomes), "report: whole asset": timed(run)}


def fill_history(instance: dg.DagsterInstance, manifest: Manifest) -> Cost:
    """Record that all is observed, and joined as one run was; return what the look at all costs."""
    job = build_definitions(manifest, Settings(manifest.path))
    ids = [table.id for table in manifest.tables]
    result = job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[JOINED_KEY],
        tags={
            "dagster/asset_partition_range_start": ids[0],
            "dagster/asset_partition_range_end": ids[:A_RUN][-1],
        },
        run_config=QUIET,
    )
    event = result.get_asset_materialization_events()[0].materialization
    look_at_all = RefreshPlanner(manifest, 10, 1, tick_seconds=1e9, most_events=sys.maxsize)
    costs: list[Cost] = []
    with clock(costs):
        plan = look_at_all.plan(instance, time.time() + LATER)
    entries = [_entry(observed) for observed in plan.events]
    entries += [_entry(_joined(table, event), result.run_id) for table in manifest.tables[A_RUN:]]
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        raise TypeError(storage)
    with storage.index_connection() as connection:  # one by one takes an hour
        for entry in entries:
            connection.execute(storage.prepare_insert_event(entry))
    return costs[0]


def _joined(table: TableSpec, like: dg.AssetMaterialization) -> dg.AssetMaterialization:
    """Return what is recorded of a table that was joined as another one was."""
    features, *sidecars = (_digest(path.name[6:], path) for path in table.inputs)
    made_from = fingerprint(table, features, sidecars)
    metadata = {
        **like.metadata,
        MANIFEST_FINGERPRINT: made_from,
        OUTPUT: dg.MetadataValue.path(str(table.out)),
    }
    return dg.AssetMaterialization(
        JOINED_KEY, partition=table.id, metadata=metadata, tags=like.tags
    )


def _digest(kind: str, path: Location, known: dict[str, FileDigest] = {}) -> FileDigest:  # noqa: B006
    """Return the digest of a file; those of a kind are alike."""
    if kind not in known:
        known[kind] = read_source_file(path).digest
    return known[kind]


def _entry(event: dg.AssetMaterialization | dg.AssetObservation, run_id: str = "") -> EventLogEntry:
    is_observed = isinstance(event, dg.AssetObservation)
    kind = (
        DagsterEventType.ASSET_OBSERVATION
        if is_observed
        else DagsterEventType.ASSET_MATERIALIZATION
    )
    data = AssetObservationData(event) if is_observed else StepMaterializationData(event)
    return EventLogEntry(
        error_info=None,
        level="debug",
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        dagster_event=DagsterEvent(kind.value, "scale", event_specific_data=data),
    )


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1000, 10000])
