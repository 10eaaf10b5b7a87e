"""What a join counted: rows in and out, and for each scorer what matched, lacked or was bad."""

from __future__ import annotations

from functools import cached_property
from itertools import compress
from operator import and_, not_, or_

import msgspec

from second_opinion_assets.contract.columns import column_prefix
from second_opinion_assets.matching.claims import Claims, Collision
from second_opinion_assets.scores.payload import Status, is_label
from second_opinion_assets.scores.scorers import NO_ROW_STATUSES, Scorer

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
        ambiguous_rows: those of the bad rows whose key may be another clip's.
        unmatched_keys: score rows that no feature row asked for.
        score_min, score_max: range of the ok scores that were joined; None without any.
        keys_found_by_mode: where few keys were found, how many of the scorer's keys each
            `key_normalize` would find; else empty.
        colliding_keys: score rows that different feature keys ask for, and feature keys that may
            mean any of several score rows.
        score_fields: the fields that the scores were read from.
        label_fields: those of them that are labels, which was said to be meant.
        missing, bad, unmatched, collisions: the first few of each, at most `SAMPLE_ROWS`.
    """

    competitor: str
    column_prefix: str
    scores_loaded: int
    duplicate_rows: int
    matched_rows: int = 0
    missing_rows: int = 0
    bad_rows: int = 0
    ambiguous_rows: int = 0
    unmatched_keys: int = 0
    colliding_keys: int = 0
    score_min: float | None = None
    score_max: float | None = None
    keys_found_by_mode: dict[str, int] = {}
    score_fields: list[str] = []
    label_fields: list[str] = []
    missing: list[MissingSample] = []
    bad: list[BadSample] = []
    unmatched: list[str] = []
    collisions: list[Collision] = []

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
        unknown_rows: input rows with a key that no scorer has.
        unknown: the first few of them, at most `SAMPLE_ROWS`.
        non_finite_values: bare NaN and Infinity of the input that became null in the output.
        scorers: one tally a scorer, by the scorer's name, in slug order.
    """

    input_rows: int
    output_rows: int
    dropped_rows: int
    null_keys: int
    unknown_rows: int
    unknown: list[MissingSample]
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
    def ambiguous_rows(self) -> int:
        """Rows with a key that may be another clip's, added up over scorers."""
        return sum(scorer.ambiguous_rows for scorer in self.scorers.values())

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


class RowCounter:
    """Counts the rows of a feature table that asked for each key, while the table streams by.

    Args:
        scorers: the scorers.
        prefix: what the names of appended columns start with.
        claims: who gets which score, where keys collide.

    Attributes:
        statuses: for each scorer the status of each key number; the last is that of no key.
        asked: how many rows asked for each key number.
    """

    def __init__(self, scorers: list[Scorer], prefix: str, claims: Claims | None = None) -> None:
        self._scorers = scorers
        self._claims = claims
        self._rows_by_key = [scorer.rows_by_key for scorer in scorers]
        self.statuses = [
            bytes(map((scorer.status + bytes(NO_ROW_STATUSES)).__getitem__, rows))
            for scorer, rows in zip(scorers, self._rows_by_key, strict=True)
        ]
        self.asked = [0] * (len(scorers[0].keys) + 1)
        self._tallies = [
            ScorerTally(
                scorer.competitor,
                column_prefix(scorer, prefix),
                scorer.rows,
                scorer.duplicates,
                score_fields=sorted(scorer.score_fields),
                label_fields=sorted(filter(is_label, scorer.score_fields)),
                missing=[],
                bad=[],
            )
            for scorer in scorers
        ]

    @cached_property
    def has_all_scorers(self) -> list[bool]:
        """Whether a row with a key of this number lacks no scorer."""
        return [Status.missing not in statuses for statuses in zip(*self.statuses, strict=True)]

    @property
    def unknown_rows(self) -> int:
        """Rows so far with a key that no scorer has, or with none."""
        return self.asked[-1]

    def asked_keys(self) -> dict[int, str]:
        """Return those of the scorers' keys that were asked for so far, by number."""
        return dict(compress(enumerate(self._scorers[0].keys), self.asked))

    def count(
        self, key_numbers: list[int], found: list[int], keys: list[str | None], first_row: int
    ) -> None:
        """Take the key numbers of a block's rows, and those that their keys were found under."""
        asked = self.asked
        for key_number in key_numbers:
            asked[key_number] += 1
        for number, tally in enumerate(self._tallies):
            if len(tally.missing) == len(tally.bad) == SAMPLE_ROWS:
                continue
            statuses = bytes(map(self.statuses[number].__getitem__, key_numbers))
            for row in _first(statuses, Status.missing, SAMPLE_ROWS - len(tally.missing)):
                tally.missing.append(MissingSample(keys[row], first_row + row))
            for row in _first(statuses, Status.bad, SAMPLE_ROWS - len(tally.bad)):
                key = keys[row] or ""
                reason, where = self._why_bad(number, key_numbers[row], found[row], key)
                tally.bad.append(BadSample(key, first_row + row, reason, where))

    def finish(self) -> dict[str, ScorerTally]:
        """Return the counts by competitor once the table is through."""
        asked = bytes(map(bool, self.asked))
        for number in range(len(self._scorers)):
            self._finish(number, asked)
        return {tally.competitor: tally for tally in self._tallies}

    def _finish(self, number: int, asked: bytes) -> None:
        """Complete one tally; `asked` has a 1 for each key that a feature row has."""
        scorer, tally = self._scorers[number], self._tallies[number]
        statuses, rows = self.statuses[number], self._rows_by_key[number]
        ok, bad, missing = (_are(status, statuses) for status in Status)
        tally.matched_rows = sum(compress(self.asked, ok))
        tally.missing_rows = sum(compress(self.asked, missing))
        tally.bad_rows = sum(compress(self.asked, bad))
        unmatched = set(compress(rows, map(not_, map(or_, asked, missing))))
        if self._claims is not None:
            unmatched = set(range(scorer.rows)).difference(compress(rows, asked))
            unmatched -= self._claims.asked_rows(number)
            self._note_collisions(number, self._claims)
        tally.unmatched_keys = len(unmatched)
        first = scorer.first_places(unmatched, SAMPLE_ROWS)
        tally.unmatched = list(map(scorer.raw_keys.__getitem__, first))
        scores = list(map(scorer.score.__getitem__, compress(rows, map(and_, ok, asked))))
        if scores:
            tally.score_min, tally.score_max = min(scores), max(scores)

    def _note_collisions(self, number: int, claims: Claims) -> None:
        tally, ambiguous = self._tallies[number], self._scorers[number].rows + 1
        rows = self._rows_by_key[number]
        tally.ambiguous_rows = sum(compress(self.asked, map(ambiguous.__eq__, rows)))
        tally.colliding_keys, tally.collisions = claims.collisions(number, SAMPLE_ROWS)

    def _why_bad(self, number: int, key_number: int, found: int, key: str) -> tuple[str, str]:
        """Return why a row is bad to a scorer, and where that can be seen."""
        scorer, row = self._scorers[number], self._rows_by_key[number][key_number]
        if row < scorer.rows or self._claims is None:
            return scorer.reasons[row], scorer.where(row)
        collision = self._claims.why_ambiguous(number, found, key)
        return collision.reason, collision.where


def _are(status: Status, statuses: bytes) -> bytes:
    """Return a 1 for each entry that is `status` and a 0 for each other."""
    return statuses.translate(bytes(known == status for known in range(256)))


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
