"""The main job from a shell: many tables in few runs, and a line for each."""

from __future__ import annotations

import dagster as dg
import pytest

from second_opinion_assets.graph.launch import Launched, launch
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets_tests.graph.project import Project

CLIPS = ["a", "b"]
COMPLETE: dict[str, float | None] = {"a": 1.0, "b": 2.0}
TABLES = ["one", "two", "three", "four", "five"]


def launched(
    manifest: Manifest, instance: dg.DagsterInstance, tables_per_run: int = 50
) -> tuple[Launched, list[str], list[str]]:
    """Do the main job; return how it ended, its lines, and the tables in the order of their end."""
    said: list[str] = []
    ended: list[str] = []
    settings = Settings(manifest.path, tables_per_run=tables_per_run)
    return launch(manifest, settings, instance, said.append, ended.append), said, ended


@pytest.mark.parametrize(("most", "runs"), [(50, 4), (2, 8)])
def test_tables_share_runs(
    project: Project, instance: dg.DagsterInstance, most: int, runs: int
) -> None:
    """Observation, joins, agreements and report are a run each, or several of many tables."""
    for table in TABLES:
        project.add_table(table, CLIPS, {"DOVER": COMPLETE})
    result, said, ended = launched(project.save(), instance, most)
    assert (result.complete, result.summary.failed_tables, result.summary.input_rows) == (
        True,
        0,
        10,
    )
    assert ended == TABLES
    assert len(instance.get_runs()) == runs
    out = project.out("one")
    assert said[:3:2] == [f"one: {out}", f"one: {out}.agreement.json (agreement)"]
    assert [line.split(":")[0] for line in said[:-1:3]] == TABLES


def test_a_table_that_fails_is_told_and_spoils_no_other(
    project: Project, instance: dg.DagsterInstance
) -> None:
    """Each table that fails has its line; the others are joined and compared in their ranges."""
    for table in TABLES:
        project.add_table(table, CLIPS, {"DOVER": COMPLETE})
    (project.folder / "two.DOVER.jsonl").write_text('{"clip_id"')
    (project.folder / "four.DOVER.jsonl").write_text("")
    result, said, ended = launched(project.save(), instance)
    assert (result.complete, result.summary.failed_tables) == (False, 2)
    assert ended == TABLES
    failed = [line for line in said if ": failed: " in line]
    assert [line.split(":")[0] for line in failed] == ["two", "four"]
    assert "two.DOVER.jsonl:1: not JSON" in failed[0]
    compared = [line.split(":")[0] for line in said if line.endswith("(agreement)")]
    assert compared == ["one", "three", "five"]
