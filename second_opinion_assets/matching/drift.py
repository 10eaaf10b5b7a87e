"""What changed in a joined table since it was joined before: scores, statuses, coverage, rows.

How that is found is in `earlier_output`; how it is shown, in `drift_report`.
"""

from __future__ import annotations

import msgspec

FIRST_JOIN = "first join"
UNCHANGED = "no score changed"


class Shift(msgspec.Struct, frozen=True):
    """A key's score in the earlier output and in the present one."""

    key: str
    before: float
    after: float

    @property
    def by(self) -> float:
        return self.after - self.before


class ScorerDrift(msgspec.Struct, frozen=True):
    """What changed for one scorer.

    Attributes:
        changed_rows: rows whose score or status changed.
        changed_scores: those of them that had a score before and have another one.
        mean_shift: mean change of these scores; None without any, or beyond all floats.
        shifts: the largest changes, one a key, largest first.
        status_changes: rows by what their status was and is, as in `ok to missing`.
        ok_before, ok_after: rows with an ok score in the earlier output, and in the present one.
        coverage_before, coverage_after: their share of all rows, 1.0 for no rows.
    """

    changed_rows: int
    changed_scores: int
    mean_shift: float | None
    shifts: list[Shift]
    status_changes: dict[str, int]
    ok_before: int
    ok_after: int
    coverage_before: float
    coverage_after: float


class Changes(msgspec.Struct, frozen=True):
    """What is different between two outputs of one table.

    Rows are told apart by their keys as the join reduces them. Of the rows of a key as many are
    compared as there were; what there are more or fewer of are added or gone.

    Attributes:
        rows_before, rows_after: rows of the earlier output and of the present one.
        compared_rows: rows of the earlier output whose key is still there.
        changed_rows: those of them for which a score or status of any scorer changed.
        added_rows, gone_rows: rows that the present output has more, or fewer, of a key.
        added_keys, gone_keys: the first keys that only one of the outputs has.
        scorers: by name, those that both outputs have.
        added_scorers: names of those that only the present output has.
        gone_scorers: column prefixes of those that only the earlier output has.
    """

    rows_before: int
    rows_after: int
    compared_rows: int
    changed_rows: int
    added_rows: int
    gone_rows: int
    added_keys: list[str]
    gone_keys: list[str]
    scorers: dict[str, ScorerDrift]
    added_scorers: list[str]
    gone_scorers: list[str]


class Drift(msgspec.Struct, frozen=True, omit_defaults=True):
    """What changed since the table was joined before, or why that is not known.

    Attributes:
        changes: what changed.
        not_compared: why nothing was compared.
    """

    changes: Changes | None = None
    not_compared: str | None = None

    def __str__(self) -> str:
        """Return what changed, in one sentence."""
        found = self.changes
        if found is None:
            reason = self.not_compared or ""
            return reason if reason == FIRST_JOIN else f"nothing to compare with: {reason}"
        parts = [UNCHANGED]
        if found.changed_rows:
            by = {name: scorer.changed_rows for name, scorer in found.scorers.items()}
            named = ", ".join(f"{name}={rows}" for name, rows in by.items() if rows)
            parts = [f"rows changed: {found.changed_rows} ({named})"]
        counts = {"rows added": found.added_rows, "rows gone": found.gone_rows}
        parts += [f"{what}: {rows}" for what, rows in counts.items() if rows]
        scorers = {"scorers added": found.added_scorers, "scorers gone": found.gone_scorers}
        parts += [f"{what}: {', '.join(names)}" for what, names in scorers.items() if names]
        return "; ".join(parts)
