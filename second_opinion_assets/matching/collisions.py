"""Who gets a score where keys collide: keys that are different as written and one once normalised.

A feature key takes the score row whose own key agrees furthest with it, component by component
from the end, if no other feature key agrees with that row as far. A key that a folder parts from a
row that another takes is missing; any other that takes none is ambiguous. That keys collide is
noticed in `match`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np

from second_opinion_assets.contract.columns import AMBIGUOUS, NO_ROW, Integers
from second_opinion_assets.contract.tally import Collision
from second_opinion_assets.matching.keys import KeyPath, Normalizer


class ScoreRows(Protocol):
    """What can be said of each score row of one scorer."""

    def raw_key(self, row: int) -> str:
        """Return a row's key as written."""

    def key_path(self, row: int) -> KeyPath:
        """Return a row's key as a path."""

    def where(self, row: int) -> str:
        """Return file and line of a row."""


class Meaning(NamedTuple):
    """What a feature key means to one scorer.

    Attributes:
        row: a score row, `NO_ROW`, or `AMBIGUOUS`.
        agreement: how far the key agrees with the row's own key, from the end.
        parted: whether a folder parts the two.
    """

    row: int
    agreement: tuple[int, bool] = (0, False)
    parted: bool = False


class _Rivals:
    """Score rows with one last component, found by the folders before it."""

    def __init__(self, scorer: ScoreRows, rows: list[int]) -> None:
        self._rows: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for row in rows:
            folders = scorer.key_path(row).folders
            for depth in range(len(folders) + 1):
                self._rows[folders[:depth]].append(row)

    def closest(self, path: KeyPath) -> list[int]:
        """Return the rows that agree furthest with a key."""
        return self._rows[self._shared(path)]

    def not_parted(self, path: KeyPath) -> list[int]:
        """Return those of the closest rows that no folder parts from the key."""
        shared = self._shared(path)
        if len(shared) >= len(path.folders) - 1:
            return self._rows[shared]  # The key has no more folders to part it from any.
        return [row for start in ("", "/") for row in self._rows.get((*shared, start), ())]

    def _shared(self, path: KeyPath) -> tuple[str, ...]:
        """Return the folders of a key, from the end, as far as some row has them too."""
        depth = 0
        while depth < len(path.folders) and path.folders[: depth + 1] in self._rows:
            depth += 1
        return path.folders[:depth]


@dataclass(slots=True)
class _Candidates:
    """The feature keys that ask for one score row.

    Attributes:
        keys: the first two different ones, or the only one.
        best: how far the one that agrees most with the row's own key agrees with it.
        winner: that one; None where several agree as far.
    """

    keys: tuple[str, ...]
    best: tuple[int, bool]
    winner: str | None


