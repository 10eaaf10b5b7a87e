"""A real webserver and daemon on a free loopback port, and GraphQL as the UI speaks it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
PROJECT = Path(__file__).parents[2]
DEADLINE_SECONDS = 240
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
BACKFILL_SECONDS = 1800

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
RUNS = """
query ($partition: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $partition}]}) {
    ... on Runs { results { status assetSelection { path } } }
  }
}
"""
CHECK = """
query ($check: String!, $partition: String!) {
  assetCheckExecutions(
    assetKey: {path: ["second_opinion_features"]}
    checkName: $check
    partition: $partition
    limit: 1
  ) { evaluation { success severity partition description metadataEntries { label } } }
}
"""
STALE = """
query ($partitions: [String!]!) {
  assetNodeOrError(assetKey: {path: ["second_opinion_features"]}) {
    ... on AssetNode { staleStatusByPartition(partitions: $partitions) }
  }
}
"""
RELOAD = """
mutation { reloadRepositoryLocation(repositoryLocationName: "second_opinion_assets") {
  __typename } }
"""
BACKFILL = """
mutation ($assets: [AssetKeyInput!]!, $partitions: [String!]!) {
  launchPartitionBackfill(backfillParams: {
    assetSelection: $assets, partitionNames: $partitions
  }) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } }
}
"""
BACKFILL_STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}
"""
TICKS = """
{ sensorOrError(sensorSelector: {
    repositoryLocationName: "second_opinion_assets"
    repositoryName: "__repository__"
    sensorName: "refresh_after_scorer_runs"
  }) { ... on Sensor { sensorState { ticks(limit: 20) { timestamp status } } } } }
"""
PARTITIONS = """
query ($asset: String!) { assetNodeOrError(assetKey: {path: [$asset]}) { ... on AssetNode {
    assetPartitionStatuses { ... on DefaultPartitionStatuses {
      materializedPartitions failedPartitions } } } } }
"""
RUN_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus
    locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""


