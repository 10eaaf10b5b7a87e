"""Which score row each feature row gets: arrays in, arrays out, nothing is opened here.

What is done where keys collide belongs to `collisions`, what is counted of a match to `counts`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from second_opinion_assets.contract.columns import NO_ROW, Integers, Mask, slices
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.matching.collisions import Collisions, ScoreRows
from second_opinion_assets.matching.keys import KEY_TYPE, KeyColumn, Normalizer, last_components

MANY_KEYS = 2_000_000
PARTS = 8
_MIXED_CHARACTERS = 8
_Kind = TypeVar("_Kind", bound=np.generic)


class Numbering(NamedTuple):
    """The keys of all scorers of a table, each text once, and the number of each row's key.

    Attributes:
        keys: the texts, by number.
        numbers: for each scorer, the number of each of its rows' keys.
    """

    keys: pa.Array
    numbers: list[Integers]

    def by_last_component(self) -> Numbering:
        """Return a numbering in which keys with one last component are one key."""
        encoded = last_components(self.keys).dictionary_encode()
        codes = encoded.indices.to_numpy().astype(np.int64)
        return Numbering(encoded.dictionary, [codes[numbers] for numbers in self.numbers])


def number_keys(columns: Sequence[pa.Array]) -> Numbering:
    """Number the normalised keys of all scorers together."""
    if sum(map(len, columns)) <= MANY_KEYS:
        return _number(columns)
    # Part by part, since what finds equal keys takes several times the memory of the keys.
    parts = [_parts_of(column) for column in columns]
    numbers = [np.empty(len(column), np.int64) for column in columns]
    texts: list[pa.Array] = []
    for part in range(PARTS):
        rows = [np.flatnonzero(of_column == part) for of_column in parts]
        pairs = zip(columns, rows, strict=True)
        found = _number([column.take(pa.array(chosen)) for column, chosen in pairs])
        for of_all, chosen, of_part in zip(numbers, rows, found.numbers, strict=True):
            of_all[chosen] = of_part + sum(map(len, texts))
        texts.append(found.keys)
        pa.default_memory_pool().release_unused()
    return Numbering(pa.concat_arrays(texts), numbers)


def _number(columns: Sequence[pa.Array]) -> Numbering:
    encoded = pa.chunked_array(columns, KEY_TYPE).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return Numbering(encoded.dictionary, np.split(codes, ends))


def _parts_of(keys: pa.Array) -> NDArray[np.uint8]:
    """Return a number below `PARTS` for each key, the same for equal keys."""
    _, offsets, data = keys.buffers()
    borders = np.frombuffer(offsets, np.int64)[keys.offset : keys.offset + len(keys) + 1]
    characters = np.frombuffer(data or b"\0", np.uint8)
    mixed = np.zeros(len(keys), np.uint8)
    for back in range(1, _MIXED_CHARACTERS + 1):  # names differ near their ends
        places = np.minimum(np.maximum(borders[1:] - back, borders[:-1]), len(characters) - 1)
        mixed = mixed * 31 + characters[places]
    return mixed % PARTS


class KeyedScorer(Protocol):
    """A scorer's rows of which each has a key of its own."""

    @property
    def numbers(self) -> Integers:
        """The number of each row's key."""

    @property
    def rows(self) -> ScoreRows:
        """What can be said of each row."""


@dataclass(frozen=True)
class Match:
    """What each feature row gets.

    Attributes:
        features: the keys of the feature table, as written.
        reduced: the normalised text of each of `features.texts`.
        numbers: the number of each of `features.texts` among the scorers' keys, `NO_ROW` for none.
        rows: for each scorer, the score row of each feature row, `NO_ROW` or `AMBIGUOUS`.
        asked: for each scorer, which of its score rows a feature row asked for, whoever got them.
        collisions: what collides, if anything does.
    """

    features: KeyColumn
    reduced: pa.Array
    numbers: Integers
    rows: list[Integers]
    asked: list[Mask]
    collisions: Collisions | None

    @property
    def with_key(self) -> Mask:
        """Which feature rows have a key that is not empty."""
        filled = pc.greater(pc.binary_length(self.reduced), 0).to_numpy(zero_copy_only=False)
        return _by_row(filled, self.features.codes, none=0)

    @property
    def known(self) -> Mask:
        """Which feature rows have a key that some scorer has."""
        return _by_row(self.numbers != NO_ROW, self.features.codes, none=0)


