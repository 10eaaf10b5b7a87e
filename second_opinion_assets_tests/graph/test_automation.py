"""Refresh: what a look at the files records, asks for, and waits for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import dagster as dg
import pytest

from second_opinion_assets.graph.automation import nightly_schedule, refresh_sensor
from second_opinion_assets.graph.current import CurrentManifest
from second_opinion_assets.graph.requests import RANGE_TAGS
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import Join, metadata_of
from second_opinion_assets_tests.graph.ticks import SETTLE_SECONDS, Ticks, tables_of

CLIPS = ["a", "b"]
COMPLETE: dict[str, float | None] = {"a": 1.0, "b": 2.0}


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return a manifest of two complete tables, one of them promotion-grade."""
    project.add_table("one", CLIPS, {"DOVER": COMPLETE})
    project.add_table("two", CLIPS, {"DOVER": COMPLETE, "MUSIQ": COMPLETE}, missing_policy="fail")
    return project.save()


@pytest.fixture
def ticks(instance: dg.DagsterInstance, manifest: Manifest) -> Ticks:
    """Return ticks over the two tables."""
    return Ticks(instance, manifest)


@pytest.fixture
def joined(ticks: Ticks, manifest: Manifest, join: Join) -> Ticks:
    """Return ticks over the two tables once both were observed and joined."""
    ticks.tick()
    assert join(manifest, "one").success
    assert join(manifest, "two").success
    return ticks


def test_a_first_tick_asks_for_every_table(ticks: Ticks) -> None:
    """What was never joined is joined."""
    assert tables_of(ticks.tick()) == ["one", "two"]


def test_a_first_tick_records_every_source_partition(ticks: Ticks) -> None:
    """Entries, feature tables and sidecars each get an observation, then a materialization."""
    events = ticks.tick().events
    observed = [event for event in events if isinstance(event, dg.AssetObservation)]
    assert len(observed) == 2 + 2 + 3
    assert len(events) == 2 * len(observed)
    for observation, materialization in zip(events[::2], events[1::2], strict=True):
        assert isinstance(observation, dg.AssetObservation)
        assert isinstance(materialization, dg.AssetMaterialization)
        assert observation.tags == materialization.tags


def test_nothing_changed_asks_for_nothing(joined: Ticks) -> None:
    """A tick over unchanged files records nothing and asks for nothing."""
    plan = joined.tick()
    assert (plan.events, plan.requests, plan.notes) == ([], [], [])


def test_touching_a_file_asks_for_nothing(joined: Ticks, project: Project) -> None:
    """Identical content, however often touched, is no change."""
    for number in range(3):
        os.utime(project.folder / "one.DOVER.jsonl", (number, number))
        plan = joined.tick()
        assert (plan.events, plan.requests) == ([], [])


