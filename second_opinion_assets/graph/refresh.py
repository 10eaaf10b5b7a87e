"""Refresh: a sensor and a schedule that notice what changed, and a job to observe all sources.

They compare content, not events: a table is joined again if what it would be made from now differs
from what it was made from last.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import dagster as dg
import msgspec
from dagster import DagsterEventType, DefaultSensorStatus

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.joined import JOINED_KEY, MANIFEST_FINGERPRINT
from second_opinion_assets.graph.latest_events import LatestEvent, LatestEvents
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import (
    ENTRIES_KEY,
    STAMP,
    PartitionState,
    entry_state,
    files_state,
    source_files,
    source_partitions,
    state_events,
)
from second_opinion_assets.join.manifest import Manifest, TableSpec
from second_opinion_assets.join.provenance import fingerprint
from second_opinion_assets.join.source_files import SourceFile, Stamp
from second_opinion_assets.join.watch import Waiting, Watcher
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location

SHOWN_NOTES = 20


def refresh_sensor(manifest: Manifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that joins a table again once its inputs or options changed."""
    looks = Looks(manifest, settings.settle_seconds)

    @dg.sensor(
        name="refresh_after_scorer_runs",
        target=dg.AssetSelection.assets(JOINED_KEY),
        minimum_interval_seconds=settings.interval_seconds,
        default_status=(
            DefaultSensorStatus.RUNNING if settings.automation else DefaultSensorStatus.STOPPED
        ),
        description=(
            "Looks at the files of every table, records what changed, and asks for one run for "
            "each table whose inputs or options differ from what it was joined from. A file must "
            f"have been still for {settings.settle_seconds:g} s."
        ),
    )
    def refresh(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = looks.look(context.instance, time.time())
        for note in found.notes:
            context.log.info(note)
        return dg.SensorResult(
            run_requests=found.requests,
            asset_events=found.events,
            skip_reason=None if found.requests else _skip_reason(found.notes),
        )

    return refresh


def nightly_schedule(manifest: Manifest, settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule that does what the sensor does, once a night."""
    looks = Looks(manifest, settings.settle_seconds)

    @dg.schedule(
        name="nightly_refresh",
        cron_schedule=settings.nightly_cron,
        target=dg.AssetSelection.assets(JOINED_KEY),
        description=(
            "Does what the sensor does, once a night for the whole manifest, for those who want "
            "no sensor."
        ),
    )
    def refresh(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        found = looks.look(context.instance, time.time())
        for event in found.events:
            context.instance.report_runless_asset_event(event)
        for note in found.notes:
            context.log.info(note)
        return found.requests or dg.SkipReason(_skip_reason(found.notes))

    return refresh


class Found(NamedTuple):
    """What a look at all tables gives: events to record, runs to ask for, and what waits."""

    events: list[dg.AssetObservation | dg.AssetMaterialization]
    requests: list[dg.RunRequest]
    notes: list[str]


class Looks:
    """Looks at the tables of a manifest again and again, for one instance.

    Remembers what it read of files and events, so that a look is cheap where nothing changed.
    """

    def __init__(self, manifest: Manifest, settle_seconds: float) -> None:
        self._manifest = manifest
        self._files = source_files(manifest)
        self._watcher = Watcher(settle_seconds)
        self._joined = LatestEvents(
            JOINED_KEY, DagsterEventType.ASSET_MATERIALIZATION, [MANIFEST_FINGERPRINT]
        )
        self._observed = {
            key: LatestEvents(key, DagsterEventType.ASSET_OBSERVATION, [STAMP])
            for key in source_partitions(manifest)
        }

    def look(self, instance: dg.DagsterInstance, now: float) -> Found:
        """Compare every table's files and options with what the instance says of them.

        Args:
            instance: whose history tells what was observed and joined last.
            now: seconds since the epoch.
        """
        self._catch_up(instance)
        found = Found([], [], [])
        for table in self._manifest.tables:
            self._look_at(table, now, found)
        return found

    def _catch_up(self, instance: dg.DagsterInstance) -> None:
        self._joined.catch_up(instance)
        for key, events in self._observed.items():
            for table_id in events.catch_up(instance):
                for path in self._files.get(key, {}).get(table_id, []):
                    self._remember(path, events[table_id])

    def _look_at(self, table: TableSpec, now: float, found: Found) -> None:
        """Look at one table and add what that gives; a broken file hurts no other table."""
        found.events.extend(self._news(ENTRIES_KEY, table.id, entry_state(table)))
        files: dict[Location, SourceFile] = {}
        for key, by_table in self._files.items():
            paths = by_table.get(table.id, [])
            there = [file for path in paths if (file := self._look(table, key, path, now, found))]
            files.update({file.path: file for file in there})
            if paths and len(there) == len(paths):
                found.events.extend(self._news(key, table.id, files_state(there)))
        if len(files) < len(set(table.inputs)):
            return
        sidecars = [files[sidecar.path].digest for sidecar in table.scores]
        version = fingerprint(table, files[table.features].digest, sidecars)
        joined = self._joined.get(table.id)
        if joined is None or joined.metadata.get(MANIFEST_FINGERPRINT) != version:
            # With the event that it replaces in its key, a table that fails is tried once for each
            # content, and content that comes back after another one was joined is joined again.
            since = joined.event_id if joined else 0
            found.requests.append(
                dg.RunRequest(run_key=f"{table.id}:{version}:{since}", partition_key=table.id)
            )

    def _look(
        self, table: TableSpec, key: dg.AssetKey, path: Location, now: float, found: Found
    ) -> SourceFile | None:
        try:
            file = self._watcher.look(path, now, finished=self._is_finished(key, table.id, path))
        except JoinError as error:
            found.notes.append(f"{table.id}: {error}")
            return None
        if isinstance(file, Waiting):
            found.notes.append(f"{table.id} waits: {file.reason}")
            return None
        return file

    def _news(
        self, key: dg.AssetKey, table_id: str, state: PartitionState
    ) -> Iterator[dg.AssetObservation | dg.AssetMaterialization]:
        observed = self._observed[key].get(table_id)
        if observed is None or observed.version != state.version:
            yield from state_events(key, table_id, state)

    def _remember(self, path: Location, observed: LatestEvent) -> None:
        """Take over a hash that an observation of ours recorded, so that it is not taken again."""
        stamp = observed.metadata.get(STAMP)
        if stamp is None or observed.version is None:
            return
        known = msgspec.convert(stamp, Stamp)
        digest = FileDigest(observed.version, known.bytes)
        self._watcher.remember(SourceFile(path, known, digest, rows=None, complete=True))

    def _is_finished(self, key: dg.AssetKey, table_id: str, path: Location) -> bool:
        """Say whether a scorer reported, after the file's last change, that it finished.

        An observation without our stamp came from outside.
        """
        observed = self._observed[key].get(table_id)
        if observed is None or STAMP in observed.metadata:
            return False
        try:
            return Stamp.of(path).modified_ns / 1e9 <= observed.timestamp
        except (OSError, JoinError):
            return False


def _skip_reason(notes: list[str]) -> str:
    if not notes:
        return "nothing changed"
    more = f"; and {len(notes) - SHOWN_NOTES} more" if len(notes) > SHOWN_NOTES else ""
    return "; ".join(notes[:SHOWN_NOTES]) + more
