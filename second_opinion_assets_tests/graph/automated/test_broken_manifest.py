"""A manifest that breaks while a real daemon refreshes by it, and is mended again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.webserver import Webserver, wait_for, webserver

pytestmark = pytest.mark.e2e
SETTINGS = {
    "SECOND_OPINION_AUTOMATION": "on",
    "SECOND_OPINION_TABLES_PER_RUN": "1",  # a run is told by its table
    "SECOND_OPINION_SETTLE_SECONDS": "0",
    "SECOND_OPINION_INTERVAL_SECONDS": "1",
}
CHECK = """
{ assetCheckExecutions(
    assetKey: {path: ["manifest_entries"]} checkName: "manifest_usable" limit: 1
  ) { evaluation { success description } } }
"""
DESCRIPTION = """
{ assetNodeOrError(assetKey: {path: ["second_opinion_features"]}) {
    ... on AssetNode { description } } }
"""


def answer(server: Webserver) -> dict[str, Any]:
    """Return what the check of the manifest said last."""
    found = server.query(CHECK)["assetCheckExecutions"]
    evaluation: dict[str, Any] = found[0]["evaluation"] if found else {"success": None}
    return evaluation


def test_tables_are_refreshed_while_the_manifest_is_broken(tmp_path: Path) -> None:
    """By runs of their own processes, before and after a reload, until it is mended."""
    project = Project(tmp_path)
    for name in ("one", "two"):
        project.add_table(name, ["a", "b"], {"DOVER": {"a": 1.0, "b": 2.0}})
    project.save()
    with webserver(tmp_path / "home", project.manifest_path, SETTINGS) as server:
        wait_for(lambda: server.runs("one") == server.runs("two") == ["SUCCESS"])
        bad = {**project.tables[1], "scorse": []}
        project.manifest_path.write_text(json.dumps({"tables": [project.tables[0], bad]}))
        wait_for(lambda: answer(server)["success"] is False)
        assert "unknown key 'scorse'; did you mean scores?" in answer(server)["description"]

        project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
        wait_for(lambda: server.runs("one") == ["SUCCESS"] * 2)
        server.reload()
        description = server.query(DESCRIPTION)["assetNodeOrError"]["description"]
        assert description.startswith("**the manifest cannot be used")
        project.write_scores("one", "DOVER", {"a": 1.0, "b": 4.0})
        wait_for(lambda: server.runs("one") == ["SUCCESS"] * 3)

        project.save()
        wait_for(lambda: answer(server)["success"])
        server.wait_for_looks(2)
        assert (server.runs("one"), server.runs("two")) == (["SUCCESS"] * 3, ["SUCCESS"])
