"""`second-opinion report`: the command line of the page to send."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets_tests.workspace import Workspace


def run(*arguments: str) -> Result:
    """Run the command line; a bug comes out as what it is."""
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture
def project(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return the folder of a manifest, and be in it."""
    entry = {"id": "a", "features": "features.jsonl", "scores": ["scores.jsonl"]}
    work.write(
        "m.json", json.dumps({"tables": [{**entry, "out": "a.jsonl", "audit_json": "a.json"}]})
    )
    monkeypatch.chdir(work.folder)
    return work


def test_it_says_what_it_wrote(project: Workspace) -> None:
    """A line of totals names the page; before any join the page says that there was none."""
    answer = run("report", "--manifest", "m.json", "--html", "r.html")
    assert answer.exit_code == 0
    assert answer.output.splitlines()[-1] == (
        "second-opinion report: tables=1 input_rows=0 output_rows=0 failed_tables=0 html=r.html"
    )
    assert "never joined" in project.read("r.html").decode()
    assert run("batch", "--manifest", "m.json").exit_code == 0
    assert run("report", "--manifest", "m.json", "--html", "r.html").exit_code == 0
    assert "all is well" in project.read("r.html").decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--html", "a.jsonl"], "a report would overwrite another file of the batch"),
        (["--html", "features.jsonl"], "a report would overwrite another file of the batch"),
        (["--html", "r.html", "--table", "b"], "has no table 'b'"),
        (["--html", "no/../m.json"], "a report would overwrite"),
    ],
)
def test_what_is_refused(project: Workspace, arguments: list[str], message: str) -> None:
    """One line says why, and every file is as it was."""
    before = project.contents()
    refused = run("report", "--manifest", "m.json", *arguments)
    assert refused.exit_code == 2
    assert message in refused.output
    assert project.contents() == before


@pytest.mark.e2e
@pytest.mark.parametrize(("options", "words"), [([], [b"comparing", b"100%"]), (["-q"], [])])
def test_on_a_terminal_it_tells_how_far_it_is(
    project: Workspace, options: list[str], words: list[bytes]
) -> None:
    """A bar counts the tables that were compared, unless nothing is to be said."""
    start = "from second_opinion_assets.cli.start import run; run()"
    command = [sys.executable, "-c", start, "report", "--manifest", "m.json", "--html", "r.html"]
    ours, theirs = pty.openpty()
    subprocess.run([*command, *options], cwd=project.folder, stderr=theirs, check=True)
    os.write(theirs, b"the end")
    told = b""
    while not told.endswith(b"the end"):
        told += os.read(ours, 10_000)
    for end in (ours, theirs):
        os.close(end)
    assert [word for word in (b"comparing", b"100%") if word in told] == words
