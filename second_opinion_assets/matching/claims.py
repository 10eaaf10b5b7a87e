"""Which feature keys ask for which scores where keys collide, and who gets each.

Whether keys collide at all is noticed in `collisions`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from second_opinion_assets.scores.scorers import AMBIGUOUS, NO_ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from second_opinion_assets.matching.collisions import FeatureKeys
    from second_opinion_assets.matching.keys import Trail
    from second_opinion_assets.scores.scorers import Scorer

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


class _Meaning(NamedTuple):
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

    def __init__(self, scorer: Scorer, rows: list[int]) -> None:
        self._rows: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for row in rows:
            folders = scorer.trail(row).folders
            for depth in range(len(folders) + 1):
                self._rows[folders[:depth]].append(row)

    def closest(self, trail: Trail) -> list[int]:
        """Return the rows that agree furthest with a key."""
        return self._rows[self._shared(trail)]

    def not_parted(self, trail: Trail) -> list[int]:
        """Return those of the closest rows that no folder parts from the key."""
        shared = self._shared(trail)
        if len(shared) >= len(trail.folders) - 1:
            return self._rows[shared]  # The key has no more folders to part it from any.
        return [row for start in ("", "/") for row in self._rows.get((*shared, start), ())]

    def _shared(self, trail: Trail) -> tuple[str, ...]:
        """Return the folders of a key, from the end, as far as some row has them too."""
        depth = 0
        while depth < len(trail.folders) and trail.folders[: depth + 1] in self._rows:
            depth += 1
        return trail.folders[:depth]


@dataclass(slots=True)
class _Claim:
    """Who asks for one score row.

    Attributes:
        keys: the first two different feature keys that do, or the only one.
        best: how far the feature key that agrees most with the row's own key agrees with it.
        winner: that feature key; None where several agree as far.
    """

    keys: tuple[str, ...]
    best: tuple[int, bool]
    winner: str | None


class _ScorerClaims:
    """Which feature keys ask for which score rows of one scorer, where keys collide.

    Args:
        scorer: the scorer, all rows read.
        trail: returns a feature key as a path.
    """

    def __init__(self, scorer: Scorer, trail: Callable[[str], Trail]) -> None:
        self.scorer = scorer
        self._trail = trail
        self._rivals = {number: _Rivals(scorer, rows) for number, rows in scorer.rivals.items()}
        self._claims: dict[int, _Claim] = {}
        self._torn: dict[tuple[int, Trail], str] = {}

    def meaning(self, number: int, trail: Trail) -> _Meaning:
        """Return what a feature key that was found under a key number means."""
        row = self.scorer.row_of_key(number)
        if rivals := self._rivals.get(number):
            closest = rivals.closest(trail)
            row = closest[0]
            if len(closest) > 1:
                return _Meaning(AMBIGUOUS if rivals.not_parted(trail) else NO_ROW)
        if row == NO_ROW:
            return _Meaning(NO_ROW)
        own = self.scorer.trail(row)
        return _Meaning(row, trail.agreement(own), trail.parts_from(own))

    def contend(self, number: int, key: str, trail: Trail, meaning: _Meaning) -> None:
        """Take a feature key and what it means."""
        if meaning.row == AMBIGUOUS:
            self._torn.setdefault((number, trail), key)
        elif meaning.row != NO_ROW:
            claim = self._claims.get(meaning.row)
            if claim is None:
                self._claims[meaning.row] = _Claim((key,), meaning.agreement, key)
            else:
                self._contest(claim, key, trail, meaning.agreement)

    def row_got(self, meaning: _Meaning) -> int:
        """Return the row that a feature key gets, or `NO_ROW` or `AMBIGUOUS`."""
        claim = self._claims.get(meaning.row)
        if claim is None:
            return meaning.row if meaning.row == NO_ROW else AMBIGUOUS
        if meaning.agreement == claim.best:
            return AMBIGUOUS if claim.winner is None else meaning.row
        return NO_ROW if meaning.parted else AMBIGUOUS

    def why_ambiguous(self, number: int, key: str) -> Collision:
        """Return what makes a feature key, found under a key number, ambiguous."""
        meaning = self.meaning(number, self._trail(key))
        if meaning.row == AMBIGUOUS:
            return self._torn_between(number, key)
        return self._contested(meaning.row, key)

    def collisions(self, most: int) -> tuple[int, list[Collision]]:
        """Return how many there are, and the first: those of feature keys, then of score keys."""
        contested = [row for row, claim in self._claims.items() if len(claim.keys) > 1]
        first = list(map(self._contested, self.scorer.first_places(contested, most)))
        torn = islice(self._torn.items(), most - len(first))
        first += [self._torn_between(number, key) for (number, _), key in torn]
        return len(contested) + len(self._torn), first

    def asked_rows(self) -> set[int]:
        """Return the score rows that were asked for, whoever got them."""
        rows = set(self._claims)
        for number, trail in self._torn:
            rows.update(self._rivals[number].not_parted(trail))
        return rows

    def _contest(self, claim: _Claim, key: str, trail: Trail, agreement: tuple[int, bool]) -> None:
        if len(claim.keys) == 1 and self._trail(claim.keys[0]) != trail:
            claim.keys = (claim.keys[0], key)
        if agreement > claim.best:
            claim.best, claim.winner = agreement, key
        elif agreement == claim.best and claim.winner and self._trail(claim.winner) != trail:
            claim.winner = None

    def _contested(self, row: int, key: str = "") -> Collision:
        claim = self._claims[row]
        first, second = claim.keys
        if key and self._trail(key) != self._trail(first):
            second = key
        return Collision(
            [first, second], [self.scorer.raw_keys[row]], claim.winner, self.scorer.where(row)
        )

    def _torn_between(self, number: int, key: str) -> Collision:
        rows = self._rivals[number].not_parted(self._trail(key))[:2]
        score_keys = [self.scorer.raw_keys[row] for row in rows]
        return Collision([key], score_keys, None, self.scorer.where(rows[0]))


class Claims:
    """Which feature keys ask for which score rows, where keys collide, and who gets each.

    A feature key takes the score row whose own key agrees furthest with it, component by component
    from the end, if no other feature key agrees with that row as far. A key that a folder parts
    from a row that another takes is missing; any other that takes none is ambiguous.

    It remembers one feature key for each key of the scorers, and what there is to tell colliding
    ones apart by, but not all keys of a table.
    """

    def __init__(self, scorers: list[Scorer], feature_keys: FeatureKeys) -> None:
        self._numbers = scorers[0].keys
        self._trail = feature_keys.trail
        self._scorers = [_ScorerClaims(scorer, feature_keys.trail) for scorer in scorers]
        self._first: dict[int, str] = {}
        self._contested = {number for scorer in scorers for number in scorer.rivals}
        self._meanings: set[tuple[_Meaning, ...]] = set()
        self._outcomes: dict[tuple[int, ...], int] = {}

    def add(self, number: int, key: str) -> None:
        """Take a feature key that was found under a key number."""
        if number not in self._contested:
            first = self._first.setdefault(number, key)
            if first == key:
                return
            self._contested.add(number)
            self._contend(number, first)
        self._contend(number, key)

    def settle(self) -> None:
        """Decide, all keys being known, and give a key number to each outcome that there is."""
        for outcome in set(map(self._outcome, self._meanings)):
            self._outcomes[outcome] = self._numbers.add_nameless()
            for claims, row in zip(self._scorers, outcome, strict=True):
                claims.scorer.set_row_of_last_key(row)
        self._meanings.clear()

    def settled(self, numbers: list[int], raw_keys: list[str]) -> list[int]:
        """Return a block's key numbers with those of collisions replaced by their outcomes'."""
        if self._contested.isdisjoint(numbers):
            return numbers
        return [
            self._settled_number(number, raw_key) if number in self._contested else number
            for number, raw_key in zip(numbers, raw_keys, strict=True)
        ]

    def why_ambiguous(self, scorer_number: int, number: int, raw_key: str) -> Collision:
        """Return what makes a feature key, found under a key number, ambiguous to a scorer."""
        return self._scorers[scorer_number].why_ambiguous(number, raw_key)

    def collisions(self, scorer_number: int, most: int) -> tuple[int, list[Collision]]:
        """Return how many collisions there are at one scorer, and the first."""
        return self._scorers[scorer_number].collisions(most)

    def asked_rows(self, scorer_number: int) -> set[int]:
        """Return the score rows of one scorer that were asked for, whoever got them."""
        return self._scorers[scorer_number].asked_rows()

    def _settled_number(self, number: int, raw_key: str) -> int:
        outcome = self._outcome(self._meanings_of(number, self._trail(raw_key)))
        # A key that was not there before is in a table that changed, which is refused at its end.
        return self._outcomes.get(outcome, len(self._numbers))

    def _contend(self, number: int, key: str) -> None:
        trail = self._trail(key)
        meanings = self._meanings_of(number, trail)
        self._meanings.add(meanings)
        for claims, meaning in zip(self._scorers, meanings, strict=True):
            claims.contend(number, key, trail, meaning)

    def _meanings_of(self, number: int, trail: Trail) -> tuple[_Meaning, ...]:
        return tuple(claims.meaning(number, trail) for claims in self._scorers)

    def _outcome(self, meanings: tuple[_Meaning, ...]) -> tuple[int, ...]:
        """Return the row of each scorer that a feature key gets, or `NO_ROW` or `AMBIGUOUS`."""
        return tuple(
            claims.row_got(meaning) for claims, meaning in zip(self._scorers, meanings, strict=True)
        )


def read_claims(
    scorers: list[Scorer], blocks: Iterable[list[str | None]], feature_keys: FeatureKeys
) -> Claims:
    """Read what the keys of a whole table, block by block, ask for."""
    claims = Claims(scorers, feature_keys)
    numbers = scorers[0].keys
    for keys in blocks:
        raw_keys = list(dict.fromkeys(key for key in keys if key))
        found = numbers.find(feature_keys.many(raw_keys))
        for number, raw_key in zip(found, raw_keys, strict=True):
            if number != len(numbers):
                claims.add(number, raw_key)
    claims.settle()
    return claims
