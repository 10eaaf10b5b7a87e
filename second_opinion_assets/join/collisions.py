"""Feature keys that are different as written and one key once normalised: noticed, and settled.

While a table streams by, `KeyWatch` notices that there are such keys. `Claims`, read from the whole
table, then tell by the paths which of them a score is for; where paths do not tell, it is for none.
Score rows whose keys collide are the business of `scorers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from second_opinion_assets.join.keys import Normalizer, Trail
from second_opinion_assets.join.options import KeyNormalize
from second_opinion_assets.join.scorers import AMBIGUOUS, NO_ROW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from second_opinion_assets.join.options import JoinOptions
    from second_opinion_assets.join.scorers import Scorer
    from second_opinion_assets.join.tally import RowCounter

AMBIGUOUS_KEY = "ambiguous key"


class KeysCollide(Exception):  # noqa: N818 (no error: the join starts over, with claims)
    """Feature keys collide, and no `Claims` tell which of them a score is for."""


class FeatureKeys:
    """Reduces the keys of a feature table to what score rows are found by."""

    def __init__(self, options: JoinOptions, key_column: str) -> None:
        self._normalizer = Normalizer(options.key_normalize, key_column, options.key_pattern)

    @property
    def may_collide(self) -> bool:
        """Whether two different keys may become one."""
        return self._normalizer.merges

    def many(self, keys: list[str]) -> list[str]:
        """Return what to find each key's score rows by."""
        keys = self._normalizer.many(keys)
        if self._normalizer.mode is KeyNormalize.suffix:
            return [key.rpartition("/")[2] for key in keys]
        return keys


class KeyWatch:
    """Notices that two different feature keys have become one that a scorer knows.

    It remembers as many feature keys as the scorers have keys, and no more.

    Args:
        counter: counts which keys of the scorers are asked for.
    """

    def __init__(self, counter: RowCounter) -> None:
        self._counter = counter
        self._as_written = True
        self._raw_keys: set[str] = set()
        self._key_numbers: set[int] = set()

    def see(
        self, raw_keys: list[str], keys: list[str], key_numbers: list[int], unknown: list[int]
    ) -> None:
        """Look at the keys of a block before it is counted.

        Args:
            raw_keys: each row's key as written.
            keys: the same, normalised.
            key_numbers: what they were found under.
            unknown: the rows whose key no scorer has.

        Raises:
            KeysCollide: more keys were seen than they are once normalised.
        """
        if self._as_written:
            if raw_keys == keys:
                return  # Keys that normalising leaves as they are do not collide.
            self._as_written = False
            seen = self._counter.asked_keys()
            self._key_numbers.update(seen)
            self._raw_keys.update(seen.values())
        self._raw_keys.update(raw_keys)
        self._raw_keys.difference_update([raw_keys[row] for row in unknown])
        self._key_numbers.update(key_numbers)
        self._key_numbers.difference_update([key_numbers[row] for row in unknown[:1]])
        if len(self._raw_keys) > len(self._key_numbers):
            raise KeysCollide


class Collision(msgspec.Struct, frozen=True):
    """Different keys that may be one clip's, or two clips'.

    Attributes:
        feature_keys: different feature keys that ask for one score, the first two of them; or a
            single one that may mean any of several scores.
        score_keys: the key of the score, or of each of the scores.
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
        rows: the rows that it may mean.
    """

    row: int
    agreement: tuple[int, bool] = (0, False)
    parted: bool = False
    rows: tuple[int, ...] = ()


@dataclass
class _Claim:
    """Who asks for one score row.

    Attributes:
        keys: the first two different feature keys that do, or the only one.
        best: how far the feature key that agrees most with the row's own key agrees with it.
        winner: that feature key; None where several agree as far.
    """

    keys: list[str]
    best: tuple[int, bool]
    winner: Trail | None

    def add(self, key: str, trail: Trail, agreement: tuple[int, bool]) -> None:
        if len(self.keys) == 1 and Trail.of(self.keys[0]) != trail:
            self.keys.append(key)
        if agreement > self.best:
            self.best, self.winner = agreement, trail
        elif agreement == self.best and trail != self.winner:
            self.winner = None


