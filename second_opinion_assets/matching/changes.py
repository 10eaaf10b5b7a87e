"""What is different between the rows of an earlier output and those of the present join.

Where the earlier rows come from is the business of `join.previous`; what is said of the difference
stands in `drift`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from second_opinion_assets.contract.columns import (
    STATUS_NAMES,
    Floats,
    Integers,
    Mask,
    ScorerColumns,
    Status,
    column_prefix,
)
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.matching.drift import Changes, ScorerDrift, Shift
from second_opinion_assets.matching.keys import KEY_TYPE, KeyColumn, Normalizer
from second_opinion_assets.matching.match import Match

SHOWN_KEYS = 10
SHOWN_SHIFTS = 10


class EarlierScores(NamedTuple):
    """What the rows of an earlier output have of one scorer: scores, NaN for none, and statuses."""

    score: Floats
    status: NDArray[np.uint8]


class EarlierRows(NamedTuple):
    """The rows of an earlier output.

    Attributes:
        keys: their keys, as written.
        scorers: by column prefix, what they have of each scorer that both outputs have.
        added, gone: names of the scorers that only the present output has, and column prefixes of
            those that only the earlier one has.
    """

    keys: KeyColumn
    scorers: dict[str, EarlierScores]
    added: list[str]
    gone: list[str]


class _Identities(NamedTuple):
    """What tells rows of both outputs apart: the key as the join reduces it.

    A key that collides with another is told from it as it is written.

    Attributes:
        texts: the different identities; one of them is empty, of rows without a key.
        before, after: the identity of each row of the earlier and the present output.
    """

    texts: pa.Array
    before: Integers
    after: Integers


class PresentRows(NamedTuple):
    """The rows that the join is about to publish.

    Attributes:
        match: what each feature row gets.
        columns: what each scorer adds.
        kept: which feature rows the output has; None for all.
        key_column: the column of the keys.
        options: of the join.
    """

    match: Match
    columns: Sequence[ScorerColumns]
    kept: Mask | None
    key_column: str
    options: JoinOptions

    @property
    def numbers(self) -> Integers:
        """The numbers of the feature rows that the output has."""
        if self.kept is None:
            return np.arange(len(self.match.features.codes))
        return np.flatnonzero(self.kept)

    @property
    def prefixes(self) -> dict[str, ScorerColumns]:
        """What each scorer adds, by the prefix of its columns."""
        return {column_prefix(c.scorer, self.options.prefix): c for c in self.columns}


def unchanged_rows(present: PresentRows) -> Changes:
    """Return what is different from an earlier output with the very same bytes: nothing."""
    rows = present.numbers
    scorers = {}
    for scorer in present.columns:
        ok = int((scorer.row_status[rows] == Status.ok).sum())
        scorers[scorer.scorer] = _drift(ok, ok, len(rows), len(rows))
    with_key = int(present.match.with_key[rows].sum())
    return Changes(len(rows), len(rows), with_key, 0, 0, 0, [], [], scorers, [], [])


def changed_rows(earlier: EarlierRows, present: PresentRows) -> Changes:
    """Compare the rows of an earlier output with those of the present one."""
    rows = present.numbers
    found = _identities(earlier.keys, present, rows)
    count = len(found.texts)
    before = np.bincount(found.before, minlength=count)
    after = np.bincount(found.after, minlength=count)
    first_row = np.zeros(count, np.int64)
    first_row[found.after[::-1]] = rows[::-1]
    has_key = pc.greater(pc.binary_length(found.texts), 0).to_numpy(zero_copy_only=False)
    compared = np.flatnonzero((has_key & (after > 0))[found.before])
    now = first_row[found.before[compared]]
    changed = np.zeros(len(compared), np.bool_)
    scorers = {}
    for prefix, scorer in present.prefixes.items():
        if (was := earlier.scorers.get(prefix)) is not None:
            ok_after = int((scorer.row_status[rows] == Status.ok).sum())
            keys = found.texts.take(pa.array(found.before[compared]))
            scorers[scorer.scorer] = _compare(
                was, compared, scorer, now, keys, changed, len(rows), ok_after
            )
    return Changes(
        rows_before=len(found.before),
        rows_after=len(rows),
        compared_rows=len(compared),
        changed_rows=int(changed.sum()),
        added_rows=int(np.maximum(after - before, 0).sum()),
        gone_rows=int(np.maximum(before - after, 0).sum()),
        added_keys=_first_texts(found.texts, has_key & (after > 0) & (before == 0)),
        gone_keys=_first_texts(found.texts, has_key & (before > 0) & (after == 0)),
        scorers=scorers,
        added_scorers=earlier.added,
        gone_scorers=earlier.gone,
    )


def _identities(earlier: KeyColumn, present: PresentRows, rows: Integers) -> _Identities:
    match, options = present.match, present.options
    colliding = np.zeros(len(match.features.texts), np.bool_)
    if match.collisions is not None:
        colliding[match.collisions.texts] = True
    ours_text = pc.if_else(pa.array(colliding), match.features.texts, match.reduced)
    normalizer = Normalizer(options.key_normalize, present.key_column, options.key_pattern)
    reduced = normalizer.array(earlier.texts)
    contested = match.reduced.filter(pa.array(colliding))
    collides = pc.is_in(reduced, value_set=contested)
    theirs = pc.if_else(collides, earlier.texts, reduced)
    nothing = pa.array([""], KEY_TYPE)
    # An empty text stands last on either side, where the -1 of a null finds it.
    encoded = (
        pa.chunked_array([ours_text, nothing, theirs, nothing]).combine_chunks().dictionary_encode()
    )
    codes = encoded.indices.to_numpy().astype(np.int64)
    ours, theirs_codes = codes[: len(ours_text) + 1], codes[len(ours_text) + 1 :]
    return _Identities(
        encoded.dictionary, theirs_codes[earlier.codes], ours[match.features.codes[rows]]
    )


def _compare(
    was: EarlierScores,
    compared: Integers,
    scorer: ScorerColumns,
    present: Integers,
    keys: pa.Array,
    changed: Mask,
    rows_after: int,
    ok_after: int,
) -> ScorerDrift:
    """Compare the compared rows' scores and statuses, and mark in `changed` those that differ."""
    before, was_status = was.score[compared], was.status[compared]
    after = scorer.values(present).score
    is_status = scorer.row_status[present]
    differs = (before != after) & ~(np.isnan(before) & np.isnan(after))
    restated = was_status != is_status
    changed |= differs | restated
    shifted = np.flatnonzero(differs & ~np.isnan(before) & ~np.isnan(after))
    shifts = after[shifted] - before[shifted]
    with np.errstate(over="ignore"):
        total = float(shifts.sum())
    mean = total / len(shifts) if len(shifts) and math.isfinite(total) else None
    return _drift(
        int((was.status == Status.ok).sum()),
        ok_after,
        len(was.status),
        rows_after,
        changed_rows=int((differs | restated).sum()),
        changed_scores=len(shifts),
        mean_shift=mean,
        shifts=_largest(shifts, shifted, before, after, keys),
        status_changes=_status_changes(was_status[restated], is_status[restated]),
    )


