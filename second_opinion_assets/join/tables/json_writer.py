"""JSON outputs, by line or as a document: each row's own bytes with members at their end."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

from second_opinion_assets.join.columns import json_tails

if TYPE_CHECKING:
    from second_opinion_assets.join.files import Publication
    from second_opinion_assets.join.scorers import Scorer
    from second_opinion_assets.join.tables.block import Block, Joined

_SEPARATOR = b",\n"


class JsonLinesWriter:
    """JSON lines; a `Writer`."""

    def __init__(self, sink: Publication, scorers: list[Scorer], prefix: str) -> None:
        self.rows = 0
        self._sink = sink
        self._tails = json_tails(scorers, prefix)

    def write(self, block: Block, joined: Joined) -> None:
        self._sink.write(self._text(block, joined, None))

    def finish(self) -> None:
        """A file of lines has no end of its own."""

    def close(self) -> None:
        """Nothing is held: the sink is its owner's to close."""

    def _text(self, block: Block, joined: Joined, end: bytes | None) -> bytes:
        """Return a block's rows as text, each with its own end or with the one given."""
        rows = block.json_rows()
        tails = list(map(self._tails.__getitem__, joined.key_numbers))
        for number in rows.empty:
            tails[number] = tails[number].removeprefix(b",")
        ends = rows.ends if end is None else [end] * len(rows.bodies)
        columns = [rows.bodies, tails, ends]
        if joined.kept is not None:
            columns = [list(compress(column, joined.kept)) for column in columns]
        parts = [b""] * (len(columns) * len(columns[0]))
        for number, column in enumerate(columns):
            parts[number :: len(columns)] = column
        text = b"".join(parts)
        self.rows += text.count(b"\n")
        return text


class JsonDocumentWriter(JsonLinesWriter):
    """A JSON document; a `Writer`.

    Args:
        head, tail: what stands before and after the list of rows, without its brackets.
    """

    def __init__(
        self, sink: Publication, scorers: list[Scorer], prefix: str, head: bytes, tail: bytes
    ) -> None:
        super().__init__(sink, scorers, prefix)
        self._tail = tail
        self._start = b"\n"
        sink.write(head + b"[")

    def write(self, block: Block, joined: Joined) -> None:
        text = self._text(block, joined, b"}" + _SEPARATOR)
        if text:
            self._sink.write(self._start + text.removesuffix(_SEPARATOR))
            self._start = _SEPARATOR

    def finish(self) -> None:
        self._sink.write(b"\n]" + self._tail + b"\n")
