"""What came of verifying audits: rows for a person, and a document for a program."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from second_opinion_assets.join.verify import FileState, Verification
from second_opinion_assets.report.terminal import columns
from second_opinion_assets.storage.location import Location

VERIFY_SCHEMA = "second-opinion-verify-v1"
LISTED_FILES = 5
_SELDOM = {FileState.added, FileState.stream, FileState.frame}
_WIDTHS = (10, 7)  # the same for all audits of a run


class AuditOutcome(msgspec.Struct, frozen=True):
    """An audit as it was named, and what came of verifying it."""

    audit: Location
    verification: Verification


class VerifiedRow(NamedTuple):
    """One thing that was verified.

    Attributes:
        state: what became of it, in a word or two.
        kind: what it is: `input`, `output`, `tallies`, or the `audit` itself.
        path: the file; empty for what is none.
        detail: how it differs: a sentence, or the sha256 that was and the one that is, shortened.
        holds: whether it is as it was.
    """

    state: str
    kind: str
    path: str
    detail: str
    holds: bool


def verified_rows(found: Verification) -> Iterator[VerifiedRow]:
    """Yield what became of each file of an audit, and then of its counts."""
    for file in found.files:
        hashes = " → ".join(sha256[:12] for sha256 in (file.sha256, file.found_sha256) if sha256)
        yield VerifiedRow(file.state.value, file.role.value, file.path, hashes, file.state.holds)
    for difference in found.differences:
        yield VerifiedRow("differs", "tallies", "", str(difference), holds=False)
    if found.problem:
        kind = "tallies" if found.files else "audit"
        yield VerifiedRow("no answer", kind, "", found.problem, holds=False)
    elif not found.differences and found.rows is not None:
        yield VerifiedRow("agree", "tallies", "", f"{found.rows} rows", holds=True)


def lines(outcome: AuditOutcome) -> Iterator[str]:
    """Yield what came of one audit, a line for each file and each count that differs.

    Of many unchanged files of one folder there is but one line.
    """
    if outcome.verification.refused is not None:
        yield f"{outcome.audit}: nothing was published: {outcome.verification.refused}"
        return
    yield f"{outcome.audit}: {'holds' if outcome.verification.holds else 'does not hold'}"
    rows = []
    for folder, of_folder in groupby(verified_rows(outcome.verification), _unchanged_in):
        several = list(of_folder)
        told = [(row.state, row.kind, row.path or row.detail) for row in several]
        if folder and len(several) > LISTED_FILES:
            told = [(*told[0][:2], f"{folder} ({len(several)} files)")]
        rows += told
    yield from columns(rows, (), _WIDTHS)


def _unchanged_in(row: VerifiedRow) -> Location | None:
    """Return the folder of an unchanged file."""
    return Location(row.path).parent if row.path and row.holds else None


def summary(outcomes: list[AuditOutcome]) -> dict[str, int]:
    """Return how many audits there were, how many hold, and what became of their files."""
    states = [file.state for outcome in outcomes for file in outcome.verification.files]
    held = sum(outcome.verification.holds for outcome in outcomes)
    return {
        "audits": len(outcomes),
        "failed_audits": len(outcomes) - held,
        "files": len(states),
        **{
            state.value: count
            for state in FileState
            if (count := states.count(state)) or state not in _SELDOM
        },
    }


def document(outcomes: list[AuditOutcome]) -> dict[str, Any]:
    """Return what came of all audits as plain JSON values."""
    totals = summary(outcomes)
    return {
        "schema": VERIFY_SCHEMA,
        "status": "failed" if totals["failed_audits"] else "ok",
        "summary": totals,
        "audits": [
            {
                "audit": str(outcome.audit),
                "holds": outcome.verification.holds,
                **msgspec.to_builtins(outcome.verification),
            }
            for outcome in outcomes
        ],
    }
