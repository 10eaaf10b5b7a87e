"""A look at many files takes a bounded time, whatever one of them does."""

from __future__ import annotations

import threading
from collections.abc import Callable

import dagster as dg
import pytest

from second_opinion_assets.graph.bounded import MOST_LATE, BoundedCalls, LateError
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.source_files import SourceFile, read_source_file
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.ticks import Ticks, tables_of


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return a manifest of three complete tables."""
    for name in ("one", "two", "three"):
        project.add_table(name, ["a"], {"DOVER": {"a": 1.0}})
    return project.save()


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let the scores of table one not be read until the event is set."""
    goes_on = threading.Event()

    def read(path: Location, before: SourceFile | None) -> SourceFile:
        if path.name == "one.DOVER.jsonl":
            goes_on.wait()
        return read_source_file(path, before)

    monkeypatch.setattr("second_opinion_assets.join.watch.read_source_file", read)
    return goes_on


def test_a_stalled_file_hurts_no_tick(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project, stalled: threading.Event
) -> None:
    """The other tables are refreshed; the file is read on meanwhile, and counts once it is."""
    ticks = Ticks(instance, manifest, look_seconds=0.4)
    for _ in range(2):
        plan = ticks.tick()
        assert tables_of(plan) == ["two", "three"]
        path = project.folder / "one.DOVER.jsonl"
        (note,) = plan.notes
        assert note.startswith(f"one waits: {path} is still being looked at, for ")
    stalled.set()
    while (plan := ticks.tick()).notes:
        pass
    assert tables_of(plan) == ["one", "two", "three"]


def test_a_tick_goes_on_where_the_last_one_stopped(
    instance: dg.DagsterInstance, manifest: Manifest
) -> None:
    """What there is no time for is looked at by the next tick, before anything else."""
    ticks = Ticks(instance, manifest, tick_seconds=0)
    asked = [tables_of(plan) for plan in (ticks.tick(), ticks.tick(), ticks.tick())]
    assert asked == [["one"], ["two"], ["three"]]
    plan = ticks.tick()
    assert tables_of(plan) == ["one"]
    assert plan.notes == ["looked at 1 of 3 tables in 0 s; the next tick goes on with two"]


def test_calls_that_never_come_back_are_but_a_few() -> None:
    """Each keeps a thread, so that beyond some no more are made."""
    calls, goes_on = BoundedCalls(), threading.Event()

    def late(key: int, make: Callable[[], object]) -> str:
        with pytest.raises(LateError) as told:
            calls.call(key, make, 0)
        return str(told.value)

    for key in range(MOST_LATE):
        assert late(key, goes_on.wait).startswith(f"{key} is still being looked at")
    assert late(99, int) == f"99 is not looked at, since {MOST_LATE} others still are"
    goes_on.set()


def test_a_bug_keeps_its_traceback() -> None:
    """What is raised in the thread is raised where the call was asked for."""

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        BoundedCalls().call("x", broken, 60)
    assert caught.traceback[-1].name == "broken"