@dataclass(frozen=True)
class Webserver:
    """A webserver that answers at `url`, and the process that started it."""

    url: str
    process: int = 0

    def query(self, text: str, **variables: object) -> Any:
        """Return the data that answers a GraphQL query."""
        request = urllib.request.Request(  # noqa: S310 (loopback)
            f"{self.url}/graphql",
            json.dumps({"query": text, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:  # noqa: S310
            body = json.load(answer)
        assert "errors" not in body, body["errors"]
        return body["data"]

    def launch(self, partition: str, config: dict[str, Any]) -> str:
        """Launch one partition of the joined tables as the Launchpad does; return how it ended."""
        config = {"ops": {"second_opinion_features": {"config": config}}}
        return self.launch_assets(["second_opinion_features"], partition, config)

    def launch_assets(
        self, names: list[str], partition: str | None = None, config: dict[str, Any] | None = None
    ) -> str:
        """Launch assets in one run, of one partition if they have any; return how it ended."""
        return self.launch_job(
            "__ASSET_JOB",
            assets=[{"path": [name]} for name in names],
            config=config,
            tags=[{"key": "dagster/partition", "value": partition}] if partition else [],
        )

    def launch_job(
        self,
        name: str,
        assets: list[dict[str, list[str]]] | None = None,
        config: dict[str, Any] | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> str:
        """Launch a job and return how it ended."""
        params = {
            "selector": {
                "repositoryLocationName": "second_opinion_assets",
                "repositoryName": "__repository__",
                "pipelineName": name,
                "assetSelection": assets,
            },
            "runConfigData": config or {},
            "executionMetadata": {"tags": tags or []},
            "mode": "default",
        }
        launched = self.query(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]

        def ended() -> str | None:
            status = str(self.query(RUN_STATUS, id=run_id)["runOrError"]["status"])
            return status if status in ENDED else None

        return str(wait_for(ended))

    def backfill(
        self, partitions: list[str], names: tuple[str, ...] = ("second_opinion_features",)
    ) -> str:
        """Launch partitions of assets of tables as the UI does; return how the backfill ended."""
        backfill_id = self.launch_backfill(partitions, names)

        def ended() -> str | None:
            status = self.backfill_status(backfill_id)
            return status if status.startswith(("COMPLETED", "FAILED")) else None

        return str(wait_for(ended, deadline_seconds=BACKFILL_SECONDS))

    def launch_backfill(
        self, partitions: list[str], names: tuple[str, ...] = ("second_opinion_features",)
    ) -> str:
        """Launch partitions of assets of tables as the UI does; return the backfill's id."""
        assets = [{"path": [name]} for name in names]
        found = self.query(BACKFILL, partitions=partitions, assets=assets)
        launched = found["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def backfill_status(self, backfill_id: str) -> str:
        """Return how far a backfill is, in Dagster's word."""
        found = self.query(BACKFILL_STATUS, id=backfill_id)
        return str(found["partitionBackfillOrError"]["status"])

    def partitions(self, asset: str = "second_opinion_features") -> dict[str, list[str]]:
        """Return the partitions of an asset of tables that are materialized, and that failed."""
        found = self.query(PARTITIONS, asset=asset)["assetNodeOrError"]["assetPartitionStatuses"]
        return {
            "materialized": sorted(found["materializedPartitions"]),
            "failed": sorted(found["failedPartitions"]),
        }

    def reload(self) -> None:
        """Reload the definitions, as after an edit of the manifest."""
        reloaded = self.query(RELOAD)["reloadRepositoryLocation"]
        assert reloaded["__typename"] == "WorkspaceLocationEntry", reloaded

    def runs(self, partition: str) -> list[str]:
        """Return the status of every run that joins a partition, latest first."""
        found = self.query(RUNS, partition=partition)["runsOrError"]["results"]
        agreement = [{"path": ["second_opinion_agreement"]}]
        joins = [run for run in found if run["assetSelection"] != agreement]
        return [str(run["status"]) for run in joins]

    def wait_for_looks(self, looks: int) -> None:
        """Wait until the sensor, from now on, has looked at the files so many times."""
        now = time.time()

        def looked() -> bool:
            sensor = self.query(TICKS)["sensorOrError"]
            ticks = sensor["sensorState"]["ticks"]
            done = [tick for tick in ticks if tick["status"] != "STARTED"]
            return len([tick for tick in done if tick["timestamp"] > now]) >= looks

        wait_for(looked)

    def check(self, name: str, partition: str) -> dict[str, Any]:
        """Return the latest evaluation of a check for a partition."""
        found = self.query(CHECK, check=name, partition=partition)["assetCheckExecutions"]
        evaluation: dict[str, Any] = found[0]["evaluation"]
        return evaluation

    def stale(self, partitions: list[str]) -> dict[str, str]:
        """Return the staleness of partitions of the joined tables."""
        node = self.query(STALE, partitions=partitions)["assetNodeOrError"]
        return dict(zip(partitions, node["staleStatusByPartition"], strict=True))


def wait_for(condition: Callable[[], Any], deadline_seconds: float = DEADLINE_SECONDS) -> Any:
    """Return the first true answer of a condition; fail after a deadline."""
    deadline = time.monotonic() + deadline_seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.2)
    message = f"{condition.__qualname__} did not come true"
    raise TimeoutError(message)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, manifest: Path) -> dict[str, str]:
    """Return the environment of a process that works on one manifest with a home of its own.

    Its instance is the one that the project ships.
    """
    home.mkdir(exist_ok=True)
    shutil.copy(PROJECT / "config" / "dagster.yaml", home)
    return {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "SECOND_OPINION_MANIFEST": str(manifest),
        "PYTHONWARNINGS": "ignore",
    }


@contextmanager
def webserver(
    home: Path,
    manifest: Path,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Webserver]:
    """Serve the graph of a manifest, with a daemon, until the context is left.

    Args:
        home: the folder of Dagster's history, made if need be.
        manifest: what to serve.
        settings: more variables of the environment.
    """
    port = free_port()
    command = [sys.executable, "-m", "second_opinion_assets.graph.serve"]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    command += ["-w", str(PROJECT / "workspace.yaml")]
    log = home.parent / "webserver.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            env={**environment(home, manifest), **(settings or {})},
            stdout=out,
            stderr=out,
            cwd=home.parent,
            start_new_session=True,
        )
        try:
            server = Webserver(f"http://127.0.0.1:{port}", process.pid)

            def answers() -> bool:
                assert process.poll() is None, log.read_text()
                try:
                    server.query("{ version }")
                except (urllib.error.URLError, ConnectionError):
                    return False
                return True

            wait_for(answers)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(DEADLINE_SECONDS)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
