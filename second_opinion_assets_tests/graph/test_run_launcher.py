"""What run monitoring learns of the process of a run."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import psutil
import pytest
import yaml
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from second_opinion_assets_tests.graph.webserver import PROJECT

HERE = {"host": "localhost", "socket": "code-server.sock"}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Return an instance with the launcher of the shipped settings."""
    shipped = yaml.safe_load((PROJECT / "config" / "dagster.yaml").read_text())
    overrides = {"run_launcher": shipped["run_launcher"]}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as made:
        yield made


def status(instance: dg.DagsterInstance, pid: int | None, server: Mapping[str, object]) -> str:
    """Return what the launcher says of a run whose process told its number, if it did."""
    tags = {GRPC_INFO_TAG: json.dumps(server)}
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)
    if pid is not None:
        instance.report_engine_event("Started process", run, EngineEventData.in_process(pid))
    return instance.run_launcher.check_run_worker_health(run).status.name


def ended() -> int:
    """Return the number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_shipped_settings_look_at_processes(instance: dg.DagsterInstance) -> None:
    """Run monitoring asks the launcher of the shipped settings how a run's process does."""
    assert instance.run_launcher.supports_check_run_worker_health


def test_a_run_whose_process_is_gone_has_failed(instance: dg.DagsterInstance) -> None:
    """A run whose process is gone is no longer under way."""
    assert status(instance, ended(), HERE) == WorkerStatus.FAILED.name


def test_a_run_whose_process_lives_runs(instance: dg.DagsterInstance) -> None:
    """A run whose process lives is under way."""
    assert status(instance, os.getpid(), HERE) == WorkerStatus.RUNNING.name


def test_another_process_of_that_number_is_not_the_run(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was started after the run said its number is not the run's."""
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: time.time() + 60)
    assert status(instance, os.getpid(), HERE) == WorkerStatus.FAILED.name


def test_a_process_that_ended_and_was_not_waited_for_is_gone(instance: dg.DagsterInstance) -> None:
    """What is left of a process until its parent has heard of its end does not count."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert status(instance, process.pid, HERE) == WorkerStatus.FAILED.name
    process.wait()


def test_nothing_is_said_of_another_machine(instance: dg.DagsterInstance) -> None:
    """A number of another machine's process means nothing here, so its run counts as under way."""
    assert status(instance, ended(), {"host": "worker-1", "port": 4000}) == "RUNNING"


def test_a_run_that_told_no_number_runs(instance: dg.DagsterInstance) -> None:
    """A run whose process has not said its number yet is left to the start timeout."""
    assert status(instance, None, HERE) == "RUNNING"
