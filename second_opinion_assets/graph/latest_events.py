"""The latest event of each partition of an asset, followed through many looks.

What they say of a table belongs to `history`, whose events they are to `own_events`.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import NamedTuple

import dagster as dg
from dagster import DagsterEventType

from second_opinion_assets.graph.names import DATA_VERSION_TAG, STAMP
from second_opinion_assets.graph.own_events import PAGE_EVENTS, Seals, of_runs


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
    """

    def __init__(
        self, key: dg.AssetKey, kind: DagsterEventType, metadata: Collection[str] = ()
    ) -> None:
        super().__init__()
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
            told += filter(
                None, [self._take(record, seals) for record in self._read(instance, page)]
            )
            for partition in page:
                del self._unread[partition]
            if time.monotonic() >= until:
                break
        return told

    def _take(self, record: dg.EventLogRecord, seals: Seals | None) -> str | None:
        """Keep what is to be kept of an event; return its partition."""
        event = record.asset_observation or record.asset_materialization
        if event is None or event.partition is None:
            return None
        names = {name for name in self._metadata if name in event.metadata}
        if STAMP in names and not (seals and seals.hold(event)):
            names.remove(STAMP)
        self[event.partition] = LatestEvent(
            record.storage_id,
            record.timestamp,
            (event.tags or {}).get(DATA_VERSION_TAG),
            {name: event.metadata[name].value for name in names},
        )
        return event.partition

    def _read(
        self, instance: dg.DagsterInstance, ids: Mapping[str, int]
    ) -> Iterable[dg.EventLogRecord]:
        if self._kind is not DagsterEventType.ASSET_OBSERVATION:
            known = {partition: self[partition].event_id for partition in ids if partition in self}
            return of_runs(instance, self._key, list(ids.values()), known)
        wanted = dg.AssetRecordsFilter(asset_key=self._key, storage_ids=list(ids.values()))
        return instance.fetch_observations(wanted, limit=len(ids)).records
