"""Which row of a scorer counts where several have one key: repeats, resumed runs, and real doubt.

What makes two keys one belongs to `matching.keys`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.columns import Integers, Mask, Status
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import Duplicates
from second_opinion_assets.matching.keys import KeyPath
from second_opinion_assets.scores.score_table import ScoreTable


@dataclass
class Repeats:
    """How many rows of a scorer do not count, beside one of their key that does.

    Attributes:
        repeated: say what that one says, its runtime aside.
        replaced: are bad beside it.
        settled: are ok and say something else; option `duplicates` settled it.
    """

    repeated: int = 0
    replaced: int = 0
    settled: int = 0


def distinct(
    table: ScoreTable, numbers: Integers, keys: pa.Array, duplicates: Duplicates
) -> tuple[ScoreTable, Integers, Repeats]:
    """Return one row for each key with the number of its key, and what became of the others.

    Args:
        table: all rows of a scorer.
        numbers: the number of each row's key.
        keys: the text of each number.
        duplicates: what is done about ok rows that say different things.

    Raises:
        JoinError: rows of different clips have one key, or ok rows of one key differ.
    """
    rows = np.arange(len(numbers))
    first = np.zeros(len(keys), np.int64)
    first[numbers[::-1]] = rows[::-1]
    repeats = np.flatnonzero(first[numbers] != rows)
    counts = Repeats()
    if not len(repeats):
        return table, numbers, counts
    kept = np.ones(len(numbers), np.bool_)
    kept[repeats] = False
    odd = np.unique(numbers[repeats[~_plainly_equal(table, first[numbers[repeats]], repeats)]])
    counts.repeated = int((~np.isin(numbers[repeats], odd)).sum())
    scores = table.columns.score
    for number, several in _groups(numbers, odd):
        chosen = _settle(table, several, keys[number].as_py(), duplicates, counts)
        kept[several] = False
        kept[chosen.row] = True
        if chosen.score != scores[chosen.row]:
            scores = scores.copy() if scores is table.columns.score else scores
            scores[chosen.row] = chosen.score
    settled = replace(table, columns=table.columns._replace(score=scores))
    return settled.taken(kept), numbers[kept], counts


def _plainly_equal(table: ScoreTable, known: Integers, rows: Integers) -> Mask:
    """Return which rows say what a known row says, without a closer look."""
    keys = table.columns.keys
    equal = pc.equal(keys.take(pa.array(known)), keys.take(pa.array(rows)))
    same: Mask = equal.to_numpy(zero_copy_only=False)
    score, status, _, frames, _ = table.values()
    same &= (status[known] == Status.ok) & (status[rows] == Status.ok)
    same &= (score[known] == score[rows]) & (frames[known] == frames[rows])
    return same


def _groups(numbers: Integers, chosen: Integers) -> Iterator[tuple[int, list[int]]]:
    """Yield the rows of each of some numbers, in their order."""
    rows = np.flatnonzero(np.isin(numbers, chosen))
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    ends = np.flatnonzero(np.diff(numbers[rows])) + 1
    for several in np.split(rows, ends) if len(rows) else ():
        yield int(numbers[several[0]]), several.tolist()


class _Chosen(NamedTuple):
    """The row that counts, and its score."""

    row: int
    score: float


def _settle(
    table: ScoreTable, rows: list[int], key: str, duplicates: Duplicates, counts: Repeats
) -> _Chosen:
    """Return which of several rows of one key counts, and count the others."""
    for row in rows[1:]:
        if not _one_path(table, rows[0], row):
            raise _two_clips(table, rows[0], row, key)
    columns = table.columns
    good = [row for row in rows if columns.status[row] == Status.ok]
    if not good:
        counts.repeated += len(rows) - 1
        return _Chosen(rows[0], columns.score[rows[0]])
    counts.replaced += len(rows) - len(good)
    said = [(float(columns.score[row]), int(columns.frames[row])) for row in good]
    others = [row for row, what in zip(good, said, strict=True) if what != said[0]]
    if others and duplicates is Duplicates.error:
        raise _different(table, good[0], others[0], key)
    counts.settled += len(set(said)) - 1
    counts.repeated += len(good) - len(set(said))
    if duplicates is Duplicates.mean:
        scores = [score for score, _ in dict.fromkeys(said)]
        return _Chosen(good[0], math.fsum(scores) / len(scores))
    chosen = good[-1] if duplicates is Duplicates.last else good[0]
    return _Chosen(chosen, float(columns.score[chosen]))


def _one_path(table: ScoreTable, known: int, row: int) -> bool:
    first, second = table.raw_key(known), table.raw_key(row)
    return first == second or KeyPath.of(first) == KeyPath.of(second)


def _two_clips(table: ScoreTable, known: int, row: int, key: str) -> JoinError:
    return JoinError(
        f"{table.where(row)}: {table.raw_key(row)!r} is {key!r} once normalised, and so is "
        f"{table.raw_key(known)!r} of {table.scorer} at {table.where(known)}; tell them apart by "
        "key_normalize: suffix, key_normalize: raw or key_pattern"
    )


def _different(table: ScoreTable, known: int, row: int, key: str) -> JoinError:
    scores = [f"{table.columns.score[each]:g}" for each in (known, row)]
    finer = table.telling_fields(known, row)
    told = f"; {finer[0]} tells them apart, name it as score_key_field" if finer else ""
    return JoinError(
        f"{table.where(row)}: a second, different row of {table.scorer} for key {key!r}, "
        f"{scores[1]}; the first is {scores[0]} at {table.where(known)}{told}; say which counts by "
        "duplicates: first, duplicates: last or duplicates: mean"
    )
