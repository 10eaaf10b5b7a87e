"""The in-toto Statement of a table: valid by the published form, and about the right bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.audit import read_audit
from second_opinion_assets.join.in_toto import statement, write_statements
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import Workspace

SCHEMA = json.loads(Path(__file__).with_name("in_toto_statement_v1.schema.json").read_text())


def problems(value: Any) -> list[str]:
    """Return how a value breaks the published form."""
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(value)]


def test_a_statement_is_of_the_published_form(work: Workspace) -> None:
    """A Statement v1 has a type, subjects with digests, a predicate's type and the predicate."""
    work.join()
    made = statement(read_audit(Location(work.folder / "audit.json")))
    assert problems(made) == []
    sha256 = hashlib.sha256(work.read()).hexdigest()
    assert made["subject"] == [{"name": "out.jsonl", "digest": {"sha256": sha256}}]
    assert made["predicate"] == work.document()["run_provenance"]


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": [{"name": "out.jsonl"}]},
        {"subject": [{"name": "out.jsonl", "digest": {"sha256": "ABC"}}]},
        {"subject": {}},
        {"predicateType": "no uri"},
        {"predicateType": "HTTPS://Example.com/v1"},
        {"predicate": []},
    ],
)
def test_the_form_refuses_what_is_none(work: Workspace, change: dict[str, Any]) -> None:
    """What the published form forbids does not pass for a Statement here."""
    work.join()
    assert problems({**statement(read_audit(Location(work.folder / "audit.json"))), **change})


def test_the_form_is_a_valid_schema() -> None:
    """The form itself is JSON Schema."""
    Draft202012Validator.check_schema(SCHEMA)


def test_statements_are_named_after_their_outputs(work: Workspace) -> None:
    """Each output has a Statement of its own; equal provenance gives equal bytes."""
    audits = []
    for out in ("a.jsonl", "b.parquet"):
        work.join(out=out)
        audits.append(read_audit(Location(work.folder / "audit.json")))
    folder = work.folder / "statements"
    write_statements(audits, Location(folder))
    assert {path.name for path in folder.iterdir()} == {
        "a.jsonl.intoto.json",
        "b.parquet.intoto.json",
    }
    written = work.read("statements/a.jsonl.intoto.json")
    assert json.loads(written) == statement(audits[0])
    write_statements(audits, Location(folder))
    assert work.read("statements/a.jsonl.intoto.json") == written


def test_two_outputs_with_one_name(work: Workspace) -> None:
    """One Statement never overwrites that of another table."""
    audits = []
    for out in ("a/out.jsonl", "b/out.jsonl"):
        work.join(out=out)
        audits.append(read_audit(Location(work.folder / "audit.json")))
    with pytest.raises(JoinError, match=r"is for both .*/a/out.jsonl and .*/b/out.jsonl; verify"):
        write_statements(audits, Location(work.folder / "statements"))
    assert not (work.folder / "statements").exists()
