"""What a command says of itself, and how much of its work."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets_tests.workspace import Workspace

PROJECT = Path(__file__).parents[2]
COMMANDS = {"": main, **main.commands}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Start every test in a folder with the project's data."""
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_two_examples(name: str) -> None:
    """Help ends with two commands that can be copied, whose options are those that there are."""
    told = run(*filter(None, [name]), "--help")
    _, _, examples = told.stdout.partition("Examples:\n")
    lines = [line.strip() for line in examples.splitlines()]
    assert len(lines) == 2
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "second-opinion"
        command = main.commands[arguments[0]]
        with click.Context(main) as context:
            command.make_context(arguments[0], arguments[1:], parent=context)


def test_help_tells_of_interrupts() -> None:
    """The status with which Ctrl-C ends a command can be looked up."""
    assert re.search(r"status\s+130", run("--help").stdout)
    assert "130" in run("batch", "--help").stdout


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_tells_and_writes_nothing(project: Path) -> None:
    """What would be joined is the answer: rows, where to, and counts by scorer."""
    before = contents(project)
    told = run("batch", "--manifest", "config/smoke.json", "--dry-run")
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "smoke_a: 3 of 3 rows, to outputs/smoke/smoke_a.jsonl",
        "  fork-nr: ok=3 missing=0 bad=0 coverage=100.0%",
        "smoke_b: 2 of 2 rows, to outputs/smoke/smoke_b.jsonl",
        "  fork-nr: ok=2 missing=0 bad=0 coverage=100.0%",
    ]
    assert told.stderr == (
        "second-opinion batch dry run: tables=2 input_rows=5 output_rows=5 failed_tables=0\n"
    )
    assert contents(project) == before


def test_a_dry_run_fails_for_what_a_run_would_fail_for(project: Path) -> None:
    """Errors and the exit status are those of the run, and tables that fail spoil no others."""
    path = project / "data/smoke/scores_fork_nr_a.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    dry = run("batch", "--manifest", "config/smoke.json", "--dry-run")
    assert not (project / "outputs").exists()
    wet = run("batch", "--manifest", "config/smoke.json")
    assert (dry.exit_code, wet.exit_code) == (1, 1)
    assert dry.stderr.replace("dry run", "materialize") == wet.stderr
    assert dry.stdout.startswith("smoke_b: 2 of 2 rows")


def test_a_dry_run_has_no_report() -> None:
    """A report of what was not done is refused."""
    told = run("batch", "--manifest", "config/smoke.json", "--dry-run", "--report-md", "r.md")
    assert told.exit_code == 2
    assert "a dry run writes nothing; leave out the reports" in told.stderr


@pytest.mark.parametrize("place", ["before", "behind"])
@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_says_nothing_of_work(flag: str, place: str) -> None:
    """A command that was told to be quiet says its answer and errors alone."""
    words = ["batch", "--manifest", "config/clips.json"]
    told = run(flag, *words) if place == "before" else run(*words, flag)
    assert (told.exit_code, told.output) == (0, "")
    assert run("batch", "-q", "--manifest", "no.json").stderr.startswith("second-opinion: error: ")
    assert run(
        "explain", "-q", "data/clips/features.jsonl", "--scores", "data/clips/blur.jsonl"
    ).stdout
    assert run("batch", "--manifest", "config/smoke.json").stderr.startswith("second-opinion batch")


def test_verbose_says_what_was_read_and_counted(project: Path) -> None:
    """A command that was told to be verbose names files and their rows, and counts by scorer."""
    told = run("-v", "batch", "--manifest", "config/smoke.json").stderr.splitlines()
    assert told[0] == "second-opinion: table smoke_a: fork-nr: ok=3 missing=0 bad=0 coverage=100.0%"
    Workspace(project).write("f.csv", "clip_id\na\n")
    Workspace(project).write("s.csv", "clip_id,score\na,1\n")
    words = ["materialize", "--features", "f.csv", "--scores", "A=s.csv", "--out", "o.csv", "-v"]
    assert run(*words).stderr.splitlines()[:2] == [
        "second-opinion: read f.csv: 1 rows, key clip_id",
        "second-opinion: read s.csv: csv, 1 rows, score score",
    ]


def test_quiet_and_verbose_exclude_one_another() -> None:
    """Who asks for both, at whatever place, is told."""
    for words in (["batch", "-q", "-v"], ["-q", "batch", "-v"]):
        told = run(*words, "--manifest", "config/smoke.json")
        assert (told.exit_code, "-q and -v exclude one another" in told.stderr) == (2, True)
