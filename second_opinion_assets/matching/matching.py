"""Finds the scores of feature rows by their keys, and counts what was found.

Where the keys come from and where the rows go is the caller's business: the join writes them,
`explain` only counts.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from operator import mul
from typing import TYPE_CHECKING, Any

from second_opinion_assets.contract.columns import column_names, row_values
from second_opinion_assets.contract.options import MissingPolicy
from second_opinion_assets.matching.collisions import FeatureKeys, KeysCollide, KeyWatch
from second_opinion_assets.matching.tally import SAMPLE_ROWS, MissingSample, RowCounter, Tally
from second_opinion_assets.tables.block import Joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from second_opinion_assets.contract.options import JoinOptions
    from second_opinion_assets.matching.claims import Claims
    from second_opinion_assets.scores.scorers import Scorer


class Matching:
    """Takes a feature table's keys block by block and finds what each scorer has for them.

    Args:
        scorers: the scorers of the table, all rows read.
        options: of the join.
        key_column: the column that the keys are of.
        claims: who gets which score, where feature keys collide.

    Attributes:
        kept_rows: rows so far that go into the output.
        scorers, keys: the scorers, and the numbers of their keys.
        remembers_keys_without_scorer: whether `keys_without_scorer` is to be kept.
        keys_without_scorer: rows of the output so far by their key, of those that no scorer has.

    Raises:
        KeysCollide: feature keys collide, and there are no claims to tell them apart by.
    """

    def __init__(
        self,
        scorers: list[Scorer],
        options: JoinOptions,
        key_column: str,
        claims: Claims | None = None,
    ) -> None:
        if claims is None and any(scorer.rivals for scorer in scorers):
            raise KeysCollide
        self.kept_rows = 0
        self.scorers = scorers
        self.keys = scorers[0].keys
        self.keys_without_scorer: Counter[str] = Counter()
        self.remembers_keys_without_scorer = False
        self._drops = options.missing_policy is MissingPolicy.drop
        self._key_column = key_column
        self._feature_keys = FeatureKeys(options, key_column)
        self._claims = claims
        self._prefix = options.prefix
        self._counter = RowCounter(scorers, self._prefix, claims)
        watches = claims is None and self._feature_keys.may_collide
        self._watch = KeyWatch(self._counter) if watches else None
        self._rows_by_key = [scorer.rows_by_key for scorer in scorers]
        self._rows = 0
        self._null_keys = 0
        self._unknown: list[MissingSample] = []

    def take(self, block_keys: list[str | None]) -> Joined:
        """Find the scores of a block of rows by their keys, None for a null one, and count them."""
        raw_keys, keys, found = self._find(block_keys)
        unknown = self._rows_with_unknown_keys(found, keys, raw_keys)
        if self._watch:
            self._watch.see(raw_keys, keys, found, unknown)
        key_numbers = self._claims.settled(found, raw_keys) if self._claims else found
        self._counter.count(key_numbers, found, block_keys, self._rows)
        kept = None
        if self._drops:
            kept = list(map(self._counter.has_all_scorers.__getitem__, key_numbers))
        self._rows += len(keys)
        self.kept_rows += len(keys) if kept is None else sum(kept)
        self._null_keys += len(keys) - sum(map(bool, keys))
        return Joined(key_numbers, kept)

    def find(self, block_keys: list[str | None]) -> tuple[list[str], list[int]]:
        """Return the keys as they are compared, and the numbers of what is theirs; count nothing.

        The number after all others is that of a key that no scorer has.
        """
        raw_keys, keys, found = self._find(block_keys)
        return keys, self._claims.settled(found, raw_keys) if self._claims else found

    def rows_out(self) -> list[int]:
        """Return how many rows of the output so far have each key number; none has the last."""
        asked = [*self._counter.asked[:-1], 0]
        if not self._drops:
            return asked
        return list(map(mul, asked, self._counter.has_all_scorers))

    def statuses(self, scorer_number: int) -> bytes:
        """Return the status that each key number has with one scorer."""
        return self._counter.statuses[scorer_number]

    def shown(self, block_keys: list[str | None], joined: Joined) -> Iterator[dict[str, Any]]:
        """Yield key and appended columns of those rows of a block that are kept."""
        names = column_names(self.scorers, self._prefix)
        for row, (key, key_number) in enumerate(zip(block_keys, joined.key_numbers, strict=True)):
            if joined.kept is None or joined.kept[row]:
                values = [
                    value
                    for scorer, rows in zip(self.scorers, self._rows_by_key, strict=True)
                    for value in row_values(scorer, rows[key_number])
                ]
                yield {self._key_column: key, **dict(zip(names, values, strict=True))}

    def tally(self, non_finite_values: int = 0) -> Tally:
        """Return the counts, all rows being through.

        Args:
            non_finite_values: bare NaN and Infinity of the table that became null.
        """
        return Tally(
            input_rows=self._rows,
            output_rows=self.kept_rows,
            dropped_rows=self._rows - self.kept_rows,
            null_keys=self._null_keys,
            unknown_rows=self._counter.unknown_rows - self._null_keys,
            unknown=self._unknown,
            non_finite_values=non_finite_values,
            scorers=self._counter.finish(),
        )

    def _find(self, block_keys: list[str | None]) -> tuple[list[str], list[str], list[int]]:
        """Return the keys of a block as written, as compared, and the numbers they have."""
        raw_keys = [key or "" for key in block_keys]
        keys = self._feature_keys.many(raw_keys)
        return raw_keys, keys, self.keys.find(keys)

    def _rows_with_unknown_keys(
        self, key_numbers: list[int], keys: list[str], raw_keys: list[str]
    ) -> list[int]:
        """Return the rows of a block whose key no scorer has, and keep the first as samples."""
        nobody = len(self.keys)
        if nobody not in key_numbers:
            return []
        unknown = [row for row, number in enumerate(key_numbers) if number == nobody]
        if len(self._unknown) < SAMPLE_ROWS:
            with_key = (row for row in unknown if keys[row])
            for row in islice(with_key, SAMPLE_ROWS - len(self._unknown)):
                self._unknown.append(MissingSample(raw_keys[row], self._rows + row))
        if self.remembers_keys_without_scorer and not self._drops:
            self.keys_without_scorer.update(map(keys.__getitem__, unknown))
        return unknown
