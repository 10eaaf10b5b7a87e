"""Tables that are due share runs, are found again from them, and are paged over several ticks."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import dagster as dg
import pytest
from dagster._core.events import JobFailureData, RunFailureReason

from second_opinion_assets.graph import tries
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.current import (
    CurrentManifest,
    CurrentPlanner,
    ManifestWatch,
    load_current,
)
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.plan import RefreshPlan
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.graph.requests import RANGE_TAGS
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.tries import PAUSE_SECONDS
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LockWait, output_lock
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET
from second_opinion_assets_tests.graph.ticks import Ticks

IDS = [f"t{number}" for number in range(7)]


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """Return an instance on the disk."""
    return stored_instance


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return seven complete tables."""
    for name in IDS:
        project.add_table(name, ["a"], {"DOVER": {"a": 1.0}})
    return project.save()


@pytest.fixture
def ticks(instance: dg.DagsterInstance, manifest: Manifest) -> Ticks:
    """Return ticks that ask for up to four tables a run."""
    return Ticks(instance, manifest, tables_per_run=4)


def ranges(plan: RefreshPlan) -> list[str | list[str]]:
    """Return what each request is for: a table, or the ends of neighbours."""
    return [
        request.partition_key or [request.tags[name] for name in RANGE_TAGS]
        for request in plan.requests
    ]


def execute(
    instance: dg.DagsterInstance, manifest: Manifest, request: dg.RunRequest
) -> dg.ExecuteInProcessResult:
    """Do what a request asks for."""
    settings = Settings(manifest.path, lock_timeout_seconds=0)
    job = build_definitions(manifest, settings).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        asset_selection=[JOINED_KEY],
        partition_key=request.partition_key,
        tags={**request.tags, "dagster/run_key": str(request.run_key)},
        run_config=QUIET,
        raise_on_error=False,
    )


def die(instance: dg.DagsterInstance, manifest: Manifest, request: dg.RunRequest) -> None:
    """Make the run of a request, whose process then dies."""
    job = build_definitions(manifest, Settings(manifest.path))
    run = instance.create_run_for_job(
        job.resolve_implicit_global_asset_job_def().get_subset(asset_selection={JOINED_KEY}),
        tags={**request.tags, "dagster/run_key": str(request.run_key)},
        asset_selection={JOINED_KEY},
    )
    data = JobFailureData(error=None, failure_reason=RunFailureReason.START_TIMEOUT)
    instance.report_run_failed(run, "the process is gone", data)


def test_neighbours_share_a_run(ticks: Ticks, project: Project) -> None:
    """Runs are as large as is said; a table that waits parts its neighbours."""
    assert ranges(ticks.tick()) == [["t0", "t3"], ["t4", "t6"]]
    (project.folder / "t1.DOVER.jsonl").unlink()
    assert ranges(ticks.tick()) == ["t0", ["t2", "t5"], "t6"]


def test_the_same_is_asked_for_once(ticks: Ticks, instance: dg.DagsterInstance) -> None:
    """The keys of runs tell what they are made from, whoever asks."""
    keys = [request.run_key for request in ticks.tick().requests]
    again = Ticks(instance, ticks.manifest, tables_per_run=4).tick()
    assert [request.run_key for request in again.requests] == keys


def test_one_of_several_fails(ticks: Ticks, instance: dg.DagsterInstance, project: Project) -> None:
    """It waits for a change, and says for which run; the others are joined."""
    (project.folder / "t2.DOVER.jsonl").write_text("nonsense\n")
    results = [execute(instance, ticks.manifest, request) for request in ticks.tick().requests]
    assert [result.success for result in results] == [False, True]
    for planner in (ticks, Ticks(instance, ticks.manifest, tables_per_run=4)):
        plan = planner.tick()
        why = f"run {results[0].run_id} failed for what is in its files; once they change it is"
        assert plan.requests == []
        assert plan.notes == [f"t2: {why} joined"]
    project.write_scores("t2", "DOVER", {"a": 5.0})
    assert ranges(ticks.tick()) == ["t2"]


def test_what_may_pass_of_one_of_several_is_tried_again(
    ticks: Ticks, instance: dg.DagsterInstance, project: Project
) -> None:
    """A table whose output another run held is asked for again after a pause, and no other."""
    with output_lock([Location(project.out("t2"))], LockWait(0)):
        for request in ticks.tick().requests:
            execute(instance, ticks.manifest, request)
    assert "ended without joining it" in ticks.tick(PAUSE_SECONDS / 2).notes[0]
    assert ranges(ticks.tick()) == ["t2"]


