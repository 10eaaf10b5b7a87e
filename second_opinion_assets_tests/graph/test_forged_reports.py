"""Whatever is reported to the webserver, what is joined is decided by files and runs alone."""

from __future__ import annotations

from typing import Any

import dagster as dg
import msgspec
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.evidence import EvidencePlanner
from second_opinion_assets.graph.history import (
    Attempts,
    ids_of,
    joined_table,
    latest_audits,
    latest_joined,
    open_attempts,
    state_version,
    table_outcomes,
)
from second_opinion_assets.graph.names import (
    AGREEMENT_KEY,
    DATA_VERSION_TAG,
    FEATURES_KEY,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    REPORT_KEY,
    STAMP,
    SUMMARY,
)
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import scorer_key
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import TableOutcome
from second_opinion_assets.join.source_files import Stamp
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join
from second_opinion_assets_tests.graph.ticks import Ticks, tables_of

CLIPS = ["a", "b"]
DOVER = scorer_key("DOVER")
WRONG: list[Any] = ["x", 1, None, {"bytes": 10**30}, -1.5, {}, {"sha256": 5}, [], ["x"] * 3]
KEYS = [FEATURES_KEY, DOVER, JOINED_KEY, AGREEMENT_KEY, REPORT_KEY, dg.AssetKey(["no", "such"])]
NAMES = [STAMP, SUMMARY, MANIFEST_FINGERPRINT, "counts", "run_provenance", "drift", "seal"]


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return a manifest of two complete tables."""
    for name in ("one", "two"):
        project.add_table(name, CLIPS, {"DOVER": {"a": 1.0, "b": 2.0}})
    return project.save()


@pytest.fixture
def joined(instance: dg.DagsterInstance, manifest: Manifest, join: Join) -> Ticks:
    """Return ticks over the two tables once both were observed and joined."""
    ticks = Ticks(instance, manifest)
    ticks.tick()
    assert join(manifest, "one").success
    assert join(manifest, "two").success
    return ticks


def forge(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    partition: str | None,
    version: str | None = None,
    **metadata: Any,
) -> None:
    """Report a materialization and an observation, as the webserver does for anybody."""
    tags = {DATA_VERSION_TAG: version} if version else {}
    given: Any = {"partition": partition, "tags": tags, "metadata": metadata}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, **given))
    instance.report_runless_asset_event(dg.AssetObservation(key, **given))


def attempts(instance: dg.DagsterInstance, manifest: Manifest) -> Attempts:
    """Return the runs that have not joined their tables."""
    return open_attempts(instance, known=ids_of(latest_joined(instance, manifest)))


def version_of(instance: dg.DagsterInstance, manifest: Manifest) -> str:
    """Return the version of what the report tells."""
    known = ids_of(latest_joined(instance, manifest))
    return state_version(attempts(instance, manifest), known)


def outcomes_of(instance: dg.DagsterInstance, manifest: Manifest) -> list[TableOutcome]:
    """Return how the tables stand, as the report tells it."""
    joined = latest_joined(instance, manifest)
    return table_outcomes(instance, manifest, joined, attempts(instance, manifest))


def test_wrong_metadata(joined: Ticks, manifest: Manifest) -> None:
    """Metadata of other kinds hurt no tick, no report and no look at a table."""
    instance = joined.instance
    before = outcomes_of(instance, manifest)
    for number, wrong in enumerate(WRONG):
        for key in KEYS:
            partition = ("one", "no such table", None)[number % 3]
            forge(instance, key, partition, "v", **dict.fromkeys(NAMES, wrong))
        assert joined.tick().requests == []
    assert Ticks(instance, manifest).tick().requests == []
    assert outcomes_of(instance, manifest) == before
    assert latest_audits(instance, manifest).keys() == {"one", "two"}
    assert joined_table(instance, manifest, "one").columns


def test_a_forged_join_joins_nothing_and_hides_nothing(
    joined: Ticks, manifest: Manifest, project: Project
) -> None:
    """A table that is reported as joined from its new content is joined all the same."""
    instance = joined.instance
    version = version_of(instance, manifest)
    forge(instance, JOINED_KEY, "one", "forged", manifest_fingerprint="forged")
    assert joined.tick().requests == []
    assert version_of(instance, manifest) == version
    project.write_scores("one", "DOVER", {"a": 5.0, "b": 6.0})
    (asked,) = joined.tick().requests
    made_from = (asked.run_key or "").split(":")[1]
    forge(instance, JOINED_KEY, "one", made_from, manifest_fingerprint=made_from)
    assert tables_of(Ticks(instance, manifest).tick()) == ["one"]


def test_a_forged_observation_stands_for_no_file(
    joined: Ticks, manifest: Manifest, project: Project
) -> None:
    """The true stamp of a file with a hash of another content does not keep the file unread."""
    instance = joined.instance
    (before,) = instance.fetch_observations(
        dg.AssetRecordsFilter(DOVER, asset_partitions=["one"]), limit=1
    ).records
    assert before.asset_observation
    old = (before.asset_observation.tags or {})[DATA_VERSION_TAG]
    path = project.write_scores("one", "DOVER", {"a": 5.0, "b": 6.0})
    stamp = msgspec.to_builtins(Stamp.of(manifest.table("one").scores[0].path))
    assert path.exists()
    forge(instance, DOVER, "one", old, stamp=stamp)
    forge(instance, DOVER, "one", old, stamp=stamp, seal="0" * 64)
    assert tables_of(Ticks(instance, manifest).tick()) == ["one"]


def test_a_forged_failure_of_nobody(joined: Ticks, manifest: Manifest, join: Join) -> None:
    """A table that failed stays failed, however often it is reported as joined."""
    instance = joined.instance
    assert not join(manifest, "one", key_column="no such").success
    forge(instance, JOINED_KEY, "one", "forged")
    outcomes = outcomes_of(instance, manifest)
    assert [outcome.status.value for outcome in outcomes] == ["failed", "ok"]


def test_forged_evidence(joined: Ticks, manifest: Manifest) -> None:
    """Agreements and the report that are only reported are made all the same."""
    instance = joined.instance
    planner = EvidencePlanner(manifest, 25)
    asked = planner.plan(instance, 0).requests
    version = version_of(instance, manifest)
    forge(instance, REPORT_KEY, None, version)
    for name in ("one", "two"):
        forge(instance, AGREEMENT_KEY, name, "x", manifest_fingerprint="x")
    assert [r.run_key for r in EvidencePlanner(manifest, 25).plan(instance, 0).requests] == [
        request.run_key for request in asked
    ]


def test_huge_metadata_and_many_partitions(joined: Ticks, manifest: Manifest) -> None:
    """A megabyte of metadata, and partitions that no table has, make no run and no trouble."""
    instance = joined.instance
    for number in range(30):
        forge(instance, JOINED_KEY, f"forged {number}", "v", summary={"x": "y" * 1000})
    forge(instance, JOINED_KEY, "one", "v", counts={"x": "y" * (1 << 20)})
    forge(instance, DOVER, "one", None, stamp={"x": "y" * (1 << 20)})
    assert joined.tick().requests == []
    assert Ticks(instance, manifest).tick().requests == []


def test_the_report_is_made_whatever_was_reported(joined: Ticks, manifest: Manifest) -> None:
    """The report tells of runs alone."""
    instance = joined.instance
    forge(instance, JOINED_KEY, "one", "v", summary="x", drift=5, counts=[])
    forge(instance, REPORT_KEY, None, "v")
    job = build_definitions(manifest, Settings(manifest.path))
    result = job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[REPORT_KEY], run_config=QUIET
    )
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["ok_tables"].value == 2
