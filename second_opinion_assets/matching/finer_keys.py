"""Which other columns tell rows apart that share a key, such as the encodes of one source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from second_opinion_assets.contract.columns import Integers
from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching.keys import KeyColumn, Normalizer


class FinerColumn(NamedTuple):
    """A column that tells apart rows which share a key.

    Attributes:
        name: of the column.
        shared: a key that several rows share, as written.
        values: two values of the column that tell these rows apart.
    """

    name: str
    shared: str
    values: tuple[str, str]


def finer_columns(
    chosen: str, columns: Mapping[str, KeyColumn], mode: KeyNormalize
) -> list[FinerColumn]:
    """Return the columns that tell apart rows with one key, the one with most values first.

    Args:
        chosen: the column that holds the key.
        columns: columns of keys, that one among them.
        mode: how keys are compared.
    """
    key = columns[chosen]
    found = [
        (len(other.texts), finer)
        for name, other in columns.items()
        if name != chosen and (finer := _tells_apart(key, name, other, mode))
    ]
    return [finer for _, finer in sorted(found, key=lambda pair: -pair[0])]


def _tells_apart(
    key: KeyColumn, name: str, other: KeyColumn, mode: KeyNormalize
) -> FinerColumn | None:
    """Return how a column tells apart rows with one key, or None where it does not."""
    compared = Normalizer(mode, name).array(other.texts).dictionary_encode()
    numbers = np.append(compared.indices.to_numpy(), -1)[other.codes]
    filled = (key.codes >= 0) & (numbers >= 0)
    first = np.full(len(key.texts), -1, np.int64)
    first[key.codes[filled][::-1]] = numbers[filled][::-1]
    differs = filled & (first[key.codes] != numbers) & (first[key.codes] >= 0)
    if not differs.any():
        return None
    row = int(np.flatnonzero(differs)[0])
    code = int(key.codes[row])
    values = (_text(compared.dictionary, first[code]), _text(compared.dictionary, numbers[row]))
    return FinerColumn(name, key.texts[code].as_py(), values)


def _text(texts: pa.Array, number: Integers) -> str:
    text: str = texts[int(number)].as_py()
    return text