class Claims:
    """Which feature keys ask for which score rows, where keys collide, and who gets each.

    A feature key takes the score row whose own key agrees furthest with it, component by component
    from the end, if no other feature key agrees with that row as far. A key that a folder parts
    from a row that another takes is missing; any other that takes none is ambiguous.

    Where keys do not collide it remembers one feature key for each key of the scorers; where they
    do, what there is to tell them apart by, not the keys.
    """

    def __init__(self, scorers: list[Scorer]) -> None:
        self._scorers = scorers
        self._numbers = scorers[0].keys
        self._first: dict[int, str] = {}
        self._meanings: dict[int, set[tuple[_Meaning, ...]]] = {
            number: set() for scorer in scorers for number in scorer.rivals
        }
        self._claims: list[dict[int, _Claim]] = [{} for _ in scorers]
        self._torn: list[dict[int, str]] = [{} for _ in scorers]
        self._outcomes: dict[tuple[int, ...], int] = {}

    def add(self, number: int, key: str) -> None:
        """Take a feature key that was found under a key number."""
        if number not in self._meanings:
            first = self._first.setdefault(number, key)
            if first == key or Trail.of(first) == Trail.of(key):
                return
            self._meanings[number] = set()
            self._contend(number, first)
        self._contend(number, key)

    def settle(self) -> None:
        """Decide, all keys being known, and give a key number to each outcome that there is."""
        for several in self._meanings.values():
            for meanings in several:
                outcome = self._outcome(meanings)
                if outcome not in self._outcomes:
                    self._outcomes[outcome] = self._numbers.add_nameless()
                    for scorer, row in zip(self._scorers, outcome, strict=True):
                        scorer.set_row_of_last_key(row)

    def settled(self, numbers: list[int], raw_keys: list[str]) -> list[int]:
        """Return a block's key numbers with those of collisions replaced by their outcomes'."""
        if self._meanings.keys().isdisjoint(numbers):
            return numbers
        return [
            self._settled_number(number, raw_key) if number in self._meanings else number
            for number, raw_key in zip(numbers, raw_keys, strict=True)
        ]

    def why_ambiguous(self, scorer_number: int, number: int, raw_key: str) -> Collision:
        """Return what makes a feature key, found under a key number, ambiguous to a scorer."""
        meaning = self._meanings_of(number, Trail.of(raw_key))[scorer_number]
        if meaning.row == AMBIGUOUS:
            return self._torn_between(scorer_number, raw_key, meaning)
        return self._contested(scorer_number, meaning.row, raw_key)

    def collisions(self, scorer_number: int) -> Iterator[Collision]:
        """Yield the collisions at one scorer: of feature keys first, then of score keys."""
        for row, claim in sorted(self._claims[scorer_number].items()):
            if len(claim.keys) > 1:
                yield self._contested(scorer_number, row)
        for number, key in self._torn[scorer_number].items():
            meaning = self._meanings_of(number, Trail.of(key))[scorer_number]
            yield self._torn_between(scorer_number, key, meaning)

    def asked_rows(self, scorer_number: int) -> set[int]:
        """Return the score rows of one scorer that were asked for, whoever got them."""
        rows = set(self._claims[scorer_number])
        for number in self._torn[scorer_number]:
            rows.update(self._scorers[scorer_number].rivals[number])
        return rows

    def _settled_number(self, number: int, raw_key: str) -> int:
        outcome = self._outcome(self._meanings_of(number, Trail.of(raw_key)))
        # A key that was not there before is in a table that changed, which is refused at its end.
        return self._outcomes.get(outcome, len(self._numbers))

    def _contend(self, number: int, key: str) -> None:
        trail = Trail.of(key)
        meanings = self._meanings_of(number, trail)
        self._meanings[number].add(meanings)
        for meaning, claims, torn in zip(meanings, self._claims, self._torn, strict=True):
            if meaning.row == AMBIGUOUS:
                torn.setdefault(number, key)
            elif meaning.row != NO_ROW:
                claim = claims.setdefault(meaning.row, _Claim([key], meaning.agreement, trail))
                claim.add(key, trail, meaning.agreement)

    def _meanings_of(self, number: int, trail: Trail) -> tuple[_Meaning, ...]:
        return tuple(_meaning(scorer, number, trail) for scorer in self._scorers)

    def _outcome(self, meanings: tuple[_Meaning, ...]) -> tuple[int, ...]:
        """Return the row of each scorer that a feature key gets, or `NO_ROW` or `AMBIGUOUS`."""
        return tuple(map(self._row_got, meanings, self._claims))

    @staticmethod
    def _row_got(meaning: _Meaning, claims: dict[int, _Claim]) -> int:
        if meaning.row in (NO_ROW, AMBIGUOUS):
            return meaning.row
        claim = claims.get(meaning.row)
        if claim is None or meaning.agreement == claim.best:
            return meaning.row if claim and claim.winner else AMBIGUOUS
        return NO_ROW if meaning.parted else AMBIGUOUS

    def _contested(self, scorer_number: int, row: int, key: str = "") -> Collision:
        scorer, claim = self._scorers[scorer_number], self._claims[scorer_number][row]
        first, second = claim.keys
        if key and Trail.of(key) != Trail.of(first):
            second = key
        winner = str(claim.winner) if claim.winner else None
        return Collision([first, second], [scorer.raw_keys[row]], winner, scorer.where(row))

    def _torn_between(self, scorer_number: int, key: str, meaning: _Meaning) -> Collision:
        scorer = self._scorers[scorer_number]
        score_keys = [scorer.raw_keys[row] for row in meaning.rows]
        return Collision([key], score_keys, None, scorer.where(meaning.rows[0]))


def _meaning(scorer: Scorer, number: int, trail: Trail) -> _Meaning:
    """Return what a feature key that was found under a key number means to a scorer."""
    rows = scorer.rivals.get(number) or [scorer.row_of_key(number)]
    if rows == [NO_ROW]:
        return _Meaning(NO_ROW)
    trails = {row: Trail.of(scorer.raw_keys[row]) for row in rows}
    agreements = {row: trail.agreement(trails[row]) for row in rows}
    best = max(agreements.values())
    rows = [row for row in rows if agreements[row] == best]
    parted = all(trail.parts_from(trails[row]) for row in rows)
    if len(rows) == 1:
        return _Meaning(rows[0], best, parted, tuple(rows))
    return _Meaning(NO_ROW if parted else AMBIGUOUS, best, parted, tuple(rows))


def read_claims(
    scorers: list[Scorer], blocks: Iterable[list[str | None]], feature_keys: FeatureKeys
) -> Claims:
    """Read what the keys of a whole table, block by block, ask for."""
    claims = Claims(scorers)
    numbers = scorers[0].keys
    for keys in blocks:
        raw_keys = list(dict.fromkeys(key for key in keys if key))
        found = numbers.find(feature_keys.many(raw_keys))
        for number, raw_key in zip(found, raw_keys, strict=True):
            if number != len(numbers):
                claims.add(number, raw_key)
    claims.settle()
    return claims
