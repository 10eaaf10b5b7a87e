"""Where a table came from: hashes of the bytes that were parsed, and the fingerprint."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.provenance import (
    Invocation,
    fingerprint,
    input_entry,
    report_provenance,
    table_args,
)
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.tables.open import open_table
from second_opinion_assets_tests.workspace import Workspace


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_file_entry() -> None:
    """A file is told by path, existence, kind and hash."""
    assert msgspec.to_builtins(input_entry(Location("x/f"), FileDigest("ab", 3))) == {
        "path": "x/f",
        "exists": True,
        "kind": "file",
        "sha256": "ab",
        "bytes": 3,
    }


def test_entry_of_a_file_that_is_not_there() -> None:
    """A file that is not there has no hash."""
    invocation = Invocation(Location("no-such-file"), (), {})
    entry = report_provenance(invocation, {}, {}).entrypoint
    assert (entry.exists, entry.kind, entry.sha256) == (False, "missing", None)


def test_entrypoint_is_hashed(tmp_path: Path) -> None:
    """The program that asked for the run is hashed where it is a file."""
    program = tmp_path / "program"
    program.write_bytes(b"#!")
    invocation = Invocation(Location(program), ("-x", "1"), {"x": 1})
    assert msgspec.to_builtins(report_provenance(invocation, {}, {})) == {
        "schema": "ai-run-provenance-v1",
        "entrypoint": {
            "path": str(program),
            "exists": True,
            "kind": "file",
            "sha256": _sha(b"#!"),
            "bytes": 2,
        },
        "argv": ["-x", "1"],
        "args": {"x": 1},
        "inputs": {},
        "outputs": {},
    }


def test_table_args(work: Workspace) -> None:
    """The arguments of a table are its paths and all its options, as plain values."""
    args = table_args(work.spec(scores=["DOVER=scores.jsonl"], missing_policy="drop"))
    assert args == {
        "features": str(work.folder / "features.jsonl"),
        "scores": ["DOVER=scores.jsonl"],
        "out": str(work.folder / "out.jsonl"),
        "audit_json": str(work.folder / "audit.json"),
        "missing_policy": "drop",
        "key_column": None,
        "score_key_field": None,
        "score_field": None,
        "label_as_score": False,
        "key_normalize": "auto",
        "key_pattern": None,
        "duplicates": "error",
        "prefix": "second_opinion",
        "overwrite": False,
        "canonical_names": False,
        "min_coverage": None,
        "allow_empty": True,
    }


def test_run_provenance_of_a_table(work: Workspace) -> None:
    """The audit tells what asked for the run, what went in and what came out."""
    work.write("more.jsonl", '\ufeff{"clip_id": "a", "score": 1}\n')
    work.join(scores=["scores.jsonl", "Q-Align=more.jsonl"])
    block = work.document()["run_provenance"]
    assert block["schema"] == "ai-run-provenance-v1"
    assert block["entrypoint"] == {
        "path": "no-such-program",
        "exists": False,
        "kind": "missing",
        "sha256": None,
    }
    assert (block["argv"], block["args"]) == (["--of", "a test"], {"of": "a test"})
    assert block["outputs"] == {
        "out": str(work.folder / "out.jsonl"),
        "audit_json": str(work.folder / "audit.json"),
    }
    table = work.read()
    assert block["output_digests"]["out"] == {"sha256": _sha(table), "bytes": len(table), "rows": 2}
    features, scores = block["inputs"]["features"], block["inputs"]["scores"]
    assert features["sha256"] == _sha(work.read("features.jsonl"))
    assert (features["exists"], features["kind"]) == (True, "file")
    assert features["path"] == str(work.folder / "features.jsonl")
    assert [(entry["label"], entry["spec"]) for entry in scores] == [
        (None, "scores.jsonl"),
        ("Q-Align", "Q-Align=more.jsonl"),
    ]
    for entry, name in zip(scores, ("scores.jsonl", "more.jsonl"), strict=True):
        assert entry["path"] == str(work.folder / name)
        assert (entry["exists"], entry["kind"]) == (True, "file")
        assert entry["sha256"] == _sha(work.read(name))


def test_rules_of_a_sidecar_are_recorded(work: Workspace) -> None:
    """What is asked of one sidecar alone stands in the arguments and beside its digest."""
    sidecar = {"path": "scores.jsonl", "label": "MUSIQ", "score_field": "score"}
    spec = work.spec(scores=[sidecar, "Q-Align=scores.jsonl"])
    assert table_args(spec)["scores"] == [sidecar, "Q-Align=scores.jsonl"]
    work.join(scores=[sidecar])
    (entry,) = work.document()["run_provenance"]["inputs"]["scores"]
    assert (entry["rules"], entry["readers"]) == ({"score_field": "score"}, ["json_lines"])
    assert entry["score_fields"] == ["score"]


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_hashes_of_every_form(work: Workspace, form: str) -> None:
    """The hashes in the provenance are those of the whole files, whatever their form."""
    work.join(out=f"features.{form}" if form != "jsonl" else "given.jsonl", overwrite=True)
    source = f"features.{form}" if form != "jsonl" else "given.jsonl"
    result = work.join(features=source, out=f"out.{form}", overwrite=True)
    assert result.features == FileDigest(_sha(work.read(source)), len(work.read(source)))
    assert result.output.sha256 == _sha(work.read(f"out.{form}"))


def test_rows_of_a_dropping_join(work: Workspace) -> None:
    """The rows beside an output's digest are the rows that it has."""
    work.join(missing_policy="drop")
    assert work.document()["run_provenance"]["output_digests"]["out"]["rows"] == 1


