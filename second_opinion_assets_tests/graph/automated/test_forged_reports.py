"""A real webserver that anybody reports anything to: nothing is joined for it, nothing breaks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.webserver import Webserver, wait_for, webserver

pytestmark = pytest.mark.e2e

ENDPOINTS = ("report_asset_materialization", "report_asset_observation", "report_asset_check")
KEYS = (
    "second_opinion_features",
    "second_opinion_agreement",
    "second_opinion_report",
    "feature_tables",
    "scorer_sidecars/dover",
    "no/such",
)
FORGED = dict.fromkeys(("stamp", "summary", "counts", "run_provenance", "manifest_fingerprint"), 5)
BODIES: list[Any] = [
    {"partition": "one", "data_version": "forged", "metadata": FORGED, "check_name": "licence"},
    {"partition": "no such table", "metadata": {"x": "y" * (2 << 20)}, "passed": True},
    {"partition": "one", "metadata": {"stamp": {"bytes": 10**30}}, "check_name": "rows_kept"},
    {"partition": 5, "metadata": []},
    [],
    "x",
    None,
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Webserver]:
    """Serve one table, with automation and within its folder."""
    project = Project(tmp_path / "project")
    project.folder.mkdir()
    project.add_table("one", ["a", "b"], {"DOVER": {"a": 1.0, "b": 2.0}})
    project.save()
    settings = {
        "SECOND_OPINION_AUTOMATION": "on",
        "SECOND_OPINION_TABLES_PER_RUN": "1",  # a run is told by its table
        "SECOND_OPINION_SETTLE_SECONDS": "0",
        "SECOND_OPINION_INTERVAL_SECONDS": "1",
        "SECOND_OPINION_CONFINE_TO": str(project.folder),
    }
    with webserver(tmp_path / "home", project.manifest_path, settings) as running:
        yield running


def report(server: Webserver, path: str, body: Any) -> int:
    """Return the status that the webserver answers a report with."""
    request = urllib.request.Request(  # noqa: S310 (loopback)
        f"{server.url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 (loopback)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_whatever_is_reported(server: Webserver) -> None:
    """Reports of any kind ask for no run, and ticks, report and pages go on."""
    wait_for(lambda: server.runs("one") == ["SUCCESS"])
    answers = {
        report(server, f"{endpoint}/{key}", body)
        for endpoint in ENDPOINTS
        for key in KEYS
        for body in BODIES
    }
    assert 200 in answers
    server.wait_for_looks(3)
    assert server.runs("one") == ["SUCCESS"]
    assert "one" in server.partitions()["materialized"]
    assert server.launch_assets(["second_opinion_report"]) == "SUCCESS"
    assert server.launch("one", {}) == "SUCCESS"
