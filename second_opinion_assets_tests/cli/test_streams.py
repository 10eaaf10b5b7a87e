"""`-` on the command line: JSON lines from standard input and to standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets_tests.workspace import Workspace

START = "from second_opinion_assets.cli.start import run; run()"
ROWS = b'{"clip_id": "a", "psnr": 41.20}\n{"clip_id": "b"}\n'


@pytest.fixture(autouse=True)
def _here(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test in its workspace."""
    monkeypatch.chdir(work.folder)
    monkeypatch.setattr(sys, "argv", ["second-opinion"])


def run(*arguments: str, rows: bytes = ROWS) -> Result:
    """Run the command line with rows on standard input."""
    return CliRunner().invoke(main, arguments, input=rows, catch_exceptions=False)


def join(features: str, out: str, *more: str, rows: bytes = ROWS) -> Result:
    """Run `materialize` with the workspace's scores."""
    given = ("--features", features, "--scores", "scores.jsonl", "--out", out)
    return run("materialize", *given, *more, rows=rows)


def test_a_stream_is_joined_like_a_file(work: Workspace) -> None:
    """What comes in goes out with its own bytes and the new members, words on stderr alone."""
    work.write("features.jsonl", ROWS)
    assert join("features.jsonl", "out.jsonl").exit_code == 0
    result = join("-", "-")
    assert (result.exit_code, result.stdout_bytes) == (0, work.read("out.jsonl"))
    assert result.stderr == (
        "second-opinion: DOVER: ok=1 missing=1 bad=0 coverage=50.0%\n"
        "second-opinion materialize: input_rows=2 output_rows=2 matched=1 missing=1 bad=0 out=-\n"
    )
    assert not (work.folder / "-").exists()


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.parquet", "out.csv"])
def test_a_stream_goes_to_any_form(out: str) -> None:
    """A stream is read twice, as each output needs it."""
    assert join("-", out).exit_code == 0
    assert join(out, "-", "--overwrite").exit_code == 0
    assert json.loads(join(out, "-", "--overwrite").stdout.splitlines()[0])["clip_id"] == "a"


def test_the_audit_of_a_stream(work: Workspace) -> None:
    """The audit names streams as such, with the digests of what they were; verify tells so."""
    work.write("features.jsonl", ROWS)
    join("features.jsonl", "out.jsonl", "--audit-json", "file.json")
    join("-", "-", "--audit-json", "audit.json")
    by_file, audit = work.document("file.json"), work.document("audit.json")
    assert (audit["feature_table"], audit["output"]) == ("-", "-")
    inputs = audit["run_provenance"]["inputs"]["features"]
    assert inputs["sha256"] == by_file["run_provenance"]["inputs"]["features"]["sha256"]
    result = run("verify", "audit.json")
    assert result.exit_code == 1
    assert "  stream      input    -\n" in result.stdout
    assert "the output went to standard output, so there are no rows to count" in result.stdout


def test_an_input_stream_is_no_reason_not_to_hold(work: Workspace) -> None:
    """Of an input that was a stream nothing is left to look at; the output still bears out."""
    join("-", "out.jsonl", "--audit-json", "audit.json")
    result = run("verify", "audit.json")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == ["audit.json: holds", "  stream      input    -"]
    assert work.document()["output_rows"] == 2


@pytest.mark.parametrize(
    ("rows", "more", "message"),
    [
        (ROWS, ("--missing-policy", "fail"), "missing second-opinion scores: DOVER=1"),
        (ROWS + b"{", (), "-:3: not JSON"),
        (b"", (), "-: there are no rows"),
        ('{"clip_id": "a"}'.encode("utf-16"), (), "UTF-16 text; save it as UTF-8"),
        (ROWS, ("--audit-json", "-"), "the audit cannot go to standard output; name a file"),
        (ROWS, ("--scores", "-"), "score file '-': - is for the feature table"),
        (ROWS, ("--scores", "X=-"), "score file 'X=-': - is for the feature table"),
    ],
    ids=["fail", "not-json", "nothing", "utf-16", "audit", "scores", "labelled-scores"],
)
def test_a_refused_stream_writes_nothing(rows: bytes, more: tuple[str, ...], message: str) -> None:
    """What is refused leaves standard output empty."""
    result = join("-", "-", *more, rows=rows)
    assert result.exit_code != 0
    assert message in result.stderr
    assert result.stdout == ""


