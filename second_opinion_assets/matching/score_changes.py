"""What changed for one scorer between an earlier output and the present join."""

from __future__ import annotations

import math
from collections import Counter
from heapq import nlargest
from itertools import compress
from typing import TYPE_CHECKING, Any

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.json_text import shown
from second_opinion_assets.matching.drift import ScorerDrift, Shift
from second_opinion_assets.scores.payload import Defect, Status, read_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from second_opinion_assets.scores.scorers import Scorer

SHOWN_SHIFTS = 10
_NAMES = tuple(status.name for status in Status)
_OK = Status.ok.name


class ScoreChanges:
    """Takes the scores and statuses that a scorer had, and holds them against what it has.

    Args:
        scorer: what it has.
        statuses: the status of each key number.
    """

    def __init__(self, scorer: Scorer, statuses: bytes) -> None:
        self._scorer = scorer
        self._status_by_key = list(map(_NAMES.__getitem__, statuses))
        scores: list[float | None] = [*scorer.score, None, None]  # the last are those of no row
        for row in scorer.reasons:
            if math.isnan(scorer.score[row]):
                scores[row] = None
        self._score_by_key = list(map(scores.__getitem__, scorer.rows_by_key))
        self._ok_before = self._changed_rows = self._changed_scores = 0
        self._sum = 0.0
        self._shifts: dict[str, Shift] = {}
        self._least_shift = 0.0
        self._status_changes: Counter[tuple[str, str]] = Counter()

    def count(self, statuses: Sequence[Any]) -> None:
        """Take the statuses of all rows of a block, whether their keys are still there or not."""
        self._ok_before += statuses.count(_OK)
        if unknown := set(map(str, statuses)).difference(_NAMES):
            msg = (
                f"status of {self._scorer.competitor} is {shown(min(unknown))}, expected "
                f"{', '.join(_NAMES)}"
            )
            raise JoinError(msg)

    def count_present_rows(self, rows_out: list[int]) -> None:
        """Take the statuses of the present output, by key number, as those of the earlier one."""
        self._ok_before = self._ok_rows(rows_out)

    def compare(
        self, keys: list[str], numbers: list[int], scores: Sequence[Any], statuses: Sequence[str]
    ) -> list[int]:
        """Take the rows of a block whose keys are still there.

        Returns:
            The rows that changed.
        """
        new_scores = list(map(self._score_by_key.__getitem__, numbers))
        new_statuses = list(map(self._status_by_key.__getitem__, numbers))
        if new_scores == scores and new_statuses == statuses:
            return []
        rows = zip(scores, new_scores, statuses, new_statuses, strict=True)
        changed = [
            row
            for row, (before, after, was, is_) in enumerate(rows)
            if before != after or was != is_
        ]
        self._changed_rows += len(changed)
        for row in changed:
            if statuses[row] != new_statuses[row]:
                self._status_changes[statuses[row], new_statuses[row]] += 1
            before, after = scores[row], new_scores[row]
            if before != after and before is not None and after is not None:
                self._shift(keys[row], self._number(before), after)
        return changed

    def finish(self, rows_before: int, rows_out: list[int], rows_after: int) -> ScorerDrift:
        """Return what changed, all rows being through.

        Args:
            rows_before: rows of the earlier output.
            rows_out: rows of the present one by key number.
            rows_after: all rows of the present one.
        """
        ok_after = self._ok_rows(rows_out)
        known = self._changed_scores and math.isfinite(self._sum)
        return ScorerDrift(
            changed_rows=self._changed_rows,
            changed_scores=self._changed_scores,
            mean_shift=self._sum / self._changed_scores if known else None,
            shifts=self._largest(),
            status_changes={f"{a} to {b}": n for (a, b), n in self._status_changes.most_common()},
            ok_before=self._ok_before,
            ok_after=ok_after,
            coverage_before=self._ok_before / rows_before if rows_before else 1.0,
            coverage_after=ok_after / rows_after if rows_after else 1.0,
        )

    def _ok_rows(self, rows_out: list[int]) -> int:
        return sum(compress(rows_out, map(_OK.__eq__, self._status_by_key)))

    def _shift(self, key: str, before: float, after: float) -> None:
        self._changed_scores += 1
        self._sum += after - before
        if abs(after - before) > self._least_shift:
            self._shifts.setdefault(key, Shift(key, before, after))
            if len(self._shifts) > 2 * SHOWN_SHIFTS:
                largest = self._largest()
                self._shifts = {shift.key: shift for shift in largest}
                self._least_shift = abs(largest[-1].by)

    def _largest(self) -> list[Shift]:
        return nlargest(SHOWN_SHIFTS, self._shifts.values(), key=lambda shift: abs(shift.by))

    def _number(self, score: object) -> float:
        if type(score) is float:
            return score
        number = read_number(score, f"score of {self._scorer.competitor}")
        if isinstance(number, Defect):
            raise JoinError(number.reason)
        return number
