"""The report on all tables: an asset without partitions, made from Dagster's history.

But for the answers of its page, for which joined tables are read.

What the report says and how it reads is in `report`.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import dagster as dg
import msgspec

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.history import (
    ids_of,
    latest_audits,
    latest_joined,
    open_attempts,
    state_version,
    table_outcomes,
)
from second_opinion_assets.graph.metadata import described, markdown
from second_opinion_assets.graph.names import (
    ALL_JOINED,
    INPUT_ROWS,
    JOINED_GROUP,
    JOINED_KEY,
    MANIFEST,
    OUTPUT_ROWS,
    OWNERS,
    REPORT_KEY,
    ROLE_TAG,
    RUN_PROVENANCE,
    Metadata,
)
from second_opinion_assets.graph.own_events import Own
from second_opinion_assets.graph.runs import tag_run
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import TableStatus, summaries
from second_opinion_assets.join.provenance import JOIN_VERSION, Invocation
from second_opinion_assets.report.markdown import render
from second_opinion_assets.report.report import (
    Report,
    ReportFiles,
    changes,
    coverage_picture,
    inline_svg,
    troubles,
    warnings,
)
from second_opinion_assets.storage.location import Location, shared_folder
from second_opinion_assets.storage.publishing import publish_text

_DESCRIPTION = (
    "The tables of the manifest at a glance: which carry which second opinions, how much of them "
    "is missing or bad, and which tables failed and why, made from what the runs recorded. And one "
    "page to send, with the answers of the joined tables."
)


def report_asset(manifest: Manifest, settings: Settings, problem: str = "") -> dg.AssetsDefinition:
    """Return the asset of the report on the tables of a manifest."""
    files = report_files(manifest, settings)

    @dg.asset(
        key=REPORT_KEY,
        deps=[dg.AssetDep(JOINED_KEY, partition_mapping=dg.AllPartitionMapping())],
        check_specs=[
            dg.AssetCheckSpec(
                ALL_JOINED,
                asset=REPORT_KEY,
                description="The latest run of every table of the manifest published it, and its "
                "output is still there.",
            )
        ],
        code_version=JOIN_VERSION,
        group_name=JOINED_GROUP,
        owners=OWNERS,
        kinds={"html", "json", "markdown"},
        tags={ROLE_TAG: "report"},
        metadata={MANIFEST: dg.MetadataValue.path(str(manifest.path))},
        description=described(problem, _DESCRIPTION),
    )
    def second_opinion_report(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None]]:
        joined = latest_joined(context.instance, manifest)
        known = ids_of(joined)
        attempts = open_attempts(context.instance, known=known, own=Own(manifest))
        # Taken first: what ends while the report is made is reported the next time.
        version = state_version(attempts, known)
        invocation = Invocation(
            entrypoint=Location(__file__),
            argv=(),
            args={name: str(path) for name, path in files.named().items()},
        )
        outcomes = table_outcomes(context.instance, manifest, joined, attempts)
        report = Report(manifest, outcomes, invocation, files)
        try:
            files.refuse_shared(manifest)
            report.write()
            _write_page(context.instance, report)
        except JoinError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        yield dg.MaterializeResult(
            metadata=report_metadata(report),
            tags=tag_run(context, manifest),
            data_version=dg.DataVersion(version),
            check_results=[_every_table_joined(report)],
        )

    return second_opinion_report


def report_files(manifest: Manifest, settings: Settings) -> ReportFiles:
    """Return where the report goes: named after the manifest, beside the joined tables."""
    folder = settings.report_dir or shared_folder([table.out for table in manifest.tables])
    stem = manifest.path.stem
    names = (f"{stem}.report.{suffix}" for suffix in ("json", "md", "html"))
    return ReportFiles(*(folder / name for name in names))


def _write_page(instance: dg.DagsterInstance, report: Report) -> None:
    """Write the page to send.

    Raises:
        JoinError: it cannot be written.
    """
    # Here, since it loads pandas, scipy and matplotlib, which takes seconds.
    from second_opinion_assets.agreement.evidence import evidence_page  # noqa: PLC0415

    if report.files.report_html:
        audits = partial(latest_audits, instance, report.manifest)
        publish_text(report.files.report_html, evidence_page(report, audits, datetime.now(UTC)))


def report_metadata(report: Report) -> Metadata:
    """Return the report as the UI shows it, pictures included, and totals that plot over time."""
    picture = inline_svg(report.picture())
    wrong, changed = troubles(report.outcomes), changes(report.outcomes)
    doubtful = warnings(report.outcomes)
    joined = summaries(report.outcomes)
    statuses = Counter(outcome.status for outcome in report.outcomes)
    totals = {
        "tables": len(report.outcomes),
        **{f"{status}_tables": statuses[status] for status in TableStatus},
        INPUT_ROWS: sum(summary.input_rows for summary in joined),
        OUTPUT_ROWS: sum(summary.output_rows for summary in joined),
        "matched_rows": sum(summary.matched_rows for summary in joined),
        "missing_rows": sum(summary.missing_rows for summary in joined),
        "bad_rows": sum(summary.bad_rows for summary in joined),
    }
    scores = totals["matched_rows"] + totals["missing_rows"] + totals["bad_rows"]
    files = report.files.named()
    return {
        "coverage": markdown(coverage_picture(picture)),
        **({"troubles": markdown(*wrong)} if wrong else {}),
        **({"warnings": markdown(*doubtful)} if doubtful else {}),
        **({"changes": markdown(*changed)} if changed else {}),
        "report": dg.MetadataValue.md(report.markdown(picture)),
        **{name: dg.MetadataValue.path(str(path)) for name, path in files.items()},
        **{name: dg.MetadataValue.int(count) for name, count in totals.items()},
        "share_ok": dg.MetadataValue.float(
            round(totals["matched_rows"] / scores, 4) if scores else 0.0
        ),
        RUN_PROVENANCE: dg.MetadataValue.json(msgspec.to_builtins(report.provenance)),
    }


def _every_table_joined(report: Report) -> dg.AssetCheckResult:
    """Return whether all is well; the description holds the picture, which the UI shows inline."""
    wrong = troubles(report.outcomes)
    picture = coverage_picture(inline_svg(report.picture()))
    return dg.AssetCheckResult(
        check_name=ALL_JOINED,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,
        description=render(picture, *wrong),
    )
