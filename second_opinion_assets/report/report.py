"""The report on the tables of a manifest, as JSON, Markdown and a picture.

One code path makes it for the command line's batch and for the asset; where the outcomes come
from (a batch that just ran, Dagster's history) does not belong here.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import quote

import msgspec

from second_opinion_assets.contract.audit import ReportProvenance
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import BatchSummary, TableOutcome, TableStatus
from second_opinion_assets.join.provenance import (
    Invocation,
    input_entry,
    report_provenance,
    table_args,
)
from second_opinion_assets.join.taken_paths import refuse_shared_outputs
from second_opinion_assets.report.coverage import coverage_matrix, coverage_svg, left_out_note
from second_opinion_assets.report.drift import drifts_parts
from second_opinion_assets.report.markdown import document
from second_opinion_assets.report.sections import Part, Picture, Section, Table
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import json_document, publish_text

BATCH_SCHEMA = "second-opinion-materializer-batch-v1"


class ReportFiles(msgspec.Struct, frozen=True):
    """Where the report goes; None for a form that is not wanted."""

    report_json: Location | None = None
    report_md: Location | None = None
    report_html: Location | None = None

    @property
    def coverage_svg(self) -> Location | None:
        """The picture that the Markdown shows, beside it."""
        return self.report_md and self.report_md.with_suffix(".coverage.svg")

    def named(self) -> dict[str, Location]:
        """Return the files there will be, by name."""
        files = {
            "report_json": self.report_json,
            "report_md": self.report_md,
            "coverage_svg": self.coverage_svg,
            "report_html": self.report_html,
        }
        return {name: path for name, path in files.items() if path}

    def refuse_shared(self, manifest: Manifest) -> None:
        """Raise a ManifestError if a file would overwrite another one of the batch."""
        refuse_shared_outputs(manifest, list(self.named().values()))


class Report(msgspec.Struct, frozen=True):
    """How the tables of a manifest stand, and what asked to know."""

    manifest: Manifest
    outcomes: list[TableOutcome]
    invocation: Invocation
    files: ReportFiles = ReportFiles()

    @property
    def status(self) -> str:
        """`ok`, or `failed` if a table failed, or `incomplete` if one is not there."""
        statuses = {outcome.status for outcome in self.outcomes}
        if TableStatus.failed in statuses:
            return "failed"
        return "ok" if statuses <= {TableStatus.ok} else "incomplete"

    @property
    def summary(self) -> BatchSummary:
        return BatchSummary.of(self.outcomes)

    def document(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "schema": BATCH_SCHEMA,
            "status": self.status,
            "manifest": str(self.manifest.path),
            "summary": msgspec.to_builtins(self.summary),
            "tables": [_table_entry(outcome) for outcome in self.outcomes],
            "run_provenance": msgspec.to_builtins(self.provenance),
        }

    @property
    def provenance(self) -> ReportProvenance:
        """What the report was made from, apart from the history of runs."""
        manifest = input_entry(self.manifest.path, self.manifest.digest)
        return report_provenance(self.invocation, {"manifest": manifest}, self.files.named())

    def picture(self) -> str:
        """Return the coverage matrix as SVG."""
        return coverage_svg(coverage_matrix(self.outcomes))

    @property
    def headline(self) -> list[Part]:
        """What stands first in the report: the manifest, and totals."""
        total = self.summary
        totals = (
            f"{total.tables} table{'s' * (total.tables != 1)}, {total.failed_tables} failed; "
            f"{total.input_rows} input rows, {total.output_rows} output rows"
        )
        return [f"Manifest: {self.manifest.path}", totals]

    def sections(self, picture: str) -> list[Section]:
        """Return the sections of the report, one a question that a reader has.

        Args:
            picture: where the coverage matrix is, a URL.
        """
        note = left_out_note(coverage_matrix(self.outcomes))
        return [
            Section("Coverage", [coverage_picture(picture), *([note] if note else [])]),
            Section("Not as they should be", troubles(self.outcomes)),
            Section("Warnings", warnings(self.outcomes)),
            Section("Changes since the joins before", changes(self.outcomes)),
            Section("Tables", [_tables(self.outcomes)]),
        ]

    def markdown(self, picture: str) -> str:
        """Return the report as a Markdown document; for `picture` see `sections`."""
        title = f"Second-opinion batch: {self.status}"
        return document(title, self.headline, self.sections(picture))

    def write(self) -> None:
        """Publish the report in every form that is wanted, the picture before what shows it."""
        if svg := self.files.coverage_svg:
            publish_text(svg, self.picture())
        if md := self.files.report_md:
            publish_text(md, self.markdown(quote(md.with_suffix(".coverage.svg").name)))
        if path := self.files.report_json:
            publish_text(path, json_document(self.document()).decode())


def inline_svg(svg: str) -> str:
    """Return a picture as a URL that holds the picture itself."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def coverage_picture(url: str) -> Picture:
    """Return the coverage matrix as a part of a page.

    Args:
        url: where the picture is.
    """
    return Picture("Coverage of tables by scorers", url)


