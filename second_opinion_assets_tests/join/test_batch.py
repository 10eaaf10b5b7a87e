"""A batch: each table by itself, and the report on all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.batch import materialize_batch
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.join.outcomes import BatchSummary, EarlierOutput, TableOutcome
from second_opinion_assets.report.report import Report, ReportFiles
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import INVOCATION, Workspace


def _table(name: str, **given: Any) -> dict[str, Any]:
    table = {"id": name, "features": "features.jsonl", "scores": ["scores.jsonl"]}
    return {**table, "out": f"{name}.jsonl", **given}


def _files(work: Workspace) -> ReportFiles:
    return ReportFiles(Location(work.folder / "r.json"), Location(work.folder / "r.md"))


@pytest.fixture
def manifest(work: Workspace) -> Manifest:
    """Return a batch whose second table fails, and whose third is promotion-grade and fails."""
    tables = [
        _table("one", audit_json="one.audit.json"),
        _table("two", features="gone.jsonl"),
        _table("three", missing_policy="fail"),
        _table("four", missing_policy="drop"),
    ]
    return load_manifest(Location(work.write("batch.json", json.dumps({"tables": tables}))))


@pytest.fixture
def report(work: Workspace, manifest: Manifest) -> dict[str, Any]:
    """Return the report on the batch, as it reads after a way through JSON."""
    outcomes = materialize_batch(manifest, INVOCATION)
    Report(manifest, outcomes, INVOCATION, _files(work)).write()
    read: dict[str, Any] = work.document("r.json")
    return read


def test_a_failing_table_hurts_no_other(work: Workspace, manifest: Manifest) -> None:
    """Every other table is joined and published."""
    outcomes = materialize_batch(manifest, INVOCATION)
    assert [outcome.error is None for outcome in outcomes] == [True, False, False, True]
    assert [(work.folder / f"{name}.jsonl").exists() for name in ("one", "two", "three")] == [
        *(True, False, False)
    ]
    assert len(work.rows("four.jsonl")) == 1


def test_fail_fast(work: Workspace, manifest: Manifest) -> None:
    """With fail_fast no table is tried after the first that failed."""
    outcomes = materialize_batch(manifest, INVOCATION, fail_fast=True)
    assert [outcome.spec.id for outcome in outcomes] == ["one", "two"]
    assert not (work.folder / "four.jsonl").exists()


def test_ended_is_told_of_each_table(manifest: Manifest) -> None:
    """Each table is told of as it ends."""
    told: list[TableOutcome] = []
    tallies: list[Tally | None] = []

    def ended(outcome: TableOutcome, tally: Tally | None) -> None:
        told.append(outcome)
        tallies.append(tally)

    assert materialize_batch(manifest, INVOCATION, ended=ended) == told
    assert [tally and tally.missing_rows for tally in tallies] == [1, None, 1, 1]


def test_summary(manifest: Manifest) -> None:
    """The totals count all tables, and the rows of those that were joined."""
    summary = BatchSummary.of(materialize_batch(manifest, INVOCATION))
    assert str(summary) == "tables=4 input_rows=4 output_rows=3 failed_tables=2"


def test_report(report: dict[str, Any], work: Workspace) -> None:
    """The report has the contract's schema, status, manifest, totals and tables."""
    assert report["schema"] == "second-opinion-materializer-batch-v1"
    assert report["status"] == "failed"
    assert report["manifest"] == str(work.folder / "batch.json")
    assert report["summary"] == {
        "tables": 4,
        "failed_tables": 2,
        "input_rows": 4,
        "output_rows": 3,
    }
    assert [(entry["id"], entry["status"]) for entry in report["tables"]] == [
        ("one", "ok"),
        ("two", "failed"),
        ("three", "failed"),
        ("four", "ok"),
    ]


def test_report_of_a_table(report: dict[str, Any], work: Workspace) -> None:
    """A table's entry has its paths, its options and its counts."""
    entry = report["tables"][0]
    assert entry["features"] == str(work.folder / "features.jsonl")
    assert entry["scores"] == ["scores.jsonl"]
    assert entry["out"] == str(work.folder / "one.jsonl")
    assert entry["audit_json"] == str(work.folder / "one.audit.json")
    assert entry["config"]["missing_policy"] == "mark"
    assert entry["summary"]["input_rows"] == entry["summary"]["output_rows"] == 2
    assert entry["summary"]["competitors"] == {
        "DOVER": {"matched_rows": 1, "missing_rows": 1, "bad_rows": 0}
    }
    assert "error" not in entry


def test_report_of_a_failed_table(report: dict[str, Any]) -> None:
    """A failed table's entry has its error instead of counts."""
    entry = report["tables"][1]
    assert entry["error"].endswith("gone.jsonl: cannot be read: No such file or directory")
    assert "summary" not in entry


def test_report_of_a_table_that_lacks_scores(report: dict[str, Any]) -> None:
    """A promotion-grade table that fails has the promised error."""
    error = "missing second-opinion scores: DOVER=1; missing of DOVER: 'b'"
    assert report["tables"][2]["error"] == error


