"""The ways to launch a join, with real processes: UI, Dagster's command line, our own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets_tests.graph.served.clips import Clips
from second_opinion_assets_tests.graph.webserver import (
    BIN,
    LOCATIONS,
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


def entries(server: Webserver, partition: str) -> dict[str, dict[str, Any]]:
    """Return the metadata entries of a partition's latest materialization by label."""
    node = server.query(MATERIALIZATION, partition=partition)["assetNodeOrError"]
    (event,) = node["latestMaterializationByPartition"]
    return {entry["label"]: entry for entry in event["metadataEntries"]}


def test_a_partition_is_launched_over_graphql(clips: Clips) -> None:
    """A launch with `missing_policy: drop` publishes, with metadata and checks to read back."""
    server = clips.server
    assert server.launch("clips_jsonl", {"missing_policy": "drop"}) == "SUCCESS"
    found = entries(server, "clips_jsonl")
    assert found["input_rows"]["intValue"] == 12
    assert found["output_rows"]["intValue"] == 11
    assert found["missing_rows"]["intValue"] == 1
    provenance = json.loads(found["run_provenance"]["jsonString"])
    assert provenance["schema"] == "ai-run-provenance-v1"
    assert provenance["args"]["run_config"] == {"missing_policy": "drop"}
    assert server.check("promotion_gate", "clips_jsonl")["success"]
    gaps = server.check("coverage", "clips_jsonl")
    assert (gaps["success"], gaps["severity"], gaps["partition"]) == (False, "WARN", "clips_jsonl")
    assert {"missing_keys", "tallies"} <= {entry["label"] for entry in gaps["metadataEntries"]}
    assert server.check("rows_kept", "clips_jsonl")["success"]
    assert len((clips.outputs / "clips.jsonl").read_bytes().splitlines()) == 11


@pytest.mark.parametrize("out", ["clips.jsonl", "clips.parquet"])
def test_every_way_of_launching_gives_the_same_bytes(
    clips: Clips, tmp_path: Path, out: str
) -> None:
    """GraphQL, `dagster asset materialize` and `second-opinion batch` write one and the same."""
    table, path = out.replace(".", "_"), clips.outputs / out
    assert clips.server.launch(table, {}) == "SUCCESS"
    from_ui = path.read_bytes()
    path.unlink()
    manifest = clips.project.manifest_path
    env = environment(tmp_path / "home", manifest)
    command = [f"{BIN}/dagster", "asset", "materialize", "-m", "second_opinion_assets.definitions"]
    command += ["--select", "second_opinion_features", "--partition", table]
    subprocess.run(command, env=env, check=True, capture_output=True, cwd=tmp_path)
    from_dagster = path.read_bytes()
    path.unlink()
    command = [f"{BIN}/second-opinion", "batch", "--manifest", f"{clips.root}/config/clips.json"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert from_ui == from_dagster == path.read_bytes()


def test_only_the_table_that_changed_is_stale(clips: Clips) -> None:
    """Staleness follows content: new scores, or an edited option, of one table leave the other."""
    server, tables = clips.server, ["clips_jsonl", "clips_wrapper_jsonl"]

    def stale() -> list[str]:
        assert server.launch_job("observe_sources") == "SUCCESS"
        return list(server.stale(tables).values())

    assert stale()
    assert server.launch(tables[0], {}) == server.launch(tables[1], {}) == "SUCCESS"
    assert stale() == ["FRESH", "FRESH"]
    with (clips.folder / "brisque.csv").open("a") as scores:
        scores.write("clip_of_no_table,3.5\n")
    assert stale() == ["STALE", "FRESH"]
    assert server.launch(tables[0], {}) == "SUCCESS"
    assert stale() == ["FRESH", "FRESH"]
    wrapper = next(table for table in clips.project.tables if table["id"] == tables[1])
    wrapper["prefix"] = "so"
    clips.project.save()
    server.reload()
    assert stale() == ["FRESH", "STALE"]


def test_a_broken_manifest_is_the_error_of_the_code_location(tmp_path: Path) -> None:
    """What the UI shows for a manifest with a typo starts with the place and the near word.

    On a server of its own: while a code location is broken its daemon fails the runs of others.
    """
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"tables": [{"id": "t", "featurs": "f.jsonl"}]}')
    with webserver(tmp_path / "home", manifest) as server:
        (entry,) = server.query(LOCATIONS)["workspaceOrError"]["locationEntries"]
    error = entry["locationOrLoadError"]
    assert error["__typename"] == "PythonError"
    line = f"{manifest}::$.tables[0]: unknown key 'featurs'; did you mean features?"
    assert line in error["message"].splitlines()[0]
