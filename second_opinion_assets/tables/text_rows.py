"""The rows of a large file of JSON lines as one text, spliced by native code.

Small files do without: numpy and pyarrow take longer to import than the whole of their join.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.columns import column_names
from second_opinion_assets.contract.json_text import is_utf8
from second_opinion_assets.tables.block import LINE_END
from second_opinion_assets.tables.native_columns import Choices, native_columns

if TYPE_CHECKING:
    from second_opinion_assets.scores.scorers import Scorer

_PIECE_BYTES = 128 << 10
_LINE_FEED, _OPENING, _CLOSING, _COMMA = b"\n{},"


class TextRows:
    """Lines that each start and end with an object's braces; like `JsonRows`, but for `spliced`.

    Args:
        text: the lines, each with its line feed.
        braces: int64, position of each line's last brace.
    """

    empty: tuple[int, ...] = ()

    def __init__(self, text: bytes, braces: np.ndarray) -> None:
        self.text = text
        self._braces = braces

    @classmethod
    def of(cls, text: bytes) -> TextRows | None:
        """Return the rows of a text, by the same rule as `json_text.plain_lines`, or None."""
        if not text.endswith(b"\n"):
            return None
        characters = np.frombuffer(text, np.uint8)
        feeds = _line_feeds(characters)
        starts, braces = feeds[:-1] + 1, feeds - 1
        if characters[0] != _OPENING or (characters[starts] != _OPENING).any():
            return None
        if (characters[braces] != _CLOSING).any() or not is_utf8(text):
            return None
        return cls(text, braces)

    def __len__(self) -> int:
        return len(self._braces)

    @cached_property
    def bodies(self) -> list[bytes]:
        return [line[:-1] for line in self.text.split(b"\n")[:-1]]

    @property
    def ends(self) -> list[bytes]:
        return [LINE_END] * len(self)

    def spliced(self, tails: NativeTails, key_numbers: list[int]) -> pa.Buffer:
        """Return the lines as text, each with the tail of its key before its last brace."""
        # From each last brace to the next: pieces that lie side by side need no copy of the text.
        borders = np.concatenate((np.zeros(1, np.int64), self._braces))
        pieces = pa.Array.from_buffers(
            pa.large_binary(), len(self), [None, pa.py_buffer(borders), pa.py_buffer(self.text)]
        )
        ends = pa.array([b""] * (len(self) - 1) + [LINE_END], pa.large_binary())
        parts = tails.parts(pa.array(key_numbers, pa.int64()))
        return pc.binary_join_element_wise(pieces, *parts, ends, _text(b"")).buffers()[2]


def _line_feeds(characters: np.ndarray) -> np.ndarray:
    """Return the positions of all line feeds, by pieces small enough to stay in a core's cache."""
    starts = range(0, len(characters), _PIECE_BYTES)
    pieces = (np.flatnonzero(characters[n : n + _PIECE_BYTES] == _LINE_FEED) + n for n in starts)
    return np.concatenate(list(pieces))


class NativeTails:
    """What `json_tails` returns, in parts that are put together only where a row has them."""

    def __init__(self, scorers: list[Scorer], prefix: str) -> None:
        self._parts: list[tuple[pa.Array, pa.Array | None]] = []
        lead = b","
        columns = (column for scorer in scorers for column in native_columns(scorer))
        for name, column in zip(column_names(scorers, prefix), columns, strict=True):
            lead += f'"{name}":'.encode()
            if isinstance(column, Choices):
                texts = [lead + msgspec.json.encode(text) for text in column.texts]
                self._parts.append((pa.array(texts, pa.large_binary()), pa.array(column.numbers)))
                lead = b","  # the last column is such a text
            else:
                self._parts += [(_text(lead), None), (_with_commas(column), None)]
                lead = b""

    def parts(self, key_numbers: pa.Array) -> list[pa.Scalar | pa.Array]:
        """Return what the tails of some keys are to be joined of."""
        return [
            values
            if isinstance(values, pa.Scalar)
            else values.take(key_numbers if numbers is None else numbers.take(key_numbers))
            for values, numbers in self._parts
        ]


def _with_commas(values: np.ndarray) -> pa.Array:
    """Return numbers as JSON text with a comma after each, NaN as null."""
    text = np.frombuffer(msgspec.json.encode(values.tolist()), np.uint8).copy()
    text[-1] = _COMMA
    borders = np.concatenate((np.ones(1, np.int64), np.flatnonzero(text == _COMMA) + 1))
    buffers = [None, pa.py_buffer(borders), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.large_binary(), len(values), buffers)


def _text(text: bytes) -> pa.Scalar:
    return pa.scalar(text, pa.large_binary())
