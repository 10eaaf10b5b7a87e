"""Refresh: the sensors and the schedule that notice what changed, and ask for runs.

Versions of content are compared, not events: a table is joined again if what it would be made from
now differs from what it was made from last. What runs then do belongs to the assets.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import dagster as dg
import msgspec
from dagster import DagsterEventType, DefaultSensorStatus

from second_opinion_assets.agreement.joined_table import agreement_fingerprint
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.history import (
    Attempts,
    LatestEvent,
    LatestEvents,
    open_attempts,
    state_version,
)
from second_opinion_assets.graph.names import (
    AGREEMENT_KEY,
    ALL_JOINED,
    DATA_VERSION_TAG,
    ENTRIES_KEY,
    EVIDENCE_SENSOR,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    NIGHTLY_SCHEDULE,
    REFRESH_SENSOR,
    REPORT_KEY,
    STAMP,
    SUMMARY,
)
from second_opinion_assets.graph.runs import MOST_AGREEMENTS
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import (
    PartitionState,
    SourceEvent,
    entry_state,
    files_state,
    source_files,
    source_partitions,
    state_events,
)
from second_opinion_assets.join.manifest import Manifest, TableSpec
from second_opinion_assets.join.outcomes import TableSummary
from second_opinion_assets.join.provenance import fingerprint
from second_opinion_assets.join.source_files import SourceFile, Stamp
from second_opinion_assets.join.watch import Waiting, Watcher
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location

SHOWN_NOTES = 20
PATIENCE_SECONDS = 600.0
"""How long agreements and the report wait for joins that do not end."""


class RefreshPlan(NamedTuple):
    """What a look gives: events to record, runs to ask for, and notes on what has to wait."""

    events: list[SourceEvent]
    requests: list[dg.RunRequest]
    notes: list[str]

    @property
    def skip_reason(self) -> str | None:
        """Why no run is asked for, in one line; None if there is one."""
        if self.requests:
            return None
        notes = list(dict.fromkeys(self.notes))  # of a file that several scorers share, but one
        more = len(notes) - SHOWN_NOTES
        shown = notes[:SHOWN_NOTES] + ([f"and {more} more"] if more > 0 else [])
        return "; ".join(shown) or "nothing changed"


class Planner(Protocol):
    """Looks again and again, for one instance, and remembers what it read there."""

    def plan(self, instance: dg.DagsterInstance, now: float) -> RefreshPlan:
        """Compare what there is with what it was made from.

        Args:
            instance: whose history tells.
            now: seconds since the epoch.
        """


def refresh_sensor(manifest: Manifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that joins a table again once its inputs or options changed."""
    return _sensor(
        REFRESH_SENSOR,
        dg.AssetSelection.assets(JOINED_KEY),
        RefreshPlanner(manifest, settings.settle_seconds),
        settings,
        "Looks at the files of every table, records what changed, and asks for one run for each "
        "table whose inputs or options differ from what it was joined from. A file must have been "
        f"still for {settings.settle_seconds:g} s.",
    )