def test_hash_is_of_the_bytes_that_were_parsed(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A score file that is replaced after it was read is told as it was when it was read."""
    old = work.read("scores.jsonl")
    used = "second_opinion_assets.join.join.open_table"

    def replace_then_open(*given: Any) -> Any:
        work.write("scores.jsonl", '{"clip_id": "b", "competitor": "DOVER", "score": 1}\n')
        return open_table(*given)

    monkeypatch.setattr(used, replace_then_open)
    work.join()
    assert work.document()["run_provenance"]["inputs"]["scores"][0]["sha256"] == _sha(old)
    assert [row["second_opinion_dover_status"] for row in work.rows()] == ["ok", "missing"]


def _fingerprint(work: Workspace, sidecar: bytes = b"s", **given: Any) -> str:
    spec = work.spec(**given)
    return fingerprint(spec, FileDigest("f", 1), [FileDigest(_sha(sidecar), 1)])


def test_fingerprint_is_the_results(work: Workspace) -> None:
    """A result carries the fingerprint of what it depends on."""
    spec = work.spec()
    result = materialize(spec, Invocation(Location("x"), (), {}))
    digests = [FileDigest(_sha(work.read("scores.jsonl")), len(work.read("scores.jsonl")))]
    assert result.fingerprint == fingerprint(spec, result.features, digests)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"sidecar": b"t"}, id="score-file"),
        pytest.param({"scores": ["DOVER=scores.jsonl"]}, id="label"),
        pytest.param({"scores": ["./scores.jsonl"]}, id="source-as-written"),
        pytest.param({"missing_policy": "drop"}, id="policy"),
        pytest.param({"key_normalize": "stem"}, id="key-normalize"),
        pytest.param({"prefix": "so"}, id="prefix"),
        pytest.param({"score_field": "overall"}, id="score-field"),
        pytest.param({"label_as_score": True}, id="label-as-score"),
        pytest.param({"scores": [{"path": "scores.jsonl", "score_field": "mos"}]}, id="rule"),
        pytest.param({"out": "out.parquet"}, id="form-of-output"),
    ],
)
def test_fingerprint_changes(work: Workspace, given: dict[str, Any]) -> None:
    """Whatever would change the table changes the fingerprint."""
    assert _fingerprint(work, **given) != _fingerprint(work)


@pytest.mark.parametrize(
    "given", [{"out": "elsewhere/o.jsonl"}, {"audit_json": None}, {"audit_json": "b.json"}]
)
def test_fingerprint_stays(work: Workspace, given: dict[str, Any]) -> None:
    """Where the files stand does not change the fingerprint."""
    assert _fingerprint(work, **given) == _fingerprint(work)
