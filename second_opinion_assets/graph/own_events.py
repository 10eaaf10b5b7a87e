"""Which events are this graph's own: anybody who reaches the webserver may report others.

Materializations are its own if a run recorded them. Observations of the sensor, which no run
records, carry a seal by a secret that the instance keeps. What events say is read elsewhere.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

import dagster as dg
import msgspec
from dagster import DagsterEventType, EventLogRecord

from second_opinion_assets.graph.names import DATA_VERSION_TAG, SEAL, STAMP
from second_opinion_assets.join.source_files import Stamp

PAGE_EVENTS = 250
"""Events that are read at once: one of a joined table takes some milliseconds and 40 kB."""
PAGE_IDS = 1000
SourceEvent = dg.AssetObservation | dg.AssetMaterialization
_SECRET = "second_opinion/seal"  # noqa: S105 (its name, not the secret)
_FEW = 20


def latest_of_runs(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[EventLogRecord]:
    """Yield the latest materialization of each partition that a run recorded."""
    kind = DagsterEventType.ASSET_MATERIALIZATION
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(key, kind)
    for ids in _pages(list(latest.values()), PAGE_EVENTS):
        yield from of_runs(instance, key, ids)


def of_runs(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    ids: Sequence[int],
    known: Mapping[str, int] | None = None,
) -> Iterator[EventLogRecord]:
    """Yield materializations, for each that was reported from outside what a run recorded before.

    Args:
        instance: whose history is read.
        key: the asset.
        ids: of the events, as many as are to be read at once.
        known: the ids of events that are known, by partition: only later ones are looked for.
    """
    wanted = dg.AssetRecordsFilter(key, storage_ids=ids)
    for record in instance.fetch_materializations(wanted, limit=len(ids)).records:
        after = (known or {}).get(record.partition_key or "", 0)
        own = record if record.run_id else _before(instance, key, record, after)
        if own is not None:
            yield own


def latest_of_a_run(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None = None
) -> dg.AssetMaterialization | None:
    """Return the latest materialization that a run recorded; None if there is none."""
    partitions = None if partition is None else [partition]
    wanted = dg.AssetRecordsFilter(key, asset_partitions=partitions)
    record = _first_of_a_run(instance, wanted)
    return record.asset_materialization if record else None


def _before(
    instance: dg.DagsterInstance, key: dg.AssetKey, reported: EventLogRecord, after: int
) -> EventLogRecord | None:
    """Return what a run recorded before an event that was reported from outside."""
    partition = reported.partition_key
    wanted = dg.AssetRecordsFilter(
        key,
        asset_partitions=None if partition is None else [partition],
        after_storage_id=after,
        before_storage_id=reported.storage_id,
    )
    return _first_of_a_run(instance, wanted)


def _first_of_a_run(
    instance: dg.DagsterInstance, wanted: dg.AssetRecordsFilter
) -> EventLogRecord | None:
    cursor = None
    while True:
        page = instance.fetch_materializations(wanted, limit=_FEW, cursor=cursor)
        own = next((record for record in page.records if record.run_id), None)
        if own is not None or not page.has_more:
            return own
        cursor = page.cursor


def hidden_attempts(
    instance: dg.DagsterInstance, key: dg.AssetKey, own: Mapping[str, int]
) -> dict[str, str]:
    """Return the run that was to make each partition after its latest materialization by a run.

    Dagster takes such a run as done once the partition is reported from outside.
    """
    storage, kind = instance.event_log_storage, DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    planned = storage.get_latest_storage_id_by_partition(key, kind)
    later = [id_ for partition, id_ in planned.items() if id_ > own.get(partition, 0)]
    found: dict[str, str] = {}
    for ids in _pages(later, PAGE_IDS):
        wanted = dg.EventRecordsFilter(event_type=kind, asset_key=key, storage_ids=ids)
        for record in storage.get_event_records(wanted, limit=len(ids)):
            if record.partition_key is not None:
                found[record.partition_key] = record.run_id
    return found


class Seals:
    """Tells by a secret which stamps this graph recorded.

    Args:
        secret: the instance's.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def of(cls, instance: dg.DagsterInstance) -> Self:
        """Return the seals of an instance, whose secret is asked for once."""
        return cls(_secret(instance))

    def put_on(self, events: Iterable[SourceEvent]) -> Iterator[SourceEvent]:
        """Yield events, those with a stamp under seal."""
        for event in events:
            seal = self._seal(event)
            metadata = {**event.metadata, SEAL: dg.MetadataValue.text(seal)} if seal else None
            yield event.with_metadata(metadata) if metadata else event

    def hold(self, event: SourceEvent) -> bool:
        """Return whether the stamp and the version of an event are what this graph recorded."""
        seal, known = event.metadata.get(SEAL), self._seal(event)
        return bool(seal and known) and hmac.compare_digest(str(seal and seal.value), str(known))

    def _seal(self, event: SourceEvent) -> str | None:
        """Return the seal of an event; None of one without a stamp."""
        stamp = event.metadata.get(STAMP)
        try:
            known = msgspec.convert(stamp and stamp.value, Stamp)
        except msgspec.ValidationError:
            return None
        version = (event.tags or {}).get(DATA_VERSION_TAG)
        said = repr((event.asset_key.path, event.partition, version, known))
        return hmac.digest(self._secret, said.encode(errors="surrogatepass"), "sha256").hex()


def _secret(instance: dg.DagsterInstance) -> bytes:
    """Return the secret of an instance, made at the first time."""
    storage = instance.daemon_cursor_storage
    if _SECRET not in (known := storage.get_cursor_values({_SECRET})):
        storage.set_cursor_values({_SECRET: secrets.token_hex()})
        known = storage.get_cursor_values({_SECRET})  # another process may have been quicker
    return known[_SECRET].encode()


def _pages(items: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    return (items[start : start + most] for start in range(0, len(items), most))
