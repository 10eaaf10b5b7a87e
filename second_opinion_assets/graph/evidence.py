"""Which agreements to make, and the report, once tables were joined.

Which tables to join belongs to `refresh`.
"""

import hashlib
import time
from collections.abc import Iterator
from itertools import islice

import dagster as dg
import msgspec
from dagster import DagsterEventType

from second_opinion_assets.agreement.joined_table import agreement_fingerprint
from second_opinion_assets.graph.history import (
    Attempts,
    open_attempts,
    state_version,
)
from second_opinion_assets.graph.latest_events import LatestEvents
from second_opinion_assets.graph.names import (
    AGREEMENT_KEY,
    ALL_JOINED,
    DATA_VERSION_TAG,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    REPORT_KEY,
    SUMMARY,
)
from second_opinion_assets.graph.own_events import Own, latest_of_a_run
from second_opinion_assets.graph.plan import MOST_REQUESTS, TICK_SECONDS, RefreshPlan
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import TableSummary
from second_opinion_assets.join.table_spec import TableSpec

PATIENCE_SECONDS = 600.0
"""How long agreements and the report wait for joins that do not end."""


class EvidencePlanner:
    """Plans which agreements to make, and the report, once the tables being joined are done.

    A backfill of hundreds of tables is then followed by a few runs.

    Args:
        manifest: the tables.
        most_tables: how many agreements share a run.
    """

    def __init__(self, manifest: Manifest, most_tables: int) -> None:
        self._manifest = manifest
        self._most_tables = most_tables
        kind = DagsterEventType.ASSET_MATERIALIZATION
        self._own = Own(manifest)
        self._joined = LatestEvents(JOINED_KEY, kind, [SUMMARY], self._own)
        self._agreed = LatestEvents(AGREEMENT_KEY, kind, [MANIFEST_FINGERPRINT], self._own)
        self._waits_since: float | None = None

    def plan(
        self, instance: dg.DagsterInstance, now: float, _after: str | None = None, /
    ) -> RefreshPlan:
        until = time.monotonic() + TICK_SECONDS
        self._joined.catch_up(instance, until)
        self._agreed.catch_up(instance, until)
        if unread := self._joined.unread + self._agreed.unread:
            return RefreshPlan([], [], [f"{unread} events of the history are left to be read"])
        joins = open_attempts(instance, known=self._joined.ids, own=self._own)
        if joins.in_progress:
            self._waits_since = now if self._waits_since is None else self._waits_since
            if now - self._waits_since < PATIENCE_SECONDS:
                return RefreshPlan([], [], [f"{len(joins.in_progress)} tables are being joined"])
        self._waits_since = None
        agreements = open_attempts(instance, AGREEMENT_KEY, self._agreed.ids, self._own)
        due = {
            table.id: version
            for table in self._manifest.tables
            if table.id not in agreements.in_progress and (version := self._behind(table))
        }
        groups = islice(self._groups(due, set(agreements.failed)), MOST_REQUESTS)
        requests = [*map(_agreement_request, groups), *self._report_requests(instance, joins)]
        return RefreshPlan([], requests, [])

    def _behind(self, table: TableSpec) -> str | None:
        """Return the version that a table's agreement should have, None if it has it."""
        joined = self._joined.get(table.id)
        if joined is None or joined.version is None or SUMMARY not in joined.metadata:
            return None
        scorers = msgspec.convert(joined.metadata[SUMMARY], TableSummary).scorers
        version = agreement_fingerprint(
            joined.version, scorers, table.references, table.registry, table.groups
        )
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
            if group and (version is None or alone or len(group) == self._most_tables):
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
        version = state_version(joins, self._joined.ids)
        event = latest_of_a_run(instance, REPORT_KEY, None, self._own)
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
