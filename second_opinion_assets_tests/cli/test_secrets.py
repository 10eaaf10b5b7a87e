"""Addresses with secrets are refused, and their secrets never shown, logged or recorded."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.printable import without_secrets
from second_opinion_assets_tests.workspace import Workspace

REFUSED = re.compile("is an address of no store|has credentials in it; remove them")
ADDRESSES = [
    "s3://bucket/x.jsonl?X-Amz-Signature=hunter2",
    "s3://user:hunter2@bucket/x.jsonl",
    "https://host.example/x.jsonl?sig=hunter2&se=2027",
    "https://hunter2@host.example/x.jsonl",
    "postgresql+psycopg://me:hunter2@db/x",
]


@pytest.fixture(params=ADDRESSES)
def address(
    request: pytest.FixtureRequest, work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Return an address with a secret in it, and start in a workspace."""
    monkeypatch.chdir(work.folder)
    monkeypatch.setattr(sys, "argv", ["second-opinion"])
    return str(request.param)


def run(*arguments: str) -> Result:
    """Run the command line, which never says the secret."""
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert "hunter2" not in result.output + result.stderr
    return result


def written(folder: Path) -> str:
    """Return the text of every file in a folder."""
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("option", ["--features", "--out", "--audit-json", "--scores"])
def test_an_address_is_refused(work: Workspace, address: str, option: str) -> None:
    """In the place of a path it is an error of usage that says what is expected."""
    paths = {"--features": "features.jsonl", "--out": "o.jsonl", "--scores": "scores.jsonl"}
    given = [word for pair in {**paths, option: address}.items() for word in pair]
    result = run("materialize", *given)
    assert result.exit_code == 2
    assert REFUSED.search(result.stderr)
    assert not (work.folder / "o.jsonl").exists()


@pytest.mark.parametrize("where", ["features", "out", "audit_json", "scores", "named", "path"])
def test_an_address_in_a_manifest(work: Workspace, address: str, where: str) -> None:
    """It is a mistake of the manifest, told by its place; no report quotes it."""
    table: dict[str, object] = {
        "id": "t",
        "features": "features.jsonl",
        "scores": ["scores.jsonl"],
        "out": "o.jsonl",
    }
    scores: dict[str, object] = {
        "scores": address,
        "named": f"DOVER={address}",
        "path": {"path": address},
    }
    table |= {"scores": [scores[where]]} if where in scores else {where: address}
    work.write("m/batch.json", json.dumps({"tables": [table]}))
    result = run("batch", "--manifest", "m/batch.json", "--report-json", "r/r.json")
    assert result.exit_code == 2
    assert REFUSED.search(result.stderr)
    (work.folder / "m" / "batch.json").unlink()
    assert "hunter2" not in written(work.folder)


def test_an_argument_that_is_none(address: str) -> None:
    """What was not asked for is quoted without its secret."""
    assert run("verify", "a.json", "--opt", f"token={address}").exit_code == 2
    assert run("batch", "--manifest", "m.json", address).exit_code == 2
    assert run(address).exit_code == 2


def test_an_error_quotes_no_secret(address: str) -> None:
    """Whatever raises it, of an address in a message what is secret is left out."""
    for text in (address, address.replace("//", "/")):  # a path has one slash in a row
        assert "hunter2" not in str(JoinError(f"{text}: cannot be read: no such file"))


def test_what_is_no_secret_stays() -> None:
    """Paths, keys and addresses without secrets are as they were."""
    for text in (
        "/data/a@b.jsonl:12",
        "DOVER=x::y",
        "https://ffmpeg.org/filters.html#blur",
        "a?b=c",
        "s3://bucket/clips/clip?.json",
        "s3://bucket/a=b/clip[0-9]?.json: has no rows",
    ):
        assert without_secrets(text) == text
    assert without_secrets("see https://u:p@h/a?b=c now") == "see https://***@h/a?*** now"


def test_the_environment_is_recorded_nowhere(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audit and reports hold arguments and paths, no variable and no current folder."""
    monkeypatch.chdir(work.folder)
    monkeypatch.setenv("SOME_TOKEN", "hunter2")
    monkeypatch.setattr(sys, "argv", ["second-opinion", "https://u:hunter2@h/?sig=hunter2"])
    table = {
        "id": "t",
        "features": "features.jsonl",
        "scores": ["scores.jsonl"],
        "out": "o.jsonl",
        "audit_json": "a.json",
    }
    work.write("batch.json", json.dumps({"tables": [table]}))
    reports = ("--report-json", "r.json", "--report-md", "r.md")
    assert run("batch", "--manifest", "batch.json", *reports).exit_code == 0
    assert "hunter2" not in written(work.folder)
    assert str(work.folder) not in written(work.folder)
