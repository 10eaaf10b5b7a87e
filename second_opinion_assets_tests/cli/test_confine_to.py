"""The option --confine-to: every command touches nothing but what lies below some folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets.storage.confinement import confine_to
from second_opinion_assets_tests.workspace import Workspace

SETTING = "SECOND_OPINION_CONFINE_TO"


@pytest.fixture(autouse=True)
def base(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Start in a folder of the workspace that has copies of its files."""
    folder = work.folder / "base"
    for name in ("features.jsonl", "scores.jsonl"):
        work.write(f"base/{name}", (work.folder / name).read_bytes())
    monkeypatch.chdir(folder)
    yield folder
    confine_to(())


def run(*arguments: str, setting: str | None = None) -> Result:
    """Run the command line with the setting in its environment."""
    return CliRunner(env={SETTING: setting}).invoke(main, arguments, catch_exceptions=False)


JOIN = ("materialize", "--features", "features.jsonl", "--scores", "scores.jsonl")
OUTSIDE = {
    "features": (
        "materialize",
        "--features",
        "../features.jsonl",
        "--scores",
        "x",
        "--out",
        "o.jsonl",
    ),
    "scores": (*JOIN, "--scores", "A=../scores.jsonl", "--out", "o.jsonl"),
    "folder": (*JOIN, "--scores", "A=../other", "--out", "o.jsonl"),
    "pattern": (*JOIN, "--scores", "A=../s*.jsonl", "--out", "o.jsonl"),
    "out": (*JOIN, "--out", "../o.jsonl"),
    "audit": (*JOIN, "--out", "o.jsonl", "--audit-json", "../a.json"),
    "manifest": ("batch", "--manifest", "../m.json"),
    "explained": ("explain", "../features.jsonl", "--scores", "scores.jsonl"),
}


@pytest.mark.parametrize("arguments", OUTSIDE.values(), ids=OUTSIDE)
def test_a_path_outside(work: Workspace, arguments: tuple[str, ...]) -> None:
    """Each is refused in one line that says which path, which folder, and which setting."""
    work.write("m.json", json.dumps({"tables": []}))
    work.write("other/scores.jsonl", "")
    before = sorted(work.folder.iterdir())
    result = run(*arguments, "--confine-to", ".")
    assert result.exit_code != 0
    (line,) = result.stderr.splitlines()
    assert "../" in line or " ..:" in line
    assert line.endswith(
        f"outside {work.folder}/base; move it there, or add its folder to {SETTING}"
    )
    assert sorted(work.folder.iterdir()) == before


def test_one_table_outside_does_not_affect_others(work: Workspace, base: Path) -> None:
    """A table of a manifest whose paths lead outside fails by itself, link or not."""
    (base / "link.jsonl").symlink_to("../scores.jsonl")
    tables = [
        {"id": name, "features": "features.jsonl", "scores": [scores], "out": f"{name}.jsonl"}
        for name, scores in {"a": "link.jsonl", "b": "../scores.jsonl", "c": "scores.jsonl"}.items()
    ]
    work.write("base/m.json", json.dumps({"tables": tables}))
    result = run("batch", "--manifest", "m.json", "--report-md", "r.md", setting=str(base))
    assert result.exit_code == 1
    assert f"table a: link.jsonl: leads to {work.folder}/scores.jsonl, outside" in result.stderr
    assert "table b: ../scores.jsonl: lies outside" in result.stderr
    assert [path.name for path in base.glob("?.jsonl")] == ["c.jsonl"]


def test_reports_lie_within(work: Workspace) -> None:
    """A report that would go outside is refused."""
    table = {"id": "a", "features": "features.jsonl", "scores": ["scores.jsonl"], "out": "a.jsonl"}
    work.write("base/m.json", json.dumps({"tables": [table]}))
    result = run("batch", "--manifest", "m.json", "--report-json", "../r.json", setting=".")
    assert result.exit_code == 1
    assert "error: ../r.json: lies outside" in result.stderr


def test_what_lies_within_is_joined(base: Path) -> None:
    """Confined, a join does all that it does, and its audit holds."""
    joined = run(*JOIN, "--out", "out/o.jsonl", "--audit-json", "out/a.json", setting=str(base))
    assert joined.exit_code == 0, joined.stderr
    assert run("verify", "out/a.json", setting=str(base)).exit_code == 0


def test_an_audit_that_names_files_outside() -> None:
    """`verify` opens none of them, and says so."""
    given = ("--scores", "../scores.jsonl", "--out", "o.jsonl", "--audit-json", "a.json")
    assert run(*JOIN[:3], *given).exit_code == 0
    result = run("verify", "a.json", "--confine-to", ".")
    assert result.exit_code == 1
    assert "unreadable  input    ../scores.jsonl" in result.stdout


def test_the_option_goes_before_the_variable(work: Workspace, base: Path) -> None:
    """Of option and variable the option counts; the variable has several folders with colons."""
    out = (*JOIN, "--out", "../o.jsonl")
    assert run(*out, "--confine-to", ".", setting=str(work.folder)).exit_code == 1
    assert run(*out, setting=f"{base}:{work.folder}").exit_code == 0


def test_a_setting_that_is_no_folder() -> None:
    """A folder without a name, as between two colons, is an error of usage."""
    result = run(*JOIN, "--out", "o.jsonl", setting=".::")
    assert result.exit_code == 2
    assert f"{SETTING}: '' is no folder" in result.stderr
