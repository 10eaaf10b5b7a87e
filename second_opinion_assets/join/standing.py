"""How the tables of a manifest stand, by the audits and outputs that lie on the disk.

What Dagster's history says of them does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.audit import read_audit
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import (
    EarlierOutput,
    TableOutcome,
    TableStatus,
    TableSummary,
)
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.reading import digest_file


class Standing(NamedTuple):
    """How a table stands, and the audit of what is in place; None where none is to be trusted."""

    outcome: TableOutcome
    audit: Audit | None = None


def audits_by_table(found: Iterable[Standing]) -> dict[str, Audit]:
    """Return the audits that are to be trusted, by the ids of their tables."""
    return {standing.outcome.spec.id: standing.audit for standing in found if standing.audit}


def standings(manifest: Manifest) -> Iterator[Standing]:
    """Yield how each table stands; one that cannot be read affects no other."""
    for spec in manifest.tables:
        try:
            with machine_errors(spec.out):
                yield _standing(spec)
        except JoinError as error:
            yield Standing(_failed(spec, str(error)))


def _standing(spec: TableSpec) -> Standing:
    refused = _refused(spec)
    if refused is not None:
        summary = TableSummary.of(_tally(refused), published=False)
        return Standing(_failed(spec, refused.error or "its join was refused", summary))
    is_there = spec.out.exists()
    if spec.audit_json is None or not spec.audit_json.exists():
        if not is_there:
            return Standing(TableOutcome(spec, TableStatus.not_joined))
        why = "it has no audit that counts what it holds; name audit_json, and join it again"
        return Standing(_failed(spec, why))
    audit = read_audit(spec.audit_json)
    summary = TableSummary.of(_tally(audit), published=True)
    if not is_there:
        return Standing(TableOutcome(spec, TableStatus.output_gone, summary))
    if digest_file(spec.out).sha256 != audit.output_sha256:
        why = f"{spec.out} is not what its audit says; join it again, or see what verify says"
        return Standing(_failed(spec, why))
    return Standing(TableOutcome(spec, TableStatus.ok, summary), audit)


def _refused(spec: TableSpec) -> Audit | None:
    """Return the audit that the latest join left if it published nothing for its counts."""
    if spec.failed_audit is None or not spec.failed_audit.exists():
        return None
    audit = read_audit(spec.failed_audit)
    return None if audit.is_published else audit


def _tally(audit: Audit) -> Tally:
    return Tally(
        input_rows=audit.input_rows,
        output_rows=audit.output_rows,
        dropped_rows=audit.input_rows - audit.output_rows,
        null_keys=audit.null_keys,
        unknown_rows=audit.unknown_rows,
        unknown=audit.unknown,
        non_finite_values=audit.non_finite_values,
        scorers=dict(audit.scorers),
    )


def _failed(spec: TableSpec, why: str, summary: TableSummary | None = None) -> TableOutcome:
    earlier = EarlierOutput(exists=True) if spec.out.exists() else None
    return TableOutcome(spec, TableStatus.failed, summary, why, earlier=earlier)
