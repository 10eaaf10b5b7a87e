"""Which tables to join again: those whose files or options changed since they were joined.

Versions of content are compared, not events: a table is joined again if what it would be made from
now differs from what it was made from last. What runs then do belongs to the assets.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

import dagster as dg
import msgspec
from dagster import DagsterEventType

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.bounded import BoundedCalls, LateError
from second_opinion_assets.graph.latest_events import LatestEvent, LatestEvents
from second_opinion_assets.graph.names import (
    ENTRIES_KEY,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    STAMP,
)
from second_opinion_assets.graph.own_events import Own, Seals, SourceEvent
from second_opinion_assets.graph.plan import MOST_EVENTS, TICK_SECONDS, RefreshPlan
from second_opinion_assets.graph.requests import Due
from second_opinion_assets.graph.sources import (
    entry_state,
    entry_version,
    files_state,
    files_version,
    source_files,
    source_partitions,
    state_events,
)
from second_opinion_assets.graph.tries import Tries
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.provenance import fingerprint
from second_opinion_assets.join.source_files import SourceFile, Stamp
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.join.watch import Waiting, Watcher
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.folders import listed_once
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import Location

_LEAST_SECONDS = 0.1
_Result = TypeVar("_Result")
_Look = SourceFile | Waiting | JoinError | None
LOOK_SECONDS = 10.0
"""How long one file is waited for, so that a stalled one does not hold up the others."""


class RefreshPlanner:
    """Plans which tables to join, by their files and options; cheap where nothing changed.

    Args:
        manifest: the tables.
        settle_seconds: how long a file must have been still.
        tables_per_run: how many neighbours share a run.
        tick_seconds: how long a look takes at most. The next one goes on where it stopped.
        look_seconds: how long one file is waited for; it is read on meanwhile.
        most_events: how many events a look records at most, likewise.
    """

    def __init__(
        self,
        manifest: Manifest,
        settle_seconds: float,
        tables_per_run: int = 1,
        tick_seconds: float = TICK_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        most_events: int = MOST_EVENTS,
    ) -> None:
        self._manifest = manifest
        self._tick_seconds = tick_seconds
        self._look_seconds = look_seconds
        self._most_events = most_events
        self._places = {table.id: place for place, table in enumerate(manifest.tables)}
        self._next: str | None = None
        self._deadline = 0.0
        self._calls = BoundedCalls()
        self._own = Own(manifest)
        self._tries = Tries(tables_per_run, self._own)
        self._files = source_files(manifest)
        self._sources = _by_table(self._files)
        self._entries: dict[str, str] = {}
        self._unchanged: dict[str, dict[Location, SourceFile]] = {}
        self._watcher = Watcher(settle_seconds)
        self._joined = LatestEvents(
            JOINED_KEY, DagsterEventType.ASSET_MATERIALIZATION, [MANIFEST_FINGERPRINT], self._own
        )
        self._observed = {
            key: LatestEvents(key, DagsterEventType.ASSET_OBSERVATION, [STAMP])
            for key in source_partitions(manifest)
        }

    @listed_once()
    def plan(
        self, instance: dg.DagsterInstance, now: float, after: str | None = None, /
    ) -> RefreshPlan:
        self._deadline = time.monotonic() + self._tick_seconds
        plan = RefreshPlan([], [], [])
        if unread := self._catch_up(instance):
            plan.notes.append(f"{unread} events of the history are left to be read")
            return plan._replace(goes_on_with=after)
        due = self._look_at_tables(now, after, plan)
        self._tries.ask(instance, due, now, plan)
        events = list(Seals.of(instance).put_on(plan.events)) if plan.events else []
        return plan._replace(events=events, goes_on_with=self._next)

    def _look_at_tables(self, now: float, after: str | None, plan: RefreshPlan) -> list[Due]:
        """Return the tables that are due, of as many as there is room and time for."""
        tables = self._manifest.tables
        first = self._places.get(after or self._next or "", 0)
        due = []
        self._next = None
        for number, table in enumerate((*tables[first:], *tables[:first])):
            full = len(plan.events) + 2 * (1 + len(self._sources[table.id])) > self._most_events
            if number and (full or time.monotonic() >= self._deadline):
                self._next = table.id
                bound = (
                    f"until there were {len(plan.events)} events"
                    if full
                    else f"in {self._tick_seconds:g} s"
                )
                plan.notes.append(
                    f"looked at {number} of {len(tables)} tables {bound}; "
                    f"the next tick goes on with {table.id}"
                )
                break
            content = self._look_at(table, now, plan)
            if content is not None:
                due.append(Due(table.id, content, self._places[table.id]))
        return sorted(due, key=lambda each: each.place)

    def _catch_up(self, instance: dg.DagsterInstance) -> int:
        """Take over what happened since the last look; return how much there was no time for."""
        for table_id in self._joined.catch_up(instance, self._deadline):
            self._unchanged.pop(table_id, None)
        for key, events in self._observed.items():
            for table_id in events.catch_up(instance, self._deadline):
                self._unchanged.pop(table_id, None)
                for path in self._files.get(key, {}).get(table_id, []):
                    self._remember(path, events[table_id])
        return sum(events.unread for events in (self._joined, *self._observed.values()))

    def _look_at(self, table: TableSpec, now: float, plan: RefreshPlan) -> str | None:
        """Add to a plan what one table gives; return what it is to be joined from, if it is.

        A broken file does not affect other tables.
        """
        try:
            looks = self._glance(table)
        except JoinError as error:
            plan.notes.append(_note(table, error))
            return None
        events = list(self._news_of_entry(table))
        files = {path: self._file(table, path, look, now, plan) for path, look in looks.items()}
        there = {path: file for path, file in files.items() if file is not None}
        is_whole = len(there) == len(files)
        if is_whole and not events and self._unchanged.get(table.id) == there:
            return None
        for key, paths in self._sources[table.id].items():
            if all(path in there for path in paths):
                events.extend(self._news(key, table.id, [there[path] for path in paths]))
        plan.events.extend(events)
        if not is_whole:
            return None
        sidecars = [there[sidecar.path].digest for sidecar in table.scores]
        version = fingerprint(table, there[table.features].digest, sidecars)
        joined = self._joined.get(table.id)
        if joined is None or joined.metadata.get(MANIFEST_FINGERPRINT) != version:
            # With the event that it replaces, content that comes back after another one was joined
            # is joined again.
            return f"{version}:{joined.event_id if joined else 0}:{self._manifest.name}"
        if not events:  # else they are not recorded yet
            self._unchanged[table.id] = there
        return None

    def _glance(self, table: TableSpec) -> dict[Location, _Look]:
        """Return what is known of the inputs of a table; None of one that is to be read.

        Raises:
            JoinError: it takes too long, or what a dead run left of its output stays.
        """
        at = _LookedAt(table)

        def look() -> dict[Location, _Look]:
            recover(table.out)
            looks: dict[Location, _Look] = {}
            for path in dict.fromkeys(table.inputs):
                at.path = path
                try:
                    looks[path] = self._watcher.glance(path)
                except JoinError as error:
                    looks[path] = error
            return looks

        return self._call(at, look)

    def _file(
        self, table: TableSpec, path: Location, look: _Look, now: float, plan: RefreshPlan
    ) -> SourceFile | None:
        """Return what an input holds; None, with a note, of one that is to be asked for later."""

        def read() -> SourceFile | Waiting:
            return self._watcher.look(path, now, finished=self._is_finished(table.id, path))

        if look is None:
            try:
                look = self._call(path, read)
            except JoinError as error:
                look = error
        if isinstance(look, JoinError):
            plan.notes.append(_note(table, look))
            return None
        if isinstance(look, Waiting):
            plan.notes.append(f"{table.id} waits: {look.reason}")
            return None
        return look

    def _call(self, key: Hashable, make: Callable[[], _Result]) -> _Result:
        """Return what a call gives that touches files, if it comes back in time."""
        seconds = min(self._look_seconds, max(self._deadline - time.monotonic(), _LEAST_SECONDS))
        return self._calls.call(key, make, seconds)

    def _news_of_entry(self, table: TableSpec) -> Iterable[SourceEvent]:
        version = self._entries.get(table.id)
        if version is None:
            version = self._entries[table.id] = entry_version(table)
        if self._is_known(ENTRIES_KEY, table.id, version):
            return ()
        return state_events(ENTRIES_KEY, table.id, entry_state(table))

    def _news(
        self, key: dg.AssetKey, table_id: str, files: list[SourceFile]
    ) -> Iterable[SourceEvent]:
        if self._is_known(key, table_id, files_version(files)):
            return ()
        return state_events(key, table_id, files_state(files))

    def _is_known(self, key: dg.AssetKey, table_id: str, version: str) -> bool:
        observed = self._observed[key].get(table_id)
        return observed is not None and observed.version == version

    def _remember(self, path: Location, observed: LatestEvent) -> None:
        """Take over a hash that an observation of ours recorded, so that it is not taken again."""
        stamp = observed.metadata.get(STAMP)
        if stamp is None or observed.version is None:
            return
        known = msgspec.convert(stamp, Stamp)
        digest = FileDigest(observed.version, known.bytes)
        self._watcher.remember(SourceFile(path, known, digest, rows=None, complete=True))

    def _is_finished(self, table_id: str, path: Location) -> bool:
        """Return whether a scorer reported, after the file's last change, that it finished.

        An observation without our stamp came from outside.
        """
        keys = [key for key, paths in self._sources[table_id].items() if path in paths]
        found = [self._observed[key].get(table_id) for key in keys]
        told = [event.timestamp for event in found if event and STAMP not in event.metadata]
        try:
            return bool(told) and Stamp.of(path).modified_ns / 1e9 <= max(told)
        except (OSError, JoinError):
            return False


class _LookedAt:
    """What of a table is being looked at, as a call that may be late is told by.

    Attributes:
        path: the file that it has come to.
    """

    def __init__(self, table: TableSpec) -> None:
        self._table_id = table.id
        self.path = table.out

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _LookedAt) and other._table_id == self._table_id

    def __hash__(self) -> int:
        return hash(self._table_id)

    def __str__(self) -> str:
        return str(self.path)


def _by_table(
    files: Mapping[dg.AssetKey, Mapping[str, list[Location]]],
) -> dict[str, dict[dg.AssetKey, list[Location]]]:
    """Return the files of every source asset, by table first."""
    tables: dict[str, dict[dg.AssetKey, list[Location]]] = {}
    for key, by_table in files.items():
        for table_id, paths in by_table.items():
            tables.setdefault(table_id, {})[key] = paths
    return tables


def _note(table: TableSpec, error: JoinError) -> str:
    return f"{table.id}{' waits' if isinstance(error, LateError) else ''}: {error}"
