"""Names, paths, cells and messages that do things to a terminal are shown, and do nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets.contract.printable import one_line, printable_json
from second_opinion_assets_tests.workspace import Workspace

HOSTILE = {
    "escape": "\x1b[2J\x1b]0;title\x07",
    "c1": "\x9b2J\x85",
    "lines": "x\nsecond-opinion: all is well\r",
    "turned": "\u202egnp.\u2066\u200f",
    "others": "\x7f\x08\u2028\x00\ud800",
}
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(autouse=True)
def _here(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test in its workspace."""
    monkeypatch.chdir(work.folder)
    monkeypatch.setattr(sys, "argv", ["second-opinion"])


@pytest.fixture(params=list(HOSTILE.values()), ids=list(HOSTILE))
def bad(request: pytest.FixtureRequest) -> str:
    """Return a text that does something to a terminal."""
    return str(request.param)


@pytest.fixture
def name(bad: str) -> str:
    """Return such a text that a file may have as its name."""
    return f"n{bad}".replace("\x00", "").replace("\ud800", "")


def run(*arguments: str) -> Result:
    """Run the command line; what it prints does nothing to a terminal, and forges no line."""
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    for text in (result.stdout, result.stderr):
        assert not UNSEEN.search(text), text
        assert not [line for line in text.splitlines() if line == "second-opinion: all is well"]
    return result


def materialize(
    *more: str, features: str = "features.jsonl", scores: str = "scores.jsonl"
) -> Result:
    """Run `materialize` with some options."""
    return run("materialize", "--features", features, "--scores", scores, *more)


def test_paths(work: Workspace, name: str) -> None:
    """Paths of inputs and outputs, there or not."""
    work.write(name, (work.folder / "scores.jsonl").read_bytes())
    assert materialize("--out", f"{name}.jsonl", scores=name).exit_code == 0
    assert materialize("--out", "o.jsonl", scores=f"{name}-gone").exit_code == 1
    assert materialize("--out", "o.jsonl", features=f"{name}.jsonl").exit_code == 1
    assert materialize("--out", f"{name}/{'x' * 300}.jsonl").exit_code == 1
    assert run("explain", "features.jsonl", "--scores", name).exit_code == 0
    assert run("explain", "features.jsonl", "--scores", f"{name}-gone").exit_code == 1
    assert run("verify", f"{name}-gone").exit_code == 1
    assert run("batch", "--manifest", f"{name}-gone").exit_code == 2


def test_names_and_cells(work: Workspace, bad: str) -> None:
    """Scorers, keys, statuses and fields that hold such a text, in rows and in options."""
    row: dict[str, Any] = {"clip_id": f"a{bad}", "competitor": f"D{bad}", "status": bad}
    work.write_lines("features.jsonl", [{"clip_id": f"a{bad}"}, {"clip_id": f"b{bad}"}])
    work.write_lines("scores.jsonl", [{**row, f"f{bad}": 1}, {**row, "clip_id": f"c{bad}"}])
    materialize("--out", "o.jsonl", "--allow-empty", "--audit-json", "a.json")
    materialize("--out", "o.jsonl", "--missing-policy", "fail")
    materialize("--out", "o.jsonl", "--key-column", bad or "x", "--score-field", bad)
    materialize("--out", "o.jsonl", "--prefix", bad, "--key-pattern", f"({bad}")
    materialize("--out", "o.jsonl", "--min-coverage", bad, scores=f"S{bad}=scores.jsonl")
    for more in ((), ("--json",)):
        run("explain", "features.jsonl", "--scores", "scores.jsonl", *more)
        run("verify", "a.json", *more)


def test_manifest(work: Workspace, bad: str, name: str) -> None:
    """Ids, keys, paths and values of a manifest, and what a batch says of its tables."""
    table = {"features": "features.jsonl", "scores": [name], "out": f"{name}.jsonl", "id": name}
    for entry in (table, {**table, bad: bad}, {**table, "prefix": bad}, {"id": bad}, bad):
        work.write("m.json", json.dumps({"tables": [entry]}))
        assert run("batch", "--manifest", "m.json", "--report-md", "r.md").exit_code
    assert not UNSEEN.search((work.folder / "r.md").read_text())


def test_an_audit(work: Workspace, bad: str) -> None:
    """An audit may say anything of files, scorers and reasons."""
    assert materialize("--out", "o.jsonl", "--audit-json", "a.json").exit_code == 0
    audit = (work.folder / "a.json").read_text()
    for word in ("DOVER", "scores.jsonl", "o.jsonl"):
        changed = audit.replace(json.dumps(word)[1:-1], json.dumps(f"x{bad}")[1:-1])
        work.write("b.json", changed.encode(errors="surrogatepass"))
        run("verify", "b.json", "a.json")
    refused = json.loads(audit) | {"published": False, "error": bad}
    del refused["run_provenance"]["output_digests"]
    work.write("b.json", json.dumps(refused))
    assert run("verify", "b.json").exit_code == 1


@pytest.mark.parametrize("command", ["materialize", "batch", "explain", "verify", ""])
def test_usage(command: str, bad: str) -> None:
    """Options, values and commands that are none."""
    for more in (
        [f"--x{bad}"],
        [bad, bad, bad],
        ["--missing-policy", bad],
        ["--lock-timeout", bad],
    ):
        assert run(*[command] * bool(command), *more).exit_code


def test_a_bug_keeps_its_traceback() -> None:
    """What a bug quotes is shown too, and the traceback stays one of many lines."""
    program = (
        "from second_opinion_assets.cli import main, start\n"
        "def bug(): raise RuntimeError('\\x1b[2J\\x9b')\n"
        "main.main = bug\n"
        "start.run()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert b"\x1b" not in done.stderr
    assert done.stderr.splitlines()[-1] == rb"RuntimeError: \x1b[2J\x9b"
    assert done.stderr.startswith(b"Traceback (most recent call last):\n")


def test_what_shows_stays() -> None:
    """Letters of any script are no escapes, and what is escaped once stays as it is."""
    assert one_line("Ünïcode 日本 ß\u200b") == "Ünïcode 日本 ß\\u200b"
    assert one_line(one_line("\x1b\n")) == r"\x1b\n"


def test_json_means_the_same(bad: str) -> None:
    """An answer in JSON has JSON's own escapes, so that programs read what is meant."""
    text = bad.replace("\ud800", "") + "\U000e0001"
    shown = printable_json(json.dumps({"x": text}, ensure_ascii=False, indent=1))
    assert not UNSEEN.search(shown)
    assert json.loads(shown) == {"x": text}
