"""The check `provenance_holds`, in process: on demand alone, over all joined tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import JOINED_KEY, PROVENANCE_HOLDS, REPORT_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join

CHECK = dg.AssetCheckKey(REPORT_KEY, PROVENANCE_HOLDS)


@pytest.fixture
def manifest(project: Project, join: Join) -> Manifest:
    """Return a manifest of two joined tables and one that never was."""
    for table_id in ("a", "b", "never"):
        project.add_table(table_id, ["x", "y"], {"DOVER": {"x": 1.0}}, prefix="so")
    manifest = project.save()
    for table_id in ("a", "b"):
        assert join(manifest, table_id).success
    return manifest


@pytest.fixture
def execute(instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """Return what runs assets or checks as the UI does, which names both."""

    def run(
        manifest: Manifest, assets: Iterable[dg.AssetKey] = (), checks: Any = None
    ) -> dg.ExecuteInProcessResult:
        job = build_definitions(
            manifest, Settings(manifest.path)
        ).resolve_implicit_global_asset_job_def()
        subset = job.get_subset(asset_selection=set(assets), asset_check_selection=checks)
        return subset.execute_in_process(instance=instance, run_config=QUIET)

    return run


def verified(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    """Return the one evaluation of a run."""
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.check_name == PROVENANCE_HOLDS
    return evaluation


def counts(evaluation: dg.AssetCheckEvaluation) -> dict[str, Any]:
    """Return the numbers of an evaluation that are not 0."""
    values = {name: entry.value for name, entry in evaluation.metadata.items()}
    return {name: value for name, value in values.items() if isinstance(value, int) and value}


def test_all_is_well(manifest: Manifest, execute: Join) -> None:
    """With every file as it was the check passes, and names the tables never joined."""
    evaluation = verified(execute(manifest, checks={CHECK}))
    assert evaluation.passed
    assert counts(evaluation) == {"tables": 2, "unchanged_files": 6}
    assert evaluation.description == (
        "2 of 2 joined tables hold\n\nNever joined, or by another version: never"
    )


def test_files_that_changed_or_went(project: Project, manifest: Manifest, execute: Join) -> None:
    """A sidecar that changed, an output edited and one that is gone each fail with their table."""
    scores = project.write_scores("a", "DOVER", {"x": 2.0})
    project.out("a").write_text(project.out("a").read_text().replace("ok", "bad"))
    project.out("b").unlink()
    evaluation = verified(execute(manifest, checks={CHECK}))
    assert not evaluation.passed
    assert counts(evaluation) == {
        "tables": 2,
        "failed_tables": 2,
        "unchanged_files": 3,
        "changed_files": 2,
        "gone_files": 1,
    }
    said = str(evaluation.description).replace("\\", "")
    assert f"| a | {scores} | changed |" in said
    assert "| a | tallies | differs | DOVER: ok rows: expected 1, found 0 |" in said
    assert f"| b | {project.out('b')} | gone |" in said


def test_nothing_is_hashed_where_it_is_not_asked_for(manifest: Manifest, execute: Join) -> None:
    """A run that makes the report, with all its checks, says nothing on what it did not do."""
    result = execute(manifest, [REPORT_KEY])
    assert result.success
    names = [evaluation.check_name for evaluation in result.get_asset_check_evaluations()]
    assert names == ["every_table_joined"]


def test_a_join_does_not_run_it(manifest: Manifest, join: Join) -> None:
    """A joined table's run has no step for it."""
    result = join(manifest, "a")
    assert {event.step_key for event in result.all_events if event.step_key} == {
        JOINED_KEY.path[-1]
    }
