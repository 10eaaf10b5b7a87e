"""Whether to ask for a run: by what became of those that were asked for before.

A run that failed for what the files of its table hold would fail again, and is not asked for again.
One that ended and told nothing of them is: its process died, it never started, or somebody
canceled it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import dagster as dg
import msgspec
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

from second_opinion_assets.graph.history import open_attempts
from second_opinion_assets.graph.names import (
    FAILED_TABLES,
    JOINED_KEY,
    TRANSIENT,
    TRANSIENT_TABLES,
)
from second_opinion_assets.graph.own_events import Own
from second_opinion_assets.graph.plan import MOST_REQUESTS, RefreshPlan
from second_opinion_assets.graph.requests import (
    PARTITION_TAG,
    RUN_KEY_TAG,
    Due,
    Try,
    asked_before,
    requests,
    runs_by_tag,
)

PAUSE_SECONDS = 60.0
"""How long after a run that told nothing the next one is asked for; it doubles each time."""
LONGEST_PAUSE_SECONDS = 3600.0
CANCELED_PAUSE_SECONDS = 600.0
"""Likewise after one that somebody canceled, at least."""
RETRY_PATIENCE_SECONDS = 600.0
"""How long Dagster's own retry of a run that died is waited for."""
RUN_PATIENCE_SECONDS = 1800.0
"""How long a run or backfill of the table that somebody else asked for is waited for."""
_REASON_TAG = "dagster/failure_reason"


class _Waiting(NamedTuple):
    other: str
    since: float


class Tries:
    """Asks for runs of tables that are due, and remembers which are not to be tried again.

    Args:
        most_tables: how many tables share a run.
        own: of which manifest runs are waited for; None for any.
    """

    def __init__(self, most_tables: int, own: Own | None = None) -> None:
        self._most_tables = most_tables
        self._own = own
        self._failed: dict[str, str] = {}
        self._waits: dict[str, _Waiting] = {}

    def ask(
        self, instance: dg.DagsterInstance, due: Sequence[Due], now: float, plan: RefreshPlan
    ) -> None:
        """Add to a plan the runs to ask for, and why others are not.

        Args:
            instance: whose runs there were.
            due: the tables to join, in the order of their places.
            now: seconds since the epoch.
            plan: takes requests and notes.
        """
        if not due:
            return
        again: dict[str | None, dg.RunRequest] = {}
        tries: list[Try] = []
        for table, answer in self._answers(instance, due, now):
            if isinstance(answer, str):
                plan.notes.append(f"{table.table_id}: {answer}")
            elif isinstance(answer, dg.RunRequest):
                again[answer.run_key] = answer
            else:
                tries.append(Try(table, answer))
        asked = iter([*again.values(), *requests(tries, self._most_tables)])
        plan.requests.extend(islice(asked, MOST_REQUESTS))
        if later := len(list(asked)):
            plan.notes.append(f"{later} more runs are asked for by later ticks")

    def _answers(
        self, instance: dg.DagsterInstance, due: Sequence[Due], now: float
    ) -> Iterator[tuple[Due, dg.RunRequest | int | str]]:
        """Yield for each table a run to take up, the number of the try, or why none is made."""
        by_tag = runs_by_tag(
            instance, [table.tag for table in due if table.tag not in self._failed]
        )
        others = _under_way(instance, self._own)
        for table in due:
            runs = by_tag.get(table.tag, [])
            answer = self._answer(instance, table, runs, now)
            own = {f"run {record.dagster_run.run_id}" for record in runs}
            if not isinstance(answer, str) and others.get(table.table_id) not in own:
                waits = self._wait_for_another(table, others, now)
                answer = answer if waits is None else waits
            yield table, answer

    def _answer(
        self, instance: dg.DagsterInstance, table: Due, runs: list[dg.RunRecord], now: float
    ) -> dg.RunRequest | int | str:
        """Return what to do about a table; the runs are latest first."""
        if not runs and table.tag not in self._failed:
            return 0
        run = runs[0].dagster_run if runs else None
        failed = run and run.status is DagsterRunStatus.FAILURE
        if run and failed and _told_why(instance, run, table.table_id):
            self._failed[table.tag] = run.run_id
        if run_id := self._failed.get(table.tag):
            return f"run {run_id} failed for what is in its files; once they change it is joined"
        return _after(runs, now)

    def _wait_for_another(self, table: Due, others: Mapping[str, str], now: float) -> str | None:
        """Return what is waited for if somebody else's run or backfill is to join a table."""
        other = others.get(table.table_id)
        if other is None:
            self._waits.pop(table.table_id, None)
            return None
        wait = self._waits.get(table.table_id)
        if wait is None or wait.other != other:
            wait = self._waits[table.table_id] = _Waiting(other, now)
        if now - wait.since >= RUN_PATIENCE_SECONDS:
            return None
        return f"waits for {other}, which is to join it"


