"""Dagster on several machines, as docs/deploy.md starts it, each machine a group of processes.

All have the shipped settings, but for how long a run may last. What is done to them belongs to the
tests and benchmarks.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from second_opinion_assets_tests.cluster.database import Server, postgres, redis
from second_opinion_assets_tests.graph.webserver import PROJECT, Webserver, free_port, wait_for
from second_opinion_assets_tests.stores import servers

DEPLOY = PROJECT / "config" / "deploy"
LONGEST_RUN_SECONDS = 120
"""So that a run that is tried again has time to wait for what the lost one was just publishing."""
MODULE = "second_opinion_assets.definitions"
RUNS = """
{ runsOrError { ... on Runs { results {
    runId status startTime endTime tags { key value } } } } }
"""
START_SENSOR = """
mutation ($name: String!) { startSensor(sensorSelector: {
    repositoryLocationName: "second_opinion_assets", repositoryName: "__repository__"
    sensorName: $name
}) { __typename } }
"""
UNENDED = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}


@dataclass(frozen=True)
class Run:
    """A run as the webserver tells of it; one that has not ended has taken no time."""

    id: str
    status: str
    seconds: float
    tags: Mapping[str, str]


@dataclass
class Cluster:
    """A running cluster.

    Attributes:
        api: its webserver.
        workers: the machines that execute runs, one at a time each.
        servers: PostgreSQL and Redis, by name.
    """

    api: Webserver
    workers: list[subprocess.Popen[bytes]]
    servers: Mapping[str, Server]

    def runs(self) -> list[Run]:
        """Return all runs, the latest first."""
        found = self.api.query(RUNS)["runsOrError"]["results"]
        return [
            Run(
                run["runId"],
                run["status"],
                run["endTime"] - run["startTime"] if run["endTime"] and run["startTime"] else 0.0,
                {tag["key"]: tag["value"] for tag in run["tags"]},
            )
            for run in found
        ]

    def is_at_rest(self) -> bool:
        """Return whether no run is under way or will be tried again."""
        runs = self.runs()
        tried_again = {run.tags.get("dagster/parent_run_id") for run in runs}
        to_be_tried = {run.id for run in runs if run.tags.get("dagster/will_retry") == "true"}
        return to_be_tried <= tried_again and not any(run.status in UNENDED for run in runs)

    def kill_at_work(self, number: int) -> bool:
        """Kill a worker if it executes a run at this moment; return whether it did.

        While as many runs are under way as there are workers, one is its own; that this stays so
        until it is killed is seen to by stopping it first.
        """
        if not self._all_work():
            return False
        worker = self.workers[number]
        os.killpg(worker.pid, signal.SIGSTOP)
        if not self._all_work():
            os.killpg(worker.pid, signal.SIGCONT)
            return False
        servers.kill(worker)
        return True

    def _all_work(self) -> bool:
        return [run.status for run in self.runs()].count("STARTED") == len(self.workers)

    def start_sensor(self, name: str) -> None:
        """Switch a sensor on."""
        started = self.api.query(START_SENSOR, name=name)["startSensor"]
        assert started["__typename"] == "Sensor", started


@contextmanager
def cluster(
    folder: Path, manifest: Path, settings: Mapping[str, str], workers: int
) -> Iterator[Cluster]:
    """Run a cluster until the context is left.

    Args:
        folder: holds homes and logs.
        manifest: what all machines work by.
        settings: more variables of all their environments, such as a store's.
        workers: how many execute runs.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True)
    with ExitStack() as stack:
        code_port, web_port = free_port(), free_port()
        stores = {
            "PostgreSQL": stack.enter_context(postgres(logs / "postgres.log")),
            "Redis": stack.enter_context(redis(logs / "redis.log")),
        }
        shared = {
            **os.environ,
            **settings,
            **stores["PostgreSQL"].environment,
            **stores["Redis"].environment,
            "CODE_SERVER_HOST": "127.0.0.1",
            "CODE_SERVER_PORT": str(code_port),
            "SECOND_OPINION_MANIFEST": str(manifest),
            "PYTHONWARNINGS": "ignore",
        }

        def start(name: str, *command: str) -> subprocess.Popen[bytes]:
            home = _home(folder / name)
            environment = {**shared, "DAGSTER_HOME": str(home)}
            log = logs / f"{name}.log"
            return stack.enter_context(
                servers.process([sys.executable, "-m", *command], environment, log)
            )

        listens = ["--host", "127.0.0.1", "--port"]
        code = start(
            "code", "dagster", "code-server", "start", *listens, str(code_port), "-m", MODULE
        )
        servers.wait_until_it_listens(code, code_port)
        workspace = ["-w", str(DEPLOY / "workspace.yaml")]
        web = start("webserver", "dagster_webserver", *listens, str(web_port), *workspace)
        start("daemon", "dagster._daemon", "run", *workspace)
        running = [
            start(f"worker{number}", *worker_command(f"worker{number}"))
            for number in range(workers)
        ]
        api = Webserver(f"http://127.0.0.1:{web_port}", web.pid)
        wait_for(lambda: _answers(api))
        wait_for(lambda: _all_ready(logs, workers))
        yield Cluster(api, running, stores)


def worker_command(name: str) -> Sequence[str]:
    """Return the command of docs/deploy.md that starts a worker, with a name of its own."""
    guide = (PROJECT / "docs" / "deploy.md").read_text()
    (command,) = re.findall(r"^\$ (celery .*)$", guide, re.MULTILINE)
    return [*command.split(), "--hostname", f"{name}@%h"]


def _home(folder: Path) -> Path:
    """Make the home of a machine, with the shipped settings."""
    folder.mkdir()
    text = (DEPLOY / "celery" / "dagster.yaml").read_text()
    shorter = f"max_runtime_seconds: {LONGEST_RUN_SECONDS}"
    changed, times = re.subn(r"max_runtime_seconds: \d+", shorter, text)
    assert times == 1
    (folder / "dagster.yaml").write_text(changed)
    return folder


def _answers(api: Webserver) -> bool:
    try:
        return bool(api.query("{ version }"))
    except (urllib.error.URLError, ConnectionError):
        return False


def _all_ready(logs: Path, workers: int) -> bool:
    """Return whether all workers take runs."""
    said = [(logs / f"worker{number}.log").read_text() for number in range(workers)]
    return all(" ready." in text for text in said)