class _Contest:
    """Which feature keys ask for which score rows of one scorer, where keys collide.

    Args:
        scorer: the scorer's rows.
        row_of: the first row of each key number.
        rivals: all rows of each key number that several have.
        path: returns a feature key as a path.
    """

    def __init__(
        self,
        scorer: ScoreRows,
        row_of: Integers,
        rivals: dict[int, list[int]],
        path: Callable[[str], KeyPath],
    ) -> None:
        self._scorer = scorer
        self._row_of = row_of
        self._path = path
        self._rivals = {number: _Rivals(scorer, rows) for number, rows in rivals.items()}
        self._candidates: dict[int, _Candidates] = {}
        self._ties: dict[tuple[int, KeyPath], str] = {}

    def meaning(self, number: int, key: str) -> Meaning:
        """Return what a feature key of a number means."""
        path = self._path(key)
        row = int(self._row_of[number])
        if rivals := self._rivals.get(number):
            closest = rivals.closest(path)
            row = closest[0]
            if len(closest) > 1:
                return Meaning(AMBIGUOUS if rivals.not_parted(path) else NO_ROW)
        if row == NO_ROW:
            return Meaning(NO_ROW)
        own = self._scorer.key_path(row)
        return Meaning(row, path.agreement(own), path.parts_from(own))

    def add_candidate(self, number: int, key: str, meaning: Meaning) -> None:
        """Take a feature key and what it means."""
        path = self._path(key)
        if meaning.row == AMBIGUOUS:
            self._ties.setdefault((number, path), key)
        elif meaning.row != NO_ROW:
            known = self._candidates.get(meaning.row)
            if known is None:
                self._candidates[meaning.row] = _Candidates((key,), meaning.agreement, key)
            else:
                self._compare(known, key, path, meaning.agreement)

    def resolve(self, meaning: Meaning) -> int:
        """Return the row that a feature key gets, or `NO_ROW` or `AMBIGUOUS`."""
        known = self._candidates.get(meaning.row)
        if known is None:
            return meaning.row if meaning.row == NO_ROW else AMBIGUOUS
        if meaning.agreement == known.best:
            return AMBIGUOUS if known.winner is None else meaning.row
        return NO_ROW if meaning.parted else AMBIGUOUS

    def why_ambiguous(self, number: int, key: str) -> Collision:
        """Return what makes a feature key of a number ambiguous."""
        meaning = self.meaning(number, key)
        if meaning.row == AMBIGUOUS:
            return self._tie(number, key)
        return self._contested(meaning.row, key)

    def collisions(self, most: int) -> tuple[int, list[Collision]]:
        """Return how many there are, and the first: those of feature keys, then of score keys."""
        contested = sorted(row for row, known in self._candidates.items() if len(known.keys) > 1)
        first = [self._contested(row) for row in contested[:most]]
        ties = islice(self._ties.items(), most - len(first))
        first += [self._tie(number, key) for (number, _), key in ties]
        return len(contested) + len(self._ties), first

    def asked_rows(self) -> set[int]:
        """Return the score rows that were asked for, whoever got them."""
        rows = set(self._candidates)
        for number, path in self._ties:
            rows.update(self._rivals[number].not_parted(path))
        return rows

    def _compare(
        self, known: _Candidates, key: str, path: KeyPath, agreement: tuple[int, bool]
    ) -> None:
        if len(known.keys) == 1 and self._path(known.keys[0]) != path:
            known.keys = (known.keys[0], key)
        if agreement > known.best:
            known.best, known.winner = agreement, key
        elif agreement == known.best and known.winner and self._path(known.winner) != path:
            known.winner = None

    def _contested(self, row: int, key: str = "") -> Collision:
        known = self._candidates[row]
        first, second = known.keys
        if key and self._path(key) != self._path(first):
            second = key
        return Collision(
            [first, second], [self._scorer.raw_key(row)], known.winner, self._scorer.where(row)
        )

    def _tie(self, number: int, key: str) -> Collision:
        rows = self._rivals[number].not_parted(self._path(key))[:2]
        score_keys = [self._scorer.raw_key(row) for row in rows]
        return Collision([key], score_keys, None, self._scorer.where(rows[0]))


class Collisions:
    """The feature keys that collide, and what each gets.

    Args:
        scorers: their rows.
        row_of: for each scorer, the first row of each key number.
        rivals: for each scorer, all rows of each key number that several have.
        texts: which of the feature table's different keys collide.
        keys: these keys, as written.
        numbers: the number of each of the table's different keys.
        normalizer: how feature keys are read.

    Attributes:
        texts: as given.
        rows: for each scorer, the row that each of `texts` gets, `NO_ROW` or `AMBIGUOUS`.
    """

    def __init__(
        self,
        scorers: Sequence[ScoreRows],
        row_of: list[Integers],
        rivals: list[dict[int, list[int]]],
        texts: Integers,
        keys: list[str],
        numbers: Integers,
        normalizer: Normalizer,
    ) -> None:
        self.texts = texts
        path = normalizer.paths(keys)
        self._contests = [
            _Contest(*of_scorer, path) for of_scorer in zip(scorers, row_of, rivals, strict=True)
        ]
        numbered = list(zip(numbers[texts].tolist(), keys, strict=True))
        self.rows = [self._settle(contest, numbered) for contest in self._contests]

    def why_ambiguous(self, scorer_number: int, number: int, key: str) -> Collision:
        """Return what makes a feature key of a number ambiguous to a scorer."""
        return self._contests[scorer_number].why_ambiguous(number, key)

    def of_scorer(self, scorer_number: int, most: int) -> tuple[int, list[Collision]]:
        """Return how many collisions there are at one scorer, and the first."""
        return self._contests[scorer_number].collisions(most)

    def asked_rows(self, scorer_number: int) -> set[int]:
        """Return the colliding score rows of one scorer that were asked for."""
        return self._contests[scorer_number].asked_rows()

    @staticmethod
    def _settle(contest: _Contest, numbered: list[tuple[int, str]]) -> Integers:
        meanings = [contest.meaning(number, key) for number, key in numbered]
        for (number, key), meaning in zip(numbered, meanings, strict=True):
            contest.add_candidate(number, key, meaning)
        return np.array([contest.resolve(meaning) for meaning in meanings], np.int64)
