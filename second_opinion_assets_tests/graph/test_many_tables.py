"""Several tables in one run: each has its own events, and none suffers from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.history import latest_joined, open_attempts, table_outcomes
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join

CLIPS = ["a", "b"]
COMPLETE: dict[str, float | None] = {"a": 1.0, "b": 2.0}
TABLES = ["one", "two", "three", "four"]


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return four tables: the second lacks scores that it must have, the third is unreadable."""
    project.add_table("one", CLIPS, {"DOVER": COMPLETE})
    project.add_table("two", CLIPS, {"DOVER": {"a": 1.0}}, missing_policy="fail")
    project.add_table("three", CLIPS, {"DOVER": COMPLETE})
    project.add_table("four", CLIPS, {"DOVER": {"a": 3.0}})
    (project.folder / "three.DOVER.jsonl").write_text('{"clip_id"')
    return project.save()


def join_range(
    instance: dg.DagsterInstance, manifest: Manifest, first: str, last: str, **config: object
) -> dg.ExecuteInProcessResult:
    """Join a range of tables in one run, as one run of a backfill does."""
    job = build_definitions(manifest, Settings(manifest.path))
    return job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[JOINED_KEY],
        tags={
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        },
        run_config={**QUIET, "ops": {JOINED_KEY.path[-1]: {"config": config}}},
        raise_on_error=False,
    )


def materializations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    """Return the materializations of a run by table."""
    events = [event.materialization for event in result.get_asset_materialization_events()]
    assert len({event.partition for event in events}) == len(events)
    return {str(event.partition): event for event in events}


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """Return the check results of a run by table and check."""
    found = result.get_asset_check_evaluations()
    assert len({(check.partition, check.check_name) for check in found}) == len(found)
    return {(str(check.partition), check.check_name): check for check in found}


def shown(check: dg.AssetCheckEvaluation) -> tuple[object, ...]:
    """Return what a check result says."""
    return check.passed, check.severity, check.blocking, check.description, check.metadata


