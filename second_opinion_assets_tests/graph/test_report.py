"""The asset of the report, in process: what its metadata tells of the runs of tables."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import REPORT_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join


@pytest.mark.parametrize(
    ("policy", "published"), [pytest.param("mark", True), pytest.param("fail", False)]
)
def test_the_report_has_the_warnings_of_tables(
    instance: dg.DagsterInstance, project: Project, join: Join, policy: str, *, published: bool
) -> None:
    """A scorer with few ok scores is told by table, published or not; others are not named."""
    project.add_table("good", ["x", "y", "z"], {"DOVER": dict.fromkeys("xyz", 1.0)})
    project.add_table("poor", ["x", "y", "z"], {"DOVER": {"x": 1.0}}, missing_policy=policy)
    manifest = project.save()
    assert join(manifest, "good").success
    assert join(manifest, "poor").success == published
    job = build_definitions(
        manifest, Settings(manifest.path)
    ).resolve_implicit_global_asset_job_def()
    result = job.get_subset(asset_selection={REPORT_KEY}).execute_in_process(
        instance=instance, run_config=QUIET
    )
    (event,) = result.get_asset_materialization_events()
    told: Any = event.materialization.metadata["warnings"].value
    assert told.splitlines()[2:] == ["| poor | DOVER: 1 of 3 rows have an ok score (missing: 2) |"]