def test_a_restart_of_the_code_location_reads_no_file_again(
    joined: Ticks, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new watcher takes over the hashes that observations recorded."""

    def read(path: Path, _before: object) -> None:
        pytest.fail(f"{path} was read again")

    monkeypatch.setattr("second_opinion_assets.join.watch.read_source_file", read)
    assert Ticks(joined.instance, manifest).tick().requests == []


def test_a_changed_sidecar_concerns_its_table_alone(joined: Ticks, project: Project) -> None:
    """New scores of one table ask for one run and are recorded as one observation."""
    project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
    plan = joined.tick()
    assert tables_of(plan) == ["one"]
    assert {(tuple(event.asset_key.path), event.partition) for event in plan.events} == {
        (("scorer_sidecars", "dover"), "one")
    }


def test_a_changed_option_concerns_its_table_alone(
    joined: Ticks, project: Project, join: Join
) -> None:
    """An edit of the manifest is recorded and asks for the table concerned."""
    project.tables[0]["prefix"] = "so"
    edited = project.save()
    ticks = Ticks(joined.instance, edited)
    plan = ticks.tick()
    assert tables_of(plan) == ["one"]
    assert {(event.asset_key.path[-1], event.partition) for event in plan.events} == {
        ("manifest_entries", "one")
    }
    assert join(edited, "one").success
    assert ticks.tick().requests == []


def test_a_file_must_have_settled(joined: Ticks, project: Project) -> None:
    """A file that changed just now is left for a later tick, which says so."""
    path = project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
    plan = joined.tick(after_seconds=1)
    assert plan.requests == []
    assert plan.notes[0].startswith(f"one waits: {path} changed")
    assert tables_of(joined.tick(after_seconds=SETTLE_SECONDS + 1)) == ["one"]


def test_a_torn_last_line_counts_as_still_being_written(joined: Ticks, project: Project) -> None:
    """A half-written line waits for a while, and is then the run's to complain of."""
    path = project.folder / "one.DOVER.jsonl"
    path.write_text(path.read_text() + '{"clip_id": "c", "sco')
    plan = joined.tick(after_seconds=SETTLE_SECONDS + 1)
    assert plan.requests == []
    assert plan.notes == [f"one waits: {path} looks cut short and may be still being written"]
    assert tables_of(joined.tick(after_seconds=3600)) == ["one"]


def test_a_table_waits_for_its_files(joined: Ticks, project: Project) -> None:
    """A table whose files are not all there waits, and the tick says for which."""
    path = project.folder / "two.MUSIQ.jsonl"
    path.unlink()
    project.write_scores("two", "DOVER", {"a": 1.0, "b": 3.0})
    plan = joined.tick()
    assert plan.requests == []
    assert plan.notes == [f"two waits: {path} is not there yet"]


def test_one_unreadable_file_hurts_no_other_table(joined: Ticks, project: Project) -> None:
    """What cannot be read is named; the other tables are refreshed."""
    path = project.folder / "two.MUSIQ.jsonl"
    path.unlink()
    path.symlink_to(path)
    project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
    plan = joined.tick()
    assert tables_of(plan) == ["one"]
    assert plan.notes == [f"two: {path}: cannot be read: {os.strerror(errno.ELOOP)}"]


def test_a_failing_table_is_tried_once_for_each_content(
    joined: Ticks, project: Project, manifest: Manifest, join: Join
) -> None:
    """A failed run is asked for by the same run key, which Dagster launches once only."""
    project.write_scores("two", "MUSIQ", {"a": 1.0})
    (asked,) = joined.tick().requests
    assert not join(manifest, "two").success
    (again,) = joined.tick().requests
    assert again.run_key == asked.run_key
    project.write_scores("two", "MUSIQ", {"a": 1.5})
    (other,) = joined.tick().requests
    assert other.run_key != asked.run_key


def test_content_that_comes_back_is_joined_again(
    joined: Ticks, project: Project, manifest: Manifest, join: Join
) -> None:
    """Going from one content to another and back asks for a run each time."""
    keys = set()
    for score in (3.0, 2.0, 3.0, 2.0):
        project.write_scores("one", "DOVER", {"a": 1.0, "b": score})
        (asked,) = joined.tick().requests
        keys.add(asked.run_key)
        assert join(manifest, "one").success
    assert len(keys) == 4


def test_a_launch_that_overrides_the_manifest_is_left_alone(
    joined: Ticks, project: Project, manifest: Manifest, join: Join
) -> None:
    """What a person chose at launch holds until the inputs change."""
    assert join(manifest, "one", prefix="mine").success
    assert joined.tick().requests == []
    project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
    assert tables_of(joined.tick()) == ["one"]


def test_a_scorer_that_reports_to_be_done_is_not_waited_for(
    joined: Ticks, project: Project
) -> None:
    """An observation from outside, later than the file's last change, stands for settling."""
    project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
    assert joined.tick(after_seconds=1).requests == []
    joined.instance.report_runless_asset_event(
        dg.AssetObservation(["scorer_sidecars", "dover"], partition="one")
    )
    assert tables_of(joined.tick(after_seconds=1)) == ["one"]
    project.write_scores("one", "DOVER", {"a": 1.0, "b": 4.0})
    assert joined.tick(after_seconds=1).requests == []


def test_the_sensor_hands_on_what_a_look_found(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """The sensor's result has runs and events, or says what it waits for."""
    sensor = refresh_sensor(CurrentManifest(manifest), Settings(manifest.path, settle_seconds=0))
    with dg.build_sensor_context(instance=instance) as context:
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        (request,) = result.run_requests or []
        assert [request.tags[name] for name in RANGE_TAGS] == ["one", "two"]
        assert result.asset_events
        for path in project.folder.glob("*.features.jsonl"):
            path.unlink()
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        assert "one.features.jsonl is not there yet" in str(result.skip_reason)


def test_the_schedule_does_what_the_sensor_does(manifest: Manifest) -> None:
    """The nightly schedule records what changed and asks for the same runs."""
    settings = Settings(manifest.path, settle_seconds=0)
    schedule = nightly_schedule(CurrentManifest(manifest), settings)
    # Left open, a context's own instance would stand for the process's one in later tests.
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(instance=instance) as context,
    ):
        result = schedule(context)
        assert isinstance(result, list)
        (request,) = result
        assert [request.tags[name] for name in RANGE_TAGS] == ["one", "two"]
        latest = instance.fetch_observations(dg.AssetKey("feature_tables"), limit=10).records
    observed = {record.asset_observation.partition for record in latest if record.asset_observation}
    assert observed == {"one", "two"}


@pytest.mark.parametrize(
    ("automation", "status"),
    [pytest.param(False, "STOPPED", id="off"), pytest.param(True, "RUNNING", id="on")],
)
def test_automation_starts_as_the_settings_say(
    manifest: Manifest, *, automation: bool, status: str
) -> None:
    """A plain installation starts with the sensor switched off."""
    settings = Settings(manifest.path, automation=automation)
    sensor = refresh_sensor(CurrentManifest(manifest), settings)
    assert sensor.default_status.value == status


@pytest.fixture
def payloads(instance: dg.DagsterInstance, project: Project, join: Join) -> Ticks:
    """Return ticks over a joined table whose scorer left a folder of payloads, one a clip."""
    project.add_table("one", CLIPS, {})
    project.tables[0]["scores"] = ["DOVER=bench"]
    for clip, score in COMPLETE.items():
        write_payload(project, clip, score)
    manifest = project.save()
    ticks = Ticks(instance, manifest)
    ticks.tick()
    assert join(manifest, "one").success
    return ticks


def write_payload(project: Project, clip: str, score: float | None) -> Path:
    """Write what a scorer says of one clip."""
    path = project.folder / "bench" / f"{clip}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{{"frames": [{{"score": {score}}}]}}')
    return path


def test_a_folder_is_observed_as_one(payloads: Ticks) -> None:
    """A folder of payloads is one source partition, with the rows and bytes of all its files."""
    (latest,) = payloads.instance.fetch_observations(
        dg.AssetRecordsFilter(dg.AssetKey(["scorer_sidecars", "dover"]), ["one"]), limit=1
    ).records
    assert latest.asset_observation
    metadata = {name: value.value for name, value in latest.asset_observation.metadata.items()}
    assert (metadata["rows"], metadata["bytes"]) == (2, 2 * len('{"frames": [{"score": 1.0}]}'))


def test_a_folder_as_it_was_asks_for_nothing(payloads: Ticks, project: Project) -> None:
    """A folder that was joined is left alone, also after a restart, also if it was touched."""
    os.utime(project.folder / "bench/a.json", (1, 1))
    assert payloads.tick().requests == []
    again = Ticks(payloads.instance, payloads.manifest).tick()
    assert (again.events, again.requests, again.notes) == ([], [], [])


def test_a_file_that_joins_a_folder(payloads: Ticks, project: Project) -> None:
    """A file that comes to a folder later, or goes, asks for the table once it has settled."""
    write_payload(project, "c", 3.0)
    assert payloads.tick(after_seconds=1).requests == []
    assert tables_of(payloads.tick(after_seconds=SETTLE_SECONDS + 1)) == ["one"]
    (project.folder / "bench/c.json").unlink()
    assert payloads.tick().requests == []
    write_payload(project, "b", 7.0)
    assert tables_of(payloads.tick()) == ["one"]


def test_a_folder_with_broken_files(
    project: Project, instance: dg.DagsterInstance, join: Join
) -> None:
    """A folder with files that are broken or cannot be read is joined once, and then settled."""
    logs = project.folder / "logs"
    logs.mkdir()
    (logs / "a.json").write_text('{"score": 1}')
    (logs / "b.json").write_text('{"score": ')
    (logs / "c.json").symlink_to("/proc/self/mem")
    (logs / "d.json~").write_text("left over")
    project.add_table("t", ["a", "b", "c"], {}, sidecars=["DOVER=logs"])
    manifest = project.save()
    ticks = Ticks(instance, manifest)
    assert tables_of(ticks.tick()) == ["t"]
    assert metadata_of(join(manifest, "t"))["bad_rows"] == 2
    assert tables_of(ticks.tick()) == []
    (logs / "b.json").write_text('{"score": 2}')
    assert tables_of(ticks.tick()) == ["t"]
