"""The job that observes all sources, of scorers with tables of their own."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join, metadata_of

SCORES: dict[str, float | None] = {"a": 1.0}


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return a manifest of two tables, of which one scorer has but one."""
    project.add_table("one", ["a"], {"DOVER": SCORES})
    project.add_table("two", ["a"], {"DOVER": SCORES, "MUSIQ": SCORES})
    return project.save()


@pytest.fixture
def observe(instance: dg.DagsterInstance, manifest: Manifest) -> Callable[[], int]:
    """Return what runs the job and returns how many partitions it recorded."""
    definitions = build_definitions(manifest, Settings(manifest.path))

    def run() -> int:
        job = definitions.resolve_job_def("observe_sources")
        result = job.execute_in_process(run_config=QUIET, instance=instance)
        assert result.success
        return sum(event.event_type_value == "ASSET_OBSERVATION" for event in result.all_events)

    return run


def test_every_partition_of_every_source(
    observe: Callable[[], int], instance: dg.DagsterInstance
) -> None:
    """The job records each source for the tables that it has, and once for each content."""
    assert observe() == 2 + 2 + 2 + 1
    for scorer, tables in (("dover", {"one", "two"}), ("musiq", {"two"})):
        key = dg.AssetKey(["scorer_sidecars", scorer])
        assert set(instance.get_materialized_partitions(key)) == tables
    assert observe() == 0


def test_a_file_with_a_field_for_each_scorer(
    project: Project, instance: dg.DagsterInstance, join: Join
) -> None:
    """Each scorer of one file is an asset, and the lineage of its columns leads to it."""
    (project.folder / "iqa.csv").write_text("clip_id,m,n\na,1,2\nb,3,\n")
    entry = {"path": "iqa.csv", "scorers": {"MUSIQ": "m", "one-align": "n"}}
    project.add_table("t", ["a", "b"], {}, canonical_names=True, sidecars=[entry])
    manifest = project.save()
    job = build_definitions(manifest, Settings(manifest.path)).resolve_job_def("observe_sources")
    assert job.execute_in_process(run_config=QUIET, instance=instance).success
    for scorer in ("musiq", "q_align"):
        key = dg.AssetKey(["scorer_sidecars", scorer])
        assert instance.get_materialized_partitions(key) == {"t"}
    metadata = metadata_of(join(manifest, "t"))
    assert (metadata["musiq/coverage"], metadata["q_align/coverage"]) == (1.0, 0.5)
    lineage = metadata["dagster/column_lineage"].deps_by_column
    for scorer in ("musiq", "q_align"):
        deps = {tuple(dep.asset_key.path) for dep in lineage[f"second_opinion_{scorer}_score"]}
        assert deps == {("feature_tables",), ("scorer_sidecars", scorer)}


def test_two_scorers_of_one_canonical_name(project: Project) -> None:
    """A file cannot have two fields for a scorer by two of its names."""
    entry = {"path": "iqa.csv", "scorers": {"one-align": "m", "Q-Align": "n"}}
    project.add_table("t", ["a"], {}, canonical_names=True, sidecars=[entry])
    with pytest.raises(ManifestError, match="two of one-align, Q-Align are one scorer"):
        project.save()


def test_a_file_that_is_gone(observe: Callable[[], int], project: Project) -> None:
    """What cannot be read is left out, and does not affect other sources."""
    (project.folder / "two.MUSIQ.jsonl").unlink()
    assert observe() == 2 + 2 + 2
