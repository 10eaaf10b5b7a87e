"""All tables of a manifest, one after another, and the report on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from second_opinion_assets.join.errors import JoinError, MissingScoresError
from second_opinion_assets.join.files import json_document, publish_text
from second_opinion_assets.join.markdown import cell, table
from second_opinion_assets.join.materialize import JoinResult, materialize
from second_opinion_assets.join.provenance import file_entry, run_provenance, table_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from second_opinion_assets.join.files import Progress
    from second_opinion_assets.join.manifest import Manifest, TableSpec
    from second_opinion_assets.join.provenance import Invocation
    from second_opinion_assets.join.tally import Tally

BATCH_SCHEMA = "second-opinion-materializer-batch-v1"


class TableOutcome(msgspec.Struct, frozen=True):
    """How one table ended: with its counts, or with an error (and counts, if it got that far)."""

    spec: TableSpec
    tally: Tally | None
    error: str | None


def materialize_batch(
    manifest: Manifest,
    invocation: Invocation,
    *,
    fail_fast: bool = False,
    progress: Progress | None = None,
    ended: Callable[[TableOutcome], None] = lambda _: None,
) -> list[TableOutcome]:
    """Join every table; one that fails hurts no other.

    Args:
        manifest: the tables.
        invocation: what asked for it, for each table's provenance.
        fail_fast: stop after the first table that fails.
        progress: told of input bytes as they are done.
        ended: told of each table as it ends.
    """
    outcomes = []
    for outcome in _outcomes(manifest, invocation, progress):
        ended(outcome)
        outcomes.append(outcome)
        if fail_fast and outcome.error is not None:
            break
    return outcomes


def _outcomes(
    manifest: Manifest, invocation: Invocation, progress: Progress | None
) -> Iterator[TableOutcome]:
    for spec in manifest.tables:
        try:
            own = replace(invocation, args={**invocation.args, **table_args(spec)})
            result: JoinResult = materialize(spec, own, progress)
        except MissingScoresError as error:
            yield TableOutcome(spec, error.tally, str(error))
        except JoinError as error:
            yield TableOutcome(spec, None, str(error))
        else:
            yield TableOutcome(spec, result.tally, None)


class BatchSummary(msgspec.Struct, frozen=True):
    """Totals of a batch; rows of failed tables do not count."""

    tables: int
    failed_tables: int
    input_rows: int
    output_rows: int

    @classmethod
    def of(cls, outcomes: Iterable[TableOutcome]) -> BatchSummary:
        outcomes = list(outcomes)
        joined = [o.tally for o in outcomes if o.error is None and o.tally is not None]
        return cls(
            tables=len(outcomes),
            failed_tables=len(outcomes) - len(joined),
            input_rows=sum(tally.input_rows for tally in joined),
            output_rows=sum(tally.output_rows for tally in joined),
        )

    def __str__(self) -> str:
        """Return the counts as the last line of a batch shows them."""
        return (
            f"tables={self.tables} input_rows={self.input_rows} "
            f"output_rows={self.output_rows} failed_tables={self.failed_tables}"
        )


def batch_report(
    manifest: Manifest,
    outcomes: list[TableOutcome],
    invocation: Invocation,
    outputs: dict[str, str],
) -> dict[str, Any]:
    """Return the report of a batch as plain JSON values.

    Args:
        manifest: what was to be joined.
        outcomes: how each table ended.
        invocation: what asked for it.
        outputs: name to path of the report files themselves.
    """
    summary = BatchSummary.of(outcomes)
    return {
        "schema": BATCH_SCHEMA,
        "status": "failed" if summary.failed_tables else "ok",
        "manifest": str(manifest.path),
        "summary": msgspec.to_builtins(summary),
        "tables": [_table_entry(outcome) for outcome in outcomes],
        "run_provenance": run_provenance(
            invocation,
            inputs={"manifest": file_entry(manifest.path, manifest.digest)},
            outputs=outputs,
        ),
    }


def write_reports(report: dict[str, Any], json_path: Path | None, md_path: Path | None) -> None:
    """Publish a report as JSON and as Markdown, each where a path is given."""
    if json_path:
        publish_text(json_path, json_document(report).decode())
    if md_path:
        publish_text(md_path, report_markdown(report))


def report_markdown(report: dict[str, Any]) -> str:
    """Return a report as a Markdown document with one row a table."""
    rows = []
    for entry in report["tables"]:
        summary = entry.get("summary", {})
        rows.append(
            [
                cell(entry["id"]),
                entry["status"],
                str(summary.get("input_rows", "")),
                str(summary.get("output_rows", "")),
                str(summary.get("missing_rows", "")),
                str(summary.get("bad_rows", "")),
                cell(entry.get("error", entry["out"])),
            ]
        )
    heading = ["table", "status", "input rows", "output rows", "missing", "bad", "output or error"]
    totals = " ".join(f"{name}={count}" for name, count in report["summary"].items())
    return (
        f"# Second-opinion batch: {report['status']}\n\n"
        f"Manifest: {cell(report['manifest'])}\n\n{totals}\n\n{table(heading, rows)}"
    )


def _table_entry(outcome: TableOutcome) -> dict[str, Any]:
    spec, tally = outcome.spec, outcome.tally
    args = table_args(spec)
    entry: dict[str, Any] = {
        "id": spec.id,
        **{name: args.pop(name) for name in ("features", "scores", "out", "audit_json")},
        "config": args,
        "status": "ok" if outcome.error is None else "failed",
    }
    if tally is not None:
        entry["summary"] = {
            "input_rows": tally.input_rows,
            "output_rows": tally.output_rows,
            "matched_rows": tally.matched_rows,
            "missing_rows": tally.missing_rows,
            "bad_rows": tally.bad_rows,
            "competitors": {
                name: {
                    "matched_rows": scorer.matched_rows,
                    "missing_rows": scorer.missing_rows,
                    "bad_rows": scorer.bad_rows,
                }
                for name, scorer in tally.scorers.items()
            },
        }
    if outcome.error is not None:
        entry["error"] = outcome.error
    return entry
