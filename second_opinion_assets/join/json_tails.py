"""The appended columns as text: what is put at the end of each row's JSON object."""

from __future__ import annotations

import math
from array import array
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

import msgspec

from second_opinion_assets.join.columns import column_names
from second_opinion_assets.join.scores import Status

if TYPE_CHECKING:
    from second_opinion_assets.join.scorers import Scorer

_BATCH_ROWS = 10_000


class JsonTails:
    """One text for each key number and, last, one for a key that no scorer has.

    Each begins with a comma. They lie in one buffer, which native code can share.
    """

    def __init__(self, scorers: list[Scorer], prefix: str) -> None:
        self._text = bytearray()
        self._borders = array("q", [0])
        names = [f',"{name}":'.encode() for name in column_names(scorers, prefix)]
        template = b"%b".join((*names, b""))
        texts = [_ColumnTexts(scorer) for scorer in scorers]
        for start in range(0, len(scorers[0].keys) + 1, _BATCH_ROWS):
            batch = slice(start, start + _BATCH_ROWS)
            columns = [column for scorer in texts for column in scorer.columns(batch)]
            tails = list(map(template.__mod__, zip(*columns, strict=True)))
            self._text += b"".join(tails)
            ends = accumulate(map(len, tails), initial=self._borders[-1])
            self._borders.extend(islice(ends, 1, None))

    def __getitem__(self, key_number: int) -> bytes:
        return bytes(self._text[self._borders[key_number] : self._borders[key_number + 1]])

    def arrow(self) -> Any:  # noqa: ANN401 (pyarrow is imported only where used)
        """Return the texts as a pyarrow array of large binary."""
        import pyarrow as pa  # noqa: PLC0415

        buffers = [None, pa.py_buffer(self._borders), pa.py_buffer(self._text)]
        return pa.Array.from_buffers(pa.large_binary(), len(self._borders) - 1, buffers)


class _ColumnTexts:
    """The five columns of one scorer as JSON text."""

    def __init__(self, scorer: Scorer) -> None:
        self._rows = scorer.rows_by_key()
        self._score = scorer.score + array("d", [math.nan])
        self._status = scorer.status + bytes([Status.missing])
        self._runtime_ms = scorer.runtime_ms + array("d", [math.nan])
        self._frames = scorer.frames + array("q", [0])
        self._source_of = scorer.source_of + array("i", [len(scorer.sources)])
        self._statuses = [msgspec.json.encode(status.name) for status in Status]
        written = [*(source.written for source in scorer.sources), ""]
        self._sources = list(map(msgspec.json.encode, written))

    def columns(self, key_numbers: slice) -> list[list[bytes]]:
        """Return score, status, runtime_ms, frames and source of some key numbers."""
        rows = self._rows[key_numbers]
        statuses = map(self._status.__getitem__, rows)
        sources = map(self._source_of.__getitem__, rows)
        return [
            _number_texts(list(map(self._score.__getitem__, rows))),
            list(map(self._statuses.__getitem__, statuses)),
            _number_texts(list(map(self._runtime_ms.__getitem__, rows))),
            _number_texts(list(map(self._frames.__getitem__, rows))),
            list(map(self._sources.__getitem__, sources)),
        ]


def _number_texts(numbers: list[Any]) -> list[bytes]:
    """Return each number as JSON text, NaN as null."""
    return msgspec.json.encode(numbers)[1:-1].split(b",")
