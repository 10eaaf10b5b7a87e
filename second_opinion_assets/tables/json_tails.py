"""The appended columns as JSON text: what is put before the closing brace of each row's object.

Text is made in the order of the feature rows, a block at a time, so that it takes memory for one
block and no row of a large sidecar that nobody asks for is written.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    column_names,
)

TEXT = pa.large_binary()
_COMMA = ord(",")


class JsonTails:
    """Makes the text of the appended columns.

    Args:
        scorers: what each scorer adds.
        prefix: what the names of the columns start with.
    """

    def __init__(self, scorers: Sequence[ScorerColumns], prefix: str) -> None:
        self._scorers = scorers
        self._names = [
            [f'"{name}":'.encode() for name in column_names([scorer.scorer], prefix)]
            for scorer in scorers
        ]

    def parts(self, rows: slice | Mask) -> list[pa.Array | pa.Scalar]:
        """Return what the text of some rows is to be joined of, element by element.

        Few parts join in less time: what stands between two numbers is one part, chosen among the
        few texts that there are. A number brings the comma after it.
        """
        parts: list[pa.Array | pa.Scalar] = []
        for scorer, (score, status, runtime_ms, frames, source) in zip(
            self._scorers, self._names, strict=True
        ):
            values = scorer.values(rows)
            sources = [source + msgspec.json.encode(written) for written in scorer.sources]
            parts += [
                pa.scalar(b"," + score, TEXT),
                _numbers(values.score),
                _chosen(
                    [
                        status + msgspec.json.encode(name) + b"," + runtime_ms
                        for name in STATUS_NAMES
                    ],
                    values.status,
                ),
                _numbers(values.runtime_ms),
            ]
            if values.frames.any():
                parts += [pa.scalar(frames, TEXT), _numbers(values.frames)]
            else:  # scalars, as most scorers give
                sources = [frames + b"0," + text for text in sources]
            parts.append(_chosen(sources, values.source))
        return parts

    def texts(self, rows: slice | Mask) -> list[bytes]:
        """Return the whole text of some rows, each beginning with a comma."""
        joined = pc.binary_join_element_wise(*self.parts(rows), pa.scalar(b"", TEXT))
        texts: list[bytes] = joined.to_pylist()
        return texts


def _chosen(texts: list[bytes], numbers: np.ndarray) -> pa.Array | pa.Scalar:
    """Return one of few texts for each row, or the one that all rows have."""
    if len(numbers) and (numbers == numbers[0]).all():
        return pa.scalar(texts[numbers[0]], TEXT)
    return pa.array(texts, TEXT).take(pa.array(numbers))


def _numbers(values: Floats | Integers) -> pa.Array:
    """Return numbers as JSON text with a comma after each, NaN as null."""
    if not len(values):
        return pa.array([], TEXT)
    text = np.frombuffer(bytearray(msgspec.json.encode(values.tolist())), np.uint8)
    text[-1] = _COMMA
    borders = np.concatenate(([1], np.flatnonzero(text == _COMMA) + 1))
    buffers = [None, pa.py_buffer(borders), pa.py_buffer(text)]
    return pa.Array.from_buffers(TEXT, len(values), buffers)
