"""The option --limit: every command takes no more of its inputs than its user says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets.storage.limits import SETTING, USUAL_LIMITS, set_limits
from second_opinion_assets_tests.workspace import Workspace

LIMIT = "row_fields=2"
TOLD = "3 fields in a row, more than 2; if it is right, raise the limit row_fields"


@pytest.fixture(autouse=True)
def _in_the_folder(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(work.folder)
    yield
    set_limits(USUAL_LIMITS)


def run(*arguments: str, setting: str | None = None) -> Result:
    """Run the command line with the setting in its environment."""
    return CliRunner(env={SETTING: setting}).invoke(main, arguments, catch_exceptions=False)


JOIN = ("materialize", "--features", "features.jsonl", "--scores", "scores.jsonl")


@pytest.mark.parametrize(
    "arguments",
    [(*JOIN, "--out", "o.jsonl"), ("explain", "features.jsonl", "--scores", "scores.jsonl")],
    ids=["materialize", "explain"],
)
def test_commands(arguments: tuple[str, ...]) -> None:
    """A limit of the option or of the environment is held, and its message says which it is."""
    for result in (run(*arguments, "--limit", LIMIT), run(*arguments, setting=LIMIT)):
        assert result.exit_code == 1
        assert TOLD in result.output
    assert TOLD not in run(*arguments).output


def test_batch(work: Workspace) -> None:
    """One table beyond a limit fails, and the others do not."""
    work.write("wide.jsonl", '{"clip_id": "a", "score": 1, "x": 2, "y": 3, "z": 4, "u": 5, "v": 6}')
    work.write("small.jsonl", '{"clip_id": "a"}')
    tables = [
        {"id": name, "features": "small.jsonl", "scores": [f"DOVER={name}.jsonl"], "out": out}
        for name, out in (("wide", "a.jsonl"), ("scores", "b.jsonl"))
    ]
    work.write("manifest.json", json.dumps({"tables": tables}))
    result = run("batch", "--manifest", "manifest.json", "--limit", "row_fields=6")
    assert "table wide: wide.jsonl:1: 7 fields in a row, more than 6; " in result.output
    assert result.exit_code == 1
    assert (work.folder / "b.jsonl").exists()


def test_several(work: Workspace) -> None:
    """The option may come several times, with several limits each."""
    result = run(
        *JOIN, "--out", "o.jsonl", "--limit", "held_bytes=1GB row_fields=9", "--limit", LIMIT
    )
    assert TOLD in result.output
    assert not (work.folder / "o.jsonl").exists()


def test_what_is_no_limit() -> None:
    """A wrong limit is an error of usage."""
    result = run(*JOIN, "--out", "o.jsonl", "--limit", "row_field=2")
    assert result.exit_code == 2
    assert "unknown limit 'row_field'; did you mean row_fields?" in result.output