def evidence_sensor(manifest: Manifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that makes agreements and the report again once tables were joined."""
    return _sensor(
        EVIDENCE_SENSOR,
        dg.AssetSelection.assets(AGREEMENT_KEY, REPORT_KEY),
        EvidencePlanner(manifest),
        settings,
        "Once no table is being joined, asks for the agreement of those that were joined since, up "
        f"to {MOST_AGREEMENTS} neighbours in a run, and for the report if any of them was joined "
        "or failed since it was made.",
    )


def nightly_schedule(manifest: Manifest, settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule that does what the refresh sensor does, once a night."""
    planner = RefreshPlanner(manifest, settings.settle_seconds)

    @dg.schedule(
        name=NIGHTLY_SCHEDULE,
        cron_schedule=settings.nightly_cron,
        target=dg.AssetSelection.assets(JOINED_KEY),
        description="Does what the sensor does, once a night, for those who want no sensor.",
    )
    def refresh(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        plan = planner.plan(context.instance, time.time())
        for event in plan.events:
            context.instance.report_runless_asset_event(event)
        for note in plan.notes:
            context.log.info(note)
        return plan.requests or dg.SkipReason(plan.skip_reason)

    return refresh


def _sensor(
    name: str, target: dg.AssetSelection, planner: Planner, settings: Settings, description: str
) -> dg.SensorDefinition:
    status = DefaultSensorStatus.RUNNING if settings.automation else DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=name,
        target=target,
        minimum_interval_seconds=settings.interval_seconds,
        default_status=status,
        description=description,
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        plan = planner.plan(context.instance, time.time())
        for note in plan.notes:
            context.log.info(note)
        return dg.SensorResult(
            run_requests=plan.requests, asset_events=plan.events, skip_reason=plan.skip_reason
        )

    return look


class RefreshPlanner:
    """Plans which tables to join, by their files and options; cheap where nothing changed."""

    def __init__(self, manifest: Manifest, settle_seconds: float) -> None:
        self._manifest = manifest
        self._files = source_files(manifest)
        self._watcher = Watcher(settle_seconds)
        self._joined = LatestEvents(
            JOINED_KEY, DagsterEventType.ASSET_MATERIALIZATION, [MANIFEST_FINGERPRINT]
        )
        self._observed = {
            key: LatestEvents(key, DagsterEventType.ASSET_OBSERVATION, [STAMP])
            for key in source_partitions(manifest)
        }

    def plan(self, instance: dg.DagsterInstance, now: float) -> RefreshPlan:
        self._catch_up(instance)
        plan = RefreshPlan([], [], [])
        for table in self._manifest.tables:
            self._look_at(table, now, plan)
        return plan

    def _catch_up(self, instance: dg.DagsterInstance) -> None:
        self._joined.catch_up(instance)
        for key, events in self._observed.items():
            for table_id in events.catch_up(instance):
                for path in self._files.get(key, {}).get(table_id, []):
                    self._remember(path, events[table_id])

    def _look_at(self, table: TableSpec, now: float, plan: RefreshPlan) -> None:
        """Add to a plan what one table gives; a broken file does not affect other tables."""
        plan.events.extend(self._news(ENTRIES_KEY, table.id, entry_state(table)))
        files: dict[Location, SourceFile] = {}
        for key, by_table in self._files.items():
            paths = by_table.get(table.id, [])
            there = [file for path in paths if (file := self._look(table, key, path, now, plan))]
            files.update({file.path: file for file in there})
            if paths and len(there) == len(paths):
                plan.events.extend(self._news(key, table.id, files_state(there)))
        if len(files) < len(set(table.inputs)):
            return
        sidecars = [files[sidecar.path].digest for sidecar in table.scores]
        version = fingerprint(table, files[table.features].digest, sidecars)
        joined = self._joined.get(table.id)
        if joined is None or joined.metadata.get(MANIFEST_FINGERPRINT) != version:
            # With the event that it replaces in its key, a table that fails is tried once for each
            # content, and content that comes back after another one was joined is joined again.
            since = joined.event_id if joined else 0
            plan.requests.append(
                dg.RunRequest(run_key=f"{table.id}:{version}:{since}", partition_key=table.id)
            )

    def _look(
        self, table: TableSpec, key: dg.AssetKey, path: Location, now: float, plan: RefreshPlan
    ) -> SourceFile | None:
        try:
            file = self._watcher.look(path, now, finished=self._is_finished(key, table.id, path))
        except JoinError as error:
            plan.notes.append(f"{table.id}: {error}")
            return None
        if isinstance(file, Waiting):
            plan.notes.append(f"{table.id} waits: {file.reason}")
            return None
        return file

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


class EvidencePlanner:
    """Plans which agreements to make, and the report, once the tables being joined are done.

    A backfill of hundreds of tables is then followed by a few runs.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        kind = DagsterEventType.ASSET_MATERIALIZATION
        self._joined = LatestEvents(JOINED_KEY, kind, [SUMMARY])
        self._agreed = LatestEvents(AGREEMENT_KEY, kind, [MANIFEST_FINGERPRINT])
        self._waits_since: float | None = None

    def plan(self, instance: dg.DagsterInstance, now: float) -> RefreshPlan:
        joins = open_attempts(instance)
        if joins.in_progress:
            self._waits_since = now if self._waits_since is None else self._waits_since
            if now - self._waits_since < PATIENCE_SECONDS:
                return RefreshPlan([], [], [f"{len(joins.in_progress)} tables are being joined"])
        self._waits_since = None
        self._joined.catch_up(instance)
        self._agreed.catch_up(instance)
        agreements = open_attempts(instance, AGREEMENT_KEY)
        due = {
            table.id: version
            for table in self._manifest.tables
            if table.id not in agreements.in_progress and (version := self._behind(table))
        }
        groups = self._groups(due, set(agreements.failed))
        requests = [*map(_agreement_request, groups), *self._report_requests(instance, joins)]
        return RefreshPlan([], requests, [])

    def _behind(self, table: TableSpec) -> str | None:
        """Return the version that a table's agreement should have, None if it has it."""
        joined = self._joined.get(table.id)
        if joined is None or joined.version is None or SUMMARY not in joined.metadata:
            return None
        scorers = msgspec.convert(joined.metadata[SUMMARY], TableSummary).scorers
        version = agreement_fingerprint(joined.version, scorers, table.references, table.registry)
        agreed = self._agreed.get(table.id)
        known = agreed and agreed.metadata.get(MANIFEST_FINGERPRINT)
        return None if known == version or not table.out.exists() else version

    def _groups(self, due: dict[str, str], failed: set[str]) -> Iterator[dict[str, str]]:
        """Yield tables that a run can have between them: neighbours in the manifest.

        A table that failed is on its own, so that it is tried once more for each version and not
        whenever a neighbour is due.
        """
        group: dict[str, str] = {}
        for table in self._manifest.tables:
            version, alone = due.get(table.id), table.id in failed
            if group and (version is None or alone or len(group) == MOST_AGREEMENTS):
                yield group
                group = {}
            if version is not None:
                group[table.id] = version
            if group and alone:
                yield group
                group = {}
        if group:
            yield group

    def _report_requests(
        self, instance: dg.DagsterInstance, joins: Attempts
    ) -> Iterator[dg.RunRequest]:
        if not (self._joined or joins.failed):
            return
        version = state_version(instance, joins)
        made = instance.get_latest_materialization_event(REPORT_KEY)
        event = made.asset_materialization if made else None
        if event is None or (event.tags or {}).get(DATA_VERSION_TAG) != version:
            yield dg.RunRequest(
                run_key=f"report:{version}",
                asset_selection=[REPORT_KEY],
                # Its other check is on demand: a run that skips it would hide its latest answer.
                asset_check_keys=[dg.AssetCheckKey(REPORT_KEY, ALL_JOINED)],
            )


def _agreement_request(versions: dict[str, str]) -> dg.RunRequest:
    """Return the request of a run over neighbouring tables, at most one for these versions."""
    first, last = next(iter(versions)), next(reversed(versions))
    key = hashlib.sha256(msgspec.json.encode(versions)).hexdigest()
    one = first == last
    ends = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.RunRequest(
        run_key=f"agreement:{key}",
        asset_selection=[AGREEMENT_KEY],
        partition_key=first if one else None,
        tags={} if one else ends,
    )
