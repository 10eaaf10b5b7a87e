"""Fixtures of the graph's tests: a project and an instance of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return an empty project."""
    return Project(tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Return an instance that forgets."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def stored_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Return an instance on the disk, where runs can be started and found again."""
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as stored:
        yield stored


@pytest.fixture
def join(instance: dg.DagsterInstance) -> Join:
    """Return what joins one table of a manifest in the instance, with any run config."""

    def run(manifest: Manifest, table_id: str, **config: object) -> dg.ExecuteInProcessResult:
        job = build_definitions(
            manifest, Settings(manifest.path)
        ).resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=instance,
            asset_selection=[JOINED_KEY],
            partition_key=table_id,
            run_config={**QUIET, "ops": {JOINED_KEY.path[-1]: {"config": config}}},
            raise_on_error=False,
        )

    return run
