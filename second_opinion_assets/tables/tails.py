"""The appended columns as text: what is put at the end of each row, as JSON or as CSV.

Text is made in the order of the feature rows, a block at a time, so that it takes memory for one
block and no row of a large sidecar that nobody asks for is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.columns import (
    STATUS_NAMES,
    Floats,
    Integers,
    Mask,
    ScorerColumns,
)
from second_opinion_assets.tables.pieces import TEXT

_COMMA, _E = b",e"


class Tails:
    """Makes the text of the appended columns.

    Args:
        scorers: what each scorer adds.
        labels: what stands before each of a scorer's values.
        separator: the character between two columns.
        quoted: returns a text as it is written.
        writes_null: whether no number is written as null, and not as nothing.
    """

    def __init__(
        self,
        scorers: Sequence[ScorerColumns],
        labels: Sequence[Sequence[bytes]],
        separator: bytes,
        quoted: Callable[[str], bytes],
        *,
        writes_null: bool,
    ) -> None:
        self._scorers = scorers
        self._labels = labels
        self._separator = separator
        self._quoted = quoted
        self._writes_null = writes_null

    @classmethod
    def json(cls, scorers: Sequence[ScorerColumns], prefix: str) -> Self:
        """Return what makes members of a JSON object.

        Args:
            scorers: what each scorer adds.
            prefix: what the names of the columns start with.
        """
        labels = [[f'"{name}":'.encode() for name in scorer.names(prefix)] for scorer in scorers]
        return cls(scorers, labels, b",", msgspec.json.encode, writes_null=True)

    @classmethod
    def cells(
        cls, scorers: Sequence[ScorerColumns], separator: bytes, quoted: Callable[[str], bytes]
    ) -> Self:
        """Return what makes cells of CSV, numbers as in JSON, none as an empty cell."""
        labels = [[b"" for _ in scorer.names("")] for scorer in scorers]
        return cls(scorers, labels, separator, quoted, writes_null=False)

    def parts(self, rows: slice | Mask) -> list[pa.Array | pa.Scalar]:
        """Return what the text of some rows is to be joined of, element by element.

        Few parts join in less time: what stands between two numbers is one part, chosen among the
        few texts that there are. A number brings the separator after it.
        """
        separator, parts = self._separator, list[pa.Array | pa.Scalar]()
        for scorer, labels in zip(self._scorers, self._labels, strict=True):
            score, status, runtime_ms, frames, source, *aligned = labels
            values = scorer.values(rows)
            sources = [source + self._quoted(written) for written in scorer.sources]
            parts += [
                pa.scalar(separator + score, TEXT),
                self._numbers(values.score),
                _chosen(
                    [status + self._quoted(name) + separator + runtime_ms for name in STATUS_NAMES],
                    values.status,
                ),
                self._numbers(values.runtime_ms),
            ]
            if values.frames.any():
                parts += [pa.scalar(frames, TEXT), self._numbers(values.frames)]
            else:  # scalars, as most scorers give
                sources = [frames + b"0" + separator + text for text in sources]
            parts.append(_chosen(sources, values.source))
            if (on_one_scale := scorer.aligned_values(rows)) is not None:
                parts.append(pa.scalar(separator + aligned[0], TEXT))
                parts.append(self._numbers(on_one_scale, separated=False))
        return parts

    def texts(self, rows: slice | Mask) -> list[bytes]:
        """Return the whole text of some rows, each beginning with a separator."""
        joined = pc.binary_join_element_wise(*self.parts(rows), pa.scalar(b"", TEXT))
        texts: list[bytes] = joined.to_pylist()
        return texts

    def _numbers(self, values: Floats | Integers, *, separated: bool = True) -> pa.Array:
        """Return numbers as JSON writes them, a separator after each unless they stand last."""
        if not len(values):
            return pa.array([], TEXT)
        text = np.frombuffer(bytearray(msgspec.json.encode(values.tolist())), np.uint8)
        text[-1] = _COMMA
        if not self._writes_null:
            # Of all letters numbers have the e alone; null, which stands for NaN, has later ones.
            text = text[text <= _E]
        commas = text == _COMMA
        text[commas] = ord(self._separator)
        borders = np.concatenate(([1], np.flatnonzero(commas) + 1))
        if not separated:
            text = text[~commas]
            borders -= np.arange(len(borders))
        buffers = [None, pa.py_buffer(borders), pa.py_buffer(text)]
        return pa.Array.from_buffers(TEXT, len(values), buffers)


def _chosen(texts: list[bytes], numbers: np.ndarray) -> pa.Array | pa.Scalar:
    """Return one of few texts for each row, or the one that all rows have."""
    if len(numbers) and (numbers == numbers[0]).all():
        return pa.scalar(texts[numbers[0]], TEXT)
    return pa.array(texts, TEXT).take(pa.array(numbers))