def match(
    numbering: Numbering,
    scorers: Sequence[KeyedScorer],
    features: KeyColumn,
    key_column: str,
    options: JoinOptions,
) -> Match:
    """Find the score rows of feature rows by their keys.

    Args:
        numbering: of the keys of the scorers' distinct rows, normalised.
        scorers: the scorers.
        features: the keys of the feature table.
        key_column: the column that they are of.
        options: how keys are reduced.
    """
    normalizer = Normalizer(options.key_normalize, key_column, options.key_pattern)
    reduced = normalizer.array(features.texts)
    sought = reduced
    if options.key_normalize is KeyNormalize.suffix:
        sought = last_components(reduced)
    numbers = _numbers_of(sought, numbering.keys)
    row_of = [_first_rows(scorer.numbers, len(numbering.keys)) for scorer in scorers]
    rivals = [_rivals(scorer.numbers, rows) for scorer, rows in zip(scorers, row_of, strict=True)]
    got = [np.append(rows, NO_ROW)[numbers] for rows in row_of]
    collisions = _collisions(scorers, row_of, rivals, features, numbers, normalizer)
    if collisions is not None:
        for rows, settled in zip(got, collisions.rows, strict=True):
            rows[collisions.texts] = settled
    asked = [_marked(rows, len(scorer.numbers)) for rows, scorer in zip(got, scorers, strict=True)]
    if collisions is not None:
        for number, mask in enumerate(asked):
            mask[list(collisions.asked_rows(number))] = True
    by_row = [_by_row(rows.astype(np.int32), features.codes, none=NO_ROW) for rows in got]
    return Match(features, reduced, numbers, by_row, asked, collisions)


def _collisions(
    scorers: Sequence[KeyedScorer],
    row_of: list[Integers],
    rivals: list[dict[int, list[int]]],
    features: KeyColumn,
    numbers: Integers,
    normalizer: Normalizer,
) -> Collisions | None:
    """Return what collides: feature keys of one number, and score rows of one."""
    known = numbers != NO_ROW
    contested = np.bincount(numbers[known], minlength=len(row_of[0]) if row_of else 0) > 1
    contested[[number for of_scorer in rivals for number in of_scorer]] = True
    texts = np.flatnonzero(known & np.append(contested, False)[numbers])
    if not len(texts):
        return None
    keys = features.texts.take(pa.array(texts)).to_pylist()
    return Collisions(
        [scorer.rows for scorer in scorers], row_of, rivals, texts, keys, numbers, normalizer
    )


def _numbers_of(keys: pa.Array, known: pa.Array) -> Integers:
    """Return the number of each key, `NO_ROW` for one that is not known or empty."""
    if len(known) < MANY_KEYS:
        found = pc.index_in(keys, value_set=known)
        return _filled(found)
    # Of the two sides the smaller one is held to find the other's keys by.
    encoded = keys.dictionary_encode()
    theirs = _filled(pc.index_in(known, value_set=encoded.dictionary))
    numbers = np.full(len(encoded.dictionary), NO_ROW, np.int64)
    numbers[theirs[theirs >= 0]] = np.flatnonzero(theirs >= 0)
    of_keys: Integers = numbers[encoded.indices.to_numpy()]
    return of_keys


def _filled(indices: pa.Array) -> Integers:
    """Return indices as numbers, `NO_ROW` for a null."""
    if indices.null_count:
        indices = indices.fill_null(NO_ROW)
    numbers: Integers = indices.to_numpy().astype(np.int64)
    return numbers


def _first_rows(numbers: Integers, count: int) -> Integers:
    """Return the first row of each number, `NO_ROW` for a number without any."""
    rows = np.full(count, NO_ROW, np.int64)
    rows[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return rows


def _rivals(numbers: Integers, first_rows: Integers) -> dict[int, list[int]]:
    """Return the rows of each number that several rows have."""
    later = np.flatnonzero(first_rows[numbers] != np.arange(len(numbers)))
    if not len(later):
        return {}
    shared = np.isin(numbers, numbers[later])
    rivals: defaultdict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(shared).tolist():
        rivals[int(numbers[row])].append(row)
    return dict(rivals)


def _marked(rows: Integers, count: int) -> Mask:
    """Return a mask of so many rows in which those named are marked; negative ones are none."""
    mask = np.zeros(count, np.bool_)
    mask[rows[rows >= 0]] = True
    return mask


def _by_row(values: NDArray[_Kind], codes: Integers, *, none: int) -> NDArray[_Kind]:
    """Return the value of each row, given that of each different text; `none` for no text."""
    values = np.append(values, np.array([none], values.dtype))
    found = np.empty(len(codes), values.dtype)
    for part in slices(len(codes)):
        found[part] = values[codes[part]]
    return found
