"""Counts what a match found: rows by status, samples of what is missing or bad, collisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np

from second_opinion_assets.contract.columns import (
    AMBIGUOUS,
    Integers,
    Mask,
    ScorerColumns,
    Status,
    column_prefix,
)
from second_opinion_assets.contract.fields import is_label
from second_opinion_assets.contract.tally import (
    AMBIGUOUS_KEY,
    SAMPLE_ROWS,
    BadSample,
    MissingSample,
    ScorerTally,
    Tally,
)
from second_opinion_assets.matching.collisions import ScoreRows
from second_opinion_assets.matching.match import Match


class CountedRows(ScoreRows, Protocol):
    """What can be said of each score row of one scorer, and of all of them."""

    @property
    def bad_rows(self) -> Integers:
        """The rows without a good score."""

    @property
    def score_fields(self) -> Collection[str]:
        """The fields that the scores were read from."""

    @property
    def numeric_fields(self) -> Collection[str]:
        """The numeric fields of rows without a score."""

    def reason(self, row: int) -> tuple[str, str]:
        """Return of what kind a bad row's reason is, and the reason itself."""


class CountedRepeats(Protocol):
    """How many rows of a scorer do not count, beside one of their key that does."""

    repeated: int
    replaced: int
    settled: int


class CountedScorer(Protocol):
    """The distinct score rows of one scorer."""

    @property
    def rows(self) -> CountedRows:
        """What can be said of each row."""

    @property
    def repeats(self) -> CountedRepeats:
        """What became of further rows of their keys."""


def rows_with_every_scorer(columns: Sequence[ScorerColumns]) -> Mask:
    """Return which feature rows lack no scorer."""
    there: Mask = np.logical_and.reduce([scorer.row_status != Status.missing for scorer in columns])
    return there


def count(
    match: Match,
    scorers: Sequence[CountedScorer],
    columns: Sequence[ScorerColumns],
    prefix: str,
    kept: Mask | None,
) -> Tally:
    """Count a match.

    Args:
        match: what each feature row gets.
        scorers: the scorers, in the match's order.
        columns: what each adds.
        prefix: what the names of appended columns start with.
        kept: which feature rows go into the output; None for all.
    """
    rows = len(match.features.codes)
    kept_rows = rows if kept is None else int(kept.sum())
    unknown = match.with_key & ~match.known
    return Tally(
        input_rows=rows,
        output_rows=kept_rows,
        dropped_rows=rows - kept_rows,
        null_keys=rows - int(match.with_key.sum()),
        unknown_rows=int(unknown.sum()),
        unknown=_missing(unknown, match),
        non_finite_values=0,
        scorers={
            of_scorer.scorer: _count_scorer(match, number, scorer, of_scorer, prefix)
            for number, (scorer, of_scorer) in enumerate(zip(scorers, columns, strict=True))
        },
    )


def _count_scorer(
    match: Match, number: int, scorer: CountedScorer, columns: ScorerColumns, prefix: str
) -> ScorerTally:
    status = columns.row_status
    by_status = [int(np.count_nonzero(status == kind)) for kind in Status]
    unmatched = np.flatnonzero(~match.asked[number])
    bad = np.flatnonzero(status == Status.bad)
    tally = ScorerTally(
        columns.scorer,
        column_prefix(columns.scorer, prefix),
        scores_loaded=len(match.asked[number]),
        duplicate_rows=scorer.repeats.repeated,
        replaced_rows=scorer.repeats.replaced,
        settled_rows=scorer.repeats.settled,
        bad_scores=bad_reasons(scorer.rows.bad_rows.tolist(), scorer.rows),
        matched_rows=by_status[Status.ok],
        missing_rows=by_status[Status.missing],
        bad_rows=by_status[Status.bad],
        bad_reasons=bad_reasons(columns.rows[bad].tolist(), scorer.rows),
        unmatched_keys=len(unmatched),
        score_fields=sorted(scorer.rows.score_fields),
        numeric_fields=sorted(scorer.rows.numeric_fields),
        label_fields=sorted(filter(is_label, scorer.rows.score_fields)),
        missing=_missing(status == Status.missing, match),
        bad=[_bad(match, number, scorer.rows, columns, row) for row in bad[:SAMPLE_ROWS].tolist()],
        unmatched=[scorer.rows.raw_key(row) for row in unmatched[:SAMPLE_ROWS].tolist()],
    )
    if match.collisions is not None:
        tally.ambiguous_rows = int((columns.rows == AMBIGUOUS).sum())
        tally.colliding_keys, tally.collisions = match.collisions.of_scorer(number, SAMPLE_ROWS)
    scores = columns.ok_scores
    if len(scores):
        tally.score_min, tally.score_max = float(scores.min()), float(scores.max())
    return tally


def _missing(rows: Mask, match: Match) -> list[MissingSample]:
    first = np.flatnonzero(rows)[:SAMPLE_ROWS].tolist()
    return [MissingSample(match.features.key(row), row) for row in first]


def bad_reasons(rows: list[int], scorer: CountedRows) -> dict[str, int]:
    """Return how many feature rows are bad for which kind of reason, the commonest first."""
    kinds = Counter(AMBIGUOUS_KEY if row == AMBIGUOUS else scorer.reason(row)[0] for row in rows)
    return dict(kinds.most_common())


def _bad(
    match: Match, number: int, scorer: CountedRows, columns: ScorerColumns, row: int
) -> BadSample:
    """Return why a feature row is bad to a scorer, and where that can be seen."""
    key = match.features.key(row) or ""
    score_row = int(columns.rows[row])
    if score_row != AMBIGUOUS or match.collisions is None:
        return BadSample(key, row, scorer.reason(score_row)[1], scorer.where(score_row))
    key_number = int(match.numbers[match.features.codes[row]])
    collision = match.collisions.why_ambiguous(number, key_number, key)
    return BadSample(key, row, collision.reason, collision.where)
