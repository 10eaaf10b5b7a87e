"""What Dagster's history says of each table: its latest runs, materialization, failure.

Only stored events are read here, never a table; how a report reads does not belong here.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import dagster as dg
import msgspec
from dagster import DagsterEventType, RunStatusChangeRecordsFilter

from second_opinion_assets.agreement.joined_table import JoinedTable
from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.metadata import stored_audit
from second_opinion_assets.graph.names import (
    ATTEMPT,
    ATTEMPT_SUMMARY,
    COLUMN_SCHEMA,
    COUNTS,
    DATA_VERSION_TAG,
    DRIFT,
    JOINED_KEY,
    RUN_PROVENANCE,
    SUMMARY,
)
from second_opinion_assets.graph.own_events import (
    Own,
    hidden_attempts,
    latest_of_a_run,
    latest_of_runs,
)
from second_opinion_assets.graph.pages import pages
from second_opinion_assets.graph.stored_events import stored_events
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import (
    EarlierOutput,
    TableOutcome,
    TableStatus,
    TableSummary,
)
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.drift import Drift
from second_opinion_assets.storage.folders import listed_once

_PAGE_RUNS = 1000
_DONE = {dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS}
_Item = TypeVar("_Item")


class Attempts(NamedTuple):
    """Runs that were to join a table and have not, by table: those that ended, and the others."""

    failed: dict[str, str]
    in_progress: dict[str, str]


class LatestJoin(NamedTuple):
    """What is kept of the latest materialization of a table by a run."""

    event_id: int
    run_id: str
    summary: TableSummary | None
    drift: Drift | None


class _Failure(NamedTuple):
    error: str
    summary: TableSummary | None = None


def open_attempts(
    instance: dg.DagsterInstance,
    key: dg.AssetKey = JOINED_KEY,
    known: Mapping[str, int] | None = None,
    own: Own | None = None,
) -> Attempts:
    """Return the latest run of each table whose latest run published nothing, or not yet.

    Args:
        instance: whose history is read.
        key: the asset that the runs were for.
        known: the latest materialization of each table by a run of ours, so that one that is
            another's hides no failure.
        own: of which manifest the runs must be; None for any.
    """
    storage = instance.event_log_storage
    found = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        key
    )
    run_of = {table_id: run_id for table_id, (run_id, _) in found.items()}
    if known is not None:
        run_of = {**hidden_attempts(instance, key, known), **run_of}
    status_of = {}
    for ids in pages(sorted(set(run_of.values())), _PAGE_RUNS):
        for run in instance.get_runs(dg.RunsFilter(run_ids=ids)):
            if own is None or own.has_run(run.tags):
                status_of[run.run_id] = run.status
    attempts = Attempts({}, {})
    for table_id, run_id in run_of.items():
        status = status_of.get(run_id)
        if status is dg.DagsterRunStatus.FAILURE:
            attempts.failed[table_id] = run_id
        elif status is not None and status not in _DONE:
            attempts.in_progress[table_id] = run_id
    return attempts


def state_version(attempts: Attempts, known: Mapping[str, int]) -> str:
    """Return a hash that changes whenever a table was joined, or failed, since.

    Args:
        attempts: the runs that have not joined their tables.
        known: the latest materialization of each table by a run of ours.
    """
    parts = [sorted(known.items()), sorted(attempts.failed.items())]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


@listed_once()
def table_outcomes(
    instance: dg.DagsterInstance,
    manifest: Manifest,
    joined: Mapping[str, LatestJoin],
    attempts: Attempts,
) -> list[TableOutcome]:
    """Return how each table of the manifest stands, in its order.

    A table that is being joined right now stands as its earlier run left it.
    """
    told = _told_by_attempts(instance, attempts.failed)
    untold = {run_id for table_id, run_id in attempts.failed.items() if table_id not in told}
    failures = _failures(instance, untold)
    return [
        _failed(table, run_id, told.get(table.id) or failures.get(run_id), joined.get(table.id))
        if (run_id := attempts.failed.get(table.id))
        else _not_failed(table, joined.get(table.id))
        for table in manifest.tables
    ]


def joined_table(instance: dg.DagsterInstance, manifest: Manifest, table_id: str) -> JoinedTable:
    """Return where the latest run left a joined table, and what its columns are.

    Raises:
        JoinError: it was never joined, by another version, or is not there any more.
    """
    spec = manifest.table(table_id)
    event = latest_of_a_run(instance, JOINED_KEY, table_id, Own(manifest))
    if event is None:
        msg = f"was never joined; materialize {JOINED_KEY.to_user_string()} of it first"
        raise JoinError(msg)
    known = {name: value.value for name, value in event.metadata.items()}
    version, audit = (event.tags or {}).get(DATA_VERSION_TAG), stored_audit(known)
    schema = event.metadata.get(COLUMN_SCHEMA)
    if version is None or audit is None or not isinstance(schema, dg.TableSchemaMetadataValue):
        msg = "was joined by another version; materialize the table again"
        raise JoinError(msg)
    if not spec.out.exists():
        msg = f"{spec.out}: was joined and is not there any more; materialize the table again"
        raise JoinError(msg)
    columns = [column.name for column in schema.schema.columns]
    return JoinedTable.of(audit, spec.out, columns, version)


def latest_audits(instance: dg.DagsterInstance, manifest: Manifest) -> dict[str, Audit]:
    """Return the audit of each table's latest materialization, in the manifest's order.

    A table that was never joined, or by a version that stored less, is left out.
    """
    audits = {
        event.partition: audit
        for event in latest_of_runs(instance, JOINED_KEY, [COUNTS, RUN_PROVENANCE], Own(manifest))
        if (audit := stored_audit(event.metadata)) is not None
    }
    return {table.id: audits[table.id] for table in manifest.tables if table.id in audits}


def _not_failed(table: TableSpec, joined: LatestJoin | None) -> TableOutcome:
    if joined is None:
        return TableOutcome(table, TableStatus.not_joined)
    status = TableStatus.ok if table.out.exists() else TableStatus.output_gone
    return TableOutcome(table, status, joined.summary, run_id=joined.run_id, drift=joined.drift)


def _failed(
    table: TableSpec, run_id: str, failure: _Failure | None, joined: LatestJoin | None
) -> TableOutcome:
    failure = failure or _Failure("the run failed without saying why")
    earlier = joined and EarlierOutput(
        exists=table.out.exists(),
        output_rows=joined.summary.output_rows if joined.summary else None,
        run_id=joined.run_id,
    )
    return TableOutcome(table, TableStatus.failed, failure.summary, failure.error, run_id, earlier)


def latest_joined(instance: dg.DagsterInstance, manifest: Manifest) -> dict[str, LatestJoin]:
    """Return the latest materialization of each table by a run of its manifest."""
    events = latest_of_runs(instance, JOINED_KEY, [SUMMARY, DRIFT], Own(manifest))
    return {
        event.partition: LatestJoin(
            event.event_id,
            event.run_id,
            _stored(event.metadata, SUMMARY, TableSummary),
            _stored(event.metadata, DRIFT, Drift),
        )
        for event in events
        if event.partition is not None
    }


def ids_of(joined: Mapping[str, LatestJoin]) -> dict[str, int]:
    """Return the ids of the latest materializations, by table."""
    return {table_id: join.event_id for table_id, join in joined.items()}


def _told_by_attempts(
    instance: dg.DagsterInstance, failed: Mapping[str, str]
) -> dict[str, _Failure]:
    """Return why tables failed, as far as their runs came to telling it of each.

    Args:
        instance: whose history is read.
        failed: the run of each table that failed.
    """
    if not failed:
        return {}
    kind, names = DagsterEventType.ASSET_OBSERVATION, [ATTEMPT, ATTEMPT_SUMMARY]
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(JOINED_KEY, kind)
    told: dict[str, _Failure] = {}
    for ids in pages([latest[table_id] for table_id in failed if table_id in latest], _PAGE_RUNS):
        for event in stored_events(instance, JOINED_KEY, kind, ids, names):
            table_id = event.partition or ""
            if event.run_id and event.run_id == failed.get(table_id) and ATTEMPT in event.metadata:
                summary = _stored(event.metadata, ATTEMPT_SUMMARY, TableSummary)
                told[table_id] = _Failure(str(event.metadata[ATTEMPT]), summary)
    return told


def _failures(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> dict[str, _Failure]:
    """Return why each of these runs failed, from the latest failures backwards."""
    wanted = set(run_ids)
    failures: dict[str, _Failure] = {}
    cursor = None
    while wanted - failures.keys():
        page = instance.fetch_run_status_changes(
            RunStatusChangeRecordsFilter(DagsterEventType.RUN_FAILURE),
            limit=_PAGE_RUNS,
            cursor=cursor,
        )
        for record in page.records:
            if record.run_id in wanted and record.event_log_entry.dagster_event:
                event = record.event_log_entry.dagster_event
                failures[record.run_id] = _why(event)
        cursor = page.cursor
        if not page.has_more:
            break
    return failures


def _why(event: dg.DagsterEvent) -> _Failure:
    """Return why a run failed: its step's own words if it failed by intention, else the error."""
    data = event.job_failure_data
    step = data.first_step_failure_event
    if step is None:
        return _Failure(event.message or str(data.error and data.error.message))
    failure = step.step_failure_data
    expected = failure.user_failure_data
    if expected is None:
        cause = failure.error and (failure.error.cause or failure.error)
        return _Failure(cause.message.strip() if cause else str(step.message))
    told = {name: value.value for name, value in expected.metadata.items()}
    return _Failure(expected.description or "", _stored(told, SUMMARY, TableSummary))


def _stored(metadata: Mapping[str, Any], name: str, kind: type[_Item]) -> _Item | None:
    """Return what was stored with an event; None for one without it."""
    stored = metadata.get(name)
    return None if stored is None else msgspec.convert(stored, kind)