def failure(result: dg.ExecuteInProcessResult) -> Any:
    """Return what the one failed step shows."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data


def test_a_failing_table_hurts_no_other(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """Tables that can be joined are published; the run fails and names the others, each why."""
    result = join_range(instance, manifest, "one", "four")
    assert list(materializations(result)) == ["one", "four"]
    assert [project.out(table).exists() for table in TABLES] == [True, False, False, True]
    assert not result.success
    lines = str(failure(result).user_failure_data.description).splitlines()
    assert lines[:2] == [
        "2 of 4 tables failed",
        "two: missing second-opinion scores: DOVER=1; missing of DOVER: 'b'",
    ]
    assert lines[2].startswith(f"three: {project.folder}/three.DOVER.jsonl:1: not JSON: ")


def test_a_gate_fails_for_its_own_table(instance: dg.DagsterInstance, manifest: Manifest) -> None:
    """Each table that was read has its own check results; a failing gate has its tallies."""
    found = checks(join_range(instance, manifest, "one", "four"))
    gates = {table: check for (table, name), check in found.items() if name == "promotion_gate"}
    assert {table: (gate.passed, gate.severity.value) for table, gate in gates.items()} == {
        "one": (True, "ERROR"),
        "two": (False, "ERROR"),
        "four": (True, "ERROR"),
    }
    covered = {table: check.passed for (table, name), check in found.items() if name == "coverage"}
    assert covered == {"one": True, "two": False, "four": False}
    assert gates["two"].metadata["missing_keys"].value == {"DOVER": ["b"]}
    assert {name for table, name in found if table == "two"} == {name for _, name in found}


def test_a_table_has_the_same_events_alone_and_among_others(
    instance: dg.DagsterInstance, manifest: Manifest, join: Join
) -> None:
    """Metadata, data version, tags and checks do not depend on what else a run joins."""
    together = join_range(instance, manifest, "one", "four")
    for table in ("one", "four"):
        for path in manifest.table(table).outputs:  # there is nothing to compare with again
            Path(path).unlink(missing_ok=True)
        alone = join(manifest, table)
        one, other = materializations(alone)[table], materializations(together)[table]
        assert one.metadata == other.metadata
        assert set(one.tags or {}) == set(other.tags or {})
        for tag in ("dagster/data_version", "dagster/code_version"):
            assert (one.tags or {})[tag] == (other.tags or {})[tag]
        in_range = checks(together)
        for key, check in checks(alone).items():
            assert shown(check) == shown(in_range[key])


def test_the_input_that_a_table_was_made_from_is_the_latest(
    instance: dg.DagsterInstance, manifest: Manifest, join: Join
) -> None:
    """A table of many points at the same events of its inputs as one that is joined alone."""
    job = build_definitions(manifest, Settings(manifest.path))
    job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("feature_tables")], run_config=QUIET
    )
    instance.report_runless_asset_event(
        dg.AssetObservation(["scorer_sidecars", "dover"], partition="one")
    )
    together = materializations(join_range(instance, manifest, "one", "four"))["one"].tags or {}
    alone = materializations(join(manifest, "one"))["one"].tags or {}
    pointers = {tag: id_ for tag, id_ in alone.items() if "input_event_pointer" in tag}
    assert {tag: together.get(tag) for tag in pointers} == pointers
    assert "NULL" in pointers.values()  # the entries were never observed
    assert len(set(pointers.values())) == 3


def test_a_range_of_one_table(instance: dg.DagsterInstance, manifest: Manifest) -> None:
    """The last run of a backfill may have one table left."""
    result = join_range(instance, manifest, "four", "four")
    assert result.success
    assert list(materializations(result)) == ["four"]
    assert {table for table, _ in checks(result)} == {"four"}


def test_options_hold_for_every_table_of_a_run(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """A backfill's run config relaxes each table, and a gate that then fails fails the run."""
    result = join_range(instance, manifest, "one", "two", missing_policy="mark")
    assert list(materializations(result)) == ["one", "two"]
    assert project.out("two").exists()
    description = str(failure(result).user_failure_data.description)
    assert description.endswith("two: published, but its promotion_gate failed")


def test_a_bug_in_one_table_is_raised_once_the_others_are_joined(
    instance: dg.DagsterInstance, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug keeps its traceback and still does not affect other tables."""

    def broken(spec: TableSpec, *given: Any, **named: Any) -> Any:
        if spec.id == "one":
            raise ZeroDivisionError
        return materialize(spec, *given, **named)

    monkeypatch.setattr("second_opinion_assets.graph.joined.materialize", broken)
    result = join_range(instance, manifest, "one", "four")
    assert list(materializations(result)) == ["four"]
    assert failure(result).error.cause.cls_name == "ZeroDivisionError"


def test_each_table_of_a_shared_run_tells_why_it_failed(
    instance: dg.DagsterInstance, project: Project
) -> None:
    """On its page, and in the report, is its own reason with its own counts, and no other's."""
    for name, policy in (("good", "mark"), ("poor", "fail"), ("broken", "mark")):
        project.add_table(name, ["a", "b"], {"DOVER": {"a": 1.0}}, missing_policy=policy)
    (project.folder / "broken.DOVER.jsonl").write_text('{"score": 1}\n')
    manifest = project.save()
    assert not join_range(instance, manifest, "good", "broken").success
    records = instance.fetch_observations(JOINED_KEY, limit=5).records
    assert {record.partition_key for record in records} == {"poor", "broken"}
    joined = latest_joined(instance, manifest)
    good, poor, broken = table_outcomes(instance, manifest, joined, open_attempts(instance))
    assert good.status == "ok"
    assert (poor.status, broken.status) == ("failed", "failed")
    assert (poor.error or "").startswith("missing second-opinion scores: DOVER=1")
    assert poor.summary
    assert (poor.summary.input_rows, poor.summary.missing_rows) == (2, 1)
    assert "broken.DOVER.jsonl:1: no key field" in (broken.error or "")
    assert broken.summary is None
