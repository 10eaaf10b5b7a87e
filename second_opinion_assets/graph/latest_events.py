"""The latest event of each partition of an asset, as sensors remember it between their looks."""

from collections.abc import Collection
from typing import NamedTuple

import dagster as dg
from dagster import DagsterEventType

from second_opinion_assets.graph.sources import DATA_VERSION_TAG


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

    def catch_up(self, instance: dg.DagsterInstance) -> list[str]:
        """Read the events that are new; return the partitions concerned."""
        ids = instance.event_log_storage.get_latest_storage_id_by_partition(
            self._key, self._kind, after_cursor=self._last
        )
        if not ids:
            return []
        wanted = dg.AssetRecordsFilter(asset_key=self._key, storage_ids=list(ids.values()))
        is_observation = self._kind is DagsterEventType.ASSET_OBSERVATION
        fetch = instance.fetch_observations if is_observation else instance.fetch_materializations
        for record in fetch(wanted, limit=len(ids)).records:
            event = record.asset_observation or record.asset_materialization
            if event is not None and event.partition is not None:
                self[event.partition] = LatestEvent(
                    record.storage_id,
                    record.timestamp,
                    (event.tags or {}).get(DATA_VERSION_TAG),
                    {
                        name: event.metadata[name].value
                        for name in self._metadata
                        if name in event.metadata
                    },
                )
        self._last = max(ids.values())
        return list(ids)
