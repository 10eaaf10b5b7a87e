"""What this graph keeps in Dagster's events, read from their text.

Dagster makes hundreds of objects of the event of one joined table; here only what is asked for is
made of it. Whose events they are belongs to `own_events`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import dagster as dg
import msgspec
from dagster import DagsterEventType, EventLogRecord
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from msgspec import UNSET, UnsetType

_EVENTS = SqlEventLogStorageTable.c


class StoredEvent(NamedTuple):
    """A materialization or observation.

    Attributes:
        event_id: by which later events are later.
        run_id: the run that recorded it; empty if it was reported from outside.
        timestamp: seconds since the epoch.
        partition: of the asset.
        tags: all of them.
        metadata: the values that were asked for, by name.
    """

    event_id: int
    run_id: str
    timestamp: float
    partition: str | None
    tags: Mapping[str, str]
    metadata: Mapping[str, Any]

    @classmethod
    def of(cls, record: EventLogRecord, names: Collection[str]) -> Self:
        """Return what Dagster has read."""
        event = record.asset_observation or record.asset_materialization
        known = event.metadata if event else {}
        return cls(
            record.storage_id,
            record.run_id,
            record.timestamp,
            record.partition_key,
            (event and event.tags) or {},
            {name: known[name].value for name in names if name in known},
        )


def stored_events(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    kind: DagsterEventType,
    ids: Sequence[int],
    names: Collection[str],
) -> Iterator[StoredEvent]:
    """Yield events of an asset, latest first.

    Args:
        instance: whose history is read.
        key: the asset.
        kind: observations or materializations.
        ids: of the events, as many as are to be read at once.
        names: the names of the metadata that is asked for.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        yield from _read_by_dagster(instance, key, kind, ids, names)
        return
    wanted = (
        SqlEventLogStorageTable.select()
        .with_only_columns(_EVENTS.id, _EVENTS.run_id, _EVENTS.event)
        .where(_EVENTS.id.in_(ids))
        .order_by(_EVENTS.id.desc())
    )
    with storage.index_connection() as connection:
        rows = connection.execute(wanted).fetchall()
    for event_id, run_id, text in rows:
        try:
            yield _read(event_id, run_id, text, names)
        except (msgspec.MsgspecError, UnicodeEncodeError):  # such as NaN, or half a character
            yield from _read_by_dagster(instance, key, kind, [event_id], names)


class _Data(msgspec.Struct):
    """The one value of an entry; kinds of others are left to Dagster."""

    data: Any = UNSET
    text: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    value: Any = UNSET


class _Entry(msgspec.Struct):
    label: str
    entry_data: msgspec.Raw


class _Event(msgspec.Struct):
    metadata_entries: list[_Entry]
    partition: str | None = None
    tags: dict[str, str] | None = None


class _Specific(msgspec.Struct):
    materialization: _Event | UnsetType = UNSET
    asset_observation: _Event | UnsetType = UNSET


class _DagsterEvent(msgspec.Struct):
    event_specific_data: _Specific


class _LogEntry(msgspec.Struct):
    """An event as Dagster stores it, as far as it is looked at."""

    timestamp: float
    dagster_event: _DagsterEvent


_decoder = msgspec.json.Decoder(_LogEntry)


def _read(event_id: int, run_id: str, text: str, names: Collection[str]) -> StoredEvent:
    """Return an event from its text; a MsgspecError for text that is not as it is expected."""
    entry = _decoder.decode(text)
    specific = entry.dagster_event.event_specific_data
    event = specific.materialization or specific.asset_observation
    if isinstance(event, UnsetType):
        msg = "neither materialization nor observation"
        raise msgspec.ValidationError(msg)
    found = {e.label: _value(e.entry_data) for e in event.metadata_entries if e.label in names}
    return StoredEvent(event_id, run_id, entry.timestamp, event.partition, event.tags or {}, found)


def _value(raw: msgspec.Raw) -> object:
    known = msgspec.json.decode(raw, type=_Data)
    for value in (known.data, known.text, known.path, known.value):
        if value is not UNSET:
            return value
    msg = "metadata of a kind that is not known here"
    raise msgspec.ValidationError(msg)


def _read_by_dagster(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    kind: DagsterEventType,
    ids: Sequence[int],
    names: Collection[str],
) -> Iterator[StoredEvent]:
    is_observed = kind is DagsterEventType.ASSET_OBSERVATION
    fetch = instance.fetch_observations if is_observed else instance.fetch_materializations
    wanted = dg.AssetRecordsFilter(key, storage_ids=ids)
    for record in fetch(wanted, limit=len(ids)).records:
        yield StoredEvent.of(record, names)