def _after(runs: list[dg.RunRecord], now: float) -> dg.RunRequest | int | str:
    """Return what to do after runs of which the latest has told nothing of the files."""
    latest, run = runs[0], runs[0].dagster_run
    if run.status is DagsterRunStatus.NOT_STARTED:
        # It was made and not handed on, since the daemon died: by its key that is made good.
        return asked_before(run)
    if not run.is_finished:
        return f"run {run.run_id} is to join it, and is {run.status.value.lower()}"
    ended = latest.end_time or latest.update_timestamp.timestamp()
    if run.is_complete_and_waiting_to_retry and now - ended < RETRY_PATIENCE_SECONDS:
        return f"run {run.run_id} died, and is about to be retried"
    tries = len({record.dagster_run.tags.get(RUN_KEY_TAG) for record in runs})
    pause = min(PAUSE_SECONDS * 2 ** (tries - 1), LONGEST_PAUSE_SECONDS)
    what = "ended without joining it"
    if run.status is DagsterRunStatus.CANCELED:
        pause, what = max(pause, CANCELED_PAUSE_SECONDS), "was canceled"
    if (left := ended + pause - now) > 0:
        return f"run {run.run_id} {what}; another one is asked for in {left:.0f} s"
    return tries


def _under_way(instance: dg.DagsterInstance, own: Own | None) -> dict[str, str]:
    """Return the run or backfill that is to join a table, by table, whoever asked for it."""
    under_way = {}
    requested = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])
    for backfill in instance.get_backfills(requested):
        if data := backfill.asset_backfill_data:
            left = data.get_targeted_partitions_without_materialization_status()
            tables = left.partitions_subsets_by_asset_key.get(JOINED_KEY)
            for table_id in tables.get_partition_keys() if tables else ():
                under_way[table_id] = f"backfill {backfill.backfill_id}"
    for table_id, run_id in open_attempts(instance, own=own).in_progress.items():
        under_way[table_id] = f"run {run_id}"
    return under_way


def _told_why(instance: dg.DagsterInstance, run: dg.DagsterRun, table_id: str) -> bool:
    """Return whether a failed run says of a table that it failed for what may not pass by itself.

    One over several tables names those that failed.
    """
    if run.tags.get(_REASON_TAG) != "STEP_FAILURE":
        return False
    told: Mapping[str, dg.MetadataValue] = {}
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE):
        expected = entry.dagster_event and entry.dagster_event.step_failure_data.user_failure_data
        told = expected.metadata if expected else told
    if PARTITION_TAG in run.tags:
        return TRANSIENT not in told
    return table_id in _names(told, FAILED_TABLES) - _names(told, TRANSIENT_TABLES)


def _names(metadata: Mapping[str, dg.MetadataValue], name: str) -> set[str]:
    """Return the tables that a failure names, in a list or as the keys of an object."""
    if name not in metadata:
        return set()
    return set(msgspec.convert(metadata[name].value, list[str] | dict[str, str]))
