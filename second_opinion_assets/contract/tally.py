"""What a join counted: rows in and out, and for each scorer what matched, lacked or was bad.

How it is counted belongs to `matching`.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

SAMPLE_ROWS = 10
FEW_KEYS_FOUND = 0.05
AMBIGUOUS_KEY = "ambiguous key"


class Collision(msgspec.Struct, frozen=True):
    """Different keys that may be one clip's, or two clips'.

    Attributes:
        feature_keys: different feature keys that ask for one score, the first two of them; or a
            single one that may mean any of several scores.
        score_keys: the key of the score, or of the first two of the scores.
        taken_by: the feature key that the score is for; None where that is not certain.
        where: file and line of the score, or of the first of the scores.
    """

    feature_keys: list[str]
    score_keys: list[str]
    taken_by: str | None
    where: str

    @property
    def reason(self) -> str:
        """Why a row has no score, on one line."""
        features = " and ".join(map(repr, self.feature_keys))
        scores = " or ".join(map(repr, self.score_keys))
        if len(self.feature_keys) == 1:
            return f"{AMBIGUOUS_KEY}: {features} may be {scores}"
        return f"{AMBIGUOUS_KEY}: {features} are one key, that of the score of {scores}"


class KeyRemedy(msgspec.Struct, frozen=True, omit_defaults=True):
    """Options by which more of a scorer's keys would be found, each None where it stays as it is.

    Attributes:
        keys_found: how many would be found.
        key_column, score_key_field, key_normalize, key_pattern: the options.
    """

    keys_found: int
    key_column: str | None = None
    score_key_field: str | None = None
    key_normalize: str | None = None
    key_pattern: str | None = None

    def __str__(self) -> str:
        """Return the options as they are set, by their names."""
        pattern = None if self.key_pattern is None else f"'{self.key_pattern}'"
        options = {
            "key_column": self.key_column,
            "score_key_field": self.score_key_field,
            "key_normalize": self.key_normalize,
            "key_pattern": pattern,
        }
        *most, last = [f"{name} {value}" for name, value in options.items() if value]
        return f"{', '.join(most)} and {last}" if most else last


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
        duplicate_rows: score rows that repeat another one, their runtime aside.
        replaced_rows: bad score rows beside an ok one of the same key, which counts.
        settled_rows: ok score rows beside a different one of the same key, left out or averaged as
            option `duplicates` says.
        bad_scores: how many of the loaded score rows are bad, by kind of reason.
        matched_rows, missing_rows, bad_rows: input rows by status; they add up to all rows.
        bad_reasons: how many of the bad rows there are by kind of reason, the commonest first.
        ambiguous_rows: those of the bad rows whose key may be another clip's.
        unmatched_keys: score rows that no feature row asked for.
        score_min, score_max: range of the ok scores that were joined; None without any.
        keys_found_by_mode: where few keys were found, how many of the scorer's keys each
            `key_normalize` would find; else empty.
        colliding_keys: score rows that different feature keys ask for, and feature keys that may
            mean any of several score rows.
        remedy: where few keys were found, what would find most; None if nothing finds more.
        score_fields: the fields that the scores were read from.
        numeric_fields: numeric fields of score rows that have no score.
        label_fields: those of `score_fields` that are labels, which was said to be meant.
        not_aligned: why its scores are not on the one scale, where that was asked for; else unset.
        missing, bad, unmatched, collisions: the first few of each, at most `SAMPLE_ROWS`.
    """

    competitor: str
    column_prefix: str
    scores_loaded: int
    duplicate_rows: int
    replaced_rows: int = 0
    settled_rows: int = 0
    bad_scores: dict[str, int] = {}
    matched_rows: int = 0
    missing_rows: int = 0
    bad_rows: int = 0
    bad_reasons: dict[str, int] = {}
    ambiguous_rows: int = 0
    unmatched_keys: int = 0
    colliding_keys: int = 0
    score_min: float | None = None
    score_max: float | None = None
    keys_found_by_mode: dict[str, int] = {}
    remedy: KeyRemedy | None = None
    score_fields: list[str] = []
    numeric_fields: list[str] = []
    label_fields: list[str] = []
    not_aligned: str | UnsetType = UNSET
    missing: list[MissingSample] = []
    bad: list[BadSample] = []
    unmatched: list[str] = []
    collisions: list[Collision] = []

    @property
    def rows(self) -> int:
        """Input rows of any status."""
        return self.matched_rows + self.missing_rows + self.bad_rows

    @property
    def coverage(self) -> float:
        """Share of the input rows with an ok score, 1.0 for a table without rows."""
        return self.matched_rows / self.rows if self.rows else 1.0

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

    def coverage(self, scorer: str) -> float:
        """Share of the input rows with an ok score of a scorer."""
        return self.scorers[scorer].coverage

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


def _named(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}={count}" for name, count in counts.items() if count)
