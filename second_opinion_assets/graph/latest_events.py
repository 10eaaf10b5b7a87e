"""The latest event of each partition of an asset, followed through many looks.

What they say of a table belongs to `history`, whose events they are to `own_events`.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import dagster as dg
from dagster import DagsterEventType

from second_opinion_assets.graph.names import DATA_VERSION_TAG, SEAL, STAMP
from second_opinion_assets.graph.own_events import PAGE_EVENTS, Own, Seals, of_runs
from second_opinion_assets.graph.stored_events import StoredEvent, stored_events


class LatestEvent(NamedTuple):
    """What is kept of the latest event of a partition."""

    event_id: int
    timestamp: float
    version: str | None
    metadata: dict[str, object]


class LatestEvents(dict[str, LatestEvent]):
    """The latest event of each partition of an asset, kept up to date with little reading.

    Args:
        key: the asset.
        kind: observations or materializations.
        metadata: the names of the metadata to keep of each event.
        own: of which manifest materializations must be; None for any.
    """

    def __init__(
        self,
        key: dg.AssetKey,
        kind: DagsterEventType,
        metadata: Collection[str] = (),
        own: Own | None = None,
    ) -> None:
        super().__init__()
        self._own = own
        self._key = key
        self._kind = kind
        self._metadata = metadata
        self._last = 0
        self._unread: dict[str, int] = {}

    @property
    def ids(self) -> dict[str, int]:
        """The ids of the events, by partition."""
        return {partition: event.event_id for partition, event in self.items()}

    @property
    def unread(self) -> int:
        """How many partitions have a new event that there was no time to read."""
        return len(self._unread)

    def catch_up(self, instance: dg.DagsterInstance, until: float = float("inf")) -> list[str]:
        """Read the events that are new; return the partitions concerned.

        Args:
            instance: whose history is read.
            until: by `time.monotonic()`; but for some, what is not read by then is read the next
                time.
        """
        ids = instance.event_log_storage.get_latest_storage_id_by_partition(
            self._key, self._kind, after_cursor=self._last
        )
        self._last = max(ids.values(), default=self._last)
        self._unread.update(ids)
        told: list[str] = []
        seals = Seals.of(instance) if self._unread and STAMP in self._metadata else None
        while self._unread:
            page = dict(islice(self._unread.items(), PAGE_EVENTS))
            for event in self._read(instance, page):
                if event.partition is not None:
                    self._take(event.partition, event, seals)
                    told.append(event.partition)
            for partition in page:
                del self._unread[partition]
            if time.monotonic() >= until:
                break
        return told

    def _take(self, partition: str, event: StoredEvent, seals: Seals | None) -> None:
        """Keep what is to be kept of an event."""
        names = {name for name in self._metadata if name in event.metadata}
        if STAMP in names and not (seals and seals.hold(self._key, event)):
            names.remove(STAMP)
        self[partition] = LatestEvent(
            event.event_id,
            event.timestamp,
            event.tags.get(DATA_VERSION_TAG),
            {name: event.metadata[name] for name in names},
        )

    def _read(self, instance: dg.DagsterInstance, ids: Mapping[str, int]) -> Iterator[StoredEvent]:
        events, names = list(ids.values()), {*self._metadata, SEAL}
        if self._kind is DagsterEventType.ASSET_OBSERVATION:
            return stored_events(instance, self._key, self._kind, events, names)
        known = {partition: self[partition].event_id for partition in ids if partition in self}
        return of_runs(instance, self._key, events, names, self._own, known)