def test_a_run_that_dies_again_and_again_has_fewer_tables_each_time(
    ticks: Ticks, instance: dg.DagsterInstance
) -> None:
    """Of several in a run one may be what its process dies of; in the end each is on its own."""
    sizes = []
    for after in (0, PAUSE_SECONDS, 2 * PAUSE_SECONDS):
        plan = ticks.tick(after + 30)
        sizes.append(ranges(plan))
        for request in plan.requests:
            die(instance, ticks.manifest, request)
    assert sizes == [
        [["t0", "t3"], ["t4", "t6"]],
        [["t0", "t1"], ["t2", "t3"], ["t4", "t5"], "t6"],
        IDS,
    ]


def test_a_run_over_several_that_was_never_launched_is_taken_up(
    ticks: Ticks, instance: dg.DagsterInstance
) -> None:
    """The same key and tags are asked for, once for all of its tables."""
    asked = ticks.tick().requests
    for request in asked:
        instance.create_run_for_job(
            build_definitions(ticks.manifest, Settings(ticks.manifest.path))
            .resolve_implicit_global_asset_job_def()
            .get_subset(asset_selection={JOINED_KEY}),
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            asset_selection={JOINED_KEY},
        )
    again = ticks.tick().requests
    assert [(r.run_key, r.tags) for r in again] == [(r.run_key, r.tags) for r in asked]


def test_runs_that_a_tick_asks_for_are_bounded(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beyond is asked for by the next ticks, and the tick says so."""
    monkeypatch.setattr(tries, "MOST_REQUESTS", 1)
    plan = ticks.tick()
    assert ranges(plan) == [["t0", "t3"]]
    assert plan.notes == ["1 more runs are asked for by later ticks"]


def test_the_tags_of_tables_are_hidden(ticks: Ticks) -> None:
    """The UI shows of a run over several its ends and what it is found by, not a tag a table."""
    request = ticks.tick().requests[0]
    shown = {name for name in request.tags if not name.startswith(".dagster/")}
    assert shown == {"second_opinion/content", *RANGE_TAGS}


def test_a_graph_of_other_tables_asks_for_each_alone(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """What stands between the ends of a range must be the same for the graph and for the run."""
    settings = Settings(manifest.path, tables_per_run=4)

    def make(known: Manifest, most_tables: int) -> RefreshPlanner:
        return RefreshPlanner(known, 0, most_tables)

    watch = ManifestWatch(settings, load_current(settings))
    planner = CurrentPlanner(watch, manifest, make, settings.tables_per_run)
    later = time.time() + 3600
    assert ranges(planner.plan(instance, later)) == [["t0", "t3"], ["t4", "t6"]]
    project.tables.reverse()
    project.save()
    assert ranges(planner.plan(instance, later)) == IDS[::-1]
    assert CurrentManifest(manifest).problem == ""


def looks(ticks: Ticks, most: int = 20) -> Iterator[RefreshPlan]:
    """Yield ticks, each with the cursor of the one before, until all is observed."""
    after = None
    for _ in range(most):
        plan = ticks.planner.plan(ticks.instance, time.time() + 3600, after)
        for event in plan.events:
            ticks.instance.report_runless_asset_event(event)
        yield plan
        if not plan.events:
            return
        after = plan.goes_on_with


@pytest.mark.parametrize("most_events", [1, 6, 13, 100])
def test_all_is_observed_after_so_many_ticks(
    instance: dg.DagsterInstance, manifest: Manifest, most_events: int
) -> None:
    """A table has two events for its entry, its features and each scorer; no tick has more."""
    plans = list(looks(Ticks(instance, manifest, most_events=most_events)))
    a_table = 2 * (2 + 1)
    expected = math.ceil(len(IDS) / max(1, most_events // a_table))
    assert len([plan for plan in plans if plan.events]) == expected
    assert all(len(plan.events) <= max(most_events, a_table) for plan in plans)
    seen: Sequence[str | None] = [e.partition for plan in plans for e in plan.events]
    assert set(seen) == set(IDS)
    assert len(seen) == a_table * len(IDS)


def test_a_look_goes_on_after_a_restart(instance: dg.DagsterInstance, manifest: Manifest) -> None:
    """The cursor says where, so that the tables at the end are not left out for ever."""
    first = Ticks(instance, manifest, most_events=6).planner.plan(instance, time.time() + 3600)
    assert first.goes_on_with == "t1"
    restarted = Ticks(instance, manifest, most_events=6).planner
    plan = restarted.plan(instance, time.time() + 3600, first.goes_on_with)
    assert {event.partition for event in plan.events} == {"t1"}
    gone = restarted.plan(instance, time.time() + 3600, "gone")
    assert {event.partition for event in gone.events} == {"t0"}
