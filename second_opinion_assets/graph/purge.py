"""Old history: which runs and events of Dagster's store are removed, and which stay.

Dagster removes old ticks by itself, runs only if it is told which (`delete_run`), and never what
sensors recorded without a run. Of every partition stays, however old it is, its latest event, what
its staleness is told by, and the run that failed to make it last.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import dagster as dg
from dagster import DagsterEventType, DefaultScheduleStatus
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from second_opinion_assets.graph.history import open_attempts
from second_opinion_assets.graph.names import (
    AGREEMENT_KEY,
    ALL_JOINED,
    JOINED_KEY,
    PROVENANCE_HOLDS,
    PURGE_JOB,
    PURGE_SCHEDULE,
    REPORT_KEY,
)
from second_opinion_assets.graph.own_events import latest_of_runs
from second_opinion_assets.graph.pages import pages
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import source_partitions
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.storage.removal import remove_if_there

_EVENTS = SqlEventLogStorageTable.c
_KINDS = (DagsterEventType.ASSET_OBSERVATION, DagsterEventType.ASSET_MATERIALIZATION)
_POINTER = "dagster/input_event_pointer/"
_CHECKS = [dg.AssetCheckKey(REPORT_KEY, name) for name in (PROVENANCE_HOLDS, ALL_JOINED)]
_PAGE = 500


class Purged(NamedTuple):
    """How much was removed."""

    runs: int
    events: int


class _Event(NamedTuple):
    """An event as the index of the store tells it, without being read."""

    id: int
    partition: str | None
    run_id: str
    timestamp: datetime


class _Needed(NamedTuple):
    """What must stay: runs, and of the events that no run recorded those that may go."""

    runs: set[str]
    old_events: list[int]


def purge_job(manifest: Manifest, settings: Settings) -> dg.JobDefinition:
    """Return the job that removes old history."""

    @dg.op(name="remove_what_is_old")
    def remove(context: dg.OpExecutionContext) -> None:
        before = datetime.now(UTC) - timedelta(days=settings.keep_days)
        purged = purge(context.instance, source_partitions(manifest), before)
        context.log.info("removed %s runs, and %s events of no run", *purged)

    @dg.job(
        name=PURGE_JOB,
        description=(
            "Removes runs and events of Dagster's store that are older than "
            f"{settings.keep_days:g} days. Of every partition the latest event stays, and what its "
            "staleness is told by."
        ),
    )
    def job() -> None:
        remove()

    return job


def purge_schedule(job: dg.JobDefinition, settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule that removes old history each night; it is on unless all is kept."""
    return dg.ScheduleDefinition(
        name=PURGE_SCHEDULE,
        job=job,
        cron_schedule="30 4 * * *",
        default_status=(
            DefaultScheduleStatus.RUNNING if settings.keep_days else DefaultScheduleStatus.STOPPED
        ),
    )


