"""JSON outputs, by line or as a document: each row's own bytes with members at their end."""

from __future__ import annotations

from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING

from second_opinion_assets.tables.block import JsonRows
from second_opinion_assets.tables.json_tails import json_tails

if TYPE_CHECKING:
    from second_opinion_assets.scores.scorers import Scorer
    from second_opinion_assets.storage.publishing import Publication
    from second_opinion_assets.tables.block import Block, Joined
    from second_opinion_assets.tables.text_rows import NativeTails, TextRows

_SEPARATOR = b",\n"


class JsonLinesWriter:
    """JSON lines; a `Writer`."""

    def __init__(self, sink: Publication, scorers: list[Scorer], prefix: str) -> None:
        self.rows = 0
        self._sink = sink
        self._scorers = scorers
        self._prefix = prefix

    def write(self, block: Block, joined: Joined) -> None:
        rows = block.json_rows()
        if isinstance(rows, JsonRows) or joined.kept is not None:
            self._sink.write(self._text(rows, joined, None))
        else:
            self._splice(rows, joined.key_numbers)

    def finish(self) -> None:
        """A file of lines has no end of its own."""

    def close(self) -> None:
        """Nothing is held: the sink is its owner's to close."""

    def _text(self, rows: JsonRows | TextRows, joined: Joined, end: bytes | None) -> bytes:
        """Return rows as text, each with its own end or with the one given."""
        tails = list(map(self._tails.__getitem__, joined.key_numbers))
        for number in rows.empty:
            tails[number] = tails[number].removeprefix(b",")
        ends = rows.ends if end is None else [end] * len(rows)
        columns = [rows.bodies, tails, ends]
        if joined.kept is not None:
            columns = [list(compress(column, joined.kept)) for column in columns]
        parts = [b""] * (len(columns) * len(columns[0]))
        for number, column in enumerate(columns):
            parts[number :: len(columns)] = column
        text = b"".join(parts)
        self.rows += text.count(b"\n")
        return text

    def _splice(self, rows: TextRows, key_numbers: list[int]) -> None:
        """Let the sink's thread make the text of rows and write it."""
        tails = self._native_tails
        self._sink.write_made(lambda: rows.spliced(tails, key_numbers))
        self.rows += len(rows)

    @cached_property
    def _tails(self) -> list[bytes]:
        return json_tails(self._scorers, self._prefix)

    @cached_property
    def _native_tails(self) -> NativeTails:
        from second_opinion_assets.tables.text_rows import NativeTails  # noqa: PLC0415

        return NativeTails(self._scorers, self._prefix)


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
        text = self._text(block.json_rows(), joined, b"}" + _SEPARATOR)
        if text:
            self._sink.write(self._start + text.removesuffix(_SEPARATOR))
            self._start = _SEPARATOR

    def finish(self) -> None:
        self._sink.write(b"\n]" + self._tail + b"\n")
