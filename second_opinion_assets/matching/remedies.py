"""How keys would have to be read for more of them to be found: tried, and counted.

A remedy is another column or field, another way of normalising, or a pattern that takes away what
is constant on one side (`clip_123_540p` against `clip_123`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.fields import clip_stem
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.contract.tally import KeyRemedy
from second_opinion_assets.matching.keys import KeyColumn, Normalizer, last_components

_SAMPLED_KEYS = 64
_LONGEST_KEY = 128  # every part of a key is looked for, so that time grows with its square
_TRIED_PATTERNS = 4
_WITHOUT_QUERY = r"([^/?#]+)(?:[?#].*)?$"


class RowKeys(Protocol):
    """The keys of one scorer's rows."""

    @property
    def raw_keys(self) -> pa.Array:
        """The keys as written."""

    def normalized(self, mode: KeyNormalize) -> pa.Array:
        """Return the keys, normalised."""

    def keyed_by(self, field: str) -> Self:
        """Return the same rows with the keys of another field."""

    def reduced_by(self, pattern: str) -> Self:
        """Return the same rows with a pattern for their keys."""


class _Reading(NamedTuple):
    """One way of reading the keys of both sides; a field of None is the one that was read."""

    column: str
    field: str | None
    mode: KeyNormalize
    pattern: str | None


class RemedySearch:
    """Finds how more of a scorer's keys would be found.

    Args:
        rows: the scorer's rows.
        fields: other fields that each row has a key in, in lower case.
        columns: columns of the feature table that may hold the key, first the one that did.
        options: of the join.
    """

    def __init__(
        self,
        rows: RowKeys,
        fields: Sequence[str],
        columns: Mapping[str, KeyColumn],
        options: JoinOptions,
    ) -> None:
        self._options = options
        self._columns = columns
        self._rows: dict[str | None, RowKeys] = {None: rows}
        self._rows |= {field: rows.keyed_by(field) for field in fields}
        self._reduced: dict[tuple[str, KeyNormalize, str | None], pa.Array] = {}

    @cached_property
    def by_mode(self) -> dict[str, int]:
        """How many keys each mode would find, all else being as asked."""
        asked = self._asked
        return {str(mode): self._count(asked._replace(mode=mode)) for mode in KeyNormalize}

    def best(self) -> KeyRemedy | None:
        """Return what finds most keys, the nearest to what was asked for; None if nothing does."""
        asked = self._asked
        modes = list(dict.fromkeys([asked.mode, *KeyNormalize]))
        tried = [
            _Reading(column, field, mode, asked.pattern)
            for column in self._columns
            for field in self._rows
            for mode in modes
        ]
        counts = {reading: self._count(reading) for reading in tried}
        best = max(counts, key=counts.__getitem__)
        if counts[best] < len(self._rows[None].raw_keys) and asked.pattern is None:
            counts |= {reading: self._count(reading) for reading in self._with_patterns()}
            best = max(counts, key=counts.__getitem__)
        if counts[best] <= counts[asked]:
            return None
        return KeyRemedy(
            counts[best],
            best.column if best.column != asked.column else None,
            best.field,
            best.mode.value if best.mode is not asked.mode else None,
            best.pattern if best.pattern != asked.pattern else None,
        )

    @property
    def _asked(self) -> _Reading:
        options = self._options
        return _Reading(next(iter(self._columns)), None, options.key_normalize, options.key_pattern)

    def _count(self, reading: _Reading) -> int:
        """Return how many of the scorer's keys a reading finds."""
        column, field, mode, pattern = reading
        there = self._reduced.get((column, mode, pattern))
        if there is None:
            there = Normalizer(mode, column, pattern).array(self._columns[column].texts)
            there = _compared(there, mode)
            self._reduced[column, mode, pattern] = there
        rows = self._rows[field]
        if pattern != self._options.key_pattern and pattern is not None:
            rows = rows.reduced_by(pattern)
        sought = _compared(rows.normalized(mode), mode)
        known = pc.is_in(sought, value_set=there)
        return pc.sum(pc.and_(known, pc.greater(pc.binary_length(sought), 0))).as_py() or 0

    def _with_patterns(self) -> Iterator[_Reading]:
        """Yield readings by patterns that the keys of the two sides suggest."""
        modes = dict.fromkeys([self._asked.mode, KeyNormalize.basename, KeyNormalize.stem])
        for column, keys in self._columns.items():
            for field, rows in self._rows.items():
                for pattern in _suggested(rows.raw_keys, keys.texts):
                    yield from (_Reading(column, field, mode, pattern) for mode in modes)


def _compared(keys: pa.Array, mode: KeyNormalize) -> pa.Array:
    return last_components(keys) if mode is KeyNormalize.suffix else keys


def _suggested(first: pa.Array, second: pa.Array) -> list[str]:
    """Return patterns by which keys of one side may become those of the other."""
    patterns: dict[str, None] = {}
    for longer, shorter in ((first, second), (second, first)):
        sample = list(dict.fromkeys(longer[: 4 * _SAMPLED_KEYS].to_pylist()))[:_SAMPLED_KEYS]
        if any("?" in key or "#" in key for key in sample):
            patterns[_WITHOUT_QUERY] = None
        names = {_name(key) for key in shorter.to_pylist()}
        names |= set(map(clip_stem, names))
        in_folders = any("/" in key or "\\" in key for key in sample)
        for before, after in _constant_parts(list(map(_name, sample)), names - {""}):
            start, group = (r"(?:^|[/\\])", r"([^/\\]+)") if in_folders else ("^", "(.+)")
            patterns[f"{start}{re.escape(before)}{group}{re.escape(after)}$"] = None
    return list(patterns)


def _constant_parts(longer: Sequence[str], shorter: Collection[str]) -> list[tuple[str, str]]:
    """Return what stands before and after a shorter key in longer ones, the commonest first.

    What stands around one key alone is chance: `a` is in `vmaf`.
    """
    found: Counter[tuple[str, str]] = Counter()
    for text in longer:
        if len(text) <= _LONGEST_KEY:
            found.update(
                (text[:start], text[end:])
                for start in range(len(text))
                for end in range(start + 1, len(text) + 1)
                if end - start < len(text) and text[start:end] in shorter
            )
    likely = sorted(found.items(), key=lambda pair: (-pair[1], sum(map(len, pair[0]))))
    return [parts for parts, count in likely if count > 1][:_TRIED_PATTERNS]


def _name(key: str) -> str:
    return key.replace("\\", "/").rpartition("/")[2].strip()
