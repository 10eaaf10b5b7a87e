"""The ways to launch a join, with real processes: UI, Dagster's command line, our own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.webserver import (
    BIN,
    LOCATIONS,
    PROJECT,
    Webserver,
    environment,
    webserver,
)

pytestmark = pytest.mark.e2e

MATERIALIZATION = """
query ($partition: String!) {
  assetNodeOrError(assetKey: {path: ["second_opinion_features"]}) { ... on AssetNode {
    latestMaterializationByPartition(partitions: [$partition]) { metadataEntries {
      label
      ... on IntMetadataEntry { intValue }
      ... on JsonMetadataEntry { jsonString }
      ... on TextMetadataEntry { text } } } } }
}
"""


def copied_clips(folder: Path) -> Path:
    """Copy the real clips and their manifest; return the manifest."""
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, folder / name)
    return folder / "config" / "clips.json"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the manifest of the real clips in a folder of its own, made incomplete.

    One scorer lacks a clip, so that `drop` has something to drop.
    """
    manifest = copied_clips(tmp_path_factory.mktemp("clips"))
    blur = manifest.parent.parent / "data/clips/blur.jsonl"
    blur.write_bytes(b"".join(blur.read_bytes().splitlines(keepends=True)[1:]))
    return manifest


@pytest.fixture(scope="module")
def server(manifest: Path) -> Iterator[Webserver]:
    """Return a webserver that serves the real clips."""
    with webserver(manifest.parent.parent / "home", manifest) as running:
        yield running


def entries(server: Webserver, partition: str) -> dict[str, dict[str, Any]]:
    """Return the metadata entries of a partition's latest materialization by label."""
    node = server.query(MATERIALIZATION, partition=partition)["assetNodeOrError"]
    (event,) = node["latestMaterializationByPartition"]
    return {entry["label"]: entry for entry in event["metadataEntries"]}


def test_a_partition_is_launched_over_graphql(server: Webserver, manifest: Path) -> None:
    """A launch with `missing_policy: drop` publishes, with metadata and checks to read back."""
    assert server.launch("clips_jsonl", {"missing_policy": "drop"}) == "SUCCESS"
    found = entries(server, "clips_jsonl")
    assert found["input_rows"]["intValue"] == 12
    assert found["output_rows"]["intValue"] == 11
    assert found["missing_rows"]["intValue"] == 1
    provenance = json.loads(found["run_provenance"]["jsonString"])
    assert provenance["schema"] == "ai-run-provenance-v1"
    assert provenance["args"]["run_config"] == {"missing_policy": "drop"}
    gate = server.check("promotion_gate", "clips_jsonl")
    assert (gate["success"], gate["severity"], gate["partition"]) == (False, "WARN", "clips_jsonl")
    assert {"missing_keys", "tallies"} <= {entry["label"] for entry in gate["metadataEntries"]}
    assert server.check("rows_kept", "clips_jsonl")["success"]
    out = manifest.parent.parent / "outputs/clips/clips.jsonl"
    assert len(out.read_bytes().splitlines()) == 11


@pytest.mark.parametrize("table", ["clips_jsonl", "clips_parquet"])
def test_every_way_of_launching_gives_the_same_bytes(
    server: Webserver, manifest: Path, tmp_path: Path, table: str
) -> None:
    """GraphQL, `dagster asset materialize` and `second-opinion batch` write one and the same."""
    spec = next(t for t in json.loads(manifest.read_text())["tables"] if t["id"] == table)
    out = manifest.parent / spec["out"]
    assert server.launch(table, {}) == "SUCCESS"
    from_ui = out.read_bytes()
    out.unlink()
    env = environment(tmp_path / "home", manifest)
    command = [f"{BIN}/dagster", "asset", "materialize", "-m", "second_opinion_assets.definitions"]
    command += ["--select", "second_opinion_features", "--partition", table]
    subprocess.run(command, env=env, check=True, capture_output=True, cwd=tmp_path)
    from_dagster = out.read_bytes()
    out.unlink()
    command = [f"{BIN}/second-opinion", "batch", "--manifest", str(manifest)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert from_ui == from_dagster == out.read_bytes()


def test_only_the_table_that_changed_is_stale(tmp_path: Path, project: Project) -> None:
    """Staleness follows content: new scores, or an edited option, of one table leave the other."""
    scores: dict[str, float | None] = {"a": 1.0, "b": 2.0}
    project.add_table("one", ["a", "b"], {"DOVER": scores})
    project.add_table("two", ["a", "b"], {"DOVER": scores})
    project.save()
    with webserver(tmp_path / "home", project.manifest_path) as server:
        assert server.launch_job("observe_sources") == "SUCCESS"
        assert server.launch("one", {}) == server.launch("two", {}) == "SUCCESS"
        assert server.stale(["one", "two"]) == {"one": "FRESH", "two": "FRESH"}
        project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
        assert server.launch_job("observe_sources") == "SUCCESS"
        assert server.stale(["one", "two"]) == {"one": "STALE", "two": "FRESH"}
        assert server.launch("one", {}) == "SUCCESS"
        assert server.stale(["one", "two"]) == {"one": "FRESH", "two": "FRESH"}
        project.tables[1]["prefix"] = "so"
        project.save()
        server.reload()
        assert server.launch_job("observe_sources") == "SUCCESS"
        assert server.stale(["one", "two"]) == {"one": "FRESH", "two": "STALE"}


def test_a_broken_manifest_is_the_error_of_the_code_location(tmp_path: Path) -> None:
    """What the UI shows for a manifest with a typo starts with the place and the near word."""
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"tables": [{"id": "t", "featurs": "f.jsonl"}]}')
    with webserver(tmp_path / "home", manifest) as server:
        (entry,) = server.query(LOCATIONS)["workspaceOrError"]["locationEntries"]
    error = entry["locationOrLoadError"]
    assert error["__typename"] == "PythonError"
    line = f"{manifest}::$.tables[0]: unknown key 'featurs'; did you mean features?"
    assert line in error["message"].splitlines()[0]
