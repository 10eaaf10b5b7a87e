"""Finds runs whose process is gone, so that run monitoring can end them and retries begin.

Dagster's default launcher starts a run as a process of the code server's machine, and cannot tell
later whether it still lives: after a loss of power its runs would stay STARTED for ever. How often
runs are looked at, and retried, stands in config/dagster.yaml.
"""

import json

import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_CLOCK_STEP_SECONDS = 2.0
"""The kernel counts the start of a process from the boot, in ticks; the event has the clock's."""


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher, which also tells whether a run's process lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return whether the process of a run that has started is there.

        A process of another machine counts as there, since nothing can be known of it:
        `max_runtime_seconds` of the run monitoring ends such a run.
        """
        if not _is_of_this_machine(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        started = _process_of(self._instance, run.run_id)
        if started is None or _lives(*started):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"the run's process {started[0]} is gone")


def _is_of_this_machine(run: DagsterRun) -> bool:
    server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    return "socket" in server or server.get("host") in _LOOPBACK


def _process_of(instance: DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """Return the number of a run's process and when it said that it started, if it did."""
    events = instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
    for entry in events:
        told = entry.get_dagster_event().engine_event_data.metadata.get("pid")
        if told is not None:
            return int(str(told.value)), entry.timestamp
    return None


def _lives(pid: int, said_at: float) -> bool:
    """Return whether a process lives that was there when it said so.

    A later process may have been given the same number.
    """
    try:
        process = psutil.Process(pid)
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        started_at = float(process.create_time())
    except psutil.NoSuchProcess:
        return False
    return not is_zombie and started_at <= said_at + _CLOCK_STEP_SECONDS