def troubles(outcomes: list[TableOutcome]) -> list[Part]:
    """Return one row for each table that is not ok, with why; nothing if all are."""
    rows = [
        [outcome.spec.id, _status(outcome), _what_happened(outcome)]
        for outcome in outcomes
        if outcome.status is not TableStatus.ok
    ]
    return [Table(["table", "status", "what happened"], rows)] if rows else []


def warnings(outcomes: list[TableOutcome]) -> list[Part]:
    """Return one row for each warning, with its table; nothing if there is none."""
    rows = [[outcome.spec.id, line] for outcome in outcomes for line in outcome.warnings]
    return [Table(["table", "warning"], rows)] if rows else []


def changes(outcomes: list[TableOutcome]) -> list[Part]:
    """Return what changed in the tables that are there since the joins before their latest."""
    return drifts_parts(
        {o.spec.id: o.drift for o in outcomes if o.drift and o.status is TableStatus.ok}
    )


def _status(outcome: TableOutcome) -> str:
    return outcome.status.replace("_", " ")


def _what_happened(outcome: TableOutcome) -> str:
    if outcome.status is TableStatus.not_joined:
        return "never joined; materialize it"
    if outcome.status is TableStatus.not_begun:
        return "not begun; run the batch again"
    if outcome.status is TableStatus.output_gone:
        return f"{outcome.spec.out} was joined and is not there any more; materialize it again"
    earlier = outcome.earlier
    if earlier is None:
        return f"{outcome.error}; nothing was published before"
    by = f" of run {earlier.run_id}" if earlier.run_id else " of an earlier run"
    rows = "" if earlier.output_rows is None else f" ({earlier.output_rows} rows)"
    state = "is still in place" if earlier.exists else "is not there any more"
    return f"{outcome.error}; the output{by}{rows} {state}"


def _tables(outcomes: list[TableOutcome]) -> Table:
    """Return one row for each table: how it stands, its counts, and its output or error."""
    rows = []
    for outcome in outcomes:
        summary = outcome.summary
        counts = (
            (summary.input_rows, summary.output_rows, summary.missing_rows, summary.bad_rows)
            if summary
            else ("",) * 4
        )
        shown = outcome.error or str(outcome.spec.out)
        rows.append([outcome.spec.id, _status(outcome), *map(str, counts), shown])
    heading = ["table", "status", "input rows", "output rows", "missing", "bad", "output or error"]
    return Table(heading, rows)


def _table_entry(outcome: TableOutcome) -> dict[str, Any]:
    spec = outcome.spec
    args = table_args(spec)
    entry: dict[str, Any] = {
        "id": spec.id,
        **{name: args.pop(name) for name in ("features", "scores", "out", "audit_json")},
        "config": args,
        "status": outcome.status.value,
    }
    if outcome.summary:
        entry["summary"] = msgspec.to_builtins(outcome.summary)
        entry["warnings"] = entry["summary"].pop("warnings")
    optional = {
        "error": outcome.error,
        "run_id": outcome.run_id,
        "earlier_output": outcome.earlier,
        "drift": outcome.drift,
    }
    entry.update({name: msgspec.to_builtins(v) for name, v in optional.items() if v is not None})
    return entry
