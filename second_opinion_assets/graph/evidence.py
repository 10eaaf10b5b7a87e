"""Refresh of what is made from joined tables: a sensor for agreements and for the report.

It compares versions, not events, and waits until the tables that are being joined are done, so that
a backfill of hundreds of them is followed by a few runs.
"""

import hashlib
import time
from collections.abc import Iterator
from typing import NamedTuple

import dagster as dg
import msgspec
from dagster import DagsterEventType, DefaultSensorStatus

from second_opinion_assets.agreement.joined_table import agreement_fingerprint
from second_opinion_assets.graph.agreement import AGREEMENT_KEY, MOST_TABLES
from second_opinion_assets.graph.history import Attempts, open_attempts, state_version
from second_opinion_assets.graph.joined import JOINED_KEY, MANIFEST_FINGERPRINT
from second_opinion_assets.graph.latest_events import LatestEvents
from second_opinion_assets.graph.metadata import SUMMARY
from second_opinion_assets.graph.report import ALL_JOINED, REPORT_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import DATA_VERSION_TAG
from second_opinion_assets.join.manifest import Manifest, TableSpec
from second_opinion_assets.join.outcomes import TableSummary

PATIENCE_SECONDS = 600.0
"""How long evidence waits for joins that do not end."""


def evidence_sensor(manifest: Manifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that makes agreements and the report again once tables were joined."""
    evidence = Evidence(manifest)

    @dg.sensor(
        name="evidence_after_joins",
        target=dg.AssetSelection.assets(AGREEMENT_KEY, REPORT_KEY),
        minimum_interval_seconds=settings.interval_seconds,
        default_status=(
            DefaultSensorStatus.RUNNING if settings.automation else DefaultSensorStatus.STOPPED
        ),
        description=(
            "Once no table is being joined, asks for the agreement of those that were joined "
            f"since, up to {MOST_TABLES} neighbours in a run, and for the report if any of them "
            "was joined or failed since it was made."
        ),
    )
    def refresh(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        due = evidence.look(context.instance, time.time())
        return dg.SensorResult(
            run_requests=due.requests,
            skip_reason=None if due.requests else due.reason or "nothing changed",
        )

    return refresh


class Due(NamedTuple):
    """Runs to ask for, or why there are none."""

    requests: list[dg.RunRequest]
    reason: str = ""


class Evidence:
    """Looks again and again whether evidence is behind the tables that it was made from."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        kind = DagsterEventType.ASSET_MATERIALIZATION
        self._joined = LatestEvents(JOINED_KEY, kind, [SUMMARY])
        self._agreed = LatestEvents(AGREEMENT_KEY, kind, [MANIFEST_FINGERPRINT])
        self._waits_since: float | None = None

    def look(self, instance: dg.DagsterInstance, now: float) -> Due:
        """Compare what there is with what it was made from.

        Args:
            instance: whose history tells.
            now: seconds since the epoch.
        """
        joins = open_attempts(instance)
        if joins.in_progress:
            self._waits_since = now if self._waits_since is None else self._waits_since
            if now - self._waits_since < PATIENCE_SECONDS:
                return Due([], f"{len(joins.in_progress)} tables are being joined")
        self._waits_since = None
        self._joined.catch_up(instance)
        self._agreed.catch_up(instance)
        agreements = open_attempts(instance, AGREEMENT_KEY)
        due = {
            table.id: version
            for table in self._manifest.tables
            if table.id not in agreements.in_progress and (version := self._behind(table))
        }
        requests = [
            _agreement_request(group) for group in self._groups(due, set(agreements.failed))
        ]
        requests.extend(self._report_requests(instance, joins))
        return Due(requests)

    def _behind(self, table: TableSpec) -> str | None:
        """Return the version that a table's agreement should have, None if it has it."""
        joined = self._joined.get(table.id)
        if joined is None or joined.version is None or SUMMARY not in joined.metadata:
            return None
        scorers = msgspec.convert(joined.metadata[SUMMARY], TableSummary).competitors
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
            alone = table.id in failed
            if group and (table.id not in due or alone or len(group) == MOST_TABLES):
                yield group
                group = {}
            if table.id in due and alone:
                yield {table.id: due[table.id]}
            elif table.id in due:
                group[table.id] = due[table.id]
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
