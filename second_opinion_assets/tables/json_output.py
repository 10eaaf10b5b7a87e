"""JSON outputs, by line or as a document: each row's own bytes with members at their end."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.tables.json_document import DocumentFrame
from second_opinion_assets.tables.json_lines import JsonBlock
from second_opinion_assets.tables.pieces import TEXT
from second_opinion_assets.tables.table import LINE_END, Added, Block, JsonRows, Sink, numbered
from second_opinion_assets.tables.tails import Tails

_SEPARATOR = b",\n"


class JsonLinesWriter:
    """Writes JSON lines: each row's own bytes with members at their end; a `Writer`."""

    def __init__(self, sink: Sink, added: Added) -> None:
        self._sink = sink
        self._added = added
        self._tails = Tails.json(added.scorers, added.prefix)

    def write(self, blocks: Iterable[Block]) -> int:
        written = 0
        for block, rows in numbered(blocks):
            count, parts = self._made(block, rows)
            for part in parts:
                self._sink.write(part)
            written += count
        return written

    def _made(self, block: Block, rows: slice) -> tuple[int, list[Any]]:
        """Return how many rows of a block are kept, and their text in parts."""
        kept = None if self._added.kept is None else self._added.kept[rows]
        if kept is None and isinstance(block, JsonBlock) and block.lines.braces is not None:
            return len(block), [self._spliced(block, rows), LINE_END]
        lines = self.lines(block.json_rows(), rows)
        if kept is not None:
            lines = list(compress(lines, kept.tolist()))
        return len(lines), [b"".join(lines)]

    def lines(self, rows: JsonRows, numbers: slice) -> list[bytes]:
        """Return each row with its members and its own end."""
        tails = self._tails.texts(numbers)
        for number in rows.empty:
            tails[number] = tails[number].removeprefix(b",")
        return [b"".join(parts) for parts in zip(rows.bodies, tails, rows.ends, strict=True)]

    def _spliced(self, block: JsonBlock, rows: slice) -> memoryview:
        """Return plain lines as text, each with its members; the last one ends before its brace."""
        braces = block.lines.braces
        assert braces is not None  # noqa: S101 (asked of plain lines)
        text, count = block.ended, len(block)
        # From each last brace to the next: pieces that lie side by side need no copy of the text.
        borders = np.concatenate((np.zeros(1, np.int64), braces.astype(np.int64)))
        pieces = pa.Array.from_buffers(
            TEXT, count, [None, pa.py_buffer(borders), pa.py_buffer(text)]
        )
        nothing = pa.scalar(b"", TEXT)
        joined = pc.binary_join_element_wise(pieces, *self._tails.parts(rows), nothing)
        return memoryview(joined.buffers()[2])


class JsonDocumentWriter:
    """Writes a JSON document; a `Writer`.

    Args:
        sink: takes its bytes.
        added: what is appended.
        frame: what stands before and after the list of rows, without its brackets.
    """

    def __init__(self, sink: Sink, added: Added, frame: DocumentFrame) -> None:
        self._sink = sink
        self._added = added
        self._frame = frame
        self._lines = JsonLinesWriter(sink, added)

    def write(self, blocks: Iterable[Block]) -> int:
        self._sink.write(self._frame.head + b"[")
        written = 0
        for block, rows in numbered(blocks):
            lines = self._lines.lines(block.json_rows(), rows)
            if self._added.kept is not None:
                lines = list(compress(lines, self._added.kept[rows].tolist()))
            if lines:
                self._sink.write(_SEPARATOR if written else b"\n")
                self._sink.write(_SEPARATOR.join(line.rstrip() for line in lines))
                written += len(lines)
        self._sink.write(b"\n]" + self._frame.tail + b"\n")
        return written
