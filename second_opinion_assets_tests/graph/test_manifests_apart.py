"""Manifests that share a history and have tables of equal ids take nothing of one another."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.evidence import EvidencePlanner
from second_opinion_assets.graph.history import (
    ids_of,
    joined_table,
    latest_audits,
    latest_joined,
    open_attempts,
    table_outcomes,
)
from second_opinion_assets.graph.names import MANIFEST_TAG, REPORT_KEY
from second_opinion_assets.graph.own_events import Own
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.stored_events import StoredEvent
from second_opinion_assets.join.manifest import Manifest, manifest_name
from second_opinion_assets.join.outcomes import TableOutcome
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join
from second_opinion_assets_tests.graph.ticks import Ticks, tables_of


class Two(NamedTuple):
    """Two projects of equal files, with a table `t` each."""

    mine: Project
    other: Project


@pytest.fixture
def two(tmp_path: Path) -> Two:
    """Return two projects that differ in nothing but where they are."""
    projects = []
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        project = Project(tmp_path / name)
        project.add_table("t", ["a"], {"DOVER": {"a": 1.0}})
        projects.append(project)
    return Two(*projects)


def outcome_of(instance: dg.DagsterInstance, manifest: Manifest) -> TableOutcome:
    """Return how the one table of a manifest stands, as its report tells it."""
    joined = latest_joined(instance, manifest)
    attempts = open_attempts(instance, known=ids_of(joined), own=Own(manifest))
    (outcome,) = table_outcomes(instance, manifest, joined, attempts)
    return outcome


def test_a_join_of_another_manifest(instance: dg.DagsterInstance, two: Two, join: Join) -> None:
    """It makes no table of mine joined: not for the report, nor sensors, nor an agreement."""
    mine, other = two.mine.save(), two.other.save()
    assert join(other, "t").success
    assert outcome_of(instance, other).status == "ok"
    assert outcome_of(instance, mine).status == "not_joined"
    assert latest_audits(instance, mine) == {}
    assert EvidencePlanner(mine, 1).plan(instance, 0).requests == []
    assert tables_of(Ticks(instance, mine).tick()) == ["t"]
    with pytest.raises(JoinError, match="was never joined"):
        joined_table(instance, mine, "t")


def test_a_join_of_mine_before_one_of_another(
    instance: dg.DagsterInstance, two: Two, join: Join
) -> None:
    """What another manifest joins later hides nothing of mine."""
    mine, other = two.mine.save(), two.other.save()
    run = join(mine, "t")
    assert join(other, "t").success
    assert outcome_of(instance, mine).run_id == run.run_id
    assert joined_table(instance, mine, "t").path == mine.table("t").out
    assert Ticks(instance, mine).tick().requests == []


def test_a_failure_of_another_manifest(instance: dg.DagsterInstance, two: Two, join: Join) -> None:
    """A table of mine has not failed because another manifest's did."""
    mine, other = two.mine.save(), two.other.save()
    assert join(mine, "t").success
    assert not join(other, "t", key_column="no such").success
    assert outcome_of(instance, mine).status == "ok"
    assert outcome_of(instance, other).status == "failed"


def test_a_table_that_failed_in_another_manifest_is_tried_in_mine(
    stored_instance: dg.DagsterInstance, two: Two
) -> None:
    """Requests of equal tables of two manifests are not taken for one."""
    keys = [
        request.run_key
        for project in two
        for request in Ticks(stored_instance, project.save()).tick().requests
    ]
    assert len(set(keys)) == 2


def test_an_output_that_moved(instance: dg.DagsterInstance, two: Two, join: Join) -> None:
    """A table that is to go elsewhere is not joined there yet."""
    assert join(two.mine.save(), "t").success
    two.mine.tables[0]["out"] = "elsewhere/t.jsonl"
    moved = two.mine.save()
    assert outcome_of(instance, moved).status == "not_joined"
    assert tables_of(Ticks(instance, moved).tick()) == ["t"]


def test_runs_and_events_say_their_manifest(
    instance: dg.DagsterInstance, two: Two, join: Join
) -> None:
    """Whoever looks at a run, or at an event, reads which manifest it is of."""
    manifest = two.mine.save()
    result = join(manifest, "t")
    (event,) = result.get_asset_materialization_events()
    assert (event.materialization.tags or {})[MANIFEST_TAG] == manifest.name
    run = instance.get_run_by_id(result.run_id)
    assert run
    assert run.tags[MANIFEST_TAG] == manifest.name


def test_reports_say_their_manifest(instance: dg.DagsterInstance, two: Two) -> None:
    """So does the report."""
    manifest = two.mine.save()
    job = build_definitions(manifest, Settings(manifest.path))
    result = job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[REPORT_KEY], run_config=QUIET
    )
    (event,) = result.get_asset_materialization_events()
    assert (event.materialization.tags or {})[MANIFEST_TAG] == manifest.name


@pytest.mark.parametrize(
    ("output", "partition", "is_own"),
    [
        ("{folder}/out/t.jsonl", "t", True),
        ("out/t.jsonl", "t", True),  # below the folder that it is in
        ("elsewhere/t.jsonl", "t", False),
        ("ftp://no/store", "t", False),
        ("{folder}/out/t.jsonl", "no such table", False),
    ],
)
def test_what_an_earlier_version_recorded(
    two: Two, monkeypatch: pytest.MonkeyPatch, output: str, partition: str, *, is_own: bool
) -> None:
    """An event that names no manifest is told apart by its output."""
    monkeypatch.chdir(two.mine.folder)
    recorded = {"output": output.format(folder=two.mine.folder)}
    event = StoredEvent(1, "run", 0.0, partition, {}, recorded)
    assert Own(two.mine.save()).has(event) == is_own


@pytest.mark.parametrize(
    ("path", "stem"),
    [("/a/clips.json", "clips"), ("/a/ü b.json", "__b"), (f"/{'x' * 200}.json", "x" * 40)],
)
def test_names_of_manifests(path: str, stem: str) -> None:
    """A manifest's name is fit for a folder and for a tag, and is of its path alone."""
    name = manifest_name(Location(path))
    assert name.rpartition("-")[0] == stem
    assert name != manifest_name(Location(f"/elsewhere{path}"))
