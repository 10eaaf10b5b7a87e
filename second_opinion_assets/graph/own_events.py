"""Which events are this graph's own: anybody who reaches the webserver may report others.

Materializations are its own if a run by its manifest recorded them. Observations of the sensor,
which no run records, carry a seal by a secret that the instance keeps. What events say is read
elsewhere.
"""

import hmac
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Self

import dagster as dg
import msgspec
from dagster import DagsterEventType, EventLogRecord

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.names import (
    DATA_VERSION_TAG,
    MANIFEST_TAG,
    OUTPUT,
    SEAL,
    STAMP,
)
from second_opinion_assets.graph.pages import pages
from second_opinion_assets.graph.stored_events import StoredEvent, stored_events
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.source_files import Stamp
from second_opinion_assets.storage.location import Location

PAGE_EVENTS = 250
"""Events that are read at once: one of a joined table has some 30 kB."""
PAGE_IDS = 1000
SourceEvent = dg.AssetObservation | dg.AssetMaterialization
_SECRET = "second_opinion/seal"  # noqa: S105 (its name, not the secret)
_FEW = 20
_MADE = DagsterEventType.ASSET_MATERIALIZATION


class Own:
    """Tells the events and runs of a manifest from those of others that have tables of equal ids.

    What an earlier version recorded names no manifest; by its output it is told apart.

    Args:
        manifest: whose they are to be.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def has(self, event: StoredEvent) -> bool:
        """Return whether a run by the manifest recorded an event."""
        output = event.metadata.get(OUTPUT)
        return self.has_run(event.tags) and (
            output is None or self._writes(event.partition or "", str(output))
        )

    def has_run(self, tags: Mapping[str, str]) -> bool:
        """Return whether a run with these tags is one by the manifest."""
        return tags.get(MANIFEST_TAG, self._manifest.name) == self._manifest.name

    def _writes(self, table_id: str, output: str) -> bool:
        try:
            table = self._manifest.table(table_id)
            return Location(output).absolute() == table.out.absolute()
        except JoinError:  # a table that is no more, or a place that cannot be
            return False


def latest_of_runs(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    names: Collection[str] = (),
    own: Own | None = None,
) -> Iterator[StoredEvent]:
    """Yield the latest materialization of each partition that a run recorded.

    Args:
        instance: whose history is read.
        key: the asset.
        names: the names of the metadata that is asked for.
        own: of which manifest it must be; None for any.
    """
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(key, _MADE)
    for ids in pages(list(latest.values()), PAGE_EVENTS):
        yield from of_runs(instance, key, ids, names, own)


def of_runs(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    ids: Sequence[int],
    names: Collection[str] = (),
    own: Own | None = None,
    known: Mapping[str, int] | None = None,
) -> Iterator[StoredEvent]:
    """Yield materializations, for each that is another's what a run of ours recorded before.

    Args:
        instance: whose history is read.
        key: the asset.
        ids: of the events, as many as are to be read at once.
        names: the names of the metadata that is asked for.
        own: of which manifest they must be; None for any.
        known: the ids of events that are known, by partition: only later ones are looked for.
    """
    for event in stored_events(instance, key, _MADE, ids, {*names, OUTPUT}):
        if _is_own(event, own):
            yield event
            continue
        before = dg.AssetRecordsFilter(
            key,
            asset_partitions=None if event.partition is None else [event.partition],
            after_storage_id=(known or {}).get(event.partition or "", 0),
            before_storage_id=event.event_id,
        )
        record = _first_of_a_run(instance, before, own)
        if record is not None:
            yield StoredEvent.of(record, names)


def latest_of_a_run(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, own: Own
) -> dg.AssetMaterialization | None:
    """Return the latest materialization that a run by a manifest recorded; None without one."""
    partitions = None if partition is None else [partition]
    wanted = dg.AssetRecordsFilter(key, asset_partitions=partitions)
    record = _first_of_a_run(instance, wanted, own)
    return record.asset_materialization if record else None


def _first_of_a_run(
    instance: dg.DagsterInstance, wanted: dg.AssetRecordsFilter, own: Own | None
) -> EventLogRecord | None:
    cursor = None
    while True:
        page = instance.fetch_materializations(wanted, limit=_FEW, cursor=cursor)
        for record in page.records:
            if _is_own(StoredEvent.of(record, {OUTPUT}), own):
                return record
        if not page.has_more:
            return None
        cursor = page.cursor


def _is_own(event: StoredEvent, own: Own | None) -> bool:
    return bool(event.run_id) and (own is None or own.has(event))


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
    for ids in pages(later, PAGE_IDS):
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
            stamp = event.metadata.get(STAMP)
            version = (event.tags or {}).get(DATA_VERSION_TAG)
            seal = self._seal(event.asset_key, event.partition, version, stamp and stamp.value)
            metadata = {**event.metadata, SEAL: dg.MetadataValue.text(seal)} if seal else None
            yield event.with_metadata(metadata) if metadata else event

    def hold(self, key: dg.AssetKey, event: StoredEvent) -> bool:
        """Return whether the stamp and the version of an event are what this graph recorded."""
        version, stamp = event.tags.get(DATA_VERSION_TAG), event.metadata.get(STAMP)
        seal, known = event.metadata.get(SEAL), self._seal(key, event.partition, version, stamp)
        return bool(seal and known) and hmac.compare_digest(str(seal), str(known))

    def _seal(
        self, key: dg.AssetKey, partition: str | None, version: str | None, stamp: object
    ) -> str | None:
        """Return the seal of an event; None of one without a stamp."""
        try:
            known = msgspec.convert(stamp, Stamp)
        except msgspec.ValidationError:
            return None
        said = repr((key.path, partition, version, known))
        return hmac.digest(self._secret, said.encode(errors="surrogatepass"), "sha256").hex()


def _secret(instance: dg.DagsterInstance) -> bytes:
    """Return the secret of an instance, made at the first time."""
    storage = instance.daemon_cursor_storage
    if _SECRET not in (known := storage.get_cursor_values({_SECRET})):
        storage.set_cursor_values({_SECRET: secrets.token_hex()})
        known = storage.get_cursor_values({_SECRET})  # another process may have been quicker
    return known[_SECRET].encode()