def test_explain_a_stream() -> None:
    """Rows on standard input are explained; the entry of a manifest names a file instead."""
    result = run("explain", "-", "--scores", "scores.jsonl", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["features"]["rows"] == 2
    assert answer["manifest_entry"]["features"] == "features.jsonl"


@pytest.mark.parametrize("key", ["features", "out", "audit_json", "scores"])
def test_a_manifest_names_no_stream(work: Workspace, key: str) -> None:
    """A manifest is for files."""
    table = {"id": "t", "features": "f.jsonl", "scores": ["scores.jsonl"], "out": "out.jsonl"}
    value = ["-"] if key == "scores" else "-"
    work.write("batch.json", json.dumps({"tables": [{**table, key: value}]}))
    result = run("batch", "--manifest", "batch.json")
    assert result.exit_code == 2
    place = r"$.tables[0].scores[0]" if key == "scores" else f"$.tables[0].{key}"
    assert f"batch.json::{place}" in result.stderr
    assert "- is for the feature table and output of one join; name a file" in result.stderr


def start(*arguments: str, **given: object) -> subprocess.Popen[bytes]:
    """Start the command line as a process of its own."""
    pipe = subprocess.PIPE
    streams = {"stdin": pipe, "stdout": pipe, "stderr": pipe, **given}
    command = [sys.executable, "-c", START, "materialize", "--scores", "scores.jsonl"]
    return subprocess.Popen([*command, *arguments], **streams)  # type: ignore[call-overload, no-any-return]


@pytest.mark.e2e
def test_real_streams(work: Workspace) -> None:
    """A process in a pipeline gives nothing before its input has ended, and then all."""
    many = b"".join(b'{"clip_id": "%d", "x": "%s"}\n' % (n, b"x" * 500) for n in range(20_000))
    with start("--features", "-", "--out", "-", "--allow-empty") as process:
        out, words = process.communicate(many)
    assert process.returncode == 0, words
    lines = out.split(b"\n")
    assert len(lines) == 20_001
    assert all(a.startswith(b[:-1]) for a, b in zip(lines, many.split(b"\n"), strict=True) if b)
    assert sorted(path.name for path in work.folder.iterdir()) == ["features.jsonl", "scores.jsonl"]


@pytest.mark.e2e
def test_a_reader_that_is_gone() -> None:
    """Where nobody reads the output any more, one line says so."""
    with start("--features", "features.jsonl", "--out", "-") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        words = process.stderr.read()
    assert process.returncode == 1
    assert words == b"second-opinion: error: -: cannot be written: Broken pipe\n"


@pytest.mark.e2e
def test_closed_streams(tmp_path: Path) -> None:
    """Standard streams that are closed are told as such."""
    program = f"import os; os.close(0); os.close(1); os.execv({sys.executable!r}, ARGS)"
    for features, out, message in (
        ("-", str(tmp_path / "out.jsonl"), "-: cannot be read: standard input is closed"),
        ("features.jsonl", "-", "-: cannot be written: it is closed"),
    ):
        command = [sys.executable, "-c", START, "materialize", "--scores", "scores.jsonl"]
        command += ["--features", features, "--out", out]
        ended = subprocess.run(
            [sys.executable, "-c", f"ARGS = {command!r}; {program}"],
            stderr=subprocess.PIPE,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr.decode() == f"second-opinion: error: {message}\n"
