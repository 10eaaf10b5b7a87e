"""Which tables to join again: those whose files or options changed since they were joined.

Versions of content are compared, not events: a table is joined again if what it would be made from
now differs from what it was made from last. What runs then do belongs to the assets.
"""

from collections.abc import Iterable

import dagster as dg
import msgspec
from dagster import DagsterEventType

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.history import LatestEvent, LatestEvents
from second_opinion_assets.graph.names import (
    ENTRIES_KEY,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    STAMP,
)
from second_opinion_assets.graph.own_events import SourceEvent, sealed
from second_opinion_assets.graph.plan import RefreshPlan
from second_opinion_assets.graph.sources import (
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
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import Location


class RefreshPlanner:
    """Plans which tables to join, by their files and options; cheap where nothing changed."""

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

    def plan(self, instance: dg.DagsterInstance, now: float) -> RefreshPlan:
        self._catch_up(instance)
        plan = RefreshPlan([], [], [])
        for table in self._manifest.tables:
            self._look_at(table, now, plan)
        return plan._replace(events=list(sealed(instance, plan.events)))

    def _catch_up(self, instance: dg.DagsterInstance) -> None:
        self._joined.catch_up(instance)
        for key, events in self._observed.items():
            for table_id in events.catch_up(instance):
                for path in self._files.get(key, {}).get(table_id, []):
                    self._remember(path, events[table_id])

    def _look_at(self, table: TableSpec, now: float, plan: RefreshPlan) -> None:
        """Add to a plan what one table gives; a broken file does not affect other tables."""
        try:
            recover(table.out)
        except JoinError as error:
            plan.notes.append(f"{table.id}: {error}")
            return
        plan.events.extend(self._news(ENTRIES_KEY, table.id, entry_state(table)))
        files: dict[Location, SourceFile] = {}
        for key, by_table in self._files.items():
            paths = by_table.get(table.id, [])
            there = [file for path in paths if (file := self._look(table, key, path, now, plan))]
            files.update({file.path: file for file in there})
            if paths and len(there) == len(paths):
                plan.events.extend(self._news(key, table.id, files_state(there)))
        if len(files) < len(set(table.inputs)):
            return
        sidecars = [files[sidecar.path].digest for sidecar in table.scores]
        version = fingerprint(table, files[table.features].digest, sidecars)
        joined = self._joined.get(table.id)
        if joined is None or joined.metadata.get(MANIFEST_FINGERPRINT) != version:
            # With the event that it replaces in its key, a table that fails is tried once for each
            # content, and content that comes back after another one was joined is joined again.
            since = joined.event_id if joined else 0
            plan.requests.append(
                dg.RunRequest(run_key=f"{table.id}:{version}:{since}", partition_key=table.id)
            )

    def _look(
        self, table: TableSpec, key: dg.AssetKey, path: Location, now: float, plan: RefreshPlan
    ) -> SourceFile | None:
        try:
            file = self._watcher.look(path, now, finished=self._is_finished(key, table.id, path))
        except JoinError as error:
            plan.notes.append(f"{table.id}: {error}")
            return None
        if isinstance(file, Waiting):
            plan.notes.append(f"{table.id} waits: {file.reason}")
            return None
        return file

    def _news(
        self, key: dg.AssetKey, table_id: str, state: PartitionState
    ) -> Iterable[SourceEvent]:
        observed = self._observed[key].get(table_id)
        if observed is not None and observed.version == state.version:
            return ()
        return state_events(key, table_id, state)

    def _remember(self, path: Location, observed: LatestEvent) -> None:
        """Take over a hash that an observation of ours recorded, so that it is not taken again."""
        stamp = observed.metadata.get(STAMP)
        if stamp is None or observed.version is None:
            return
        known = msgspec.convert(stamp, Stamp)
        digest = FileDigest(observed.version, known.bytes)
        self._watcher.remember(SourceFile(path, known, digest, rows=None, complete=True))

    def _is_finished(self, key: dg.AssetKey, table_id: str, path: Location) -> bool:
        """Return whether a scorer reported, after the file's last change, that it finished.

        An observation without our stamp came from outside.
        """
        observed = self._observed[key].get(table_id)
        if observed is None or STAMP in observed.metadata:
            return False
        try:
            return Stamp.of(path).modified_ns / 1e9 <= observed.timestamp
        except (OSError, JoinError):
            return False