def _drift(
    ok_before: int,
    ok_after: int,
    rows_before: int,
    rows_after: int,
    *,
    changed_rows: int = 0,
    changed_scores: int = 0,
    mean_shift: float | None = None,
    shifts: Sequence[Shift] = (),
    status_changes: dict[str, int] | None = None,
) -> ScorerDrift:
    return ScorerDrift(
        changed_rows,
        changed_scores,
        mean_shift,
        list(shifts),
        status_changes or {},
        ok_before,
        ok_after,
        coverage_before=ok_before / rows_before if rows_before else 1.0,
        coverage_after=ok_after / rows_after if rows_after else 1.0,
    )


def _largest(
    shifts: Floats, rows: Integers, before: Floats, after: Floats, keys: pa.Array
) -> list[Shift]:
    """Return the largest shifts, one a key."""
    largest: dict[str, Shift] = {}
    for number in np.argsort(-np.abs(shifts), kind="stable").tolist():
        row = int(rows[number])
        key = keys[row].as_py()
        largest.setdefault(key, Shift(key, float(before[row]), float(after[row])))
        if len(largest) == SHOWN_SHIFTS:
            break
    return list(largest.values())


def _status_changes(was: NDArray[np.uint8], is_: NDArray[np.uint8]) -> dict[str, int]:
    """Return how many rows went from which status to which, the commonest first."""
    pairs, first, counts = np.unique(
        was.astype(np.int64) * len(Status) + is_, return_index=True, return_counts=True
    )
    order = sorted(range(len(pairs)), key=lambda n: (-counts[n], first[n]))
    return {
        f"{STATUS_NAMES[pairs[n] // len(Status)]} to {STATUS_NAMES[pairs[n] % len(Status)]}": int(
            counts[n]
        )
        for n in order
    }


def _first_texts(texts: pa.Array, chosen: Mask) -> list[str]:
    first: list[str] = texts.take(pa.array(np.flatnonzero(chosen)[:SHOWN_KEYS])).to_pylist()
    return first