def purge(instance: dg.DagsterInstance, sources: Iterable[dg.AssetKey], before: datetime) -> Purged:
    """Remove what is older than a moment and not needed.

    Args:
        instance: whose history it is.
        sources: the assets of which sensors record events without a run.
        before: the moment.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return Purged(0, 0)
    needed = _needed(instance, storage, list(sources), before.astimezone(UTC).replace(tzinfo=None))
    _remove_events(storage, needed.old_events)
    if isinstance(storage, SqliteEventLogStorage):
        _forget_copies(storage, before)
    return Purged(_remove_runs(instance, storage, needed.runs, before), len(needed.old_events))


def _needed(
    instance: dg.DagsterInstance,
    storage: SqlEventLogStorage,
    sources: Sequence[dg.AssetKey],
    before: datetime,
) -> _Needed:
    pointers = _pointers(instance)
    needed = _Needed(set(), [])
    for key in (*sources, JOINED_KEY, AGREEMENT_KEY, REPORT_KEY):
        for kind in _KINDS:
            by_partition: defaultdict[str | None, list[_Event]] = defaultdict(list)
            for event in _events(storage, key, kind):
                by_partition[event.partition].append(event)
            for partition, events in by_partition.items():
                kept = _kept(events, pointers.get((key.to_user_string(), partition), ()))
                if key in sources or kind is DagsterEventType.ASSET_MATERIALIZATION:
                    needed.runs.update(event.run_id for event in kept)
                # Of what is made, an observation tells of an attempt: it goes with its run.
                needed.old_events.extend(
                    event.id
                    for event in set(events) - kept
                    if not event.run_id and event.timestamp < before
                )
    for key in (JOINED_KEY, AGREEMENT_KEY):
        attempts = open_attempts(instance, key)
        needed.runs.update(attempts.failed.values(), attempts.in_progress.values())
    checks = storage.get_latest_asset_check_execution_by_key(_CHECKS)
    needed.runs.update(check.run_id for check in checks.values())
    return needed


def _kept(events: Sequence[_Event], pointers: Iterable[int]) -> set[_Event]:
    """Return the events of a partition, in the order of their ids, that are needed.

    Those are the latest, the latest of a run, and the latest that each of what was made from it
    knew of: by that Dagster tells whether it has changed since.
    """
    ids = [event.id for event in events]
    of_runs = [event for event in events if event.run_id]
    known = [bisect_right(ids, pointer) for pointer in pointers]
    return {events[-1], *of_runs[-1:], *(events[place - 1] for place in known if place)}


def _pointers(instance: dg.DagsterInstance) -> Mapping[tuple[str, str | None], list[int]]:
    """Return the latest event of an input that what was made from it knew of, by partition."""
    found: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
    for key in (JOINED_KEY, AGREEMENT_KEY):
        for event in latest_of_runs(instance, key):
            for name, value in event.tags.items():
                if name.startswith(_POINTER) and value.isdecimal():
                    found[name.removeprefix(_POINTER), event.partition].append(int(value))
    return found


def _events(
    storage: SqlEventLogStorage, key: dg.AssetKey, kind: DagsterEventType
) -> Iterator[_Event]:
    """Yield the events of an asset, in the order of their ids."""
    columns = (_EVENTS.id, _EVENTS.partition, _EVENTS.run_id, _EVENTS.timestamp)
    wanted = (
        SqlEventLogStorageTable.select()
        .with_only_columns(*columns)
        .where(_EVENTS.asset_key == key.to_string(), _EVENTS.dagster_event_type == kind.value)
        .order_by(_EVENTS.id)
    )
    with storage.index_connection() as connection:
        rows = connection.execute(wanted).fetchall()
    return (_Event(*row) for row in rows)


def _remove_events(storage: SqlEventLogStorage, ids: Sequence[int]) -> None:
    with storage.index_connection() as connection:
        for page in pages(ids, _PAGE):
            tags = AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(page))
            connection.execute(tags)
            connection.execute(SqlEventLogStorageTable.delete().where(_EVENTS.id.in_(page)))


def _forget_copies(storage: SqliteEventLogStorage, before: datetime) -> None:
    """Remove old copies of the events of no run: SQLite's store has them in a file of its own.

    Nobody reads them there.
    """
    old = _EVENTS.timestamp < before.astimezone(UTC).replace(tzinfo=None)
    with storage.run_connection("") as connection:
        connection.execute(SqlEventLogStorageTable.delete().where(old))


def _remove_runs(
    instance: dg.DagsterInstance, storage: SqlEventLogStorage, needed: set[str], before: datetime
) -> int:
    wanted = dg.RunsFilter(updated_before=before, statuses=FINISHED_STATUSES)
    old = [id_ for id_ in instance.get_run_ids(wanted) if id_ not in needed]
    for run_id in old:
        instance.delete_run(run_id)
        with storage.index_connection() as connection:  # which Dagster leaves
            of_run = AssetCheckExecutionsTable.c.run_id == run_id
            connection.execute(AssetCheckExecutionsTable.delete().where(of_run))
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        if isinstance(storage, SqliteEventLogStorage):
            for suffix in ("", "-wal", "-shm"):
                remove_if_there(f"{storage.path_for_shard(run_id)}{suffix}")
    return len(old)
