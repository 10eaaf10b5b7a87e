"""Whether to ask for a run: by what became of those that were asked for before.

A run that failed for what the files of its table hold would fail again, and is not asked for again.
One that ended and told nothing of them is: its process died, it never started, or somebody
canceled it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

from second_opinion_assets.graph.history import open_attempts
from second_opinion_assets.graph.names import CONTENT_TAG, JOINED_KEY, TRANSIENT
from second_opinion_assets.graph.plan import RefreshPlan

PAUSE_SECONDS = 60.0
"""How long after a run that told nothing the next one is asked for; it doubles each time."""
LONGEST_PAUSE_SECONDS = 3600.0
CANCELED_PAUSE_SECONDS = 600.0
"""Likewise after one that somebody canceled, at least."""
RETRY_PATIENCE_SECONDS = 600.0
"""How long Dagster's own retry of a run that died is waited for."""
RUN_PATIENCE_SECONDS = 1800.0
"""How long a run or backfill of the table that somebody else asked for is waited for."""
_PAGE_TAGS = 100
_RUN_KEY_TAG = "dagster/run_key"
_REASON_TAG = "dagster/failure_reason"


class Due(NamedTuple):
    """A table that is to be joined.

    Attributes:
        table_id: the table.
        content: tells what it would be made from, and which join that would replace.
    """

    table_id: str
    content: str

    @property
    def tag(self) -> str:
        """What its runs are found by."""
        return hashlib.sha256(f"{self.table_id}:{self.content}".encode()).hexdigest()[:32]

    def request(self, run_key: str) -> dg.RunRequest:
        return dg.RunRequest(run_key, partition_key=self.table_id, tags={CONTENT_TAG: self.tag})

    def try_number(self, number: int) -> dg.RunRequest:
        """Return the request of a run, of which each number is launched once only."""
        return self.request(f"{self.table_id}:{self.content}:{number}")


class _Waiting(NamedTuple):
    other: str
    since: float


class Tries:
    """Asks for runs of tables that are due, and remembers which are not to be tried again."""

    def __init__(self) -> None:
        self._failed: dict[str, str] = {}
        self._waits: dict[str, _Waiting] = {}

    def ask(
        self, instance: dg.DagsterInstance, due: Sequence[Due], now: float, plan: RefreshPlan
    ) -> None:
        """Add to a plan the runs to ask for, and why others are not.

        Args:
            instance: whose runs there were.
            due: the tables to join.
            now: seconds since the epoch.
            plan: takes requests and notes.
        """
        if not due:
            return
        runs = _runs_by_tag(instance, [table.tag for table in due if table.tag not in self._failed])
        others = _under_way(instance)
        for table in due:
            answer = self._answer(instance, table, runs.get(table.tag, []), now)
            if isinstance(answer, dg.RunRequest):
                own = {f"run {record.dagster_run.run_id}" for record in runs.get(table.tag, [])}
                if others.get(table.table_id) not in own:
                    answer = self._wait_for_another(table, others, now) or answer
            if isinstance(answer, dg.RunRequest):
                plan.requests.append(answer)
            else:
                plan.notes.append(f"{table.table_id}: {answer}")

    def _answer(
        self, instance: dg.DagsterInstance, table: Due, runs: list[dg.RunRecord], now: float
    ) -> dg.RunRequest | str:
        """Return the run to ask for, or why none is; the runs are latest first."""
        if not runs and table.tag not in self._failed:
            return table.try_number(0)
        run = runs[0].dagster_run if runs else None
        if run and run.status is DagsterRunStatus.FAILURE and _told_why(instance, run):
            self._failed[table.tag] = run.run_id
        if run_id := self._failed.get(table.tag):
            return f"run {run_id} failed for what is in its files; once they change it is joined"
        return _after(table, runs, now)

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


def _after(table: Due, runs: list[dg.RunRecord], now: float) -> dg.RunRequest | str:
    """Return what to do after runs of which the latest has told nothing of the files."""
    latest, run = runs[0], runs[0].dagster_run
    if run.status is DagsterRunStatus.NOT_STARTED:
        # It was made and not handed on, since the daemon died: by its key that is made good.
        return table.request(run.tags[_RUN_KEY_TAG])
    if not run.is_finished:
        return f"run {run.run_id} is to join it, and is {run.status.value.lower()}"
    ended = latest.end_time or latest.update_timestamp.timestamp()
    if run.is_complete_and_waiting_to_retry and now - ended < RETRY_PATIENCE_SECONDS:
        return f"run {run.run_id} died, and is about to be retried"
    tries = len({record.dagster_run.tags.get(_RUN_KEY_TAG) for record in runs})
    pause = min(PAUSE_SECONDS * 2 ** (tries - 1), LONGEST_PAUSE_SECONDS)
    what = "ended without joining it"
    if run.status is DagsterRunStatus.CANCELED:
        pause, what = max(pause, CANCELED_PAUSE_SECONDS), "was canceled"
    if (left := ended + pause - now) > 0:
        return f"run {run.run_id} {what}; another one is asked for in {left:.0f} s"
    return table.try_number(tries)


def _under_way(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return the run or backfill that is to join a table, by table, whoever asked for it."""
    under_way = {}
    requested = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])
    for backfill in instance.get_backfills(requested):
        if data := backfill.asset_backfill_data:
            left = data.get_targeted_partitions_without_materialization_status()
            tables = left.partitions_subsets_by_asset_key.get(JOINED_KEY)
            for table_id in tables.get_partition_keys() if tables else ():
                under_way[table_id] = f"backfill {backfill.backfill_id}"
    for table_id, run_id in open_attempts(instance).in_progress.items():
        under_way[table_id] = f"run {run_id}"
    return under_way


def _runs_by_tag(instance: dg.DagsterInstance, tags: list[str]) -> dict[str, list[dg.RunRecord]]:
    """Return the runs that were asked for, latest first."""
    runs: dict[str, list[dg.RunRecord]] = {}
    for start in range(0, len(tags), _PAGE_TAGS):
        wanted = dg.RunsFilter(tags={CONTENT_TAG: tags[start : start + _PAGE_TAGS]})
        for record in instance.get_run_records(wanted):
            runs.setdefault(record.dagster_run.tags[CONTENT_TAG], []).append(record)
    return runs


def _told_why(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether a failed run's step failed by itself, for what may not pass by itself."""
    if run.tags.get(_REASON_TAG) != "STEP_FAILURE":
        return False
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        expected = event and event.step_failure_data.user_failure_data
        if expected and TRANSIENT in expected.metadata:
            return False
    return True
