"""Feature keys that are different as written and one key once normalised: noticed while they pass.

Which of them a score is for is decided by `claims`. Score rows whose keys collide are the business
of `scorers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching.keys import Normalizer

if TYPE_CHECKING:
    from second_opinion_assets.contract.options import JoinOptions
    from second_opinion_assets.matching.keys import Trail
    from second_opinion_assets.matching.tally import RowCounter


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

    def trail(self, key: str) -> Trail:
        """Return a key as a path."""
        return self._normalizer.trail(key)


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
