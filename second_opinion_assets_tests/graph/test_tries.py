"""Runs that told nothing of the files of their table, and what the next ticks make of them."""

from __future__ import annotations

import time
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.plan import RefreshPlan
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.tries import (
    CANCELED_PAUSE_SECONDS,
    PAUSE_SECONDS,
    RETRY_PATIENCE_SECONDS,
    RUN_PATIENCE_SECONDS,
)
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LockWait, output_lock
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET
from second_opinion_assets_tests.graph.ticks import Ticks, tables_of

SOON = 30.0  # settled, and before any pause is over
SCORES: dict[str, float | None] = {"a": 1.0, "b": 2.0}


class Daemon:
    """Makes the runs that ticks ask for, and lets them end in any way."""

    def __init__(self, instance: dg.DagsterInstance, manifest: Manifest) -> None:
        self.instance = instance
        settings = Settings(manifest.path, lock_timeout_seconds=0)
        self.job = build_definitions(manifest, settings).resolve_implicit_global_asset_job_def()

    def make(self, tags: dict[str, str]) -> dg.DagsterRun:
        """Make a run of the joined tables that is not started yet."""
        job = self.job.get_subset(asset_selection={JOINED_KEY})
        return self.instance.create_run_for_job(job, tags=tags, asset_selection={JOINED_KEY})

    def launch(self, request: dg.RunRequest) -> dg.DagsterRun:
        """Make the run that was asked for, and start it."""
        run = self.make(tags_of(request))
        self.start(run)
        return run

    def start(self, run: dg.DagsterRun) -> None:
        for kind in (dg.DagsterEventType.RUN_STARTING, dg.DagsterEventType.RUN_START):
            event: Any = dg.DagsterEvent(kind.value, run.job_name)
            self.instance.report_dagster_event(event, run.run_id)

    def die(self, run: dg.DagsterRun) -> None:
        """Let a run fail as the run monitoring does for a process that is gone."""
        data = JobFailureData(error=None, failure_reason=RunFailureReason.START_TIMEOUT)
        self.instance.report_run_failed(run, "the process is gone", data)

    def execute(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Make the run that was asked for, and let it do its work."""
        return self.job.execute_in_process(
            instance=self.instance,
            asset_selection=[JOINED_KEY],
            partition_key=request.partition_key,
            tags=tags_of(request),
            run_config=QUIET,
            raise_on_error=False,
        )


def tags_of(request: dg.RunRequest) -> dict[str, str]:
    """Return the tags that the daemon gives a run."""
    return {
        **request.tags,
        "dagster/run_key": str(request.run_key),
        "dagster/partition": str(request.partition_key),
    }


def key_of(plan: RefreshPlan) -> str:
    """Return the key of the one run that is asked for."""
    (request,) = plan.requests
    return str(request.run_key)


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """Return an instance on the disk."""
    return stored_instance


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return a manifest of one complete table."""
    project.add_table("one", ["a", "b"], {"DOVER": SCORES}, missing_policy="fail")
    return project.save()


@pytest.fixture
def daemon(instance: dg.DagsterInstance, manifest: Manifest) -> Daemon:
    """Return what makes runs in the instance."""
    return Daemon(instance, manifest)


@pytest.fixture
def ticks(instance: dg.DagsterInstance, manifest: Manifest) -> Ticks:
    """Return ticks over the table."""
    return Ticks(instance, manifest)


def test_a_run_under_way_is_said_and_not_asked_for_again(ticks: Ticks, daemon: Daemon) -> None:
    """While a run is to join a table, the tick names it and asks for no other."""
    run = daemon.launch(ticks.tick().requests[0])
    plan = ticks.tick()
    assert plan.requests == []
    assert plan.notes == [f"one: run {run.run_id} is to join it, and is started"]


def test_a_run_whose_process_died_is_asked_for_again(ticks: Ticks, daemon: Daemon) -> None:
    """After a pause that doubles with each death, under a key that was not used yet."""
    keys = set()
    for pause in (PAUSE_SECONDS, 2 * PAUSE_SECONDS, 4 * PAUSE_SECONDS):
        (request,) = ticks.tick().requests
        keys.add(request.run_key)
        run = daemon.launch(request)
        daemon.die(run)
        plan = ticks.tick(pause - 10)
        assert plan.requests == []
        assert plan.notes[0].startswith(f"one: run {run.run_id} ended without joining it; another")
        assert plan.skip_reason == plan.notes[0]
        keys.add(key_of(ticks.tick(pause + 10)))
    assert len(keys) == 4


def test_a_canceled_run_is_asked_for_again(ticks: Ticks, daemon: Daemon) -> None:
    """Who cancels a run is left a while to switch the sensor off; the tick says how long."""
    run = daemon.launch(ticks.tick().requests[0])
    daemon.instance.report_run_canceled(run)
    plan = ticks.tick(CANCELED_PAUSE_SECONDS - 100)
    assert plan.requests == []
    assert plan.notes[0].startswith(f"one: run {run.run_id} was canceled; another one is asked for")
    assert tables_of(ticks.tick(CANCELED_PAUSE_SECONDS + 10)) == ["one"]


@pytest.mark.parametrize("ended", ["canceled", "died", "started for ever"])
def test_a_later_change_is_not_swallowed(
    ticks: Ticks, daemon: Daemon, project: Project, ended: str
) -> None:
    """Whatever became of the run of an earlier content, the next one is asked for."""
    run = daemon.launch(ticks.tick().requests[0])
    if ended == "canceled":
        daemon.instance.report_run_canceled(run)
    elif ended == "died":
        daemon.die(run)
    assert ticks.tick(SOON).requests == []
    project.write_scores("one", "DOVER", {"a": 3.0, "b": 4.0})
    if ended == "started for ever":  # it might be alive, and is waited for that long
        plan = ticks.tick(SOON)
        assert plan.notes == [f"one: waits for run {run.run_id}, which is to join it"]
    assert tables_of(ticks.tick(SOON + RUN_PATIENCE_SECONDS)) == ["one"]


def test_a_run_that_was_made_and_never_launched_is_taken_up(ticks: Ticks, daemon: Daemon) -> None:
    """A daemon that died between the two launches it when the same key is asked for."""
    (request,) = ticks.tick().requests
    daemon.make(tags_of(request))
    assert key_of(ticks.tick()) == request.run_key


def test_a_retry_of_dagsters_own_is_waited_for(ticks: Ticks, daemon: Daemon) -> None:
    """A run that is to be retried is not asked for beside that, unless no retry comes."""
    run = daemon.launch(ticks.tick().requests[0])
    daemon.die(run)
    daemon.instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    plan = ticks.tick(PAUSE_SECONDS + 10)
    assert plan.requests == []
    assert plan.notes == [f"one: run {run.run_id} died, and is about to be retried"]
    assert tables_of(ticks.tick(RETRY_PATIENCE_SECONDS + 10)) == ["one"]


def test_content_that_fails_is_not_tried_for_ever(
    ticks: Ticks, daemon: Daemon, project: Project
) -> None:
    """A table that failed for what is in its files waits for a change, and the tick says so."""
    project.write_scores("one", "DOVER", {"a": 1.0})
    result = daemon.execute(ticks.tick().requests[0])
    assert not result.success
    for planner in (ticks, ticks, Ticks(daemon.instance, ticks.manifest)):
        plan = planner.tick()
        assert plan.requests == []
        why = f"run {result.run_id} failed for what is in its files; once they change it is joined"
        assert plan.notes == [f"one: {why}"]
    project.write_scores("one", "DOVER", SCORES)
    assert tables_of(ticks.tick()) == ["one"]


def test_what_may_pass_is_tried_again(ticks: Ticks, daemon: Daemon, project: Project) -> None:
    """A run that failed since another one held the output is asked for again."""
    with output_lock([Location(project.out("one"))], LockWait(0)):
        assert not daemon.execute(ticks.tick().requests[0]).success
    assert "ended without joining it" in ticks.tick(SOON).notes[0]
    (request,) = ticks.tick().requests
    assert daemon.execute(request).success
    plan = ticks.tick()
    assert (plan.requests, plan.notes) == ([], [])


def test_a_run_over_several_is_waited_for(ticks: Ticks, daemon: Daemon) -> None:
    """A table that a run over several is to join is not asked for beside it."""
    ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    run = daemon.make(dict.fromkeys(ends, "one"))
    daemon.start(run)
    plan = ticks.tick()
    assert plan.requests == []
    assert plan.notes == [f"one: waits for run {run.run_id}, which is to join it"]
    daemon.die(run)
    assert tables_of(ticks.tick()) == ["one"]


def test_a_backfill_is_waited_for(ticks: Ticks, daemon: Daemon) -> None:
    """A table that a backfill will come to is not asked for, before there is a run of it."""
    tables = dg.StaticPartitionsDefinition(["one"]).subset_with_partition_keys(["one"])
    backfill = PartitionBackfill.from_asset_graph_subset(
        backfill_id="night",
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=daemon.instance,
        asset_graph_subset=AssetGraphSubset({JOINED_KEY: tables}, set()),  # type: ignore[call-arg]
        title=None,
        description=None,
        run_config=None,
    )
    daemon.instance.add_backfill(backfill)
    plan = ticks.tick()
    assert plan.requests == []
    assert plan.notes == ["one: waits for backfill night, which is to join it"]
    canceled: Any = backfill
    daemon.instance.update_backfill(canceled.with_status(BulkActionStatus.CANCELED))
    assert tables_of(ticks.tick()) == ["one"]
