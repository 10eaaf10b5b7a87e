"""A confined graph: no manifest and no launch brings it to a file outside."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg
import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.graph.agreement import AgreementConfig
from second_opinion_assets.graph.current import load_tables
from second_opinion_assets.graph.joined import JoinConfig
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.storage.confinement import confine_to
from second_opinion_assets.storage.limits import USUAL_LIMITS, limits
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import Join

CLIPS = ["a", "b"]
COMPLETE: dict[str, float | None] = {"a": 1.0, "b": 2.0}


@pytest.fixture
def manifest(project: Project) -> Iterator[Manifest]:
    """Return two tables in a confined process, one of which takes its scores from outside."""
    outside = project.folder.parent / f"{project.folder.name}-outside"
    outside.mkdir()
    project.add_table("within", CLIPS, {"DOVER": COMPLETE})
    project.add_table("linked", CLIPS, {"DOVER": COMPLETE})
    scores = project.folder / "linked.DOVER.jsonl"
    scores.rename(outside / scores.name)
    scores.symlink_to(outside / scores.name)
    saved = project.save()
    Settings(saved.path, confine_to=(str(project.folder),)).apply()
    yield saved
    confine_to(())


def test_a_tick_reads_nothing_outside(instance: dg.DagsterInstance, manifest: Manifest) -> None:
    """The sensor asks for the tables that lie within, and says why not for the other."""
    plan = RefreshPlanner(manifest, 0).plan(instance, time.time() + 60)
    assert [request.partition_key for request in plan.requests] == ["within"]
    assert "linked.DOVER.jsonl: leads to" in next(n for n in plan.notes if n.startswith("linked:"))


def test_a_run_reads_nothing_outside(manifest: Manifest, join: Join) -> None:
    """A launch of the table fails with the path, the folder and the setting."""
    result = join(manifest, "linked")
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    described = failure.step_failure_data.user_failure_data
    assert described is not None
    assert "leads to" in str(described.description)
    assert str(described.description).endswith("add its folder to SECOND_OPINION_CONFINE_TO")
    assert join(manifest, "within").success


@pytest.mark.usefixtures("manifest")
def test_the_manifest_lies_within_too(project: Project) -> None:
    """What decides on files lies where files are, so that nobody outside decides."""
    moved = project.folder.parent / "manifest-outside.json"
    project.manifest_path.rename(moved)
    settings = Settings(Location(moved), Location(project.folder))
    with pytest.raises(ManifestError, match=r"manifest-outside\.json: lies outside"):
        load_tables(settings)


@pytest.mark.parametrize("config", [JoinConfig, AgreementConfig])
def test_a_launch_names_no_file(config: type[dg.Config]) -> None:
    """No field of run config is a path: a launch changes options and never files."""
    names = set(config.model_fields)
    assert not {name for name in names if any(p in name for p in ("path", "file", "dir", "out"))}
    assert not names & {"features", "scores", "audit_json", "manifest", "report"}


def test_the_setting_is_written_as_a_path_is() -> None:
    """Folders stand with a colon between them; an empty variable sets no bounds."""
    read = Settings.from_environment
    assert read({"SECOND_OPINION_CONFINE_TO": "/data:/outputs"}).confine_to == ("/data", "/outputs")
    assert read({"SECOND_OPINION_CONFINE_TO": ""}).confine_to == ()
    with pytest.raises(JoinError, match="'' is no folder"):
        read({"SECOND_OPINION_CONFINE_TO": "/data:"}).apply()


def test_limits_are_settings() -> None:
    """Limits are read from one variable, and what is none is refused by its name."""
    read = Settings.from_environment
    assert read({"SECOND_OPINION_LIMITS": "row_fields=7, held_bytes=1KB"}).limits.row_fields == 7
    assert read({}).limits == USUAL_LIMITS
    with pytest.raises(JoinError, match="SECOND_OPINION_LIMITS: unknown limit 'rows'"):
        read({"SECOND_OPINION_LIMITS": "rows=7"})
    read({"SECOND_OPINION_LIMITS": "row_fields=7"}).apply()
    assert limits().row_fields == 7
    read({}).apply()
    assert limits() == USUAL_LIMITS
