"""The asset graph over a store: looks by listings, and runs that join there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from second_opinion_assets.graph.history import latest_joined, open_attempts, table_outcomes
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.join.outcomes import TableStatus
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import Join, metadata_of
from second_opinion_assets_tests.graph.ticks import Ticks, tables_of
from second_opinion_assets_tests.stores.bucket import Bucket

TABLES = 20


@pytest.fixture
def manifest(project: Project, bucket: Bucket) -> Manifest:
    """Return tables that share folders of the bucket; the manifest itself is on the disk."""
    for n in range(TABLES):
        project.add_table(f"t{n}", ["a", "b"], {"DOVER": {"a": 1.0, "b": 2.0}})
    project.save()
    for path in project.folder.glob("*.jsonl"):
        bucket.write(path.name, path.read_bytes())
    return load_manifest(Location(project.manifest_path), bucket.base)


def _lists(bucket: Bucket) -> Counter[str]:
    """Return what was asked for, by kind, since the line was last mended."""
    kinds = Counter(
        "list" if "list-type" in asked.target else asked.method for asked in bucket.line.asked
    )
    bucket.line.mend()
    return kinds


def test_a_manifest_asks_nothing_of_a_store(manifest: Manifest, bucket: Bucket) -> None:
    """Loading a manifest sends no request, however many tables it has."""
    _lists(bucket)
    load_manifest(manifest.path, bucket.base)
    assert not _lists(bucket)


def test_a_tick_lists_each_folder_once(
    instance: dg.DagsterInstance, manifest: Manifest, bucket: Bucket
) -> None:
    """The first look reads each file once; later ones cost one listing a folder."""
    ticks = Ticks(instance, manifest)
    _lists(bucket)
    assert len(tables_of(ticks.tick())) == TABLES
    assert _lists(bucket) == {"list": 2, "GET": 2 * TABLES}
    ticks.tick()
    assert _lists(bucket) == {"list": 2}


def test_a_changed_object_asks_for_its_table(
    instance: dg.DagsterInstance, manifest: Manifest, bucket: Bucket, join: Join
) -> None:
    """After a join, the table whose sidecar is replaced is asked for, and no other."""
    ticks = Ticks(instance, manifest)
    ticks.tick()
    for table in manifest.tables[:3]:
        assert join(manifest, table.id).success
    ticks.tick()
    bucket.write("t1.DOVER.jsonl", '{"clip_id": "a", "score": 9}\n')
    asked = tables_of(ticks.tick())
    assert [table for table in asked if table in {"t0", "t1", "t2"}] == ["t1"]
    result = join(manifest, "t1")
    assert metadata_of(result)["dagster/uri"] == f"{bucket.uri}/out/t1.jsonl"
    assert bucket.rows("out/t1.jsonl")[0]["second_opinion_dover_score"] == 9


def test_a_report_lists_each_folder_once(
    instance: dg.DagsterInstance, manifest: Manifest, bucket: Bucket, join: Join
) -> None:
    """Whether outputs are there is told by one listing a folder; one that is gone is told of."""
    for table in manifest.tables[:3]:
        assert join(manifest, table.id).success
    bucket.store.delete("work/out/t2.jsonl")
    _lists(bucket)
    found = table_outcomes(
        instance, manifest, latest_joined(instance, manifest), open_attempts(instance)
    )
    assert _lists(bucket) == {"list": 1}
    assert [outcome.status for outcome in found[:4]] == [
        TableStatus.ok,
        TableStatus.ok,
        TableStatus.output_gone,
        TableStatus.not_joined,
    ]


def test_nothing_secret_is_recorded(
    instance: dg.DagsterInstance, manifest: Manifest, bucket: Bucket, join: Join, tmp_path: Path
) -> None:
    """Neither endpoint nor credentials of the environment reach audits, events or logs."""
    Ticks(instance, manifest).tick()
    assert join(manifest, "t0").success
    written = b"".join(content or b"" for content in bucket.contents().values()).decode()
    told = "".join(str(event) for event in instance.all_logs(instance.get_runs()[0].run_id))
    for secret in (bucket.line.url, bucket.url, "testing"):
        assert not re.search(re.escape(secret), written + told.replace("second_opinion", ""))
    assert tmp_path.is_dir()
