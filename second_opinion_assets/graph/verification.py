"""The asset check `provenance_holds`: whether the files of the joined tables are what they were.

It hashes every file again, so it runs when somebody asks for it and at no other time. It is a check
of the report, since Dagster's UI executes no check of a partitioned asset on its own. How a table
is verified is in `join.verify`.
"""

from collections.abc import Iterator

import dagster as dg
import msgspec

from second_opinion_assets.graph.history import latest_audits
from second_opinion_assets.graph.names import PROVENANCE_HOLDS, REPORT_KEY
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.verify import FileState, Verification, Verifier
from second_opinion_assets.report.markdown import render
from second_opinion_assets.report.sections import Part, Table
from second_opinion_assets.report.verify import verified_rows

_SHOWN_FILES = 20


def provenance_check(manifest: Manifest) -> dg.AssetChecksDefinition:
    """Return the check of the joined tables of a manifest."""
    spec = dg.AssetCheckSpec(
        PROVENANCE_HOLDS,
        asset=REPORT_KEY,
        description=(
            "Every file that the latest materialization of each table read and wrote still has its "
            "sha256, and the output bears out its counts. On demand: press Execute; a run that "
            "makes the report skips it."
        ),
    )

    # A check that can be left out may also yield nothing.
    @dg.multi_asset_check(specs=[spec], can_subset=True, name=PROVENANCE_HOLDS)
    def provenance_holds(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        if context.job_def.has_node_named(REPORT_KEY.path[-1]):
            context.log.info("not asked for on its own, so nothing is hashed again")
            return
        verifier = Verifier()
        found = {
            table_id: verifier.verify(audit)
            for table_id, audit in latest_audits(context.instance, manifest).items()
        }
        yield _result(found, [table.id for table in manifest.tables if table.id not in found])

    return provenance_holds


def _result(found: dict[str, Verification], unknown: list[str]) -> dg.AssetCheckResult:
    """Return what came of verifying tables; the description shows it, since the UI shows that."""
    files = [file for verification in found.values() for file in verification.files]
    failed = {id_: verification for id_, verification in found.items() if not verification.holds}
    parts: list[Part] = [f"{len(found) - len(failed)} of {len(found)} joined tables hold"]
    if failed:
        rows = [[id_, *row] for id_, each in failed.items() for row in _differences(each)]
        parts.append(Table(["table", "what", "is", "expected and found"], rows))
    if unknown:
        parts.append(f"Never joined, or by another version: {', '.join(unknown)}")
    return dg.AssetCheckResult(
        check_name=PROVENANCE_HOLDS,
        asset_key=REPORT_KEY,
        passed=not failed,
        description=render(*parts),
        metadata={
            "tables": dg.MetadataValue.int(len(found)),
            "failed_tables": dg.MetadataValue.int(len(failed)),
            **{
                f"{state}_files": dg.MetadataValue.int(sum(f.state is state for f in files))
                for state in FileState
                if state is not FileState.frame  # no table of a manifest is one
            },
            "verified": dg.MetadataValue.json(msgspec.to_builtins(found)),
        },
    )


def _differences(verification: Verification) -> Iterator[list[str]]:
    """Yield what does not hold of a table: file or count, what became of it, and the difference."""
    rows = [row for row in verified_rows(verification) if not row.holds]
    files = [row for row in rows if row.path]
    for row in files[:_SHOWN_FILES]:
        yield [row.path, row.state, row.detail]
    if len(files) > _SHOWN_FILES:
        yield [f"and {len(files) - _SHOWN_FILES} more files", "", ""]
    for row in rows:
        if not row.path:
            yield [row.kind, row.state, row.detail]