def test_provenance_of_a_report(report: dict[str, Any], work: Workspace) -> None:
    """The report tells what asked for the batch and from which manifest."""
    block = report["run_provenance"]
    assert block["schema"] == "ai-run-provenance-v1"
    assert block["argv"] == ["--of", "a test"]
    sha = hashlib.sha256(work.read("batch.json")).hexdigest()
    entry = block["inputs"]["manifest"]
    assert (entry["path"], entry["sha256"]) == (str(work.folder / "batch.json"), sha)
    assert (entry["exists"], entry["kind"]) == (True, "file")
    assert block["outputs"] == {
        "report_json": str(work.folder / "r.json"),
        "report_md": str(work.folder / "r.md"),
        "coverage_svg": str(work.folder / "r.coverage.svg"),
    }


def test_manifest_hash_is_of_the_bytes_that_were_parsed(
    work: Workspace, manifest: Manifest
) -> None:
    """A manifest that is edited while its batch runs is told as it was when it was read."""
    old = hashlib.sha256(work.read("batch.json")).hexdigest()
    outcomes = materialize_batch(manifest, INVOCATION)
    work.write("batch.json", "{}")
    report = Report(manifest, outcomes, INVOCATION).document()
    assert report["run_provenance"]["inputs"]["manifest"]["sha256"] == old


@pytest.mark.usefixtures("report")
def test_markdown(work: Workspace) -> None:
    """The Markdown report has one line a table, and says how each ended."""
    text = work.read("r.md").decode()
    assert text.startswith("# Second-opinion batch: failed\n")
    assert "4 tables, 2 failed; 4 input rows, 3 output rows" in text
    lines = [line for line in text.partition("## Tables")[2].splitlines() if line.startswith("|")]
    assert len(lines) == 6
    assert lines[2].startswith("| one | ok | 2 | 2 | 1 | 0 | ")
    assert lines[3].startswith("| two | failed |  |  |  |  | ")
    assert "cannot be read" in lines[3]


def test_markdown_survives_any_id(work: Workspace) -> None:
    """A table's id cannot break the Markdown table."""
    path = work.write("batch.json", json.dumps({"tables": [_table("a", id="a|b\n<c>")]}))
    manifest = load_manifest(Location(path))
    report = Report(manifest, materialize_batch(manifest, INVOCATION), INVOCATION)
    lines = [line for line in report.markdown("").splitlines() if line.startswith("|")]
    assert lines[2].startswith(r"| a\|b &lt;c&gt; | ok |")


UNCHANGED = {
    **dict.fromkeys(("rows_before", "rows_after", "compared_rows"), 2),
    **dict.fromkeys(("changed_rows", "added_rows", "gone_rows"), 0),
    **{name: [] for name in ("added_keys", "gone_keys", "added_scorers", "gone_scorers")},
    "scorers": {
        "DOVER": {
            "changed_rows": 0,
            "changed_scores": 0,
            "mean_shift": None,
            "shifts": [],
            "status_changes": {},
            "ok_before": 1,
            "ok_after": 1,
            "coverage_before": 0.5,
            "coverage_after": 0.5,
        }
    },
}


def test_report_of_a_batch_that_went_well(work: Workspace) -> None:
    """A batch without a failure is ok, and its report has no time in it."""
    manifest = load_manifest(
        Location(work.write("b.json", json.dumps({"tables": [_table("one")]})))
    )
    reports = [
        Report(manifest, materialize_batch(manifest, INVOCATION), INVOCATION).document()
        for _ in range(3)
    ]
    assert [report["tables"][0].pop("drift") for report in reports][:2] == [
        {"not_compared": "first join"},
        {"changes": UNCHANGED},
    ]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0]["status"] == "ok"


def test_unwritable_report(work: Workspace, manifest: Manifest) -> None:
    """A report that cannot be written is named with the reason."""
    files = ReportFiles(report_md=Location(work.folder / "features.jsonl" / "r.md"))
    with pytest.raises(JoinError, match=r"r\.coverage\.svg: cannot be written: "):
        Report(manifest, [], INVOCATION, files).write()


def test_what_is_left_of_an_earlier_join(work: Workspace, manifest: Manifest) -> None:
    """Of a table that fails, the outcome tells whether an earlier output is still in place."""
    work.write("two.jsonl", "of an earlier batch")
    outcomes = materialize_batch(manifest, INVOCATION)
    assert [outcome.earlier for outcome in outcomes] == [
        *(None, EarlierOutput(exists=True), None, None)
    ]


def test_each_audit_has_its_tables_options(manifest: Manifest) -> None:
    """A table's own audit tells the options and paths of that table, not of the batch alone."""
    materialize_batch(manifest, INVOCATION)
    table = manifest.tables[0]
    assert table.audit_json is not None
    args = json.loads(Path(table.audit_json).read_bytes())["run_provenance"]["args"]
    assert args["features"] == str(table.features)
    assert args["missing_policy"] == table.options.missing_policy.value
