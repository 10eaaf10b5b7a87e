"""What changed between two joins of a table, or of many tables, as sentences and tables."""

from __future__ import annotations

from collections import Counter

from second_opinion_assets.matching.drift import (
    FIRST_JOIN,
    UNCHANGED,
    Changes,
    Drift,
    ScorerDrift,
    Shift,
)
from second_opinion_assets.report.sections import Part, Table

_HEADING = ["scorer", "rows changed", "scores changed", "mean shift", "largest shift", "coverage"]


def drift_parts(drift: Drift) -> list[Part]:
    """Return what changed in one table: a sentence, then tables of what there is to show."""
    return [str(drift), *(_tables(drift.changes) if drift.changes else [])]


def drifts_parts(drifts: dict[str, Drift]) -> list[Part]:
    """Return what changed in many tables, by their ids; those that changed come first.

    Returns:
        A table of those with a change and one of their scorers, and how many have none.
    """
    counts = Counter(str(drift) for drift in drifts.values())
    named = {
        id_: drift for id_, drift in drifts.items() if str(drift) not in (UNCHANGED, FIRST_JOIN)
    }
    scorers = [
        [id_, name, *_figures(scorer)]
        for id_, drift in named.items()
        if drift.changes is not None
        for name, scorer in drift.changes.scorers.items()
        if scorer.changed_rows or scorer.coverage_before != scorer.coverage_after
    ]
    parts: list[Part] = []
    if named:
        rows = [[id_, str(drift)] for id_, drift in named.items()]
        parts.append(Table(["table", "what changed"], rows))
    if scorers:
        parts.append(Table(["table", *_HEADING], scorers))
    rest = [f"{what} ({counts[what]})" for what in (UNCHANGED, FIRST_JOIN) if counts[what]]
    if rest:
        parts.append(f"{'Other tables' if named else 'Tables'}: {', '.join(rest)}")
    return parts


def _tables(found: Changes) -> list[Table]:
    scorers = [[name, *_figures(scorer)] for name, scorer in found.scorers.items()]
    shifts = [
        [name, shift.key, f"{shift.before:.6g}", f"{shift.after:.6g}", _signed(shift.by)]
        for name, scorer in found.scorers.items()
        for shift in scorer.shifts
    ]
    statuses = [
        [name, change, str(rows)]
        for name, scorer in found.scorers.items()
        for change, rows in scorer.status_changes.items()
    ]
    keys = {"added": found.added_keys, "gone": found.gone_keys}
    listed = [[what, ", ".join(names)] for what, names in keys.items() if names]
    tables = [
        Table(_HEADING, scorers),
        Table(["scorer", "key", "before", "after", "shift"], shifts),
        Table(["scorer", "status", "rows"], statuses),
        Table(["keys", "the first of them"], listed),
    ]
    return [table for table in tables if table.rows]


def _figures(scorer: ScorerDrift) -> list[str]:
    """Return a scorer's figures, in the order of the heading."""
    before, after = f"{scorer.coverage_before:.1%}", f"{scorer.coverage_after:.1%}"
    return [
        str(scorer.changed_rows),
        str(scorer.changed_scores),
        "" if scorer.mean_shift is None else _signed(scorer.mean_shift),
        _largest(scorer.shifts),
        before if before == after else f"{before} → {after}",
    ]


def _largest(shifts: list[Shift]) -> str:
    return f"{_signed(shifts[0].by)} ({shifts[0].key})" if shifts else ""


def _signed(number: float) -> str:
    return f"{number:+.4g}"
