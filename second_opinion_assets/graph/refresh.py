"""Which tables to join again: those whose files or options changed since they were joined.

Versions of content are compared, not events: a table is joined again if what it would be made from
now differs from what it was made from last. What runs then do belongs to the assets.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import dagster as dg
import msgspec
from dagster import DagsterEventType

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.bounded import BoundedCalls, LateError
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
from second_opinion_assets.graph.tries import Due, Tries
from second_opinion_assets.join.manifest import Manifest, TableSpec
from second_opinion_assets.join.provenance import fingerprint
from second_opinion_assets.join.source_files import SourceFile, Stamp
from second_opinion_assets.join.watch import Waiting, Watcher
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.folders import listed_once
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import Location

TICK_SECONDS = 30.0
"""How long one look at all tables takes at most; Dagster waits 60 s for a tick."""
_LEAST_SECONDS = 0.1
_Result = TypeVar("_Result")
LOOK_SECONDS = 10.0
"""How long one file is waited for, so that a stalled one does not hold up the others."""


class RefreshPlanner:
    """Plans which tables to join, by their files and options; cheap where nothing changed.

    Args:
        manifest: the tables.
        settle_seconds: how long a file must have been still.
        tick_seconds: how long a look takes at most. The next one goes on where it stopped.
        look_seconds: how long one file is waited for; it is read on meanwhile.
    """

    def __init__(
        self,
        manifest: Manifest,
        settle_seconds: float,
        tick_seconds: float = TICK_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._manifest = manifest
        self._tick_seconds = tick_seconds
        self._look_seconds = look_seconds
        self._first = 0
        self._deadline = 0.0
        self._calls = BoundedCalls()
        self._tries = Tries()
        self._files = source_files(manifest)
        self._watcher = Watcher(settle_seconds)
        self._joined = LatestEvents(
            JOINED_KEY, DagsterEventType.ASSET_MATERIALIZATION, [MANIFEST_FINGERPRINT]
        )
        self._observed = {
            key: LatestEvents(key, DagsterEventType.ASSET_OBSERVATION, [STAMP])
            for key in source_partitions(manifest)
        }

    @listed_once()
    def plan(self, instance: dg.DagsterInstance, now: float) -> RefreshPlan:
        self._deadline = time.monotonic() + self._tick_seconds
        self._catch_up(instance)
        plan = RefreshPlan([], [], [])
        due = list(self._look_at_tables(now, plan))
        self._tries.ask(instance, due, now, plan)
        return plan._replace(events=list(sealed(instance, plan.events)))

    def _look_at_tables(self, now: float, plan: RefreshPlan) -> Iterator[Due]:
        """Yield the tables that are due, of as many as there is time for."""
        tables = self._manifest.tables
        first, self._first = self._first, 0
        for number, table in enumerate((*tables[first:], *tables[:first])):
            if number and time.monotonic() >= self._deadline:
                self._first = (first + number) % len(tables)
                plan.notes.append(
                    f"looked at {number} of {len(tables)} tables in {self._tick_seconds:g} s; "
                    f"the next tick goes on with {table.id}"
                )
                return
            content = self._look_at(table, now, plan)
            if content is not None:
                yield Due(table.id, content)

    def _catch_up(self, instance: dg.DagsterInstance) -> None:
        self._joined.catch_up(instance)
        for key, events in self._observed.items():
            for table_id in events.catch_up(instance):
                for path in self._files.get(key, {}).get(table_id, []):
                    self._remember(path, events[table_id])

    def _look_at(self, table: TableSpec, now: float, plan: RefreshPlan) -> str | None:
        """Add to a plan what one table gives; return what it is to be joined from, if it is.

        A broken file does not affect other tables.
        """
        try:
            self._call(table.out, lambda: recover(table.out))
        except JoinError as error:
            plan.notes.append(_note(table, error))
            return None
        plan.events.extend(self._news(ENTRIES_KEY, table.id, entry_state(table)))
        files: dict[Location, SourceFile] = {}
        for key, by_table in self._files.items():
            paths = by_table.get(table.id, [])
            there = [file for path in paths if (file := self._look(table, key, path, now, plan))]
            files.update({file.path: file for file in there})
            if paths and len(there) == len(paths):
                plan.events.extend(self._news(key, table.id, files_state(there)))
        if len(files) < len(set(table.inputs)):
            return None
        sidecars = [files[sidecar.path].digest for sidecar in table.scores]
        version = fingerprint(table, files[table.features].digest, sidecars)
        joined = self._joined.get(table.id)
        if joined is not None and joined.metadata.get(MANIFEST_FINGERPRINT) == version:
            return None
        # With the event that it replaces, content that comes back after another one was joined is
        # joined again.
        return f"{version}:{joined.event_id if joined else 0}"

    def _look(
        self, table: TableSpec, key: dg.AssetKey, path: Location, now: float, plan: RefreshPlan
    ) -> SourceFile | None:
        def look() -> SourceFile | Waiting:
            finished = self._is_finished(key, table.id, path)
            return self._watcher.look(path, now, finished=finished)

        try:
            file = self._call(path, look)
        except JoinError as error:
            plan.notes.append(_note(table, error))
            return None
        if isinstance(file, Waiting):
            plan.notes.append(f"{table.id} waits: {file.reason}")
            return None
        return file

    def _call(self, path: Location, make: Callable[[], _Result]) -> _Result:
        """Return what a call gives that touches files, if it comes back in time."""
        seconds = min(self._look_seconds, max(self._deadline - time.monotonic(), _LEAST_SECONDS))
        return self._calls.call(path, make, seconds)

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


def _note(table: TableSpec, error: JoinError) -> str:
    return f"{table.id}{' waits' if isinstance(error, LateError) else ''}: {error}"
