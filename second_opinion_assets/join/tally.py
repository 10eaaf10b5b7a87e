"""What a join counted: rows in and out, and for each scorer what matched, lacked or was bad."""

from __future__ import annotations

from collections import Counter
from itertools import compress, islice

import msgspec

from second_opinion_assets.join.scorers import Scorer  # noqa: TC001 (no cycle, used in a class)
from second_opinion_assets.join.scores import Status

SAMPLE_ROWS = 10


class MissingSample(msgspec.Struct, frozen=True):
    """One row that lacks a scorer: its key (None: the row has none) and its number, from 0."""

    key: str | None
    row: int


class BadSample(msgspec.Struct, frozen=True):
    """One row whose score is bad: its key, why, and file and line of the score."""

    key: str
    row: int
    reason: str
    where: str


class ScorerTally(msgspec.Struct):
    """Counts for one scorer over the rows of a feature table.

    Attributes:
        competitor: the scorer's name.
        column_prefix: what its columns' names start with.
        scores_loaded: distinct score rows in its sidecars.
        duplicate_rows: score rows that repeat an earlier one exactly.
        matched_rows, missing_rows, bad_rows: input rows by status; they add up to all rows.
        unmatched_keys: score rows that no feature row asked for.
        score_min, score_max: range of the ok scores that were joined; None without any.
        keys_found_by_mode: where few keys were found, how many of the scorer's keys each
            `key_normalize` would find; else empty.
        missing, bad, unmatched: the first few of each, at most `SAMPLE_ROWS`.
    """

    competitor: str
    column_prefix: str
    scores_loaded: int
    duplicate_rows: int
    matched_rows: int = 0
    missing_rows: int = 0
    bad_rows: int = 0
    unmatched_keys: int = 0
    score_min: float | None = None
    score_max: float | None = None
    keys_found_by_mode: dict[str, int] = {}
    missing: list[MissingSample] = []
    bad: list[BadSample] = []
    unmatched: list[str] = []

    @property
    def coverage(self) -> float:
        """Share of the input rows with an ok score, 1.0 for a table without rows."""
        rows = self.matched_rows + self.missing_rows + self.bad_rows
        return self.matched_rows / rows if rows else 1.0

    @property
    def keys_found(self) -> float:
        """Share of the scorer's keys that a feature row asked for, 1.0 for a scorer without."""
        if not self.scores_loaded:
            return 1.0
        return 1 - self.unmatched_keys / self.scores_loaded


class Tally(msgspec.Struct):
    """Counts of one join.

    Attributes:
        input_rows, output_rows: rows read from the feature table, and written.
        dropped_rows: input rows that policy `drop` left out.
        null_keys: input rows whose key is null or empty.
        non_finite_values: bare NaN and Infinity of the input that became null in the output.
        scorers: one tally a scorer, by the scorer's name, in slug order.
    """

    input_rows: int
    output_rows: int
    dropped_rows: int
    null_keys: int
    non_finite_values: int
    scorers: dict[str, ScorerTally]

    @property
    def missing_rows(self) -> int:
        """Rows without a scorer, added up over scorers."""
        return sum(scorer.missing_rows for scorer in self.scorers.values())

    @property
    def bad_rows(self) -> int:
        """Rows with a bad score, added up over scorers."""
        return sum(scorer.bad_rows for scorer in self.scorers.values())

    @property
    def matched_rows(self) -> int:
        """Rows with an ok score, added up over scorers."""
        return sum(scorer.matched_rows for scorer in self.scorers.values())

    @property
    def gaps(self) -> str:
        """Name the scorers with missing or bad rows and how many; empty without any."""
        missing = _named({name: s.missing_rows for name, s in self.scorers.items()})
        bad = _named({name: s.bad_rows for name, s in self.scorers.items()})
        parts = [
            f"{kind} second-opinion scores: {named}"
            for kind, named in (("missing", missing), ("bad", bad))
            if named
        ]
        return "; ".join(parts)


class ScorerCounter:
    """Counts for one scorer while the feature table streams by."""

    def __init__(self, scorer: Scorer, column_prefix: str) -> None:
        self._scorer = scorer
        self._statuses = bytes(scorer.status) + bytes([Status.missing])
        self._rows_by_number: Counter[int] = Counter()
        self.tally = ScorerTally(
            scorer.competitor, column_prefix, scorer.rows, scorer.duplicates, missing=[], bad=[]
        )

    def count(self, numbers: list[int], keys: list[str | None], first_row: int) -> None:
        """Take which score row each row of a block got."""
        self._rows_by_number.update(numbers)
        tally = self.tally
        if len(tally.missing) < SAMPLE_ROWS or len(tally.bad) < SAMPLE_ROWS:
            statuses = bytes(map(self._statuses.__getitem__, numbers))
            for row in _first(statuses, Status.missing, SAMPLE_ROWS - len(tally.missing)):
                tally.missing.append(MissingSample(keys[row], first_row + row))
            for row in _first(statuses, Status.bad, SAMPLE_ROWS - len(tally.bad)):
                tally.bad.append(self._bad_sample(numbers[row], keys[row], first_row + row))

    def finish(self) -> ScorerTally:
        """Return the counts once the table is through."""
        scorer, tally = self._scorer, self.tally
        rows = self._rows_by_number
        statuses = bytes(map(self._statuses.__getitem__, rows))

        def count(status: Status) -> int:
            return sum(compress(rows.values(), map(status.__eq__, statuses)))

        tally.matched_rows = count(Status.ok)
        tally.missing_rows = count(Status.missing)
        tally.bad_rows = count(Status.bad)
        joined = list(compress(rows, map(Status.ok.__eq__, statuses)))
        if joined:
            tally.score_min = min(map(scorer.score.__getitem__, joined))
            tally.score_max = max(map(scorer.score.__getitem__, joined))
        tally.unmatched_keys = scorer.rows - len(rows.keys() - {scorer.rows})
        if tally.unmatched_keys:
            unmatched = (n for n in range(scorer.rows) if n not in rows)
            tally.unmatched = [scorer.raw_keys[n] for n in islice(unmatched, SAMPLE_ROWS)]
        return tally

    def _bad_sample(self, number: int, key: str | None, row: int) -> BadSample:
        reason = self._scorer.reasons[number]
        return BadSample(key or "", row, reason, self._scorer.where(number))


def _first(statuses: bytes, status: Status, most: int) -> list[int]:
    """Return the positions of the first rows of a status, at most `most`."""
    found: list[int] = []
    position = statuses.find(status)
    while position >= 0 and len(found) < most:
        found.append(position)
        position = statuses.find(status, position + 1)
    return found


def _named(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}={count}" for name, count in counts.items() if count)
