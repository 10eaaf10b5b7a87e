"""What came of verifying audits, for a person and for a program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from second_opinion_assets.join.verify import FileState, Verification
from second_opinion_assets.storage.location import Location

VERIFY_SCHEMA = "second-opinion-verify-v1"


class AuditOutcome(msgspec.Struct, frozen=True):
    """An audit as it was named, and what came of verifying it."""

    audit: Location
    verification: Verification


def lines(outcome: AuditOutcome) -> Iterator[str]:
    """Yield what came of one audit, a line for each file and each count that differs."""
    found = outcome.verification
    yield f"{outcome.audit}: {'holds' if found.holds else 'does not hold'}"
    for file in found.files:
        yield f"  {file.state:<10}  {file.role:<7}  {file.path}"
    for difference in found.differences:
        yield f"  {'differs':<10}  {'tallies':<7}  {difference}"
    if found.problem:
        yield f"  {'no answer':<10}  {'tallies' if found.files else 'audit':<7}  {found.problem}"
    elif not found.differences and found.rows is not None:
        yield f"  {'agree':<10}  {'tallies':<7}  {found.rows} rows"


def summary(outcomes: list[AuditOutcome]) -> dict[str, int]:
    """Return how many audits there were, how many hold, and what became of their files."""
    states = [file.state for outcome in outcomes for file in outcome.verification.files]
    held = sum(outcome.verification.holds for outcome in outcomes)
    return {
        "audits": len(outcomes),
        "failed_audits": len(outcomes) - held,
        "files": len(states),
        **{state.value: states.count(state) for state in FileState if state is not FileState.added},
        **({"added": added} if (added := states.count(FileState.added)) else {}),
    }


def report(outcomes: list[AuditOutcome]) -> dict[str, Any]:
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
