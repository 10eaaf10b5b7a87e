"""Refresh by a real daemon, as a scorer writes: in pieces, with gaps, and done at last.

Files are settled by giving them an old time; nothing waits for one to pass. On a server of its own:
with automation on it joins whatever changed, under the hands of any other test.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.webserver import (
    ENDED,
    PROJECT,
    Webserver,
    wait_for,
    webserver,
)

pytestmark = pytest.mark.e2e
CLIPS = ["a", "b", "c", "d"]
COMPLETE: dict[str, float | None] = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
SETTLE_SECONDS = 3600
LOOKS = 3  # enough for whatever a look asks for to be seen
EVIDENCE = "{ runsOrError { ... on Runs { results { status assetSelection { path } } } } }"
GUIDE = PROJECT / "docs" / "operations.md"


def settle(path: Path) -> None:
    """Let a file look as if nobody had written to it for long."""
    long_ago = time.time() - 2 * SETTLE_SECONDS
    os.utime(path, (long_ago, long_ago))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return two complete tables; the second is promotion-grade."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.add_table("one", CLIPS, {"DOVER": COMPLETE})
    project.add_table("two", CLIPS, {"DOVER": COMPLETE}, missing_policy="fail")
    project.save()
    for path in project.folder.iterdir():
        settle(path)
    return project


@pytest.fixture(scope="module")
def automated(project: Project) -> Iterator[Webserver]:
    """Return a server with automation on that has joined both tables by itself."""
    settings = {
        "SECOND_OPINION_AUTOMATION": "on",
        "SECOND_OPINION_TABLES_PER_RUN": "1",  # a run is told by its table
        "SECOND_OPINION_SETTLE_SECONDS": str(SETTLE_SECONDS),
        "SECOND_OPINION_INTERVAL_SECONDS": "1",
    }
    home = project.folder / "home"
    with webserver(home, project.manifest_path, settings) as running:
        wait_for(lambda: running.runs("one") == running.runs("two") == ["SUCCESS"])
        yield running


def test_a_sidecar_written_in_pieces_gives_one_run(project: Project, automated: Webserver) -> None:
    """No run before the sidecar settled, then exactly one for its table, none for the other."""
    server = automated
    before = server.runs("two")
    path = project.folder / "one.DOVER.jsonl"
    path.write_bytes(b"")
    for clip in CLIPS:
        line = json.dumps({"clip_id": clip, "score": 8.0 + CLIPS.index(clip)}) + "\n"
        for piece in (line[:10], line[10:]):
            with path.open("a") as file:
                file.write(piece)
            server.wait_for_looks(1)
            assert server.runs("one") == ["SUCCESS"]
    settle(path)
    wait_for(lambda: server.runs("one") == ["SUCCESS", "SUCCESS"])
    scores = [json.loads(line) for line in project.out("one").read_text().splitlines()]
    assert [row["second_opinion_dover_score"] for row in scores] == [8.0, 9.0, 10.0, 11.0]
    server.wait_for_looks(LOOKS)
    assert server.runs("one") == ["SUCCESS", "SUCCESS"]
    assert server.runs("two") == before


def test_the_documented_report_is_taken(project: Project, automated: Webserver) -> None:
    """The operations guide's command is accepted as it stands, and the table joined at once."""
    (command,) = re.findall(r"^\$ (curl .*)$", GUIDE.read_text(), re.MULTILINE)
    command = command.replace("http://127.0.0.1:3000", automated.url)
    command = command.replace("fork_nr", "dover").replace("smoke_a", "one")
    runs = automated.runs("one")
    project.write_scores("one", "DOVER", {**COMPLETE, "a": 9.5})
    automated.wait_for_looks(1)
    assert automated.runs("one") == runs
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    assert done.stdout == "{}"
    wait_for(lambda: automated.runs("one") == ["SUCCESS", *runs])


def test_a_promotion_grade_table_fails_once_and_heals(
    project: Project, automated: Webserver
) -> None:
    """A gap fails one run, turns the gate red and leaves the output; the score heals it."""
    server = automated
    before = project.out("two").read_bytes()
    settle(project.write_scores("two", "DOVER", {"a": 1.0, "b": 2.0, "c": 3.0}))
    wait_for(lambda: server.runs("two") == ["FAILURE", "SUCCESS"])
    gate = server.check("promotion_gate", "two")
    assert (gate["success"], gate["severity"]) == (False, "ERROR")
    assert gate["description"].startswith("missing second-opinion scores: DOVER=1\n")
    assert project.out("two").read_bytes() == before
    server.wait_for_looks(LOOKS)
    assert server.runs("two") == ["FAILURE", "SUCCESS"]
    settle(project.write_scores("two", "DOVER", {**COMPLETE, "d": 5.0}))
    wait_for(lambda: server.runs("two") == ["SUCCESS", "FAILURE", "SUCCESS"])
    assert server.check("promotion_gate", "two")["success"]
    assert project.out("two").read_bytes() != before


def test_evidence_follows_by_itself(project: Project, automated: Webserver) -> None:
    """Once tables are joined, their agreements and the report are made, with no stampede."""
    server = automated
    wanted = {"materialized": ["one", "two"], "failed": []}
    wait_for(lambda: server.partitions("second_opinion_agreement") == wanted)
    report = project.folder / "out/manifest.report.json"
    wait_for(lambda: report.exists() and json.loads(report.read_text())["status"] == "ok")
    assert project.out("one").with_name("one.jsonl.agreement.json").exists()
    runs = wait_for(lambda: runs_at_rest(server))
    joins = sum(len(server.runs(table)) for table in ("one", "two"))
    assert 0 < runs.count("second_opinion_agreement") <= joins
    assert 0 < runs.count("second_opinion_report") <= joins


def runs_at_rest(server: Webserver) -> list[str] | None:
    """Return the asset of each run that asked for one by name, once no look asks for more."""
    before = server.query(EVIDENCE)["runsOrError"]["results"]
    server.wait_for_looks(LOOKS)
    runs = server.query(EVIDENCE)["runsOrError"]["results"]
    if runs != before or any(run["status"] not in ENDED for run in runs):
        return None
    return [node["path"][0] for run in runs for node in run["assetSelection"] or []]
